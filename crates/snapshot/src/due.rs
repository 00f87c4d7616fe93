use std::time::Duration;

use headwater_event::Timestamp;
use headwater_worker::TaskMeta;

use crate::SnapshotId;

/// A changelog shorter than that is replayed sooner than a snapshot is found.
const RECORDS_MIN: i64 = 1_000;
/// The share of the state's keys that a changelog has to have grown by.
const GROWN_SHARE: u64 = 10;
/// Whole snapshots of a task that are kept.
const KEPT: usize = 2;

/// How often snapshots are taken at most, and by when at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So long after the last one.
    pub interval: Duration,
    /// The changelogs' `delete.retention.ms`. After half of that a snapshot is of no use any more.
    pub delete_retention_ms: i64,
}

/// The last snapshot of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its changelog's topic.
    pub topic_id: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The changelog up to here is in it.
    pub offset: i64,
    /// When its store had last been written.
    pub saved_at: Timestamp,
    /// Keys in it.
    pub entries: u64,
}

/// Whether a task's store, which knows this of itself, is to be written down again: when a replay from the last snapshot
/// would take a tenth of the state, and before the last snapshot is too old to be used.
#[must_use]
pub fn is_due(meta: &TaskMeta, last: Option<&Last>, pace: Pace, now: Timestamp) -> bool {
    if meta.half_loaded || meta.changelog_topic_id.is_none() || meta.changelog_offset < RECORDS_MIN {
        return false;
    }
    let Some(last) = last.filter(|last| meta.changelog_topic_id.as_ref() == Some(&last.topic_id)) else { return true };
    let interval_ms = i64::try_from(pace.interval.as_millis()).unwrap_or(i64::MAX);
    if now.since_ms(last.taken_at) < interval_ms {
        return false;
    }
    let grown = meta.changelog_offset.saturating_sub(last.offset);
    let share = i64::try_from(last.entries / GROWN_SHARE).unwrap_or(i64::MAX);
    let ages = now.since_ms(last.saved_at) > pace.delete_retention_ms / 4;
    grown >= share.max(RECORDS_MIN) || (ages && grown > 0)
}

/// Which of a task's whole snapshots are of no use any more: all but the newest two.
#[must_use]
pub fn superfluous(whole: &[SnapshotId]) -> Vec<SnapshotId> {
    let mut whole = whole.to_vec();
    whole.sort();
    whole.truncate(whole.len().saturating_sub(KEPT));
    whole
}

#[cfg(test)]
mod tests;
