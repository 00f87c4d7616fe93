use headwater_event::Timestamp;
use headwater_log::TopicPartition;
use headwater_streams::StoreNumber;

use super::stores::Change;
use crate::{ChangelogBounds, Error, TaskMeta};

/// Which snapshot of a task would be of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotWanted {
    /// The task's name.
    pub task: String,
    /// Its changelog's partition.
    pub changelog: TopicPartition,
    /// The changelog as it lies in Kafka.
    pub bounds: ChangelogBounds,
    /// Where its replay would begin without a snapshot.
    pub from: i64,
    /// Whether the store that is here holds everything before that, so that a snapshot would be loaded in its place.
    pub has_store: bool,
    /// The least that a snapshot has to spare, in records of the changelog.
    pub spares_min: i64,
    /// Now.
    pub now: Timestamp,
}

/// What comes next of a snapshot that is read.
pub enum SnapshotRead {
    /// Nothing yet: ask again after a moment.
    NotYet,
    /// A snapshot that may be used, of a store that knew this of itself. Its entries follow.
    Begin(TaskMeta),
    /// Entries that belong to it.
    Entries(SortedEntries),
    /// That was all of it.
    End,
    /// It is of no use after all. Another may follow.
    Broken,
    /// There is none that may be used.
    None,
}

/// Reads the best snapshot of a task in the background; when that turns out to be damaged, the next one. Never waits.
pub trait SnapshotReader: Send {
    /// What comes next.
    fn next(&mut self) -> SnapshotRead;
}

/// Bytes before each entry: the length of the key with its store's number, then that of the value, little endian.
const HEAD_BYTES: usize = 8;

/// Entries of one task's stores, one behind the other in the order of stores and keys, each key once. A key begins with its
/// store's number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortedEntries {
    bytes: Vec<u8>,
    count: u64,
}

impl SortedEntries {
    /// Adds an entry, which has to be behind the last one.
    ///
    /// # Errors
    /// [`Error::State`] for an entry of more than 4 GiB.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let length = |bytes: &[u8]| {
            let too_large = |_| Error::State("an entry of a store is too large for a snapshot".to_owned());
            u32::try_from(bytes.len()).map(u32::to_le_bytes).map_err(too_large)
        };
        let (key_length, value_length) = (length(key)?, length(value)?);
        for part in [&key_length[..], &value_length, key, value] {
            self.bytes.extend_from_slice(part);
        }
        self.count += 1;
        Ok(())
    }

    /// Takes entries out of bytes from outside: whole, in order, each key with a store's number.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Error> {
        let damaged = |what: &str, count: u64| Error::Corrupt(format!("entry {count} of a snapshot's part {what}"));
        let (mut rest, mut last, mut count) = (bytes.as_slice(), None, 0);
        while !rest.is_empty() {
            let Some((key, _, behind)) = split(rest) else { return Err(damaged("is cut off", count)) };
            if key.is_empty() {
                return Err(damaged("has no store's number", count));
            }
            if last.is_some_and(|last| last >= key) {
                return Err(damaged("is out of order", count));
            }
            (rest, last) = (behind, Some(key));
            count += 1;
        }
        Ok(Self { bytes, count })
    }

    /// The entries as they lie one behind the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Empties it, and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// The entries, as changes of stores.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (key, value, behind) = split(rest)?;
            rest = behind;
            let (store, key) = key.split_first()?;
            Some(Change { store: StoreNumber(*store), key, value: Some(value) })
        })
    }
}

/// The first entry's key and value, and what lies behind it; None when it is not whole.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (key_length, value_length) = head.split_at_checked(HEAD_BYTES / 2)?;
    let length = |bytes: &[u8]| usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok();
    let (key, rest) = rest.split_at_checked(length(key_length)?)?;
    let (value, rest) = rest.split_at_checked(length(value_length)?)?;
    Some((key, value, rest))
}

#[cfg(test)]
mod tests;
