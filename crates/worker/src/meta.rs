use std::collections::BTreeMap;

use headwater_event::Timestamp;
use headwater_streams::StoreNumber;
use serde::{Deserialize, Serialize};

/// What a store knows of its own place in the world; written with the data it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct TaskMeta {
    /// The task's number in keys.
    pub number: u32,
    /// The changelog topic's id (KIP-516): names are reused, ids are not.
    #[serde(default)]
    pub changelog_topic_id: Option<String>,
    /// The changelog up to here (exclusive) is in the store.
    #[serde(default)]
    pub changelog_offset: i64,
    /// Input positions at the last commit, by declared topic name.
    #[serde(default)]
    pub positions: BTreeMap<String, i64>,
    /// The task's stream time at the last commit.
    #[serde(default)]
    pub stream_time: Timestamp,
    /// Wall-clock time of the last write: too old a store may miss tombstones.
    #[serde(default)]
    pub saved_at: Timestamp,
    /// Where its tables stand in their topics, by the topics' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TablePosition>,
    /// A snapshot is being loaded into it: until that is whole, it is of no use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half_loaded: bool,
}

/// Where a table stands in its topic. Written with the data it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePosition {
    /// The store that holds it.
    pub store: StoreNumber,
    /// The topic's id (KIP-516).
    #[serde(default)]
    pub topic_id: Option<String>,
    /// The topic up to here (exclusive) is in the store.
    pub offset: i64,
    /// A load that was broken off may have left what lies before here, beyond the offset; 0 when none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reach: i64,
    /// What was deleted since this moment still has its tombstone at or behind the offset, if tombstones last.
    pub as_of: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Why a store can't be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// The changelog is another topic of the same name.
    OtherTopic,
    /// The offset lies outside the changelog.
    OutsideLog,
    /// Tombstones since then may be gone.
    TooOld,
    /// A snapshot that was being loaded did not come to its end.
    HalfLoaded,
    /// A table holds what lies beyond the committed position, which was set back.
    Ahead,
}

/// A changelog as it lies in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogBounds {
    /// The topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// First offset.
    pub start: i64,
    /// The read_uncommitted high watermark.
    pub high_watermark: i64,
    /// The topic's `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

impl TaskMeta {
    /// Whether the store may be brought up to date by replaying from its offset; None when it may.
    #[must_use]
    pub fn unusable(&self, changelog: &ChangelogBounds, now: Timestamp) -> Option<Unusable> {
        if self.half_loaded {
            return Some(Unusable::HalfLoaded);
        }
        if self.changelog_topic_id.is_none() && self.changelog_offset == 0 {
            return None;
        }
        if self.changelog_topic_id != changelog.topic_id {
            return Some(Unusable::OtherTopic);
        }
        if self.changelog_offset < changelog.start || self.changelog_offset > changelog.high_watermark {
            // A compacted log keeps its start at 0; a start beyond us means records we never read are gone.
            return Some(Unusable::OutsideLog);
        }
        if self.may_lack_deletions(changelog) && now.since_ms(self.saved_at) > changelog.delete_retention_ms / 2 {
            return Some(Unusable::TooOld);
        }
        None
    }

    /// Whether deletions may lie between the store's offset and the changelog's end. What is in a changelog was written in
    /// transactions, and each ends in a marker: a record that is committed has at least that behind it. So a single place
    /// before the end holds none. It is the marker of the store's own last commit, whose place nobody is told.
    const fn may_lack_deletions(&self, changelog: &ChangelogBounds) -> bool {
        self.changelog_offset.saturating_add(1) < changelog.high_watermark
    }
}

impl TablePosition {
    /// Whether the table may be brought up to the committed position `up_to` by reading its topic from where it stands; None
    /// when it may.
    #[must_use]
    pub fn unusable(&self, topic: &ChangelogBounds, up_to: i64, now: Timestamp) -> Option<Unusable> {
        if self.topic_id != topic.topic_id {
            return Some(Unusable::OtherTopic);
        }
        if self.offset < topic.start || self.offset > topic.high_watermark {
            return Some(Unusable::OutsideLog);
        }
        if self.offset.max(self.reach) > up_to {
            return Some(Unusable::Ahead);
        }
        // Nobody says that a marker stands at the last place, as in a changelog; but it is in the segment that is written to,
        // which is not compacted: a deletion there is still there.
        let may_lack_deletions = self.offset.saturating_add(1) < topic.high_watermark;
        (may_lack_deletions && now.since_ms(self.as_of) > topic.delete_retention_ms / 2).then_some(Unusable::TooOld)
    }
}

#[cfg(test)]
mod tests;
