//! Tables: a store that is what its topic says, and has no changelog but that topic.

use std::sync::Arc;

use headwater_event::{MessageSet, Topic};

use super::builder::source;
use super::{ProcessorNode, Source, SourceKind, Subtopology, SubtopologyBuilder};
use crate::{Context, Failure, Input, Processor, StoreSpec};

impl SubtopologyBuilder<'_> {
    /// Keeps a topic (declared name) as a table: `spec` names a store with the last value of each key, as bytes; a null value
    /// deletes the key, a record without a key is malformed. The topic is the store's changelog, so it should be compacted,
    /// and no other is written (Kafka Streams' `builder.table` with `reuse.ktable.source.topics`).
    ///
    /// Processors of the subtopology that name the store may read it; none but the table writes to it or reads its source.
    pub fn table(&mut self, name: &str, topic: &str, spec: StoreSpec) {
        self.keep_table(source(name, topic.to_owned(), SourceKind::Raw), spec);
    }

    /// As [`SubtopologyBuilder::table`], of a topic with messages: [`Context::get_message`] reads them from the store. They
    /// are kept as they came, without their envelopes.
    pub fn table_of<S: MessageSet>(&mut self, name: &str, topic: Topic<S>, spec: StoreSpec) {
        // Raw: whatever has a key is kept, since a restore keeps it without looking at it either.
        let read = source(name, topic.name().to_owned(), SourceKind::Raw);
        self.keep_table(Source { types: S::TYPES, domain: Some(topic.domain()), ..read }, spec);
    }

    fn keep_table(&mut self, read: Source, spec: StoreSpec) {
        let (name, topic, store) = (read.name.clone(), read.topic.clone(), spec.name.clone());
        self.source(read);
        self.store(StoreSpec { changelog: false, ..spec });
        if let Some(kept) = self.subtopology.stores.last_mut() {
            kept.source = Some(topic);
        }
        let kept_in = store.clone();
        self.subtopology.processors.push(ProcessorNode {
            name: format!("{name}-table"),
            sources: vec![name],
            stores: vec![store],
            is_table: true,
            factory: Arc::new(move || Box::new(Table { store: kept_in.clone() })),
        });
    }
}

impl Subtopology {
    /// Whether nothing works in it but tables: it has nothing that a changelog would keep.
    pub(super) fn has_only_tables(&self) -> bool {
        !self.processors.is_empty()
            && self.processors.iter().all(|node| node.is_table)
            && self.stores.iter().all(|store| store.source.is_some())
            && self.sources.iter().all(|source| source.dedup_window_ms.is_none())
    }
}

/// Writes what comes into a table's store. Restores do the same with the topic's records: the two must not differ.
struct Table {
    store: String,
}

impl Processor for Table {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key =
            input.key().ok_or_else(|| Failure::decode("record has no key: a table keeps records by their keys"))?;
        context.keep_in_table(&self.store, key, input.value())
    }
}
