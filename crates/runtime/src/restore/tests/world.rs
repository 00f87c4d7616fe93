//! Changelogs in memory, and a process with its database that can be killed at any write.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName, TopicPartition};
use headwater_streams::{StateBase, StateError, StoreNumber};
use headwater_worker::ports::{
    Change, ChangelogHandler, ChangelogReader, Clock, FetchedRecord, Next, RestoreObserver, SnapshotRead,
    SnapshotReader, SnapshotWanted, SortedEntries, StartAt, StartOffset, TaskStore,
};
use headwater_worker::{
    Error, RestoreJob, RestoreKind, RestoreLimits, RestorePorts, RestoreResult, Restored, Restorer, StandbyTask,
    TaskMeta,
};

use crate::state::{MemoryBudget, StateBatch, StateDatabase, TaskState};

/// Everything in plain batches.
pub(super) const NEAR: RestoreLimits =
    RestoreLimits { gather_bytes: 1 << 20, far_records: i64::MAX, snapshot_spares_min: 1 };
/// Everything in tables, several of them.
pub(super) const FAR: RestoreLimits = RestoreLimits { gather_bytes: 4 << 10, far_records: 1, snapshot_spares_min: 1 };

const IN_MEMORY: StoreNumber = StoreNumber(20);
const MEMORY_TABLE: StoreNumber = StoreNumber(21);
pub(super) const TASK: &str = "p/s/0";
pub(super) const DAY_MS: i64 = 24 * 3_600_000;

/// Key, with the store's number before it, and value.
type Recorded = (Vec<u8>, Option<Vec<u8>>);

/// One partition's changelog.
#[derive(Clone)]
pub(super) struct Changelog {
    pub(super) topic_id: String,
    /// What lies before is gone.
    pub(super) start: i64,
    /// By offset; None is a transaction's marker.
    pub(super) records: Vec<Option<Recorded>>,
}

impl Default for Changelog {
    fn default() -> Self {
        Self::of_topic("first")
    }
}

impl Changelog {
    pub(super) fn of_topic(id: &str) -> Self {
        Self { topic_id: id.to_owned(), start: 0, records: Vec::new() }
    }

    /// One transaction.
    pub(super) fn extend(&mut self, records: impl IntoIterator<Item = Recorded>) {
        self.records.extend(records.into_iter().map(Some).chain([None]));
    }

    pub(super) fn end(&self) -> i64 {
        i64::try_from(self.records.len()).unwrap()
    }

    /// How many records stand there from an offset on.
    pub(super) fn records_from(&self, offset: i64) -> usize {
        self.records[usize::try_from(offset).unwrap()..].iter().flatten().count()
    }

    pub(super) fn contents(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut contents = BTreeMap::new();
        for (key, value) in self.records.iter().flatten() {
            match value {
                Some(value) => contents.insert(key.clone(), value.clone()),
                None => contents.remove(key),
            };
        }
        contents
    }
}

/// A store whose process is killed after so many writes.
#[derive(Clone)]
pub(super) struct Store {
    state: TaskState,
    steps_left: Rc<Cell<usize>>,
}

impl Store {
    pub(super) fn put(state: &TaskState, key: &[u8], value: &[u8]) {
        let mut batch = StateBatch::default();
        state.stage(&mut batch, StoreNumber(16), key, Some(value));
        state.write(batch).unwrap();
    }

    fn step(&self, act: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let killed = || Err(Error::State("killed".to_owned()));
        if self.steps_left.get() == 0 {
            return killed();
        }
        self.steps_left.set(self.steps_left.get() - 1);
        act()?;
        if self.steps_left.get() == 0 { killed() } else { Ok(()) }
    }
}

impl StateBase for Store {
    fn get(&self, store: StoreNumber, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        self.state.get(store, key)
    }

    fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        self.state.scan(store, from, to, limit)
    }
}

impl TaskStore for Store {
    type Batch = StateBatch;

    fn name(&self) -> &str {
        self.state.name()
    }

    fn is_in_memory(&self, store: StoreNumber) -> bool {
        self.state.is_in_memory(store)
    }

    fn has_memory_stores(&self) -> bool {
        self.state.has_memory_stores()
    }

    fn clear_memory(&self) {
        self.state.clear_memory();
    }

    fn stage(&self, batch: &mut StateBatch, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        self.state.stage(batch, store, key, value);
    }

