use std::collections::{BTreeMap, BTreeSet};

use headwater_log::{Partition, TopicName};
use headwater_streams::{TaskEnvironment, TopicRef, Topology};

/// Who writes the application's inner topics: those that some of its subtopologies write and some read.
#[derive(Debug, Default)]
pub(crate) struct Fusible {
    topics: BTreeMap<TopicName, InnerTopic>,
}

#[derive(Debug)]
struct InnerTopic {
    topic: TopicRef,
    writers: Vec<Writer>,
}

#[derive(Debug)]
struct Writer {
    /// `processor/subtopology`.
    name: String,
    /// Tasks that may write to a partition: only the one of the same number where the key stays what it is, else all.
    partitions: Option<u32>,
}

impl Fusible {
    /// Finds the inner topics. Those whose timestamps the broker sets can't be fused: a record's time would be another.
    #[must_use]
    pub(crate) fn new(
        topologies: &[Topology],
        environment: &TaskEnvironment,
        log_append_time: &BTreeSet<TopicName>,
    ) -> Self {
        let mut topics = BTreeMap::new();
        let parts =
            || topologies.iter().flat_map(|topology| topology.subtopologies().iter().map(move |part| (topology, part)));
        for (_, reader) in parts() {
            for source in &reader.sources {
                let Some(topic) = environment.find(&source.topic) else { continue };
                let Some(facts) = environment.topic(topic) else { continue };
                if log_append_time.contains(&facts.name) || topics.contains_key(&facts.name) {
                    continue;
                }
                let writers: Vec<Writer> = parts()
                    .filter_map(|(topology, part)| {
                        let forwards =
                            part.sources.iter().any(|from| from.forward_to.as_deref() == Some(&source.topic));
                        let writes = part.sinks.iter().any(|sink| sink.topic == source.topic);
                        if !forwards && !writes {
                            return None;
                        }
                        let keeps_key = part.domain == reader.domain && !forwards;
                        let anchor = environment.find(part.domain.anchor).and_then(|anchor| environment.topic(anchor));
                        let all = anchor.map_or(u32::MAX, |facts| facts.partitions.get());
                        let name = format!("{}/{}", topology.name(), part.name);
                        Some(Writer { name, partitions: (!keeps_key).then_some(all) })
                    })
                    .collect();
                if !writers.is_empty() {
                    topics.insert(facts.name.clone(), InnerTopic { topic, writers });
                }
            }
        }
        Self { topics }
    }

    /// The topic, if all tasks that write to this partition of it are here.
    #[must_use]
    pub(crate) fn topic(
        &self,
        name: &TopicName,
        partition: Partition,
        is_here: &dyn Fn(&str, u32) -> bool,
    ) -> Option<TopicRef> {
        let inner = self.topics.get(name)?;
        let owned = |writer: &Writer| match writer.partitions {
            None => is_here(&writer.name, partition.get()),
            Some(count) => (0..count).all(|number| is_here(&writer.name, number)),
        };
        inner.writers.iter().all(owned).then_some(inner.topic)
    }
}
