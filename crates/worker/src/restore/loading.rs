use std::collections::BTreeMap;

use headwater_log::{Offset, TopicPartition};

use super::job::{Asker, RestoreJob, RestoreKind, Subject};
use super::restorer::{RestorePorts, Restorer};
use super::running::{Loading, Running};
use crate::planted::Bug;
use crate::ports::{
    ChangelogReader as _, Clock as _, RestoreObserver as _, SnapshotRead, SnapshotReader, SnapshotWanted, TaskStore,
};
use crate::{Error, TaskMeta};

/// A store that is to begin at a snapshot, while that is looked for and loaded.
pub(super) struct FromSnapshot<S: TaskStore> {
    pub(super) job: Subject<S>,
    /// Who waits for the restore that follows; None for a standby.
    pub(super) asker: Option<Asker>,
    reader: Box<dyn SnapshotReader>,
    /// What the snapshot that was found says; it waits for its turn.
    offered: Option<TaskMeta>,
    /// What the store will know of itself once all of the snapshot is in it.
    chosen: Option<TaskMeta>,
    /// Offsets between where a replay would begin without it and the changelog's end.
    pub(super) remaining: i64,
    loading: Option<Loading<S>>,
}

/// What a step came to.
enum Step {
    /// There is nothing to do yet.
    Waits,
    /// So many entries were loaded, and more is to come.
    Goes(u64),
    /// The store is as it will be, from a snapshot or not.
    Ended { is_loaded: bool },
}

impl<S: TaskStore> FromSnapshot<S> {
    pub(super) const fn is_standby(&self) -> bool {
        self.asker.is_none()
    }

    /// Goes on for whoever asks now; see [`Running::serves`].
    pub(super) fn serves(&self, job: &RestoreJob<S>) -> bool {
        self.job.is_of(job)
    }

    pub(super) fn serve(&mut self, job: RestoreJob<S>) {
        self.asker = Some(self.job.hand_to(job));
    }

    /// Whether it is still looked for.
    const fn is_undecided(&self) -> bool {
        self.offered.is_none() && self.chosen.is_none()
    }

    /// The least has its turn: restores before standbys, and what is half loaded before what is not begun. None before
    /// anything was found.
    const fn turn(&self) -> Option<(bool, bool)> {
        if self.is_undecided() { None } else { Some((self.is_standby(), self.chosen.is_none())) }
    }

    fn step(&mut self) -> Result<Step, Error> {
        if let Some(meta) = self.offered.take() {
            return self.begin(meta);
        }
        match self.reader.next() {
            SnapshotRead::NotYet => Ok(Step::Waits),
            SnapshotRead::Begin(meta) => {
                (self.offered, self.chosen) = (Some(meta), None);
                Ok(Step::Goes(0))
            }
            SnapshotRead::Entries(entries) => {
                if self.chosen.is_none() {
                    return Ok(Step::Goes(0));
                }
                self.job.store.load(entries.iter())?;
                Ok(Step::Goes(entries.count()))
            }
            SnapshotRead::End => self.end(),
            SnapshotRead::Broken => {
                self.chosen = None;
                Ok(Step::Goes(0))
            }
            // What is half loaded, if anything is, is wiped when the replay begins.
            SnapshotRead::None => Ok(Step::Ended { is_loaded: false }),
        }
    }

    /// Whatever was here goes: of what it has and the snapshot has not, nobody knows what was deleted since. From here to
    /// the end, the store says that it is of no use.
    fn begin(&mut self, meta: TaskMeta) -> Result<Step, Error> {
        self.job.meta = TaskMeta {
            number: self.job.meta.number,
            changelog_topic_id: meta.changelog_topic_id.clone(),
            saved_at: meta.saved_at,
            half_loaded: true,
            ..TaskMeta::default()
        };
        self.job.wipe()?;
        // Where its inputs stood then is of no use to a store that is replayed further.
        let positions = BTreeMap::new();
        self.chosen = Some(TaskMeta { number: self.job.meta.number, positions, half_loaded: false, ..meta });
        if self.loading.is_none() {
            self.loading = Some(Loading::begin(self.job.store.clone()));
        }
        Ok(Step::Goes(0))
    }

    fn end(&mut self) -> Result<Step, Error> {
        let Some(meta) = self.chosen.take() else { return Ok(Step::Goes(0)) };
        self.job.meta = meta;
        let mut batch = S::Batch::default();
        self.job.store.stage_meta(&mut batch, &self.job.meta)?;
        self.job.store.write(batch)?;
        Ok(Step::Ended { is_loaded: true })
    }
}

impl<R: RestorePorts> Restorer<R> {
    /// Begins where the least is left to replay: at what is here, or at a snapshot.
    pub(super) fn begin_at_best(
        &mut self,
        job: Subject<R::Store>,
        asker: Option<Asker>,
        bounds: (Offset, Offset),
    ) -> Result<(), Error> {
        if let Some((reader, remaining)) = self.look_for_snapshot(&job, bounds) {
            self.say_remaining(job.store.name(), remaining, asker.is_none());
            let (offered, chosen, loading) = (None, None, None);
            self.loading.push_back(FromSnapshot { job, asker, reader, offered, chosen, remaining, loading });
            return Ok(());
        }
        self.begin_replay(job, asker, bounds)
    }

