use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_kafka::{
    ConnectionSettings, Isolation, LogReader, LogReaderSettings, Next, Record, StartAt, StartOffset,
};
use headwater_log::{Offset, TopicPartition};

use super::job::{RestoreJob, Restored, Running};
use crate::Error;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::partition_map::PartitionMap;
use crate::state::ChangelogBounds;

const RPC_DEADLINE: Duration = Duration::from_secs(15);
const POLL_WAIT: Duration = Duration::from_millis(50);
const POLL_RECORDS_MAX: usize = 5_000;
/// Jobs that wait for the thread at most: more tasks than any instance holds.
const JOBS_MAX: usize = 65_536;

/// What the restorer tells a worker.
pub type RestoreResult = Result<Restored, Error>;

/// The process's restore thread: one for all workers, so that two can never write to one store.
#[derive(Clone)]
pub struct Restorer {
    jobs: SyncSender<RestoreJob>,
}

impl Restorer {
    /// Starts the thread; results go to the worker that asked, by its number.
    ///
    /// # Errors
    /// [`Error::Kafka`] when the reader can't be made.
    pub fn start(
        connection: &ConnectionSettings,
        results: Vec<SyncSender<RestoreResult>>,
        prefetch_kbytes: u32,
        metrics: Metrics,
        clock: Clock,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (jobs, receiver) = sync_channel(JOBS_MAX);
        let settings = LogReaderSettings { prefetch_kbytes, ..LogReaderSettings::default() };
        let reader = LogReader::new(connection, &settings).map_err(Error::from_kafka)?;
        let mut work = Work { reader, jobs: receiver, running: PartitionMap::default(), results, metrics, clock };
        let thread = std::thread::Builder::new()
            .name("headwater-restore".to_owned())
            .spawn(move || work.run())
            .map_err(|error| Error::Configuration(format!("the restore thread can't be started: {error}")))?;
        Ok((Self { jobs }, thread))
    }

    /// Asks for a restore; one under way for the same changelog is superseded.
    ///
    /// # Errors
    /// [`Error::State`] when the thread is gone.
    pub fn submit(&self, job: RestoreJob) -> Result<(), Error> {
        self.jobs.try_send(job).map_err(|_| Error::state("the restore thread has ended".to_owned()))
    }
}

struct Work {
    reader: LogReader,
    jobs: Receiver<RestoreJob>,
    running: PartitionMap<Running>,
    results: Vec<SyncSender<RestoreResult>>,
    metrics: Metrics,
    clock: Clock,
}

impl Work {
    fn run(&mut self) {
        loop {
            match self.take_jobs() {
                Some(jobs) if jobs.is_empty() => {}
                Some(jobs) => self.begin(jobs),
                None => return,
            }
            if let Err(error) = self.read() {
                self.fail_all(&error);
            }
        }
    }

