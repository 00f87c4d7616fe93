use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::TopicName;
use uuid::Uuid;

use crate::{Error, Limits, LocalSchemas, TaskEnvironment, TopicFacts, TopicRole, Topology};

/// 2025-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_735_689_600_000);
const RECORD_BYTES_MAX: usize = 1 << 20;

/// How the world of a [`crate::TestDriver`] is.
#[derive(Debug, Clone)]
pub struct DriverOptions {
    /// Partitions of every topic.
    pub partitions: u32,
    /// The clock at first.
    pub start: Timestamp,
    /// Bounds of each task.
    pub limits: Limits,
    /// `max.message.bytes`; dead-letter topics take 64 KiB more.
    pub record_bytes_max: usize,
    /// Topics that no topology names but a test writes or reads, by declared name.
    pub more_topics: Vec<String>,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            partitions: 1,
            start: START,
            limits: Limits::default(),
            record_bytes_max: RECORD_BYTES_MAX,
            more_topics: Vec::new(),
        }
    }
}

impl DriverOptions {
    pub(super) fn environment(
        &self,
        topologies: &[&Topology],
        schemas: Arc<LocalSchemas>,
    ) -> Result<TaskEnvironment, Error> {
        let partitions = NonZeroU32::new(self.partitions)
            .ok_or_else(|| Error::new("test driver", "0 partitions: give at least 1"))?;
        let mut names = BTreeMap::new();
        for topic in topologies.iter().flat_map(|topology| topology.topics()) {
            names.entry(topic.name).or_insert(topic.role);
        }
        for name in &self.more_topics {
            names.entry(name.clone()).or_insert(TopicRole::Sink);
        }
        let facts = names.into_iter().map(|(name, role)| {
            let more = if role == TopicRole::DeadLetters { 64 << 10 } else { 0 };
            Ok(TopicFacts {
                name: TopicName::new(&name).map_err(|error| Error::new("test driver", error.to_string()))?,
                id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
                declared_name: name,
                partitions,
                record_bytes_max: self.record_bytes_max + more,
            })
        });
        TaskEnvironment::new(schemas, "test-driver", facts.collect::<Result<_, Error>>()?, self.limits)
    }
}