    fn stage_meta(&self, batch: &mut StateBatch, meta: &TaskMeta) -> Result<(), Error> {
        self.state.stage_meta(batch, meta)
    }

    fn stage_wipe(&self, batch: &mut StateBatch) {
        self.state.stage_wipe(batch);
    }

    fn stage_wipe_store(&self, batch: &mut StateBatch, store: StoreNumber) {
        self.state.stage_wipe_store(batch, store);
    }

    fn meta(&self) -> Result<TaskMeta, Error> {
        TaskStore::meta(&self.state)
    }

    fn batch_bytes(batch: &StateBatch) -> usize {
        batch.size_bytes()
    }

    fn write(&self, batch: StateBatch) -> Result<(), Error> {
        self.step(|| self.state.write(batch))
    }

    fn loading(&self, is_loading: bool) {
        self.state.loading(is_loading);
    }

    fn load<'c>(&self, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        self.step(|| self.state.load(changes))
    }
}

/// Changelogs by their partitions; they can grow while they are read.
pub(super) type Logs = Rc<RefCell<BTreeMap<TopicPartition, Changelog>>>;

/// Reads changelogs in memory.
pub(super) struct Reader {
    logs: Logs,
    positions: BTreeMap<TopicPartition, usize>,
    records_of_a_poll: usize,
    read: Rc<Cell<usize>>,
}

struct Record<'a> {
    at: &'a TopicPartition,
    offset: usize,
    record: &'a Recorded,
}

fn offset(number: usize) -> Offset {
    Offset::new(i64::try_from(number).unwrap()).unwrap()
}

impl FetchedRecord for Record<'_> {
    fn topic(&self) -> &str {
        self.at.topic.as_str()
    }
    fn partition(&self) -> Partition {
        self.at.partition
    }
    fn offset(&self) -> Offset {
        offset(self.offset)
    }
    fn timestamp_ms(&self) -> i64 {
        0
    }
    fn key(&self) -> Option<&[u8]> {
        Some(&self.record.0)
    }
    fn value(&self) -> Option<&[u8]> {
        self.record.1.as_deref()
    }
    fn owned_headers(&self) -> Headers {
        Headers::new()
    }
}

impl ChangelogReader for Reader {
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        let bounds = |at: &TopicPartition| {
            let logs = self.logs.borrow();
            let log = logs.get(at)?;
            Some((at.clone(), (Offset::new(log.start).ok()?, Offset::new(log.end()).ok()?)))
        };
        Ok(partitions.iter().filter_map(bounds).collect())
    }

    fn add(&mut self, start: &StartAt) -> Result<(), Error> {
        let StartOffset::At(from) = start.offset else { panic!("restores begin at an offset") };
        assert!(self.positions.insert(start.partition.clone(), usize::try_from(from.get()).unwrap()).is_none());
        Ok(())
    }

    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        assert!(self.positions.remove(partition).is_some());
        Ok(())
    }

    fn poll<H: ChangelogHandler>(&mut self, _: Duration, records_max: usize, handler: &mut H) -> Result<(), Error> {
        for (at, position) in &mut self.positions {
            let logs = self.logs.borrow();
            let records = &logs[at].records;
            for _ in 0..records_max.min(self.records_of_a_poll) {
                let Some(record) = records.get(*position) else { break };
                let Some(record) = record else {
                    *position += 1;
                    continue;
                };
                self.read.set(self.read.get() + 1);
                let next = handler.record(&Record { at, offset: *position, record });
                *position += 1;
                if next == Next::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        Ok(self.positions.get(partition).map(|position| offset(*position)))
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        Offset::new(self.logs.borrow().get(partition)?.end()).ok()
    }
}

/// A snapshot of the task, as one that reads it will find it.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) meta: TaskMeta,
    pub(super) entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// It turns out to be damaged after so many of its entries.
    pub(super) broken_after: Option<usize>,
}

/// Entries that a reader hands out at a time.
const ENTRIES_OF_A_PART: usize = 7;

/// Says what a reader of these snapshots would.
struct Script(VecDeque<SnapshotRead>);