    /// Waits for work when there is none; None when every worker is gone.
    fn take_jobs(&self) -> Option<Vec<RestoreJob>> {
        let mut jobs = Vec::new();
        if self.running.is_empty() {
            match self.jobs.recv_timeout(Duration::from_secs(3600)) {
                Ok(job) => jobs.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        jobs.extend(self.jobs.try_iter());
        Some(jobs)
    }

    fn begin(&mut self, jobs: Vec<RestoreJob>) {
        let partitions: Vec<TopicPartition> = jobs.iter().map(|job| job.changelog.clone()).collect();
        let bounds = self.bounds(&partitions);
        for job in jobs {
            let worker = job.worker;
            let started = match &bounds {
                Ok(bounds) => self.begin_one(job, bounds),
                Err(error) => Err(Error::Kafka(error.to_string())),
            };
            if let Err(error) = started {
                self.tell(worker, Err(error));
            }
        }
    }

    fn begin_one(&mut self, job: RestoreJob, bounds: &BTreeMap<TopicPartition, (Offset, Offset)>) -> Result<(), Error> {
        let partition = job.changelog.clone();
        if self.running.remove(&partition).is_some() {
            self.reader.remove(&partition).map_err(Error::from_kafka)?;
        }
        let Some((start, high_watermark)) = bounds.get(&partition) else {
            return Err(Error::Kafka(format!("changelog {partition} has no offsets: run `headwater topics plan`")));
        };
        let bounds = ChangelogBounds {
            topic_id: job.topic_id.clone(),
            start: start.get(),
            high_watermark: high_watermark.get(),
            delete_retention_ms: job.delete_retention_ms,
        };
        let running = Running::begin(job, &bounds, self.clock.wall())?;
        if running.from >= running.target {
            return self.finish(running, *high_watermark);
        }
        let start = StartAt { partition: partition.clone(), offset: StartOffset::At(running.from) };
        self.reader.add(&start).map_err(Error::from_kafka)?;
        self.running.insert(partition, running);
        Ok(())
    }

    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        let handle = self.reader.handle();
        let starts = handle.beginnings(partitions, RPC_DEADLINE).map_err(Error::from_kafka)?;
        let ends = handle.ends(partitions, Isolation::ReadUncommitted, RPC_DEADLINE).map_err(Error::from_kafka)?;
        let ends: BTreeMap<TopicPartition, Offset> = ends.into_iter().collect();
        Ok(starts
            .into_iter()
            .filter_map(|(partition, start)| {
                let end = *ends.get(&partition)?;
                Some((partition, (start, end)))
            })
            .collect())
    }

    fn read(&mut self) -> Result<(), Error> {
        if self.running.is_empty() {
            return Ok(());
        }
        let running = &mut self.running;
        let (mut failure, mut records) = (None, 0);
        let each = |record: &Record<'_>| {
            if let Some(found) = running.find_mut(record.topic(), record.partition()) {
                records += 1;
                if let Err(error) = found.record(record.offset(), record.key(), record.value()) {
                    failure = Some(error);
                    return Next::Stop;
                }
            }
            Next::Continue
        };
        let polled = self.reader.poll(POLL_WAIT, POLL_RECORDS_MAX, each).map_err(Error::from_kafka)?;
        self.metrics.restored.inc_by(records);
        if let Some(error) = failure {
            return Err(error);
        }
        for error in polled.errors {
            tracing::warn!(%error, "restore");
        }
        self.finish_reached()
    }

    fn finish_reached(&mut self) -> Result<(), Error> {
        let mut reached = Vec::new();
        for (partition, running) in self.running.iter() {
            let remaining = self.metrics.restore_remaining.with_label_values(&[running.job.state.name()]);
            remaining.set(running.remaining().max(0));
            if let Some(position) = self.reader.position(partition).map_err(Error::from_kafka)?
                && position >= running.target
            {
                reached.push((partition.clone(), position));
            }
        }
        for (partition, position) in reached {
            self.reader.remove(&partition).map_err(Error::from_kafka)?;
            if let Some(running) = self.running.remove(&partition) {
                self.finish(running, position)?;
            }
        }
        Ok(())
    }

    fn finish(&self, running: Running, position: Offset) -> Result<(), Error> {
        let task = running.job.state.name().to_owned();
        let (worker, restored) = running.finish(position, self.clock.wall())?;
        let _absent = self.metrics.restore_remaining.remove_label_values(&[&task]);
        if restored.rebuilt.is_some() {
            self.metrics.rebuilt.inc();
        }
        self.tell(worker, Ok(restored));
        Ok(())
    }

    fn tell(&self, worker: usize, result: RestoreResult) {
        // A worker that is gone no longer cares.
        if let Some(sender) = self.results.get(worker) {
            let _gone = sender.send(result);
        }
    }

    fn fail_all(&mut self, error: &Error) {
        tracing::warn!(%error, "restore failed; the workers will ask again");
        for (partition, running) in std::mem::take(&mut self.running) {
            let _absent = self.reader.remove(&partition);
            self.tell(running.job.worker, Err(Error::Kafka(error.to_string())));
        }
    }
}
