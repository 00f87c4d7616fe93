//! Committed offsets of one group, and those that wait for their transaction.

use std::collections::BTreeMap;

use crate::cluster::topic::TopicPartition;

/// A committed position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    /// The next offset to read.
    pub(crate) offset: i64,
    /// The leader epoch that came with it, -1 for none.
    pub(crate) leader_epoch: i32,
    /// The client's own words.
    pub(crate) metadata: String,
    /// When it was committed.
    pub(crate) commit_time_ms: i64,
    /// Where its record is in the log: of two commits, the later record wins, whichever became visible later.
    pub(crate) log_offset: i64,
}

/// Offsets of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offsets {
    committed: BTreeMap<TopicPartition, Committed>,
    /// By producer id: offsets whose transaction has not ended.
    pending: BTreeMap<i64, BTreeMap<TopicPartition, Committed>>,
}

impl Offsets {
    /// A plain commit, visible at once.
    pub(crate) fn commit(&mut self, at: TopicPartition, committed: Committed) {
        match self.committed.get(&at) {
            Some(present) if present.log_offset > committed.log_offset => {}
            _ => {
                self.committed.insert(at, committed);
            }
        }
    }

    /// A transactional commit, visible once its transaction commits.
    pub(crate) fn hold(&mut self, producer_id: i64, at: TopicPartition, committed: Committed) {
        self.pending.entry(producer_id).or_default().insert(at, committed);
    }

    /// The transaction of a producer has ended.
    pub(crate) fn complete(&mut self, producer_id: i64, commit: bool) {
        let held = self.pending.remove(&producer_id).unwrap_or_default();
        if commit {
            for (at, committed) in held {
                self.commit(at, committed);
            }
        }
    }

    /// The committed position.
    pub(crate) fn get(&self, at: &TopicPartition) -> Option<&Committed> {
        self.committed.get(at)
    }

    /// Whether a transaction that has not ended holds an offset for this partition.
    pub(crate) fn is_unstable(&self, at: &TopicPartition) -> bool {
        self.pending.values().any(|held| held.contains_key(at))
    }

    /// Everything committed, and everything that is only pending.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        let mut all: Vec<_> = self.committed.keys().cloned().collect();
        all.extend(self.pending.values().flat_map(|held| held.keys().cloned()));
        all.sort();
        all.dedup();
        all
    }

    /// Forgets one position; whether it was there.
    pub(crate) fn remove(&mut self, at: &TopicPartition) -> bool {
        for held in self.pending.values_mut() {
            held.remove(at);
        }
        self.committed.remove(at).is_some()
    }

    /// Producers whose transactions hold offsets here.
    pub(crate) fn pending_producers(&self) -> Vec<i64> {
        self.pending.keys().copied().collect()
    }

    /// A transaction holds offsets.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests;
