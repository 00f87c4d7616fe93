use std::collections::BTreeMap;

use headwater_event::Timestamp;
use headwater_worker::{TablePosition, TaskMeta};
use serde::{Deserialize, Serialize};

use crate::{Error, Part, SnapshotId};

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;
/// Before the checksum, on the last line.
const SEAL: &str = "crc32c ";

/// What a snapshot says of itself: whose it is, up to where, and what it is made of. It is written when all else is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of all that follows, and of the parts.
    pub format: u32,
    /// `application.id`.
    pub application: String,
    /// The task's name: `processor/subtopology/partition`.
    pub task: String,
    /// The instance that took it.
    pub instance: String,
    /// When it was begun.
    pub taken_at: Timestamp,
    /// The changelog that its entries are of.
    pub changelog: ChangelogPlace,
    /// The changelog up to here (exclusive) is in it.
    pub offset: i64,
    /// When the store was last written: what was deleted since then may be in it.
    pub saved_at: Timestamp,
    /// The task's stream time then.
    pub stream_time: Timestamp,
    /// Where its inputs stood then, by declared topic name.
    pub positions: BTreeMap<String, i64>,
    /// Where its tables stood in their topics then, by the topics' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TablePosition>,
    /// Its parts, in the order of what they hold.
    pub parts: Vec<Part>,
}

/// A changelog's partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangelogPlace {
    /// The topic's name.
    pub topic: String,
    /// The topic's id (KIP-516): names are reused, ids are not.
    pub topic_id: String,
    /// The partition.
    pub partition: u32,
}

#[derive(Deserialize)]
struct OnlyFormat {
    format: u32,
}

impl Manifest {
    /// A manifest of today's format, with no parts yet. None of a store that does not know its changelog's topic: whether
    /// a snapshot of it may be used could not be said later.
    #[must_use]
    pub fn of(application: &str, task: &str, id: &SnapshotId, place: (&str, u32), meta: &TaskMeta) -> Option<Self> {
        let topic_id = meta.changelog_topic_id.clone()?;
        Some(Self {
            format: FORMAT,
            application: application.to_owned(),
            task: task.to_owned(),
            instance: id.instance.clone(),
            taken_at: id.taken_at,
            changelog: ChangelogPlace { topic: place.0.to_owned(), topic_id, partition: place.1 },
            offset: meta.changelog_offset,
            saved_at: meta.saved_at,
            stream_time: meta.stream_time,
            positions: meta.positions.clone(),
            tables: meta.tables.clone(),
            parts: Vec::new(),
        })
    }

    /// What a store knows of itself that was loaded from it, but for its number.
    #[must_use]
    pub fn meta(&self) -> TaskMeta {
        TaskMeta {
            number: 0,
            changelog_topic_id: Some(self.changelog.topic_id.clone()),
            changelog_offset: self.offset,
            positions: self.positions.clone(),
            stream_time: self.stream_time,
            saved_at: self.saved_at,
            tables: self.tables.clone(),
            half_loaded: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        SnapshotId { taken_at: self.taken_at, offset: self.offset, instance: self.instance.clone() }
    }

    /// Keys that it holds, over all stores.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.entries))
    }

    /// Bytes that its parts take where they lie.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// As it is written: JSON, and a line with its checksum.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it can't be said in JSON, which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(self)
            .map_err(|error| Error::Damaged(format!("the manifest of {} can't be written: {error}", self.task)))?;
        Ok(seal(text))
    }

    /// From bytes that come from outside.
    ///
    /// # Errors
    /// [`Error::Damaged`] for one that is not whole or contradicts itself, [`Error::Newer`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |why: &dyn std::fmt::Display| Error::Damaged(format!("the manifest is damaged: {why}"));
        let text = unseal(bytes).ok_or_else(|| damaged(&"it does not end in its checksum"))?;
        let OnlyFormat { format } = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if format != FORMAT {
            return Err(Error::Newer(format!("the manifest has format {format}, this build reads {FORMAT}")));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if manifest.offset < 0 {
            return Err(damaged(&"its offset is negative"));
        }
        for (place, part) in manifest.parts.iter().enumerate() {
            part.check(place).map_err(|why| damaged(&why))?;
        }
        Ok(manifest)
    }
}

/// A manifest's text with its checksum behind it.
#[must_use]
pub fn seal(mut text: Vec<u8>) -> Vec<u8> {
    let line = format!("\n{SEAL}{:08x}\n", crc32c::crc32c(&text));
    text.extend_from_slice(line.as_bytes());
    text
}

/// The text before a checksum that is right.
fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let line_bytes = SEAL.len() + 10;
    let (text, line) = bytes.split_at_checked(bytes.len().checked_sub(line_bytes)?)?;
    (line == format!("\n{SEAL}{:08x}\n", crc32c::crc32c(text)).as_bytes()).then_some(text)
}

#[cfg(test)]
mod tests;
