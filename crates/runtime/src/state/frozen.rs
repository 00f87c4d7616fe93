use rocksdb::{DB, ReadOptions, SnapshotWithThreadMode};

use super::database::parse_meta;
use super::{StateDatabase, TaskMeta};
use crate::Error;
use crate::error::from_rocksdb;

/// Reads of what is written down in order may be large.
const READ_AHEAD_BYTES: usize = 1 << 20;
/// Of a key, the task's number is of this database alone.
const NUMBER_BYTES: usize = 4;

/// A task's part of the database as it was at one moment: what a process that was killed then would have found.
pub struct Frozen<'d> {
    snapshot: SnapshotWithThreadMode<'d, DB>,
    meta: TaskMeta,
}

impl StateDatabase {
    /// A task's state as it is now; None of a task that has none here.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn freeze(&self, task: &str) -> Result<Option<Frozen<'_>>, Error> {
        let snapshot = self.db().snapshot();
        let bytes = snapshot.get_pinned_cf(self.meta_family()?, task).map_err(from_rocksdb)?;
        let meta = bytes.map(|bytes| parse_meta(task, &bytes)).transpose()?;
        Ok(meta.map(|meta| Frozen { snapshot, meta }))
    }
}

impl Frozen<'_> {
    /// What the store knew of itself.
    #[must_use]
    pub const fn meta(&self) -> &TaskMeta {
        &self.meta
    }

    /// Shows each entry in order: its key begins with the store's number. The cache keeps what it has.
    ///
    /// # Errors
    /// [`Error::State`], or what the one who looks says.
    pub fn visit<E: From<Error>>(&self, mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let (from, to) = (self.meta.number.to_be_bytes(), (self.meta.number + 1).to_be_bytes());
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(READ_AHEAD_BYTES);
        options.set_iterate_upper_bound(to);
        let mut entries = self.snapshot.raw_iterator_opt(options);
        entries.seek(from);
        while let Some((key, value)) = entries.item() {
            each(key.get(NUMBER_BYTES..).unwrap_or_default(), value)?;
            entries.next();
        }
        entries.status().map_err(|error| E::from(from_rocksdb(error)))
    }
}
