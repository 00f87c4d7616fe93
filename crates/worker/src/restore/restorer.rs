use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use super::job::{RestoreJob, RestoreKind, Restored, Subject};
use super::loading::FromSnapshot;
use super::replay::Replay;
use super::running::Running;
use super::standbys::Standbys;
use crate::planted::{Bug, Planted};
use crate::ports::{
    ChangelogReader, Clock, RestoreObserver, SnapshotReader, SnapshotWanted, StartAt, StartOffset, TaskStore,
};
use crate::{Error, PartitionMap, StandbyTask, TaskMeta};

const POLL_WAIT: Duration = Duration::from_millis(50);
const POLL_RECORDS_MAX: usize = 5_000;
/// Half of `delete.retention.ms` is far longer.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Where a poll brings so many records of standbys, more wait; fewer are worth a pause, so that polls don't count.
const STANDBY_RECORDS_MORE: u64 = 1_000;

/// How stores are restored that have far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreLimits {
    /// How much is gathered in memory before it is sorted and loaded, in bytes.
    pub gather_bytes: usize,
    /// From how many offsets on a store has far to go. Those that have not are written as they are read, and wait for
    /// nobody.
    pub far_records: i64,
    /// How many offsets a snapshot has to spare at least. To replay fewer takes less than to ask for one.
    pub snapshot_spares_min: i64,
}

impl Default for RestoreLimits {
    fn default() -> Self {
        Self { gather_bytes: 16 << 20, far_records: 50_000, snapshot_spares_min: 1_000 }
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

    /// The store of a task that is kept warm here, with what it knows of itself. Asked for only while no worker of this
    /// process works on the task.
    ///
    /// # Errors
    /// [`Error::State`].
    fn open(&self, task: &StandbyTask) -> Result<(Self::Store, TaskMeta), Error> {
        Err(Error::State(format!("{} can't be kept warm here", task.task)))
    }

    /// Begins to read a snapshot of a task in the background; None where there are no snapshots.
    fn snapshot(&self, _wanted: &SnapshotWanted) -> Option<Box<dyn SnapshotReader>> {
        None
    }
}

/// Restores for all workers of a process; jobs for one changelog always go to the same restorer, so that two can never
/// write to one store. Whoever owns it begins jobs and gives it turns.
///
/// Stores that have far to go take turns: the memory in which their changes are gathered is one task's, since more of a
/// task at a time is less to sort and to merge, and the first is ready sooner. The others are all read at once.
///
/// Standbys are restores without an end: nobody waits for them, so those that still read the past make room for any
/// restore. A task's standby and its restore are one thing, so that who takes a task over goes on where its standby is.
pub struct Restorer<R: RestorePorts> {
    pub(super) ports: R,
    pub(super) reader: R::Reader,
    pub(super) clock: R::Clock,
    pub(super) observer: R::Observer,
    pub(super) limits: RestoreLimits,
    pub(super) running: PartitionMap<Running<R::Store>>,
    /// Those that have far to go and wait for their turn.
    pub(super) waiting: VecDeque<Running<R::Store>>,
    /// Those that are to begin at a snapshot.
    pub(super) loading: VecDeque<FromSnapshot<R::Store>>,
    /// Whether the last turn had anything to load.
    pub(super) has_loaded: bool,
    pub(super) standbys: Standbys,
    /// The brokers are asked so often where the changelogs of standbys begin and end.
    pub(super) look_interval: Duration,
    pub(super) planted: Planted,
}

impl<R: RestorePorts> Restorer<R> {
    /// A restorer with nothing to do.
    pub fn new(ports: R, reader: R::Reader, clock: R::Clock, observer: R::Observer) -> Self {
        Self {
            ports,
            reader,
            clock,
            observer,
            limits: RestoreLimits::default(),
            running: PartitionMap::default(),
            waiting: VecDeque::new(),
            loading: VecDeque::new(),
            has_loaded: false,
            standbys: Standbys::default(),
            look_interval: LOOK_INTERVAL,
            planted: Planted::default(),
        }
    }