impl Script {
    fn of(snapshots: &[Taken], wanted: &SnapshotWanted) -> Self {
        let mut reads = VecDeque::from([SnapshotRead::NotYet]);
        for taken in snapshots {
            let meta = taken.meta.clone();
            let spares = meta.changelog_offset - wanted.from;
            if meta.unusable(&wanted.bounds, wanted.now).is_some() || spares < wanted.spares_min {
                continue;
            }
            reads.push_back(SnapshotRead::Begin(meta));
            let whole = &taken.entries[..taken.broken_after.unwrap_or(taken.entries.len())];
            for part in whole.chunks(ENTRIES_OF_A_PART) {
                let mut entries = SortedEntries::default();
                part.iter().for_each(|(key, value)| entries.push(key, value).unwrap());
                reads.extend([SnapshotRead::NotYet, SnapshotRead::Entries(entries)]);
            }
            reads.push_back(if taken.broken_after.is_some() { SnapshotRead::Broken } else { SnapshotRead::End });
        }
        Self(reads)
    }
}

impl SnapshotReader for Script {
    fn next(&mut self) -> SnapshotRead {
        self.0.pop_front().unwrap_or(SnapshotRead::None)
    }
}

type Told = Rc<RefCell<Vec<(usize, RestoreResult)>>>;

pub(super) struct Ports {
    told: Told,
    /// Where standbys are.
    process: Option<(StateDatabase, Rc<Cell<usize>>)>,
    /// The best first.
    snapshots: Vec<Taken>,
}

impl RestorePorts for Ports {
    type Store = Store;
    type Reader = Reader;
    type Clock = At;
    type Observer = Watching;

    fn tell(&self, worker: usize, result: RestoreResult) {
        self.told.borrow_mut().push((worker, result));
    }

    fn open(&self, task: &StandbyTask) -> Result<(Store, TaskMeta), Error> {
        let (database, steps_left) = self.process.as_ref().unwrap();
        let (state, meta) = database.task(&task.task, &[])?;
        Ok((Store { state, steps_left: Rc::clone(steps_left) }, meta))
    }

    fn snapshot(&self, wanted: &SnapshotWanted) -> Option<Box<dyn SnapshotReader>> {
        (!self.snapshots.is_empty()).then(|| Box::new(Script::of(&self.snapshots, wanted)) as _)
    }
}

/// Wall-clock time when the process began, and how long ago that is.
pub(super) struct At(i64, Rc<Cell<Duration>>);

impl Clock for At {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.0 + i64::try_from(self.1.get().as_millis()).unwrap())
    }
    fn monotonic(&self) -> Duration {
        self.1.get()
    }
}

/// Lags of standbys, and whether they have caught up.
pub(super) type Lags = Rc<RefCell<BTreeMap<String, (i64, bool)>>>;

#[derive(Default)]
pub(super) struct Watching(Lags);

impl RestoreObserver for Watching {
    fn restored(&self, _: u64) {}
    fn remaining(&self, _: &str, _: i64) {}
    fn ended(&self, _: &str, _: Timestamp, _: bool) {}

    fn standby_lags_by(&self, task: &str, records: i64, has_caught_up: bool) {
        self.0.borrow_mut().insert(task.to_owned(), (records, has_caught_up));
    }

    fn standby_left(&self, task: &str) {
        self.0.borrow_mut().remove(task);
    }
}

/// A table to be restored.
#[derive(Clone, Copy)]
pub(super) struct TableJob<'t> {
    pub(super) topic: &'t Changelog,
    pub(super) name: &'static str,
    pub(super) store: StoreNumber,
    /// What the group has committed.
    pub(super) up_to: Option<i64>,
}

impl TableJob<'_> {
    fn partition(&self) -> TopicPartition {
        TopicPartition::new(TopicName::new(self.name).unwrap(), Partition::new(0))
    }
}

/// A process with one task's store.
pub(super) struct World {
    folder: tempfile::TempDir,
    process: Option<(StateDatabase, TaskState)>,
    in_memory: &'static [StoreNumber],
    steps_left: Rc<Cell<usize>>,
    pub(super) limits: RestoreLimits,
    pub(super) records_of_a_poll: usize,
    pub(super) now: i64,
    /// Where the task may begin besides; the best first.
    pub(super) snapshots: Vec<Taken>,
}

impl World {
    pub(super) fn new(limits: RestoreLimits) -> Self {
        Self::open(limits, &[])
    }

    pub(super) fn with_memory_store(limits: RestoreLimits) -> Self {
        Self::open(limits, &[IN_MEMORY])
    }

