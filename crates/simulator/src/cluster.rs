//! A cluster in memory: partitions with transactions, one coordinator for them, and one for a group.

pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use headwater_log::{Partition, TopicName, TopicPartition};

use self::group::Group;
use self::log::PartitionLog;
use self::transactions::Transactions;

/// All that brokers hold.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) logs: BTreeMap<TopicPartition, PartitionLog>,
    pub(crate) partitions: BTreeMap<TopicName, NonZeroU32>,
    /// Topics that are compacted, beside changelogs.
    pub(crate) compacted: BTreeSet<TopicName>,
    /// Whether those are compacted beyond what their readers have committed.
    pub(crate) compacts_unread: bool,
    pub(crate) transactions: Transactions,
    pub(crate) group: Group,
}

impl Cluster {
    pub(crate) fn make_topic(&mut self, name: &TopicName, partitions: NonZeroU32) {
        self.partitions.insert(name.clone(), partitions);
        for partition in 0..partitions.get() {
            let at = TopicPartition::new(name.clone(), Partition::new(partition));
            self.logs.entry(at).or_default();
        }
    }

    pub(crate) fn log(&mut self, partition: &TopicPartition) -> &mut PartitionLog {
        self.logs.entry(partition.clone()).or_default()
    }

    /// A topic's partitions with their logs.
    pub(crate) fn topic<'c>(&'c self, name: &'c str) -> impl Iterator<Item = (&'c TopicPartition, &'c PartitionLog)> {
        self.logs.iter().filter(move |(partition, _)| partition.topic.as_str() == name)
    }
}
