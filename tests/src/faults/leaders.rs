//! Where each partition's leader is, and how all of them move.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::json;

use crate::console::KafkaTools;

pub(super) const METADATA_LIMIT: Duration = Duration::from_secs(5);

/// One partition, as the brokers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub topic: String,
    pub partition: i32,
    pub leader: i32,
    pub replicas: Vec<i32>,
    pub in_sync: usize,
}

/// Every partition of every topic.
///
/// # Errors
/// What Kafka said.
pub fn partitions(probe: &BaseConsumer) -> Result<Vec<Partition>, String> {
    let metadata = probe.fetch_metadata(None, METADATA_LIMIT).map_err(|error| error.to_string())?;
    let mut partitions = Vec::new();
    for topic in metadata.topics() {
        partitions.extend(topic.partitions().iter().map(|partition| Partition {
            topic: topic.name().to_owned(),
            partition: partition.id(),
            leader: partition.leader(),
            replicas: partition.replicas().to_vec(),
            in_sync: partition.isr().len(),
        }));
    }
    Ok(partitions)
}

/// Moves leaders by Kafka's own tools.
pub struct Mover {
    pub(super) tools: KafkaTools,
    pub(super) bootstrap: String,
    pub(super) probe: Arc<BaseConsumer>,
}

impl Mover {
    /// Turns every partition's replicas by some places, and makes the first of them the leader; how many leaders have
    /// moved.
    ///
    /// # Errors
    /// What Kafka's tools said.
    pub fn move_leaders(&self, by: usize) -> Result<usize, String> {
        let before = partitions(&self.probe)?;
        let turned: Vec<_> = before
            .iter()
            .map(|found| {
                let mut replicas = found.replicas.clone();
                // The leader stands first afterwards only by chance: turned until it does not.
                replicas.sort_unstable();
                let leader = replicas.iter().position(|replica| *replica == found.leader).unwrap_or_default();
                let places = replicas.len().max(1);
                replicas.rotate_left((leader + by) % places);
                json!({"topic": found.topic, "partition": found.partition, "replicas": replicas})
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reassignment.json");
        std::fs::write(&file, json!({"version": 1, "partitions": turned}).to_string()).unwrap();
        let file = file.to_string_lossy();
        let to = ["--bootstrap-server", &self.bootstrap];
        let reassign = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
        self.tools.try_run(reassign, &[&to[..], &["--reassignment-json-file", &file, "--execute"]].concat(), "")?;
        let elect = "org.apache.kafka.tools.LeaderElectionCommand";
        let preferred = ["--election-type", "PREFERRED", "--all-topic-partitions"];
        self.tools.try_run(elect, &[&to[..], &preferred].concat(), "")?;
        let after = partitions(&self.probe)?;
        let moved = |old: &&Partition| {
            after
                .iter()
                .any(|new| (&new.topic, new.partition) == (&old.topic, old.partition) && new.leader != old.leader)
        };
        Ok(before.iter().filter(moved).count())
    }
}
