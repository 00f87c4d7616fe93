use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_event::Timestamp;
use headwater_kafka::{ConnectionSettings, LogReaderSettings};
use headwater_log::TopicPartition;
use headwater_worker::ports::{RestoreObserver, Restores, SnapshotReader, SnapshotWanted};
use headwater_worker::{RestoreJob, RestoreLimits, RestorePorts, RestoreResult, Restorer, StandbyTask, TaskMeta};

use super::progress::RestoreMeter;
use super::reader::KafkaReader;
use super::warmth::Warmth;
use crate::Error;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::snapshots::SnapshotSource;
use crate::state::{MemoryBudget, StateDatabase, TaskState};

/// Orders that wait for the thread at most: more than any instance has tasks.
const ORDERS_MAX: usize = 65_536;

/// Threads at most: beside them the consumers' own threads and the brokers need time, and ready tasks work on.
const THREADS_MAX: usize = 2;

/// What a restore thread is told; in the order in which it was.
enum Order {
    /// A task is a worker's, as soon as its store is up to date.
    Restore(Box<RestoreJob<TaskState>>),
    /// A worker has given a task back.
    Release(usize, TopicPartition, u64),
    /// A worker has ended.
    ReleaseAll(usize),
    /// These tasks are kept warm, and no others.
    KeepWarm(Vec<StandbyTask>),
}

/// A way to the process's restore threads. Orders for one task always go to the same thread.
#[derive(Clone)]
pub(crate) struct RestoreHandle(Vec<SyncSender<Order>>);

impl RestoreHandle {
    /// The partitions of a subtopology take turns.
    fn thread_of(&self, task: &str) -> usize {
        let (part, partition) = task.rsplit_once('/').unwrap_or((task, ""));
        let part = BuildHasherDefault::<DefaultHasher>::default().hash_one(part);
        let place = part.wrapping_add(partition.parse().unwrap_or(0)) % self.0.len().max(1) as u64;
        usize::try_from(place).unwrap_or_default()
    }

    fn send(&self, thread: usize, order: Order) -> Result<(), Error> {
        let sent = self.0.get(thread).map(|thread| thread.try_send(order));
        sent.and_then(Result::ok).ok_or_else(|| Error::State("the restore thread has ended".to_owned()))
    }

    /// A worker has ended, whatever it worked on.
    pub(crate) fn release_all(&self, worker: usize) {
        for thread in 0..self.0.len() {
            // A thread that has ended writes to no store.
            let _ended = self.send(thread, Order::ReleaseAll(worker));
        }
    }

    /// Keeps these tasks warm, where no worker of this process works on them, and no others.
    ///
    /// # Errors
    /// [`Error::State`] when the threads are gone.
    pub(crate) fn keep_warm(&self, tasks: &[StandbyTask]) -> Result<(), Error> {
        for thread in 0..self.0.len() {
            let own = tasks.iter().filter(|task| self.thread_of(&task.task) == thread);
            self.send(thread, Order::KeepWarm(own.cloned().collect()))?;
        }
        Ok(())
    }
}

/// What the threads work with.
pub(crate) struct RestoreSetup<'s> {
    /// Which Kafka.
    pub(crate) connection: &'s ConnectionSettings,
    /// Where results go, by the number of the worker that asked.
    pub(crate) results: &'s [SyncSender<RestoreResult>],
    /// Where the stores are.
    pub(crate) database: &'s StateDatabase,
    /// Where stores may begin, besides.
    pub(crate) snapshots: Option<&'s SnapshotSource>,
    /// How much memory there is.
    pub(crate) memory: MemoryBudget,
    /// What is counted.
    pub(crate) metrics: &'s Metrics,
    /// How far restores have come.
    pub(crate) meter: &'s RestoreMeter,
    /// How far standbys have.
    pub(crate) warmth: &'s Warmth,
    /// Time.
    pub(crate) clock: Clock,
}

/// Starts the threads. They end with the last handle.
///
/// # Errors
/// [`Error::Kafka`] when a reader can't be made.
pub(crate) fn start(setup: &RestoreSetup<'_>) -> Result<(RestoreHandle, Vec<JoinHandle<()>>), Error> {
    let memory = setup.memory;
    let count = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let prefetch_kbytes = u32::try_from(memory.restore_fetch_bytes() / 1024 / count).unwrap_or(16 * 1024);
    let settings = LogReaderSettings { prefetch_kbytes, ..LogReaderSettings::default() };
    let limits = RestoreLimits { gather_bytes: memory.restore_bytes() / count, ..RestoreLimits::default() };
    let mut handles = (Vec::new(), Vec::new());
    for number in 0..count {
        let (orders, receiver) = sync_channel(ORDERS_MAX);
        let reader = KafkaReader::new(setup.connection, &settings)?;
        let ports = KafkaRestores {
            results: setup.results.to_vec(),
            database: setup.database.clone(),
            snapshots: setup.snapshots.cloned(),
        };
        let watched = Watched {
            metrics: setup.metrics.clone(),
            meter: setup.meter.clone(),
            warmth: setup.warmth.clone(),
            clock: setup.clock,
        };
        let restorer = Restorer::new(ports, reader, setup.clock, watched).with_limits(limits);
        let thread = std::thread::Builder::new()
            .name(format!("hw-restore-{number}"))
            .spawn(move || run(restorer, &receiver))
            .map_err(|error| Error::Configuration(format!("a restore thread can't be started: {error}")))?;
        handles.0.push(orders);
        handles.1.push(thread);
    }
    Ok((RestoreHandle(handles.0), handles.1))
}

