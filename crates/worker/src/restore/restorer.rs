use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use super::job::{RestoreJob, Restored, Running};
use crate::planted::{Bug, Planted};
use crate::ports::{
    ChangelogHandler, ChangelogReader, Clock, FetchedRecord, Next, RestoreObserver, StartAt, StartOffset, TaskStore,
};
use crate::{ChangelogBounds, Error, PartitionMap};

const POLL_WAIT: Duration = Duration::from_millis(50);
const POLL_RECORDS_MAX: usize = 5_000;

/// How stores are restored that have far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreLimits {
    /// How much is gathered in memory before it is sorted and loaded, in bytes.
    pub gather_bytes: usize,
    /// From how many offsets on a store has far to go. Those that have not are written as they are read, and wait for
    /// nobody.
    pub far_records: i64,
}

impl Default for RestoreLimits {
    fn default() -> Self {
        Self { gather_bytes: 16 << 20, far_records: 50_000 }
    }
}

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

/// Restores for all workers of a process; jobs for one changelog always go to the same restorer, so that two can never
/// write to one store. Whoever owns it begins jobs and gives it turns.
///
/// Stores that have far to go take turns: the memory in which their changes are gathered is one task's, since more of a
/// task at a time is less to sort and to merge, and the first is ready sooner. The others are all read at once.
pub struct Restorer<R: RestorePorts> {
    ports: R,
    reader: R::Reader,
    clock: R::Clock,
    observer: R::Observer,
    limits: RestoreLimits,
    running: PartitionMap<Running<R::Store>>,
    /// Those that have far to go and wait for their turn.
    waiting: VecDeque<Running<R::Store>>,
    planted: Planted,
}

impl<R: RestorePorts> Restorer<R> {
    /// A restorer with nothing to do.
    pub fn new(ports: R, reader: R::Reader, clock: R::Clock, observer: R::Observer) -> Self {
        let limits = RestoreLimits::default();
        let (running, waiting, planted) = (PartitionMap::default(), VecDeque::new(), Planted::default());
        Self { ports, reader, clock, observer, limits, running, waiting, planted }
    }

    /// The same, with other limits.
    #[must_use]
    pub fn with_limits(self, limits: RestoreLimits) -> Self {
        Self { limits, ..self }
    }

    /// Plants a bug.
    #[cfg(feature = "planted-bugs")]
    pub const fn plant(&mut self, bug: Bug) {
        self.planted.bug = Some(bug);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Begins jobs. One under way for the same changelog is superseded, or goes on for the new one.
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
        self.start_waiting();
    }

    fn begin_one(
        &mut self,
        job: RestoreJob<R::Store>,
        bounds: &BTreeMap<TopicPartition, (Offset, Offset)>,
    ) -> Result<(), Error> {
        let partition = job.changelog.clone();
        let Some((start, high_watermark)) = bounds.get(&partition) else {
            return Err(Error::Kafka(format!("changelog {partition} has no offsets: run `headwater topics plan`")));
        };
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.job.changelog == partition);
        if let Some(known) = waiting.or(self.running.get_mut(&partition))
            && known.serves(&job)
        {
            known.serve(job, *high_watermark);
            return Ok(());
        }
        if self.running.remove(&partition).is_some() {
            self.reader.remove(&partition)?;
        }
        self.waiting.retain(|waiting| waiting.job.changelog != partition);
        let bounds = ChangelogBounds {
            topic_id: job.topic_id.clone(),
            start: start.get(),
            high_watermark: high_watermark.get(),
            delete_retention_ms: job.delete_retention_ms,
        };
        let mut running = Running::begin(job, &bounds, self.clock.wall())?;
        if running.from >= running.target {
            self.finish(running, *high_watermark);
            return Ok(());
        }
        self.observer.remaining(running.job.store.name(), running.remaining());
        if running.remaining() >= self.limits.far_records {
            running.gather(self.limits.gather_bytes)?;
            self.waiting.push_back(running);
            return Ok(());
        }
        self.start(running)
    }

    fn start(&mut self, running: Running<R::Store>) -> Result<(), Error> {
        let partition = running.job.changelog.clone();
        self.reader.add(&StartAt { partition: partition.clone(), offset: StartOffset::At(running.from) })?;
        self.running.insert(partition, running);
        Ok(())
    }

    /// Gives the next that has far to go its turn, if none has it.
    fn start_waiting(&mut self) {
        while !self.running.iter().any(|(_, running)| running.is_gathering()) {
            let Some(next) = self.waiting.pop_front() else { return };
            let worker = next.job.worker;
            if let Err(error) = self.start(next) {
                self.ports.tell(worker, Err(error));
            }
        }
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
        self.finish_reached(records == 0)
    }

    fn finish_reached(&mut self, is_empty: bool) -> Result<(), Error> {
        let mut reached = Vec::new();
        for (partition, running) in self.running.iter() {
            self.observer.remaining(running.job.store.name(), running.remaining().max(0));
            if let Some(position) = self.reader.position(partition)?
                && (position >= running.target || (is_empty && self.planted.has(Bug::RestoreToStableEnd)))
            {
                reached.push((partition.clone(), position));
            }
        }
        for (partition, position) in reached {
            self.reader.remove(&partition)?;
            if let Some(running) = self.running.remove(&partition) {
                self.finish(running, position);
            }
        }
        self.start_waiting();
        Ok(())
    }

    fn finish(&self, running: Running<R::Store>, position: Offset) {
        let (task, worker) = (running.job.store.name().to_owned(), running.job.worker);
        let now = self.clock.wall();
        match running.finish(position, now) {
            Ok(restored) => {
                self.observer.ended(&task, now, restored.rebuilt.is_some());
                self.ports.tell(worker, Ok(restored));
            }
            Err(error) => {
                self.observer.failed(&task);
                self.ports.tell(worker, Err(error));
            }
        }
    }

    fn fail_all(&mut self, error: &Error) {
        tracing::warn!(%error, "restore failed; the workers will ask again");
        for (partition, running) in std::mem::take(&mut self.running) {
            let _absent = self.reader.remove(&partition);
            self.observer.failed(running.job.store.name());
            self.ports.tell(running.job.worker, Err(Error::Kafka(error.to_string())));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.observer.failed(waiting.job.store.name());
            self.ports.tell(waiting.job.worker, Err(Error::Kafka(error.to_string())));
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
