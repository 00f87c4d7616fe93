//! Stores on a disk in memory: what was not written is gone with the process, what was written stays.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use headwater_streams::{StateBase, StateError, StoreNumber};
use headwater_worker::ports::{Change, Stores, TaskStore};
use headwater_worker::{Error, TaskMeta};

use crate::baton::Baton;
use crate::cluster::Cluster;
use crate::cluster::log::PartitionLog;
use crate::fault::Mishap;
use crate::strike::Step;

/// One task's entries: store, key, value.
pub(crate) type Entries = BTreeMap<(u8, Bytes), Bytes>;

/// What is written for one task.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskData {
    pub(crate) meta: TaskMeta,
    pub(crate) entries: Entries,
    /// It may hold changes up to here, beyond where it says it is: a load was broken off, or nobody could say where its
    /// changes lie. 0 when it holds none.
    pub(crate) ahead_until: u64,
}

/// A machine's disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) tasks: BTreeMap<String, TaskData>,
    /// The disk as it was some writes ago: what a machine that lost its last writes comes back with.
    pub(crate) older: BTreeMap<String, TaskData>,
    writes: u64,
}

pub(crate) type SharedDisk = Arc<Mutex<Disk>>;

pub(crate) fn open(disk: &SharedDisk) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Write {
    Entry { task: String, store: u8, key: Bytes, value: Option<Bytes> },
    Meta { task: String, meta: TaskMeta },
    Wipe { task: String },
    WipeStore { task: String, store: u8 },
}

impl Write {
    fn task(&self) -> &str {
        let (Self::Entry { task, .. } | Self::Meta { task, .. } | Self::Wipe { task } | Self::WipeStore { task, .. }) =
            self;
        task
    }
}

#[derive(Default)]
pub(crate) struct Batch {
    writes: Vec<Write>,
    bytes: usize,
}

/// The stores of one process.
#[derive(Clone)]
pub(crate) struct SimStores {
    pub(crate) disk: SharedDisk,
    pub(crate) baton: Baton,
}

impl SimStores {
    /// The same stores, used by another thread of the process.
    pub(crate) fn used_by(&self, baton: &Baton) -> Self {
        Self { disk: Arc::clone(&self.disk), baton: baton.clone() }
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        let process = self.baton.process();
        self.baton.pause(50);
        let (struck, slow) = self.baton.with(|world| {
            let slow = world.processes.get(process).is_some_and(|process| process.disk_slow_until > world.now);
            (world.strike(process, Step::Write), slow)
        });
        self.baton.pause(if slow { 400_000 } else { 10 });
        if matches!(struck, Some(Mishap::DiskFails)) {
            return Err(Error::State("the disk is full".to_owned()));
        }
        let tasks: BTreeSet<&str> = batch.writes.iter().map(Write::task).collect();
        self.baton.with(|world| world.writes_to(process, self.baton.actor(), &tasks));
        let written = self.written_without_place(&batch);
        let mut disk = open(&self.disk);
        for (task, end) in written {
            disk.tasks.entry(task).or_default().ahead_until = end;
        }
        disk.writes += 1;
        if disk.writes.is_multiple_of(7) {
            disk.older = disk.tasks.clone();
        }
        for write in batch.writes {
            match write {
                Write::Entry { task, store, key, value } => {
                    let entries = &mut disk.tasks.entry(task).or_default().entries;
                    match value {
                        Some(value) => entries.insert((store, key), value),
                        None => entries.remove(&(store, key)),
                    };
                }
                Write::Meta { task, meta } => {
                    let data = disk.tasks.entry(task).or_default();
                    // A restore that is begun again says what its asker knew, and holds what the one before it read.
                    let (known, said) =
                        (data.meta.changelog_offset.unsigned_abs(), meta.changelog_offset.unsigned_abs());
                    data.ahead_until = data.ahead_until.max(known);
                    if said >= data.ahead_until {
                        data.ahead_until = 0;
                    }
                    data.meta = meta;
                }
                Write::Wipe { task } => *disk.tasks.entry(task).or_default() = TaskData::default(),
                Write::WipeStore { task, store } => {
                    disk.tasks.entry(task).or_default().entries.retain(|(of, _), _| *of != store);
                }
            }
        }
        drop(disk);
        self.baton.pause(10);
        Ok(())
    }
}

impl SimStores {
    fn is_table(&self, task: &str, store: u8) -> bool {
        self.baton.with(|world| {
            world.tables.get(task).is_some_and(|tables| tables.tables.iter().any(|table| table.store == store))
        })
    }

    /// The tasks that are changed by a batch which does not say up to where, or not all the way: an acknowledgement may not
    /// tell where records lie. Each with the end of its changelog.
    fn written_without_place(&self, batch: &Batch) -> BTreeMap<String, u64> {
        let mut changed = BTreeSet::new();
        let mut said = BTreeMap::new();
        for write in &batch.writes {
            match write {
                // A table's changes have their place in their own topic.
                Write::Entry { task, store, .. } if !self.is_table(task, *store) => {
                    changed.insert(task.as_str());
                }
                Write::Meta { task, meta } => {
                    said.insert(task.as_str(), meta.changelog_offset.unsigned_abs());
                }
                Write::Entry { .. } | Write::Wipe { .. } | Write::WipeStore { .. } => {}
            }
        }
        let process = self.baton.process();
        let without_place = |task: &str| {
            let known = place_of(&self.disk, task);
            let said = said.get(task).copied().filter(|said| *said > known);
            self.baton.with(|world| {
                let log = changelog_of(&world.cluster, task)?;
                // Who replays a changelog knows where it is in it.
                let says_all = |said| world.is_restorer(process, self.baton.actor()) || !log.has_record_from(said);
                (!said.is_some_and(says_all)).then(|| (task.to_owned(), log.end()))
            })
        };
        changed.into_iter().filter_map(without_place).collect()
    }
}

