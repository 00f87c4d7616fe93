//! State of a task: stores by number, what has been committed, and the overlay of staged writes above it.

mod memory;
mod overlay;
mod small;
mod table;

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use memory::MemoryBase;
pub(crate) use overlay::{Overlay, TableIndex};

/// A store's number within its subtopology: the first byte of its changelog keys. Stable by name, see the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreNumber(pub u8);

impl StoreNumber {
    /// Timers by due time.
    pub const TIMERS: Self = Self(0);
    /// Timers by name.
    pub const TIMER_NAMES: Self = Self(1);
    /// Ids seen, with their times.
    pub const DEDUP: Self = Self(2);
    /// Outside calls that have not been answered.
    pub const CALLS: Self = Self(3);
    /// Records of keys that are parked.
    pub const PARKED: Self = Self(4);
    /// Counters and times of the task itself.
    pub const META: Self = Self(5);
    /// The first number for stores of the author.
    pub const FIRST_USER: Self = Self(16);
    /// Stores of the task itself, in order; each is ordered and has a changelog.
    pub const SYSTEM: [Self; 6] = [Self::TIMERS, Self::TIMER_NAMES, Self::DEDUP, Self::CALLS, Self::PARKED, Self::META];
}

/// Why committed state can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StateError {
    /// What went wrong.
    pub message: String,
}

/// A page of keys with their values, in byte order of the keys.
pub type Entries = Vec<(Bytes, Bytes)>;

/// What has been committed. The overlay lies over it.
pub trait StateBase {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store can't be read.
    fn get(&self, store: StoreNumber, key: &[u8]) -> Result<Option<Bytes>, StateError>;

    /// Up to `limit` entries of a range, in byte order of the keys.
    ///
    /// # Errors
    /// When the store can't be read.
    fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError>;
}

/// A store as its author wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    pub(crate) name: String,
    pub(crate) in_memory: bool,
    pub(crate) changelog: bool,
    pub(crate) ordered: bool,
    pub(crate) number: Option<u8>,
}

impl StoreSpec {
    /// A persistent key-value store with a changelog.
    #[must_use]
    pub fn key_value(name: &str) -> Self {
        Self { name: name.to_owned(), in_memory: false, changelog: true, ordered: false, number: None }
    }

    /// Kept in memory only, and restored from its changelog.
    #[must_use]
    pub const fn in_memory(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// No changelog: lost with the machine, and empty after a move.
    #[must_use]
    pub const fn without_changelog(mut self) -> Self {
        self.changelog = false;
        self
    }

    /// Ranges are scanned: staged writes are kept in order too, so that a scan does not sort them.
    #[must_use]
    pub const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Pins the store's number, 16 to 255: needed where a store before it was taken away.
    #[must_use]
    pub const fn number(mut self, number: u8) -> Self {
        self.number = Some(number);
        self
    }
}
