//! The index of aborted transactions: what a `read_committed` consumer must skip.

use super::types::AbortedTransaction;
use serde::{Deserialize, Serialize};

/// A transaction that ended with an abort marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// Offset of the marker.
    pub(crate) last_offset: i64,
    /// The last stable offset once the marker was written: whatever is aborted later begins there.
    pub(crate) last_stable_offset: i64,
}

/// Aborted transactions in the order of their markers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AbortedIndex {
    entries: Vec<Aborted>,
}

impl AbortedIndex {
    pub(crate) fn push(&mut self, aborted: Aborted) {
        self.entries.push(aborted);
    }

    /// What was aborted within the offsets `from..to`, by first offset.
    pub(crate) fn overlapping(&self, from: i64, to: i64) -> Vec<AbortedTransaction> {
        let start = self.entries.partition_point(|aborted| aborted.last_offset < from);
        let mut found = Vec::new();
        for aborted in self.entries.iter().skip(start) {
            if aborted.first_offset < to {
                found.push(AbortedTransaction { producer_id: aborted.producer_id, first_offset: aborted.first_offset });
            }
            if aborted.last_stable_offset >= to {
                break;
            }
        }
        found.sort_unstable_by_key(|aborted| aborted.first_offset);
        found
    }

    /// Whether a transactional batch of this producer at this offset was aborted.
    pub(crate) fn covers(&self, producer_id: i64, offset: i64) -> bool {
        let start = self.entries.partition_point(|aborted| aborted.last_offset < offset);
        for aborted in self.entries.iter().skip(start) {
            if aborted.producer_id == producer_id && aborted.first_offset <= offset {
                return true;
            }
            if aborted.last_stable_offset > offset {
                break;
            }
        }
        false
    }

    /// Whether the entry of this marker is still here.
    pub(crate) fn has_marker(&self, offset: i64) -> bool {
        self.entries.binary_search_by_key(&offset, |aborted| aborted.last_offset).is_ok()
    }

    /// Forgets the transactions whose markers lie before `offset`; whether there were any.
    pub(crate) fn forget_before(&mut self, offset: i64) -> bool {
        let gone = self.entries.partition_point(|aborted| aborted.last_offset < offset);
        self.entries.drain(..gone);
        gone > 0
    }
}