    /// The same, with other limits.
    #[must_use]
    pub fn with_limits(self, limits: RestoreLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same, asking the brokers so often where changelogs of standbys begin and end. A standby is as new as the last
    /// time, so half of their `delete.retention.ms` has to be longer.
    #[must_use]
    pub fn with_look_interval(self, look_interval: Duration) -> Self {
        Self { look_interval, ..self }
    }

    /// Plants a bug.
    #[cfg(feature = "planted-bugs")]
    pub const fn plant(&mut self, bug: Bug) {
        self.planted.bug = Some(bug);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.loading.is_empty() && self.standbys.is_empty()
    }

    /// Whether somebody waits for a restore.
    pub(super) fn is_asked(&self) -> bool {
        let waiting = self.waiting.iter().any(|waiting| !waiting.is_standby());
        let loading = self.loading.iter().any(|loading| !loading.is_standby());
        waiting || loading || self.running.iter().any(|(_, running)| !running.is_standby())
    }

    /// Begins jobs. What is under way for the same task is superseded, or goes on for the new one.
    pub fn begin(&mut self, jobs: Vec<RestoreJob<R::Store>>) {
        let partitions: BTreeSet<TopicPartition> = jobs.iter().map(|job| job.partition.clone()).collect();
        let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
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
        self.make_room();
        self.start_waiting();
        if let Err(error) = self.finish_reached(false) {
            self.fail_all(&error);
        }
    }

    fn begin_one(
        &mut self,
        mut job: RestoreJob<R::Store>,
        bounds: &BTreeMap<TopicPartition, (Offset, Offset)>,
    ) -> Result<(), Error> {
        let partition = job.partition.clone();
        if job.kind == RestoreKind::Changelog {
            self.standbys.taken(&partition, job.worker, job.epoch);
        }
        let Some(bounds) = bounds.get(&partition).copied() else {
            return Err(Error::Kafka(format!("topic {partition} has no offsets: run `headwater topics plan`")));
        };
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.job.is_of_changelog(&partition));
        if let Some(known) = waiting.or(self.running.get_mut(&partition))
            && known.serves(&job)
            && !self.planted.has(Bug::StandbyThrownAway)
        {
            let was_standby = known.is_standby();
            known.serve(job, bounds.1);
            if was_standby {
                self.observer.standby_left(known.job.store.name());
            }
            return Ok(());
        }
        if let Some(known) = self.loading.iter_mut().find(|loading| loading.job.is_of_changelog(&partition))
            && known.serves(&job)
        {
            let was_standby = known.is_standby();
            known.serve(job);
            if was_standby {
                self.observer.standby_left(known.job.store.name());
                self.observer.remaining(known.job.store.name(), known.remaining);
            }
            return Ok(());
        }
        let task = job.store.name().to_owned();
        self.drop_where(|other| other.store.name() == task)?;
        // What the worker knows of the store may be from before a standby, or an earlier job, went on with it.
        job.meta = job.store.meta()?;
        if self.planted.has(Bug::StandbyThrownAway) {
            job.meta = TaskMeta { number: job.meta.number, ..TaskMeta::default() };
        }
        let (asker, job) = job.into_parts();
        self.begin_at_best(job, Some(asker), bounds)
    }

    /// Starts to read for a job, or has it wait for its turn when it has far to go.
    pub(super) fn start_or_wait(&mut self, mut running: Running<R::Store>) -> Result<(), Error> {
        if running.remaining() >= self.limits.far_records {
            running.gather(self.limits.gather_bytes)?;
            self.waiting.push_back(running);
            return Ok(());
        }
        self.start(running)
    }

    /// Stops what is under way for a changelog, as it is.
    pub(super) fn drop_job(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.drop_where(|job| job.is_of_changelog(partition))
    }

    fn drop_where(&mut self, is_it: impl Fn(&Subject<R::Store>) -> bool) -> Result<(), Error> {
        let mut dropped = Vec::new();
        while let Some(place) = self.waiting.iter().position(|waiting| is_it(&waiting.job)) {
            dropped.extend(self.waiting.remove(place));
        }
        while let Some(place) = self.loading.iter().position(|loading| is_it(&loading.job)) {
            if let Some(standby) = self.loading.remove(place).filter(FromSnapshot::is_standby) {
                self.observer.standby_left(standby.job.store.name());
            }
        }
        let mut result = Ok(());
        let running = self.running.iter().filter(|(_, running)| is_it(&running.job));
        let partitions: Vec<TopicPartition> = running.map(|(partition, _)| partition.clone()).collect();
        for partition in partitions {
            dropped.extend(self.running.remove(&partition));
            result = result.and(self.reader.remove(&partition));
        }
        for standby in dropped.iter().filter(|dropped| dropped.is_standby()) {
            self.observer.standby_left(standby.job.store.name());
        }
        result
    }

