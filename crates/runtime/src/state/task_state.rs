use std::ops::Bound;

use bytes::Bytes;
use headwater_streams::{StateBase, StateError, StoreNumber};
use headwater_worker::ports::{Change, TaskStore};
use rocksdb::{Direction, IteratorMode, ReadOptions, WriteBatch};

use super::memory_table::MemoryTable;
use super::{StateDatabase, TaskMeta};
use crate::Error;

/// A task's number in keys, unique within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskNumber(pub(super) u32);

/// Writes of any number of tasks, applied together.
#[derive(Default)]
pub struct StateBatch {
    pub(super) batch: WriteBatch,
    key: Vec<u8>,
}

impl StateBatch {
    /// Whether nothing was staged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Bytes staged.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.batch.size_in_bytes()
    }
}

/// One task's part of the database: what Kafka has committed. Any thread may read it.
#[derive(Clone)]
pub struct TaskState {
    database: StateDatabase,
    name: String,
    number: TaskNumber,
    memory: MemoryTable,
}

impl TaskState {
    pub(super) fn new(database: StateDatabase, name: String, number: TaskNumber, in_memory: &[StoreNumber]) -> Self {
        Self { database, name, number, memory: MemoryTable::new(in_memory) }
    }

    /// Whether a store is kept out of the database.
    #[must_use]
    pub fn is_in_memory(&self, store: StoreNumber) -> bool {
        self.memory.holds(store)
    }

    /// Whether any store is.
    #[must_use]
    pub fn has_memory_stores(&self) -> bool {
        self.memory.holds_any()
    }

    /// Empties the stores in memory, before they are replayed.
    pub fn clear_memory(&self) {
        self.memory.clear();
    }

    /// The task's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stages one write: a value, or None to delete. A store in memory takes it at once: call only for what has
    /// committed.
    pub fn stage(&self, batch: &mut StateBatch, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        if self.memory.holds(store) {
            self.memory.write(store, key, value);
            return;
        }
        batch.key.clear();
        full_key(&mut batch.key, self.number, store.0, key);
        match value {
            Some(value) => batch.batch.put(&batch.key, value),
            None => batch.batch.delete(&batch.key),
        }
    }

    /// Stages the task's meta record.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn stage_meta(&self, batch: &mut StateBatch, meta: &TaskMeta) -> Result<(), Error> {
        self.database.put_meta(batch, &self.name, meta)
    }

    /// Applies a batch.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn write(&self, batch: StateBatch) -> Result<(), Error> {
        self.database.write(batch)
    }

    /// Stages the removal of everything the task has; its number stays.
    pub fn stage_wipe(&self, batch: &mut StateBatch) {
        let from = self.number.0.to_be_bytes();
        let to = (self.number.0 + 1).to_be_bytes();
        batch.batch.delete_range(from, to);
    }

    /// Stages the removal of everything in one store; one in memory is emptied at once.
    pub fn stage_wipe_store(&self, batch: &mut StateBatch, store: StoreNumber) {
        if self.memory.holds(store) {
            self.memory.clear_store(store);
            return;
        }
        let mut from = Vec::new();
        full_key(&mut from, self.number, store.0, &[]);
        batch.batch.delete_range(from, end_of_store(self.number, store));
    }
}

/// The first key behind a store's.
fn end_of_store(task: TaskNumber, store: StoreNumber) -> Vec<u8> {
    let next = (u64::from(task.0) << 8 | u64::from(store.0)) + 1;
    next.to_be_bytes()[3..].to_vec()
}

pub(super) fn full_key(into: &mut Vec<u8>, task: TaskNumber, store: u8, key: &[u8]) {
    into.extend_from_slice(&task.0.to_be_bytes());
    into.push(store);
    into.extend_from_slice(key);
}

impl TaskStore for TaskState {
    type Batch = StateBatch;

    fn batch_for(room_bytes: usize) -> StateBatch {
        StateBatch { batch: WriteBatch::with_capacity_bytes(room_bytes), key: Vec::new() }
    }

    fn name(&self) -> &str {
        Self::name(self)
    }

    fn is_in_memory(&self, store: StoreNumber) -> bool {
        Self::is_in_memory(self, store)
    }

    fn has_memory_stores(&self) -> bool {
        Self::has_memory_stores(self)
    }

    fn clear_memory(&self) {
        Self::clear_memory(self);
    }

    fn stage(&self, batch: &mut StateBatch, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        Self::stage(self, batch, store, key, value);
    }

    fn stage_meta(&self, batch: &mut StateBatch, meta: &TaskMeta) -> Result<(), Error> {
        Self::stage_meta(self, batch, meta)
    }

    fn stage_wipe(&self, batch: &mut StateBatch) {
        Self::stage_wipe(self, batch);
    }

    fn stage_wipe_store(&self, batch: &mut StateBatch, store: StoreNumber) {
        Self::stage_wipe_store(self, batch, store);
    }

    fn meta(&self) -> Result<TaskMeta, Error> {
        let known = self.database.meta(&self.name)?;
        known.ok_or_else(|| Error::State(format!("task {} has no meta record: its state was taken away", self.name)))
    }

    fn batch_bytes(batch: &StateBatch) -> usize {
        batch.size_bytes()
    }

    fn write(&self, batch: StateBatch) -> Result<(), Error> {
        Self::write(self, batch)
    }

    fn loading(&self, is_loading: bool) {
        self.database.loading(is_loading);
    }

    fn load<'c>(&self, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        self.database.load(self.number, changes)
    }
}

const PREFIX_BYTES: usize = 5;

impl StateBase for TaskState {
    fn get(&self, store: StoreNumber, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        if self.memory.holds(store) {
            return Ok(self.memory.get(store, key));
        }
        let mut short = [0_u8; 64];
        let length = PREFIX_BYTES + key.len();
        let value = if length <= short.len() {
            short[..4].copy_from_slice(&self.number.0.to_be_bytes());
            short[4] = store.0;
            short[PREFIX_BYTES..length].copy_from_slice(key);
            self.database.db().get_pinned(&short[..length])
        } else {
            let mut long = Vec::with_capacity(length);
            full_key(&mut long, self.number, store.0, key);
            self.database.db().get_pinned(&long)
        };
        let value: Option<rocksdb::DBPinnableSlice<'_>> =
            value.map_err(|error| StateError { message: error.to_string() })?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        if self.memory.holds(store) {
            return Ok(self.memory.scan(store, from, to, limit));
        }
        let mut first = Vec::new();
        let start: &[u8] = match from {
            Bound::Included(key) | Bound::Excluded(key) => key,
            Bound::Unbounded => &[],
        };
        full_key(&mut first, self.number, store.0, start);
        if matches!(from, Bound::Excluded(_)) {
            first.push(0);
        }
        let mut end = Vec::new();
        match to {
            Bound::Included(key) => {
                full_key(&mut end, self.number, store.0, key);
                end.push(0);
            }
            Bound::Excluded(key) => full_key(&mut end, self.number, store.0, key),
            Bound::Unbounded => end = end_of_store(self.number, store),
        }
        if first >= end {
            return Ok(Vec::new());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end);
        let mut found = Vec::new();
        for item in self.database.db().iterator_opt(IteratorMode::From(&first, Direction::Forward), options).take(limit)
        {
            let (key, value) = item.map_err(|error| StateError { message: error.to_string() })?;
            found.push((Bytes::copy_from_slice(&key[PREFIX_BYTES..]), Bytes::from(value)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
