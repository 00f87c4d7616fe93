//! The topology: what the author declares, as data.

mod builder;
mod checks;
mod describe;
mod manifest;
mod source;
mod table;

use std::sync::Arc;

use headwater_event::{Domain, MessageType};

use crate::choreography::Step;
use crate::schemas::Naming;
use crate::{Policies, Processor, StoreNumber};

pub use builder::{SubtopologyBuilder, TopologyBuilder};
pub use manifest::{Manifest, Migration, SubtopologyManifest};
pub(crate) use source::Refusals;
pub use source::{Rejected, SourceBuilder};

/// A processor's topology: data that tasks are made from. Cheap to clone.
#[derive(Clone)]
pub struct Topology(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) subtopologies: Vec<Subtopology>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) choreography: Vec<Step>,
    pub(crate) rebuild: Option<Topology>,
    pub(crate) unpublished: Option<String>,
}

/// What a participant does on an event of others: data, so that the choreography can be checked against it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reaction {
    /// The processor that reacts.
    pub processor: String,
    /// The topic it listens to (declared name).
    pub topic: String,
    /// The message type, by full name.
    pub message_type: &'static str,
    /// The command it turns into, as the author's type names it.
    pub command: &'static str,
}

/// What a task is made from: co-partitioned sources, processors, stores and sinks.
pub struct Subtopology {
    /// Its name within the processor.
    pub name: String,
    /// The co-partitioned set of its sources.
    pub domain: Domain,
    /// Where records come from. The order is the order of the task's inputs.
    pub sources: Vec<Source>,
    /// Where records go to.
    pub sinks: Vec<Sink>,
    /// State.
    pub stores: Vec<Store>,
    /// What works on the records.
    pub processors: Vec<ProcessorNode>,
    /// Policies for timers and results of calls, and for sources that say nothing else.
    pub policies: Policies,
    /// The changelog of all of its stores (declared name); None where it was declared stateless.
    pub changelog: Option<String>,
    /// Timers are kept and never fire: it only rebuilds state.
    pub(crate) holds_timers: bool,
}

/// How a source's records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Messages with an envelope, in Avro.
    Events,
    /// Commands in Avro or JSON; ids by place, key check, misplaced ones forwarded.
    Commands,
    /// Commands that were forwarded by the source whose name they keep.
    ForwardedCommands,
    /// Bytes.
    Raw,
}

/// A topic that a subtopology reads.
pub struct Source {
    /// The source's name; forwarded commands keep the name of their first source.
    pub name: String,
    /// The topic (declared name).
    pub topic: String,
    /// The topic's domain; None for raw topics.
    pub domain: Option<Domain>,
    /// Where records go that can't be processed (declared name); forwarded commands share their first source's.
    pub dead_letters: String,
    /// An internal topic of this processor.
    pub repartition: bool,
    /// How records are read.
    pub kind: SourceKind,
    /// The messages the topic may hold; empty for raw bytes.
    pub types: &'static [MessageType],
    /// The only types that are wanted, by full name; empty for all.
    pub only: Vec<&'static str>,
    /// One policy for each edge; None: the subtopology's.
    pub policies: Option<Policies>,
    /// How long ids are remembered, in milliseconds of stream time; None for not at all.
    pub dedup_window_ms: Option<i64>,
    /// Records older than stream time by more than this are dropped and counted, in milliseconds; None for never.
    pub grace_ms: Option<i64>,
    /// Where misplaced commands are forwarded (declared name).
    pub forward_to: Option<String>,
    pub(crate) refusals: Option<Refusals>,
}

/// A topic that a subtopology writes.
#[derive(Debug, Clone)]
pub struct Sink {
    /// The sink's name.
    pub name: String,
    /// The topic (declared name).
    pub topic: String,
    /// The topic's domain; None for raw topics.
    pub domain: Option<Domain>,
    /// The messages it may hold; empty for raw bytes.
    pub types: &'static [MessageType],
    /// Under which subjects their schemas lie.
    pub naming: Naming,
    /// An internal topic `<processor>-<name>-repartition`, with the partition count of its domain.
    pub repartition: bool,
    /// Of several records of one key in a transaction only the last is written.
    pub folds: bool,
}

