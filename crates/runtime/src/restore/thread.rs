use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_event::Timestamp;
use headwater_kafka::{ConnectionSettings, LogReader, LogReaderSettings};
use headwater_worker::ports::{RestoreObserver, Restores};
use headwater_worker::{RestoreJob, RestoreLimits, RestorePorts, RestoreResult, Restorer};

use super::progress::RestoreMeter;
use super::reader::KafkaReader;
use crate::Error;
use crate::clock::Clock;
use crate::error::from_kafka;
use crate::metrics::Metrics;
use crate::state::{MemoryBudget, TaskState};

/// Jobs that wait for the thread at most: more tasks than any instance holds.
const JOBS_MAX: usize = 65_536;

/// Threads at most: beside them the consumers' own threads and the brokers need time, and ready tasks work on.
const THREADS_MAX: usize = 2;

/// A way to the process's restore threads. Jobs for one changelog always go to the same thread.
#[derive(Clone)]
pub(crate) struct RestoreHandle(Vec<SyncSender<RestoreJob<TaskState>>>);

impl RestoreHandle {
    fn submit(&self, job: RestoreJob<TaskState>) -> Result<(), Error> {
        let topic = BuildHasherDefault::<DefaultHasher>::default().hash_one(&job.changelog.topic);
        let place = topic.wrapping_add(u64::from(job.changelog.partition.get())) % self.0.len().max(1) as u64;
        let thread = usize::try_from(place).ok().and_then(|place| self.0.get(place));
        let sent = thread.is_some_and(|thread| thread.try_send(job).is_ok());
        sent.then_some(()).ok_or_else(|| Error::State("the restore thread has ended".to_owned()))
    }
}

/// Starts the threads; results go to the worker that asked, by its number. They end with the last handle.
///
/// # Errors
/// [`Error::Kafka`] when a reader can't be made.
pub(crate) fn start(
    connection: &ConnectionSettings,
    results: &[SyncSender<RestoreResult>],
    memory: MemoryBudget,
    metrics: &Metrics,
    meter: &RestoreMeter,
    clock: Clock,
) -> Result<(RestoreHandle, Vec<JoinHandle<()>>), Error> {
    let count = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let prefetch_kbytes = u32::try_from(memory.fetch_bytes() / 1024 / count).unwrap_or(16 * 1024);
    let settings = LogReaderSettings { prefetch_kbytes, ..LogReaderSettings::default() };
    let limits = RestoreLimits { gather_bytes: memory.restore_bytes() / count, ..RestoreLimits::default() };
    let mut handles = (Vec::new(), Vec::new());
    for number in 0..count {
        let (jobs, receiver) = sync_channel(JOBS_MAX);
        let reader = KafkaReader(LogReader::new(connection, &settings).map_err(from_kafka)?);
        let ports = KafkaRestores { results: results.to_vec() };
        let restorer =
            Restorer::new(ports, reader, clock, Watched { metrics: metrics.clone(), meter: meter.clone(), clock })
                .with_limits(limits);
        let thread = std::thread::Builder::new()
            .name(format!("hw-restore-{number}"))
            .spawn(move || run(restorer, &receiver))
            .map_err(|error| Error::Configuration(format!("a restore thread can't be started: {error}")))?;
        handles.0.push(jobs);
        handles.1.push(thread);
    }
    Ok((RestoreHandle(handles.0), handles.1))
}

fn run(mut restorer: Restorer<KafkaRestores>, jobs: &Receiver<RestoreJob<TaskState>>) {
    loop {
        let mut taken = Vec::new();
        if restorer.is_idle() {
            match jobs.recv_timeout(Duration::from_secs(3600)) {
                Ok(job) => taken.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // Nobody waits for what is under way once the last handle is gone; the store goes on where it was next time.
        let is_wanted = loop {
            match jobs.try_recv() {
                Ok(job) => taken.push(job),
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
        };
        if !is_wanted {
            return;
        }
        if !taken.is_empty() {
            restorer.begin(taken);
        }
        restorer.turn();
    }
}

/// A worker's way to the threads, and back.
pub(crate) struct RestoreLinks<'l> {
    jobs: RestoreHandle,
    results: &'l Receiver<RestoreResult>,
}

impl<'l> RestoreLinks<'l> {
    pub(crate) const fn new(jobs: RestoreHandle, results: &'l Receiver<RestoreResult>) -> Self {
        Self { jobs, results }
    }
}

impl Restores<TaskState> for RestoreLinks<'_> {
    fn submit(&mut self, job: RestoreJob<TaskState>) -> Result<(), Error> {
        self.jobs.submit(job)
    }

    fn next(&mut self) -> Option<RestoreResult> {
        self.results.try_recv().ok()
    }
}

/// The restorer's ports on Kafka and RocksDB.
struct KafkaRestores {
    results: Vec<SyncSender<RestoreResult>>,
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
}

struct Watched {
    metrics: Metrics,
    meter: RestoreMeter,
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
}