/// Up to where a disk says that it has a task's changelog.
pub(crate) fn place_of(disk: &SharedDisk, task: &str) -> u64 {
    open(disk).tasks.get(task).map_or(0, |data| data.meta.changelog_offset.unsigned_abs())
}

/// The changelog's partition of a task.
pub(crate) fn changelog_of<'c>(cluster: &'c Cluster, task: &str) -> Option<&'c PartitionLog> {
    let mut parts = task.split('/');
    let (processor, part, number) = (parts.next()?, parts.next()?, parts.next()?);
    let topic = format!("{processor}-{part}-changelog");
    let mut logs = cluster.logs.iter().filter(|(partition, _)| partition.topic.as_str() == topic);
    logs.find(|(partition, _)| partition.partition.to_string() == number).map(|(_, log)| log)
}

impl Stores for SimStores {
    type Store = SimStore;

    fn task(&self, name: &str, in_memory: &[StoreNumber]) -> Result<(SimStore, TaskMeta), Error> {
        let meta = open(&self.disk).tasks.entry(name.to_owned()).or_default().meta.clone();
        let memory = Arc::new(Mutex::new(Entries::new()));
        Ok((SimStore { stores: self.clone(), task: name.to_owned(), in_memory: in_memory.to_vec(), memory }, meta))
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        Self::write(self, batch)
    }
}

/// One task's store.
#[derive(Clone)]
pub(crate) struct SimStore {
    stores: SimStores,
    task: String,
    in_memory: Vec<StoreNumber>,
    memory: Arc<Mutex<Entries>>,
}

impl SimStore {
    /// What is written of it.
    pub(crate) fn data(&self) -> TaskData {
        open(&self.stores.disk).tasks.get(&self.task).cloned().unwrap_or_default()
    }

    /// The same store, used by another thread of the process.
    pub(crate) fn used_by(mut self, baton: &Baton) -> Self {
        self.stores.baton = baton.clone();
        self
    }

    fn look<T>(&self, store: StoreNumber, look: impl FnOnce(&Entries) -> T) -> Result<T, StateError> {
        if self.in_memory.contains(&store) {
            return Ok(look(&self.memory.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        let baton = &self.stores.baton;
        if baton.with(|world| world.strike(baton.process(), Step::Read)).is_some() {
            return Err(StateError { message: "the disk can't be read".to_owned() });
        }
        let disk = open(&self.stores.disk);
        Ok(match disk.tasks.get(&self.task) {
            Some(data) => look(&data.entries),
            None => look(&Entries::new()),
        })
    }
}

impl StateBase for SimStore {
    fn get(&self, store: StoreNumber, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        self.look(store, |entries| entries.get(&(store.0, Bytes::copy_from_slice(key))).cloned())
    }

    fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let above = |key: &[u8]| match from {
            Bound::Included(from) => key >= from,
            Bound::Excluded(from) => key > from,
            Bound::Unbounded => true,
        };
        let below = |key: &[u8]| match to {
            Bound::Included(to) => key <= to,
            Bound::Excluded(to) => key < to,
            Bound::Unbounded => true,
        };
        self.look(store, |entries| {
            let of_store = entries.range((store.0, Bytes::new())..).take_while(|((number, _), _)| *number == store.0);
            let within = of_store.filter(|((_, key), _)| above(key) && below(key));
            within.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect()
        })
    }
}

impl TaskStore for SimStore {
    type Batch = Batch;

    fn name(&self) -> &str {
        &self.task
    }

    fn is_in_memory(&self, store: StoreNumber) -> bool {
        self.in_memory.contains(&store)
    }

    fn has_memory_stores(&self) -> bool {
        !self.in_memory.is_empty()
    }

    fn clear_memory(&self) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn stage(&self, batch: &mut Batch, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        let key = Bytes::copy_from_slice(key);
        let value = value.map(Bytes::copy_from_slice);
        if self.in_memory.contains(&store) {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            match value {
                Some(value) => memory.insert((store.0, key), value),
                None => memory.remove(&(store.0, key)),
            };
            return;
        }
        batch.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        batch.writes.push(Write::Entry { task: self.task.clone(), store: store.0, key, value });
    }

    fn stage_meta(&self, batch: &mut Batch, meta: &TaskMeta) -> Result<(), Error> {
        batch.writes.push(Write::Meta { task: self.task.clone(), meta: meta.clone() });
        Ok(())
    }

    fn stage_wipe(&self, batch: &mut Batch) {
        batch.writes.push(Write::Wipe { task: self.task.clone() });
    }

    fn stage_wipe_store(&self, batch: &mut Batch, store: StoreNumber) {
        if self.in_memory.contains(&store) {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.retain(|(of, _), _| *of != store.0);
            return;
        }
        batch.writes.push(Write::WipeStore { task: self.task.clone(), store: store.0 });
    }

    fn meta(&self) -> Result<TaskMeta, Error> {
        let disk = open(&self.stores.disk);
        Ok(disk.tasks.get(&self.task).map(|data| data.meta.clone()).unwrap_or_default())
    }

    fn batch_bytes(batch: &Batch) -> usize {
        batch.bytes
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        self.stores.write(batch)
    }

    /// In small pieces: a kill, or a disk that fails, leaves some of them behind.
    fn load<'c>(&self, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        const PIECE: usize = 4;
        let mut batch = Batch::default();
        for change in changes {
            self.stage(&mut batch, change.store, change.key, change.value);
            if batch.writes.len() >= PIECE {
                self.stores.write(std::mem::take(&mut batch))?;
            }
        }
        self.stores.write(batch)
    }
}