    fn begin_replay(
        &mut self,
        mut job: Subject<R::Store>,
        asker: Option<Asker>,
        bounds: (Offset, Offset),
    ) -> Result<(), Error> {
        if let RestoreKind::Table { up_to, .. } = &mut job.kind
            && self.planted.has(Bug::TableBeyondCommitted)
        {
            *up_to = Some(bounds.1);
        }
        let running = Running::begin(job, asker, bounds, self.clock.wall())?;
        if running.from >= running.target && !running.is_standby() {
            self.finish(running, bounds.1);
            return Ok(());
        }
        self.say_remaining(running.job.store.name(), running.remaining(), running.is_standby());
        self.start_or_wait(running)
    }

    fn say_remaining(&self, task: &str, records: i64, is_standby: bool) {
        if is_standby {
            self.observer.standby_lags_by(task, records, false);
        } else {
            self.observer.remaining(task, records);
        }
    }

    fn look_for_snapshot(
        &self,
        job: &Subject<R::Store>,
        bounds: (Offset, Offset),
    ) -> Option<(Box<dyn SnapshotReader>, i64)> {
        if job.kind != RestoreKind::Changelog {
            return None;
        }
        if job.store.has_memory_stores() {
            // Its changelog is read from the start whatever else there is.
            return None;
        }
        let now = self.clock.wall();
        let bounds = job.bounds(bounds);
        let is_usable = job.meta.unusable(&bounds, now).is_none();
        let from = if is_usable { job.meta.changelog_offset.max(bounds.start) } else { bounds.start };
        let remaining = bounds.high_watermark - from;
        let spares_min = self.limits.snapshot_spares_min;
        if remaining < spares_min {
            return None;
        }
        let has_store = is_usable && job.meta.changelog_offset > 0;
        let (task, changelog) = (job.store.name().to_owned(), job.partition.clone());
        let wanted = SnapshotWanted { task, changelog, bounds, from, has_store, spares_min, now };
        Some((self.ports.snapshot(&wanted)?, remaining))
    }

    /// Snapshots are looked for all at once and loaded one after the other, since what is read of one fills memory; those
    /// of standbys only while nobody waits for a restore. Whether there was anything to do.
    pub(super) fn load_snapshots(&mut self) -> bool {
        let is_asked = self.is_asked();
        let turns = self.loading.iter().enumerate().filter_map(|(place, loading)| Some((loading.turn()?, place)));
        let next = turns.filter(|((is_standby, _), _)| !(is_asked && *is_standby)).min().map(|(_, place)| place);
        let mut has_worked = false;
        for place in 0..self.loading.len() {
            let Some(mut loading) = self.loading.pop_front() else { break };
            if !loading.is_undecided() && next != Some(place) {
                self.loading.push_back(loading);
                continue;
            }
            let task = loading.job.store.name().to_owned();
            match loading.step() {
                Ok(Step::Waits) => self.loading.push_back(loading),
                Ok(Step::Goes(entries)) => {
                    has_worked = true;
                    self.observer.loaded(&task, entries);
                    self.loading.push_back(loading);
                }
                Ok(Step::Ended { is_loaded }) => {
                    has_worked = true;
                    self.observer.load_ended(&task, is_loaded);
                    self.replay_what_is_left(loading);
                }
                Err(error) => self.give_up(&task, loading.asker, error),
            }
        }
        has_worked
    }

    /// The changelog may have gone on meanwhile: it is looked at anew.
    fn replay_what_is_left(&mut self, loading: FromSnapshot<R::Store>) {
        let FromSnapshot { job, asker, loading, .. } = loading;
        drop(loading);
        let partition = job.partition.clone();
        let task = job.store.name().to_owned();
        let found = self.reader.bounds(std::slice::from_ref(&partition));
        let begun = found.and_then(|bounds| match bounds.get(&partition) {
            Some(bounds) => self.begin_replay(job, asker, *bounds),
            None => Err(Error::Kafka(format!("changelog {partition} has no offsets: run `headwater topics plan`"))),
        });
        if let Err(error) = begun {
            self.give_up(&task, asker, error);
        }
        // It may have far to go, and nobody else's end to wait for.
        self.start_waiting();
    }

    fn give_up(&mut self, task: &str, asker: Option<Asker>, error: Error) {
        if let Some(asker) = asker {
            self.observer.failed(task);
            self.ports.tell(asker.worker, Err(error));
            return;
        }
        tracing::warn!(task, %error, "a standby can't be begun; it is tried again");
        self.observer.standby_left(task);
        let now = self.clock.monotonic();
        self.standbys.wait_after_failure(now);
    }

    /// Whether a store is being loaded from a snapshot.
    pub(super) fn is_loading(&self, partition: &TopicPartition) -> bool {
        self.loading.iter().any(|loading| loading.job.is_of_changelog(partition))
    }
}
