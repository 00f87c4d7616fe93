use headwater_streams::{StateBase, StoreNumber};

use crate::{Error, TaskMeta};

/// Bytes that are written at once where changes are loaded without a way of their own.
const LOAD_BATCH_BYTES: usize = 1 << 20;

/// One change of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// The store.
    pub store: StoreNumber,
    /// The key, without the store's number.
    pub key: &'a [u8],
    /// The value; None to delete.
    pub value: Option<&'a [u8]>,
}

/// One task's committed state, for reading, and for staging what has committed.
pub trait TaskStore: StateBase + Clone {
    /// Writes of any number of tasks, applied together.
    type Batch: Default;

    /// An empty batch with room for about so many bytes.
    #[must_use]
    fn batch_for(room_bytes: usize) -> Self::Batch {
        let _room = room_bytes;
        Self::Batch::default()
    }

    /// The task's name.
    fn name(&self) -> &str;

    /// Whether a store is kept in memory only.
    fn is_in_memory(&self, store: StoreNumber) -> bool;

    /// Whether any store is.
    fn has_memory_stores(&self) -> bool;

    /// Empties the stores in memory, before they are replayed.
    fn clear_memory(&self);

    /// Stages one write: a value, or None to delete. A store in memory takes it at once.
    fn stage(&self, batch: &mut Self::Batch, store: StoreNumber, key: &[u8], value: Option<&[u8]>);

    /// Stages the task's meta record.
    ///
    /// # Errors
    /// [`Error::State`].
    fn stage_meta(&self, batch: &mut Self::Batch, meta: &TaskMeta) -> Result<(), Error>;

    /// Stages the removal of everything the task has.
    fn stage_wipe(&self, batch: &mut Self::Batch);

    /// Stages the removal of everything in one store; one in memory is emptied at once.
    fn stage_wipe_store(&self, batch: &mut Self::Batch, store: StoreNumber);

    /// What was written last of what the task's state knows of itself.
    ///
    /// # Errors
    /// [`Error::State`].
    fn meta(&self) -> Result<TaskMeta, Error>;

    /// Bytes staged in a batch.
    fn batch_bytes(batch: &Self::Batch) -> usize;

    /// Applies a batch, whole or not at all.
    ///
    /// # Errors
    /// [`Error::State`].
    fn write(&self, batch: Self::Batch) -> Result<(), Error>;

    /// Says that many changes will be [loaded](Self::load), or that all have been: whoever keeps them may make room.
    fn loading(&self, _is_loading: bool) {}

    /// Writes many changes of stores that are not in memory, each key once, in the order of stores and keys. Not whole
    /// or not at all: after an error or a crash any of them may be there. So it is for what is written again then.
    ///
    /// # Errors
    /// [`Error::State`].
    fn load<'c>(&self, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        let mut batch = Self::Batch::default();
        for change in changes {
            self.stage(&mut batch, change.store, change.key, change.value);
            if Self::batch_bytes(&batch) >= LOAD_BATCH_BYTES {
                self.write(std::mem::take(&mut batch))?;
            }
        }
        self.write(batch)
    }
}

/// The stores of all tasks of a process.
pub trait Stores {
    /// One task's.
    type Store: TaskStore;

    /// A task's store, with what it knows of itself; a new task gets an empty one. `in_memory` are kept in memory only.
    ///
    /// # Errors
    /// [`Error::State`].
    fn task(&self, name: &str, in_memory: &[StoreNumber]) -> Result<(Self::Store, TaskMeta), Error>;

    /// Applies a batch, whole or not at all.
    ///
    /// # Errors
    /// [`Error::State`].
    fn write(&self, batch: <Self::Store as TaskStore>::Batch) -> Result<(), Error>;
}