    fn open(limits: RestoreLimits, in_memory: &'static [StoreNumber]) -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            process: None,
            in_memory,
            steps_left: Rc::new(Cell::new(usize::MAX)),
            limits,
            records_of_a_poll: 37,
            now: DAY_MS * 20_000,
            snapshots: Vec::new(),
        };
        world.reopen();
        world
    }

    /// A new process on the same folder.
    pub(super) fn reopen(&mut self) {
        self.process = None;
        self.steps_left = Rc::new(Cell::new(usize::MAX));
        let database = StateDatabase::open(self.folder.path(), MemoryBudget::default()).unwrap();
        let (state, _) = database.task(TASK, self.in_memory).unwrap();
        self.process = Some((database, state));
    }

    fn database(&self) -> &StateDatabase {
        &self.process.as_ref().unwrap().0
    }

    fn state(&self) -> &TaskState {
        &self.process.as_ref().unwrap().1
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) fn meta(&self) -> TaskMeta {
        self.database().meta(TASK).unwrap().unwrap()
    }

    pub(super) fn other_task(&self, name: &str) -> TaskState {
        self.database().task(name, &[]).unwrap().0
    }

    pub(super) fn crash_after(&self, steps: usize) {
        self.steps_left.set(steps);
    }

    fn job(&self, worker: usize, epoch: u64, state: TaskState, log: &Changelog) -> RestoreJob<Store> {
        let name = state.name().to_owned();
        RestoreJob {
            worker,
            slot: 0,
            epoch,
            meta: self.database().meta(&name).unwrap().unwrap(),
            partition: partition(&name),
            kind: RestoreKind::Changelog,
            topic_id: Some(log.topic_id.clone()),
            delete_retention_ms: DAY_MS,
            store: Store { state, steps_left: Rc::clone(&self.steps_left) },
        }
    }

    fn restorer(&self, logs: &[(&str, &Changelog)]) -> (Restorer<Ports>, Told, Rc<Cell<usize>>) {
        let (told, read) = (Told::default(), Rc::default());
        let reader = Reader {
            logs: Rc::new(RefCell::new(logs.iter().map(|(task, log)| (partition(task), (*log).clone())).collect())),
            positions: BTreeMap::new(),
            records_of_a_poll: self.records_of_a_poll,
            read: Rc::clone(&read),
        };
        let ports = Ports { told: Rc::clone(&told), process: None, snapshots: self.snapshots.clone() };
        let clock = At(self.now, Rc::default());
        let restorer = Restorer::new(ports, reader, clock, Watching::default()).with_limits(self.limits);
        (restorer, told, read)
    }

    /// Restores the task to the end of a changelog.
    pub(super) fn restore(&mut self, log: &Changelog) -> RestoreResult {
        let (mut restorer, told, _) = self.restorer(&[(TASK, log)]);
        restorer.begin(vec![self.job(0, 1, self.state().clone(), log)]);
        run(&mut restorer);
        let (_, result) = told.borrow_mut().pop().unwrap();
        result
    }

    pub(super) const MEMORY_TABLE: StoreNumber = MEMORY_TABLE;

    pub(super) fn with_memory_table(limits: RestoreLimits) -> Self {
        Self::open(limits, &[IN_MEMORY, MEMORY_TABLE])
    }

    fn table_job(&self, worker: usize, state: TaskState, table: &TableJob<'_>) -> RestoreJob<Store> {
        RestoreJob {
            partition: table.partition(),
            kind: RestoreKind::Table {
                store: table.store,
                up_to: table.up_to.map(|up_to| Offset::new(up_to).unwrap()),
            },
            ..self.job(worker, 1, state, table.topic)
        }
    }

    fn restorer_of(&self, logs: BTreeMap<TopicPartition, Changelog>) -> (Restorer<Ports>, Told) {
        let told = Told::default();
        let reader = Reader {
            logs: Rc::new(RefCell::new(logs)),
            positions: BTreeMap::new(),
            records_of_a_poll: self.records_of_a_poll,
            read: Rc::default(),
        };
        let ports = Ports { told: Rc::clone(&told), process: None, snapshots: Vec::new() };
        let restorer = Restorer::new(ports, reader, At(self.now, Rc::default()), Watching::default());
        (restorer.with_limits(self.limits), told)
    }

    /// Restores a table of the task.
    pub(super) fn restore_table(&mut self, table: &TableJob<'_>) -> RestoreResult {
        let (mut restorer, told) = self.restorer_of(BTreeMap::from([(table.partition(), table.topic.clone())]));
        restorer.begin(vec![self.table_job(0, self.state().clone(), table)]);
        run(&mut restorer);
        let (_, result) = told.borrow_mut().pop().unwrap();
        result
    }

    /// Restores a table of one topic for several tasks, each up to its position; answers with their places as they end.
    pub(super) fn restore_tables_of(&self, table: &TableJob<'_>, tasks: &[(&str, i64)]) -> Vec<usize> {
        let (mut restorer, told) = self.restorer_of(BTreeMap::from([(table.partition(), table.topic.clone())]));
        let job = |(worker, (task, up_to)): (usize, &(&str, i64))| {
            self.table_job(worker, self.other_task(task), &TableJob { up_to: Some(*up_to), ..*table })
        };
        restorer.begin(tasks.iter().enumerate().map(job).collect());
        run(&mut restorer);
        told.take().into_iter().map(|(worker, result)| result.map(|_| worker).unwrap()).collect()
    }

    /// A worker asks for a table, and in the midst of that another one for the task; answers with who was told.
    pub(super) fn supersede_table(&mut self, log: &Changelog, table: &TableJob<'_>) -> Vec<usize> {
        let logs = BTreeMap::from([(table.partition(), table.topic.clone()), (partition(TASK), log.clone())]);
        let (mut restorer, told) = self.restorer_of(logs);
        restorer.begin(vec![self.table_job(0, self.state().clone(), table)]);
        for _ in 0..5 {
            restorer.turn();
        }
        restorer.begin(vec![self.job(1, 2, self.state().clone(), log)]);
        run(&mut restorer);
        told.take().into_iter().map(|(worker, result)| result.map(|_| worker).unwrap()).collect()
    }

    /// Another worker asks for the same while it is under way; answers with what was told, and how much was read.
    pub(super) fn restore_asked_twice(&mut self, log: &Changelog) -> (Vec<(usize, Restored)>, usize) {
        let (mut restorer, told, read) = self.restorer(&[(TASK, log)]);
        restorer.begin(vec![self.job(0, 1, self.state().clone(), log)]);
        restorer.turn();
        restorer.turn();
        let (state, _) = self.database().task(TASK, self.in_memory).unwrap();
        restorer.begin(vec![self.job(1, 2, state.clone(), log)]);
        run(&mut restorer);
        self.process.as_mut().unwrap().1 = state;
        let told = told.take().into_iter().map(|(worker, result)| (worker, result.unwrap())).collect();
        (told, read.get())
    }

    /// Restores one task for each changelog, and says in which order they were done.
    pub(super) fn restore_together(&mut self, logs: &[&Changelog]) -> Vec<usize> {
        let names: Vec<String> = (0..logs.len()).map(|number| format!("p/s/{number}")).collect();
        let by_name: Vec<(&str, &Changelog)> = names.iter().map(String::as_str).zip(logs.iter().copied()).collect();
        let (mut restorer, told, _) = self.restorer(&by_name);
        let job = |(worker, (name, log)): (usize, &(&str, &Changelog))| {
            self.job(worker, 1, self.database().task(name, &[]).unwrap().0, log)
        };
        restorer.begin(by_name.iter().enumerate().map(job).collect());
        run(&mut restorer);
        let told = told.take();
        told.into_iter().map(|(worker, result)| result.map(|_| worker).unwrap()).collect()
    }

    /// A restorer that keeps standbys, with logs that grow and a clock that is moved on.
    pub(super) fn keeper(&self, logs: &[(&str, &Changelog)]) -> Keeper {
        let (told, read, lags): (Told, Rc<Cell<usize>>, Lags) = Default::default();
        let passed: Rc<Cell<Duration>> = Rc::default();
        let logs: Logs =
            Rc::new(RefCell::new(logs.iter().map(|(task, log)| (partition(task), (*log).clone())).collect()));
        let reader = Reader {
            logs: Rc::clone(&logs),
            positions: BTreeMap::new(),
            records_of_a_poll: self.records_of_a_poll,
            read: Rc::clone(&read),
        };
        let process = Some((self.database().clone(), Rc::clone(&self.steps_left)));
        let ports = Ports { told: Rc::clone(&told), process, snapshots: self.snapshots.clone() };
        let clock = At(self.now, Rc::clone(&passed));
        let restorer = Restorer::new(ports, reader, clock, Watching(Rc::clone(&lags))).with_limits(self.limits);
        Keeper { restorer, logs, told, read, lags, passed }
    }

    /// A worker's job for a task that it has just been given.
    pub(super) fn job_of(&self, worker: usize, epoch: u64, task: &str, log: &Changelog) -> RestoreJob<Store> {
        self.job(worker, epoch, self.database().task(task, &[]).unwrap().0, log)
    }

    /// A worker has committed the last so many changes, and applies them.
    pub(super) fn apply(&self, log: &Changelog, changes: usize) {
        let state = self.state();
        let mut batch = StateBatch::default();
        let last = log.records.len() - 1 - changes;
        for (key, value) in log.records[last..].iter().flatten() {
            state.stage(&mut batch, StoreNumber(key[0]), &key[1..], value.as_deref());
        }
        let meta = TaskMeta { changelog_offset: log.end(), saved_at: Timestamp::from_millis(self.now), ..self.meta() };
        state.stage_meta(&mut batch, &meta).unwrap();
        state.write(batch).unwrap();
    }

    /// A snapshot of the task as it is now.
    pub(super) fn take(&self) -> Taken {
        let frozen = self.database().freeze(TASK).unwrap().unwrap();
        let mut entries = Vec::new();
        let kept = frozen.visit(|key, value| {
            entries.push((key.to_vec(), value.to_vec()));
            Ok::<(), Error>(())
        });
        kept.unwrap();
        Taken { meta: frozen.meta().clone(), entries, broken_after: None }
    }

    pub(super) fn meta_of(&self, task: &str) -> TaskMeta {
        self.database().meta(task).unwrap().unwrap()
    }

    /// Everything the task's stores hold.
    pub(super) fn contents(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        contents_of(self.state())
    }

    pub(super) fn contents_of(&self, task: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
        contents_of(&self.other_task(task))
    }
}

