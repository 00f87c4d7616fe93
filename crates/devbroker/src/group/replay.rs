//! Groups as `__consumer_offsets` tells them.

use std::collections::BTreeMap;

use kafka_protocol::records::Record;

use super::machine::Group;
use super::offsets::Offsets;
use super::records::{Key, read_group, read_key, read_offset};
use crate::cluster::batch::{Marker, marker_of};

/// A group with its offsets.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) group: Group,
    pub(crate) offsets: Offsets,
}

impl Slot {
    pub(crate) fn new(now_ms: i64) -> Self {
        Self { group: Group::new(now_ms), offsets: Offsets::default() }
    }
}

/// Builds the groups from the log's records, in their order.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) groups: BTreeMap<String, Slot>,
}

impl Replay {
    /// Folds one record in; one that cannot be read is reported and skipped, as Kafka does.
    pub(crate) fn apply(&mut self, record: &Record, now_ms: i64) {
        if record.control {
            let commit = marker_of(record) == Some(Marker::Commit);
            self.complete(record.producer_id, commit);
            return;
        }
        let understood = match record.key.as_deref().and_then(read_key) {
            Some(Key::Offset { group, at }) => self.apply_offset(record, &group, at, now_ms),
            Some(Key::Group(group)) => self.apply_group(record, group, now_ms),
            None => None,
        };
        if understood.is_none() {
            tracing::warn!(offset = record.offset, "a record of __consumer_offsets cannot be read");
        }
    }

    fn apply_offset(
        &mut self,
        record: &Record,
        group: &str,
        at: crate::cluster::topic::TopicPartition,
        now_ms: i64,
    ) -> Option<()> {
        let offsets = &mut self.groups.entry(group.to_owned()).or_insert_with(|| Slot::new(now_ms)).offsets;
        match &record.value {
            None => {
                offsets.remove(&at);
            }
            Some(value) => {
                let committed = read_offset(value, record.offset)?;
                if record.transactional {
                    offsets.hold(record.producer_id, at, committed);
                } else {
                    offsets.commit(at, committed);
                }
            }
        }
        Some(())
    }

    fn apply_group(&mut self, record: &Record, group: String, now_ms: i64) -> Option<()> {
        match &record.value {
            None => {
                self.groups.remove(&group);
            }
            Some(value) => {
                let restored = read_group(value, now_ms)?;
                self.groups.entry(group).or_insert_with(|| Slot::new(now_ms)).group = restored;
            }
        }
        Some(())
    }

    /// Ends a producer's transaction in every group.
    pub(crate) fn complete(&mut self, producer_id: i64, commit: bool) {
        for slot in self.groups.values_mut() {
            slot.offsets.complete(producer_id, commit);
        }
    }

    /// Producers whose offsets are pending after the last record.
    pub(crate) fn pending_producers(&self) -> Vec<i64> {
        self.groups.values().flat_map(|slot| slot.offsets.pending_producers()).collect()
    }
}