    /// Two tasks may keep tables of one topic, and a partition is read for one of them at a time.
    fn start(&mut self, running: Running<R::Store>) -> Result<(), Error> {
        let partition = running.job.partition.clone();
        if self.running.get_mut(&partition).is_some_and(|other| other.is_standby()) {
            // A table of a changelog, which a standby would follow without an end.
            self.drop_job(&partition)?;
        }
        if self.running.place_of(&partition).is_some() {
            self.waiting.push_back(running);
            return Ok(());
        }
        self.reader.add(&StartAt { partition: partition.clone(), offset: StartOffset::At(running.from) })?;
        self.running.insert(partition, running);
        Ok(())
    }

    /// Those that have far to go have their turn one after the other.
    fn may_start(&self, next: &Running<R::Store>) -> bool {
        let has_turn = !next.is_gathering() || !self.running.iter().any(|(_, running)| running.is_gathering());
        has_turn && self.running.get(&next.job.partition).is_none_or(Running::is_standby)
    }

    /// Starts those whose turn it is.
    pub(super) fn start_waiting(&mut self) {
        while let Some(place) = self.waiting.iter().position(|next| self.may_start(next)) {
            let Some(next) = self.waiting.remove(place) else { return };
            let asker = next.asker;
            match (self.start(next), asker) {
                (Ok(()), _) => {}
                (Err(error), Some(asker)) => self.ports.tell(asker.worker, Err(error)),
                // A standby is begun again later.
                (Err(error), None) => tracing::warn!(%error, "a standby can't be started"),
            }
        }
    }

    /// One turn: replays what has come, waiting a moment for it, and ends the restores that have reached their target.
    pub fn turn(&mut self) {
        self.has_loaded = self.load_snapshots();
        if let Err(error) = self.read().and_then(|()| self.keep_up()) {
            self.fail_all(&error);
        }
    }

    fn read(&mut self) -> Result<(), Error> {
        self.standbys.more = false;
        if self.running.is_empty() {
            return Ok(());
        }
        // Whoever owns it waits between the turns of standbys, for whatever else it may be told.
        let wait = if self.is_asked() { POLL_WAIT } else { Duration::ZERO };
        let mut replay = Replay { running: &mut self.running, failure: None, records: 0, standby_records: 0 };
        self.reader.poll(wait, POLL_RECORDS_MAX, &mut replay)?;
        let Replay { failure, records, standby_records, .. } = replay;
        self.observer.restored(records);
        self.observer.standby_read(standby_records);
        self.standbys.more = standby_records >= STANDBY_RECORDS_MORE;
        if let Some(error) = failure {
            return Err(error);
        }
        self.finish_reached(records + standby_records == 0)
    }

    fn finish_reached(&mut self, is_empty: bool) -> Result<(), Error> {
        let mut reached = Vec::new();
        for (partition, running) in self.running.iter().filter(|(_, running)| !running.is_standby()) {
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

    pub(super) fn finish(&self, running: Running<R::Store>, position: Offset) {
        let Some(worker) = running.asker.map(|asker| asker.worker) else { return };
        let task = running.job.store.name().to_owned();
        let now = self.clock.wall();
        match running.finish(position, now) {
            Ok(restored) => {
                self.observer.ended(&task, now, restored.as_ref().is_some_and(|restored| restored.rebuilt.is_some()));
                if let Some(restored) = restored {
                    self.ports.tell(worker, Ok(restored));
                }
            }
            Err(error) => {
                self.observer.failed(&task);
                self.ports.tell(worker, Err(error));
            }
        }
    }

    fn fail_all(&mut self, error: &Error) {
        tracing::warn!(%error, "restore failed; the workers will ask again");
        let mut failed: Vec<_> = std::mem::take(&mut self.waiting).into();
        for (partition, running) in std::mem::take(&mut self.running) {
            let _absent = self.reader.remove(&partition);
            failed.push(running);
        }
        for failed in failed {
            let task = failed.job.store.name();
            match failed.asker {
                Some(asker) => {
                    self.observer.failed(task);
                    self.ports.tell(asker.worker, Err(Error::Kafka(error.to_string())));
                }
                None => self.observer.standby_left(task),
            }
        }
        self.standbys.wait_after_failure(self.clock.monotonic());
    }
}