fn contents_of(state: &TaskState) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for store in 0..=u8::MAX {
        let found = state.scan(StoreNumber(store), Bound::Unbounded, Bound::Unbounded, usize::MAX).unwrap();
        for (key, value) in found {
            contents.insert([&[store], key.as_ref()].concat(), value.to_vec());
        }
    }
    contents
}

/// A restorer in the midst of its work.
pub(super) struct Keeper {
    pub(super) restorer: Restorer<Ports>,
    logs: Logs,
    told: Told,
    read: Rc<Cell<usize>>,
    lags: Lags,
    passed: Rc<Cell<Duration>>,
}

impl Keeper {
    pub(super) fn keep_warm(&mut self, tasks: &[&str]) {
        let standby = |task: &&str| StandbyTask {
            task: (*task).to_owned(),
            changelog: partition(task),
            topic_id: self.logs.borrow().get(&partition(task)).map(|log| log.topic_id.clone()),
            delete_retention_ms: DAY_MS,
        };
        let tasks = tasks.iter().map(standby).collect();
        self.restorer.keep_warm(tasks);
    }

    /// So many turns, with so much time between them.
    pub(super) fn turns(&mut self, count: usize, between: Duration) {
        for _ in 0..count {
            self.passed.set(self.passed.get() + between);
            self.restorer.turn();
        }
    }

    pub(super) fn edit(&mut self, task: &str, change: impl FnOnce(&mut Changelog)) {
        change(self.logs.borrow_mut().get_mut(&partition(task)).unwrap());
    }

    pub(super) fn release(&mut self, worker: usize, task: &str, epoch: u64) {
        self.restorer.release(worker, &partition(task), epoch);
    }

    /// What was told since the last time.
    pub(super) fn told(&mut self) -> Vec<(usize, RestoreResult)> {
        self.told.take()
    }

    /// Records read in all.
    pub(super) fn read(&self) -> usize {
        self.read.get()
    }

    /// A standby's lag, and whether it has caught up; None when there is none.
    pub(super) fn lag(&self, task: &str) -> Option<(i64, bool)> {
        self.lags.borrow().get(task).copied()
    }
}

fn partition(task: &str) -> TopicPartition {
    TopicPartition::new(TopicName::new(&task.replace('/', "-")).unwrap(), Partition::new(0))
}

fn run(restorer: &mut Restorer<Ports>) {
    // Each turn reads something, so that so many are too many.
    for _ in 0..100_000 {
        if restorer.is_idle() {
            return;
        }
        restorer.turn();
    }
    panic!("a restore does not end");
}
