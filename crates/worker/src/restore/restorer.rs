use std::collections::BTreeMap;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use super::job::{RestoreJob, Restored, Running};
use crate::ports::{
    ChangelogHandler, ChangelogReader, Clock, FetchedRecord, Next, RestoreObserver, StartAt, StartOffset, TaskStore,
};
use crate::{ChangelogBounds, Error, PartitionMap};

const POLL_WAIT: Duration = Duration::from_millis(50);
const POLL_RECORDS_MAX: usize = 5_000;

/// What a restorer tells a worker.
pub type RestoreResult = Result<Restored, Error>;

/// The ports of a restorer, bundled.
pub trait RestorePorts {
    /// One task's store.
    type Store: TaskStore;
    /// Reads changelogs.
    type Reader: ChangelogReader;
    /// Time.
    type Clock: Clock;
    /// Who watches.
    type Observer: RestoreObserver;

    /// Gives a worker, by its number, the result of a restore that it has asked for. One that is gone does not care.
    fn tell(&self, worker: usize, result: RestoreResult);
}

/// Restores for all workers of a process, one restorer for all, so that two can never write to one store. Whoever owns
/// it begins jobs and gives it turns.
pub struct Restorer<R: RestorePorts> {
    ports: R,
    reader: R::Reader,
    clock: R::Clock,
    observer: R::Observer,
    running: PartitionMap<Running<R::Store>>,
}

impl<R: RestorePorts> Restorer<R> {
    /// A restorer with nothing to do.
    pub fn new(ports: R, reader: R::Reader, clock: R::Clock, observer: R::Observer) -> Self {
        Self { ports, reader, clock, observer, running: PartitionMap::default() }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Begins jobs; one under way for the same changelog is superseded.
    pub fn begin(&mut self, jobs: Vec<RestoreJob<R::Store>>) {
        let partitions: Vec<TopicPartition> = jobs.iter().map(|job| job.changelog.clone()).collect();
        let bounds = self.reader.bounds(&partitions);
        for job in jobs {
            let worker = job.worker;
            let started = match &bounds {
                Ok(bounds) => self.begin_one(job, bounds),
                Err(error) => Err(Error::Kafka(error.to_string())),
            };
            if let Err(error) = started {
                self.ports.tell(worker, Err(error));
            }
        }
    }

    fn begin_one(
        &mut self,
        job: RestoreJob<R::Store>,
        bounds: &BTreeMap<TopicPartition, (Offset, Offset)>,
    ) -> Result<(), Error> {
        let partition = job.changelog.clone();
        if self.running.remove(&partition).is_some() {
            self.reader.remove(&partition)?;
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
        self.reader.add(&StartAt { partition: partition.clone(), offset: StartOffset::At(running.from) })?;
        self.running.insert(partition, running);
        Ok(())
    }

    /// One turn: replays what has come, waiting a moment for it, and ends the restores that have reached their target.
    pub fn turn(&mut self) {
        if let Err(error) = self.read() {
            self.fail_all(&error);
        }
    }

    fn read(&mut self) -> Result<(), Error> {
        if self.running.is_empty() {
            return Ok(());
        }
        let mut replay = Replay { running: &mut self.running, failure: None, records: 0 };
        self.reader.poll(POLL_WAIT, POLL_RECORDS_MAX, &mut replay)?;
        let Replay { failure, records, .. } = replay;
        self.observer.restored(records);
        if let Some(error) = failure {
            return Err(error);
        }
        self.finish_reached()
    }

    fn finish_reached(&mut self) -> Result<(), Error> {
        let mut reached = Vec::new();
        for (partition, running) in self.running.iter() {
            self.observer.remaining(running.job.store.name(), running.remaining().max(0));
            if let Some(position) = self.reader.position(partition)?
                && position >= running.target
            {
                reached.push((partition.clone(), position));
            }
        }
        for (partition, position) in reached {
            self.reader.remove(&partition)?;
            if let Some(running) = self.running.remove(&partition) {
                self.finish(running, position)?;
            }
        }
        Ok(())
    }

    fn finish(&self, running: Running<R::Store>, position: Offset) -> Result<(), Error> {
        let task = running.job.store.name().to_owned();
        let now = self.clock.wall();
        let (worker, restored) = running.finish(position, now)?;
        self.observer.ended(&task, now, restored.rebuilt.is_some());
        self.ports.tell(worker, Ok(restored));
        Ok(())
    }

    fn fail_all(&mut self, error: &Error) {
        tracing::warn!(%error, "restore failed; the workers will ask again");
        for (partition, running) in std::mem::take(&mut self.running) {
            let _absent = self.reader.remove(&partition);
            self.ports.tell(running.job.worker, Err(Error::Kafka(error.to_string())));
        }
    }
}

/// Hands records to the restores they are for.
struct Replay<'a, S: TaskStore> {
    running: &'a mut PartitionMap<Running<S>>,
    failure: Option<Error>,
    records: u64,
}

impl<S: TaskStore> ChangelogHandler for Replay<'_, S> {
    fn record<R: FetchedRecord>(&mut self, record: &R) -> Next {
        if let Some(found) = self.running.find_mut(record.topic(), record.partition()) {
            self.records += 1;
            if let Err(error) = found.record(record.offset(), record.key(), record.value()) {
                self.failure = Some(error);
                return Next::Stop;
            }
        }
        Next::Continue
    }
}