/// A store with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The store's name.
    pub name: String,
    /// Its number in changelog keys.
    pub number: StoreNumber,
    /// Kept in memory only.
    pub in_memory: bool,
    /// Written to the changelog.
    pub changelog: bool,
    /// Scanned in order.
    pub ordered: bool,
    /// The topic that it is the table of (declared name), which is its changelog: it is restored from there. None for a
    /// store that processors write to.
    pub source: Option<String>,
}

/// A processor within a subtopology.
pub struct ProcessorNode {
    /// The node's name; part of its timers' keys.
    pub name: String,
    /// Names of its sources.
    pub sources: Vec<String>,
    /// Names of its stores.
    pub stores: Vec<String>,
    /// Whether it is a table's own: the only one that writes to the table's store.
    pub(crate) is_table: bool,
    pub(crate) factory: Factory,
}

pub(crate) type Factory = Arc<dyn Fn() -> Box<dyn Processor> + Send + Sync>;

/// What a topic is for, in [`Topology::topics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicRole {
    /// Read.
    Source,
    /// Written.
    Sink,
    /// Internal, between subtopologies; deleted records are fine once they are read.
    Repartition,
    /// Internal, the state of a subtopology; compacted.
    Changelog,
    /// Dead letters of a source. A raw source's may be absent: failing is then a stop.
    DeadLetters,
}

/// A topic that a topology needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicUse {
    /// The declared name.
    pub name: String,
    /// What it is for.
    pub role: TopicRole,
    /// The domain it is partitioned as; None for raw sinks and dead letters.
    pub domain: Option<Domain>,
}

impl Topology {
    /// Starts a topology; the name is the processor's: `[a-z0-9-]+`.
    #[must_use]
    pub fn named(name: &str) -> TopologyBuilder {
        TopologyBuilder::new(name)
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The processor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The subtopologies, by index as tasks know them.
    #[must_use]
    pub fn subtopologies(&self) -> &[Subtopology] {
        &self.0.subtopologies
    }

    /// What participants react to.
    #[must_use]
    pub fn reactions(&self) -> &[Reaction] {
        &self.0.reactions
    }

    /// The steps of the choreography that this processor declares.
    #[must_use]
    pub fn choreography(&self) -> &[Step] {
        &self.0.choreography
    }

    /// The same processor folding its own events and doing nothing else, for [`crate::Rebuild`]: one source, no sinks, and
    /// timers that do not fire. None where its state is not a fold of what it published.
    #[must_use]
    pub fn rebuild(&self) -> Option<&Self> {
        self.0.rebuild.as_ref()
    }

    /// What its state holds that no topic of events does, as its author says it: why it can't be rebuilt.
    #[must_use]
    pub fn unpublished(&self) -> Option<&str> {
        self.0.unpublished.as_deref()
    }

    /// Every topic it needs, each role once, sorted.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicUse> {
        let mut topics = Vec::new();
        for subtopology in self.subtopologies() {
            let domain = Some(subtopology.domain);
            for source in &subtopology.sources {
                let role = if source.repartition { TopicRole::Repartition } else { TopicRole::Source };
                topics.push(TopicUse { name: source.topic.clone(), role, domain });
                let dead_letters = source.dead_letters.clone();
                topics.push(TopicUse { name: dead_letters, role: TopicRole::DeadLetters, domain: None });
            }
            for sink in &subtopology.sinks {
                let role = if sink.repartition { TopicRole::Repartition } else { TopicRole::Sink };
                topics.push(TopicUse { name: sink.topic.clone(), role, domain: sink.domain });
            }
            let changelog = subtopology.changelog.iter();
            topics.extend(changelog.map(|name| TopicUse { name: name.clone(), role: TopicRole::Changelog, domain }));
        }
        topics.sort();
        topics.dedup();
        topics
    }
}

impl std::fmt::Debug for Topology {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.describe())
    }
}
