use std::sync::Arc;

use headwater_log::{Partition, TopicName, partition_of_key};
use rustc_hash::FxHashMap;
use std::num::NonZeroU32;
use uuid::Uuid;

use crate::{Error, Schemas, TopicRef, Tracer};

/// What the tasks of one process have in common: schemas, topics, limits. Built once the topics' facts are known.
pub struct TaskEnvironment {
    pub(crate) schemas: Arc<dyn Schemas>,
    pub(crate) cluster_id: String,
    pub(crate) limits: Limits,
    pub(crate) tracer: Option<Arc<dyn Tracer>>,
    topics: Vec<TopicFacts>,
    by_declared_name: FxHashMap<String, TopicRef>,
}

/// A topic as it is in the cluster.
#[derive(Debug, Clone)]
pub struct TopicFacts {
    /// The name in code and topics.yaml, without the installation's prefix.
    pub declared_name: String,
    /// The real name.
    pub name: TopicName,
    /// Kafka's id of it; ids by place are made of it, since names are reused.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: NonZeroU32,
    /// `max.message.bytes`.
    pub record_bytes_max: usize,
}

/// Bounds of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long an empty input that has more coming is waited for, in milliseconds (KIP-695).
    pub task_idle_ms_max: i64,
    /// Outside calls under way at a time.
    pub calls_in_flight_max: usize,
    /// Calls stored and not answered; at this many the task takes no more inputs.
    pub calls_pending_max: usize,
    /// Records set aside by ParkKey; at this many the task waits for them.
    pub parked_records_max: usize,
    /// Memory for values read or written, kept over commits, in bytes.
    pub cache_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            task_idle_ms_max: 1_000,
            calls_in_flight_max: 64,
            calls_pending_max: 100_000,
            parked_records_max: 10_000,
            cache_bytes_max: 8 << 20,
        }
    }
}

impl TaskEnvironment {
    /// An environment; [`TopicRef`]s count these topics in their order.
    ///
    /// # Errors
    /// When two topics have one declared name.
    pub fn new(
        schemas: Arc<dyn Schemas>,
        cluster_id: impl Into<String>,
        topics: Vec<TopicFacts>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let mut by_declared_name = FxHashMap::default();
        for (index, topic) in topics.iter().enumerate() {
            let index = TopicRef(u32::try_from(index).unwrap_or(u32::MAX));
            if by_declared_name.insert(topic.declared_name.clone(), index).is_some() {
                return Err(Error::new("task environment", format!("topic {} is there twice", topic.declared_name)));
            }
        }
        Ok(Self { schemas, cluster_id: cluster_id.into(), limits, tracer: None, topics, by_declared_name })
    }

    /// The same, with every message's processing traced.
    #[must_use]
    pub fn traced(mut self, tracer: Option<Arc<dyn Tracer>>) -> Self {
        self.tracer = tracer;
        self
    }

    /// All topics, in the order of their references.
    #[must_use]
    pub fn topics(&self) -> &[TopicFacts] {
        &self.topics
    }

    /// A topic by reference; None for a reference of another environment.
    #[must_use]
    pub fn topic(&self, topic: TopicRef) -> Option<&TopicFacts> {
        self.topics.get(topic.index())
    }

    /// A topic by its declared name.
    #[must_use]
    pub fn find(&self, declared_name: &str) -> Option<TopicRef> {
        self.by_declared_name.get(declared_name).copied()
    }

    /// Schemas.
    #[must_use]
    pub fn schemas(&self) -> &dyn Schemas {
        &*self.schemas
    }

    /// The partition of a key in a topic, by Java's murmur2.
    pub(crate) fn partition_of(&self, topic: TopicRef, key: &[u8]) -> Option<Partition> {
        Some(partition_of_key(key, self.topic(topic)?.partitions))
    }

    pub(crate) fn record_bytes_max(&self, topic: TopicRef) -> usize {
        self.topic(topic).map_or(usize::MAX, |facts| facts.record_bytes_max)
    }
}

impl std::fmt::Debug for TaskEnvironment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TaskEnvironment").field("topics", &self.topics.len()).finish_non_exhaustive()
    }
}
