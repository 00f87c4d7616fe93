use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_event::Timestamp;
use headwater_kafka::{ConnectionSettings, LogReader, LogReaderSettings};
use headwater_worker::ports::{RestoreObserver, Restores};
use headwater_worker::{RestoreJob, RestorePorts, RestoreResult, Restorer};

use super::reader::KafkaReader;
use crate::Error;
use crate::clock::Clock;
use crate::error::from_kafka;
use crate::metrics::Metrics;
use crate::state::TaskState;

/// Jobs that wait for the thread at most: more tasks than any instance holds.
const JOBS_MAX: usize = 65_536;

/// A way to the process's restore thread.
#[derive(Clone)]
pub(crate) struct RestoreHandle(SyncSender<RestoreJob<TaskState>>);

/// Starts the thread; results go to the worker that asked, by its number. It ends with the last handle.
///
/// # Errors
/// [`Error::Kafka`] when the reader can't be made.
pub(crate) fn start(
    connection: &ConnectionSettings,
    results: Vec<SyncSender<RestoreResult>>,
    prefetch_kbytes: u32,
    metrics: Metrics,
    clock: Clock,
) -> Result<(RestoreHandle, JoinHandle<()>), Error> {
    let (jobs, receiver) = sync_channel(JOBS_MAX);
    let settings = LogReaderSettings { prefetch_kbytes, ..LogReaderSettings::default() };
    let reader = KafkaReader(LogReader::new(connection, &settings).map_err(from_kafka)?);
    let restorer = Restorer::new(KafkaRestores { results }, reader, clock, Watched(metrics));
    let thread = std::thread::Builder::new()
        .name("headwater-restore".to_owned())
        .spawn(move || run(restorer, &receiver))
        .map_err(|error| Error::Configuration(format!("the restore thread can't be started: {error}")))?;
    Ok((RestoreHandle(jobs), thread))
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
        taken.extend(jobs.try_iter());
        if !taken.is_empty() {
            restorer.begin(taken);
        }
        restorer.turn();
    }
}

/// A worker's way to the thread, and back.
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
        self.jobs.0.try_send(job).map_err(|_| Error::State("the restore thread has ended".to_owned()))
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

struct Watched(Metrics);

impl RestoreObserver for Watched {
    fn restored(&self, records: u64) {
        self.0.restored.inc_by(records);
    }

    fn remaining(&self, task: &str, records: i64) {
        self.0.restore_remaining.with_label_values(&[task]).set(records);
    }

    fn ended(&self, task: &str, _at: Timestamp, rebuilt: bool) {
        let _absent = self.0.restore_remaining.remove_label_values(&[task]);
        if rebuilt {
            self.0.rebuilt.inc();
        }
    }
}