fn run(mut restorer: Restorer<KafkaRestores>, orders: &Receiver<Order>) {
    const FOR_EVER: Duration = Duration::from_secs(3600);
    loop {
        let mut taken = Vec::new();
        let pause = restorer.pause().unwrap_or(FOR_EVER);
        if pause > Duration::ZERO {
            match orders.recv_timeout(pause) {
                Ok(order) => taken.push(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // Nobody waits for what is under way once the last handle is gone; the store goes on where it was next time.
        let is_wanted = loop {
            match orders.try_recv() {
                Ok(order) => taken.push(order),
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
        };
        if !is_wanted {
            return;
        }
        follow_orders(&mut restorer, taken);
        restorer.turn();
    }
}

/// In their order; jobs in a row begin together.
fn follow_orders(restorer: &mut Restorer<KafkaRestores>, orders: Vec<Order>) {
    let mut jobs = Vec::new();
    for order in orders {
        if let Order::Restore(job) = order {
            jobs.push(*job);
            continue;
        }
        begin(restorer, &mut jobs);
        match order {
            Order::Restore(_) => {}
            Order::Release(worker, changelog, epoch) => restorer.release(worker, &changelog, epoch),
            Order::ReleaseAll(worker) => restorer.release_all(worker),
            Order::KeepWarm(tasks) => restorer.keep_warm(tasks),
        }
    }
    begin(restorer, &mut jobs);
}

fn begin(restorer: &mut Restorer<KafkaRestores>, jobs: &mut Vec<RestoreJob<TaskState>>) {
    if !jobs.is_empty() {
        restorer.begin(std::mem::take(jobs));
    }
}

/// A worker's way to the threads, and back.
pub(crate) struct RestoreLinks<'l> {
    worker: usize,
    orders: RestoreHandle,
    results: &'l Receiver<RestoreResult>,
}

impl<'l> RestoreLinks<'l> {
    pub(crate) const fn new(worker: usize, orders: RestoreHandle, results: &'l Receiver<RestoreResult>) -> Self {
        Self { worker, orders, results }
    }
}

impl Restores<TaskState> for RestoreLinks<'_> {
    fn submit(&mut self, job: RestoreJob<TaskState>) -> Result<(), Error> {
        self.orders.send(self.orders.thread_of(job.store.name()), Order::Restore(Box::new(job)))
    }

    fn release(&mut self, task: &str, changelog: &TopicPartition, epoch: u64) {
        let order = Order::Release(self.worker, changelog.clone(), epoch);
        if self.orders.send(self.orders.thread_of(task), order).is_err() {
            tracing::warn!(%changelog, "the restore thread was not told that a task has left; it is not kept warm here");
        }
    }

    fn next(&mut self) -> Option<RestoreResult> {
        self.results.try_recv().ok()
    }
}

/// The restorer's ports on Kafka and RocksDB.
struct KafkaRestores {
    results: Vec<SyncSender<RestoreResult>>,
    database: StateDatabase,
    snapshots: Option<SnapshotSource>,
}

impl RestorePorts for KafkaRestores {
    type Store = TaskState;
    type Reader = KafkaReader;
    type Clock = Clock;
    type Observer = Watched;

    fn tell(&self, worker: usize, result: RestoreResult) {
        if let Some(sender) = self.results.get(worker) {
            let _gone = sender.send(result);
        }
    }

    fn open(&self, task: &StandbyTask) -> Result<(TaskState, TaskMeta), Error> {
        self.database.task(&task.task, &[])
    }

    fn snapshot(&self, wanted: &SnapshotWanted) -> Option<Box<dyn SnapshotReader>> {
        self.snapshots.as_ref()?.read(wanted)
    }
}

struct Watched {
    metrics: Metrics,
    meter: RestoreMeter,
    warmth: Warmth,
    clock: Clock,
}

impl RestoreObserver for Watched {
    fn restored(&self, records: u64) {
        self.metrics.restored.inc_by(records);
        self.meter.restored(records);
    }

    fn remaining(&self, task: &str, records: i64) {
        self.metrics.restore_remaining.with_label_values(&[task]).set(records);
        self.meter.remaining(task, records, self.clock.monotonic());
    }

    fn ended(&self, task: &str, _at: Timestamp, rebuilt: bool) {
        let _absent = self.metrics.restore_remaining.remove_label_values(&[task]);
        self.meter.ended(task, self.clock.monotonic());
        if rebuilt {
            self.metrics.rebuilt.inc();
        }
    }

    fn failed(&self, task: &str) {
        let _absent = self.metrics.restore_remaining.remove_label_values(&[task]);
        self.meter.ended(task, self.clock.monotonic());
    }

    fn loaded(&self, _task: &str, entries: u64) {
        self.metrics.snapshots.loaded_records.inc_by(entries);
    }

    fn load_ended(&self, _task: &str, is_loaded: bool) {
        self.metrics.snapshots.loaded.inc_by(u64::from(is_loaded));
    }

    fn standby_read(&self, records: u64) {
        self.metrics.standby_records.inc_by(records);
    }

    fn standby_lags_by(&self, task: &str, records: i64, has_caught_up: bool) {
        self.metrics.standby_lag.with_label_values(&[task]).set(records);
        self.warmth.lags_by(task, records, has_caught_up);
    }

    fn standby_left(&self, task: &str) {
        let _absent = self.metrics.standby_lag.remove_label_values(&[task]);
        self.warmth.left(task);
    }
}
