use std::collections::BTreeMap;
use std::time::Duration;

use headwater_log::TopicPartition;

use super::job::{RestoreKind, Subject};
use super::restorer::{RestorePorts, Restorer};
use super::running::Running;
use crate::planted::Bug;
use crate::ports::{ChangelogReader as _, Clock as _, RestoreObserver as _, TaskStore as _};
use crate::{Error, StandbyTask};

/// Stores are written so often, and lags told: what a standby has read is small enough to be kept until then.
const KEEP_UP_INTERVAL: Duration = Duration::from_millis(250);
/// Standbys begin again so long after a failure.
const FAILURE_WAIT: Duration = Duration::from_secs(5);
/// The wait between turns while there are only standbys, and nothing has come.
const PACE: Duration = Duration::from_millis(20);
/// The same while there is nothing but snapshots to be loaded, and nothing of them has come.
const LOAD_PACE: Duration = Duration::from_millis(2);

/// Which tasks are kept warm here, and which of them workers of this process work on.
#[derive(Default)]
pub(super) struct Standbys {
    wanted: BTreeMap<TopicPartition, StandbyTask>,
    /// Changelogs whose tasks a worker has asked for and not given back: the worker, and the assignment's epoch. It alone
    /// writes to the store.
    held: BTreeMap<TopicPartition, (usize, u64)>,
    /// Whether the last poll brought so much that more waits.
    pub(super) more: bool,
    kept_up_at: Duration,
    looked_at: Duration,
    begin_after: Duration,
}

impl Standbys {
    /// Whether none is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What is kept warm of a changelog.
    pub(super) fn wanted(&self, changelog: &TopicPartition) -> Option<&StandbyTask> {
        self.wanted.get(changelog)
    }

    /// A worker has asked for a task: its store is that worker's from here on.
    pub(super) fn taken(&mut self, changelog: &TopicPartition, worker: usize, epoch: u64) {
        self.held.insert(changelog.clone(), (worker, epoch));
    }

    pub(super) fn wait_after_failure(&mut self, now: Duration) {
        self.begin_after = now + FAILURE_WAIT;
    }
}

impl<R: RestorePorts> Restorer<R> {
    /// Keeps these tasks warm and no others. A store that is no longer kept warm stays where it is: instances come back,
    /// and to copy it again would cost more than its room on disk. It ages, as every store that nobody works on.
    pub fn keep_warm(&mut self, tasks: Vec<StandbyTask>) {
        let wanted: BTreeMap<_, _> = tasks.into_iter().map(|task| (task.changelog.clone(), task)).collect();
        self.standbys.wanted = wanted;
        let loading = self.loading.iter().filter(|loading| loading.is_standby());
        let loading: Vec<_> = loading.map(|loading| loading.job.partition.clone()).collect();
        for partition in self.standbys_under_way(|_| true).into_iter().chain(loading) {
            if self.standbys.wanted(&partition).is_none() {
                self.stop_standby(&partition);
            }
        }
        self.start_waiting();
    }

    /// A worker has given a task back, and writes to its store no more. What it was restored for meanwhile goes on as a
    /// standby, if it is one here.
    pub fn release(&mut self, worker: usize, changelog: &TopicPartition, epoch: u64) {
        if self.standbys.held.get(changelog).is_some_and(|held| held.0 == worker && held.1 <= epoch) {
            self.standbys.held.remove(changelog);
        }
    }

    /// A worker has ended, and with it everything that it worked on.
    pub fn release_all(&mut self, worker: usize) {
        self.standbys.held.retain(|_, held| held.0 != worker);
    }

    /// How long the next turn may wait for jobs: None while there is nothing to do, nothing while somebody waits for a
    /// restore.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        if self.is_idle() {
            None
        } else if self.running.is_empty() && !self.loading.is_empty() {
            Some(if self.has_loaded { Duration::ZERO } else { LOAD_PACE })
        } else if self.standbys.more || self.is_asked() {
            Some(Duration::ZERO)
        } else {
            Some(PACE)
        }
    }

    fn standbys_under_way(&self, which: impl Fn(&Running<R::Store>) -> bool) -> Vec<TopicPartition> {
        let all = self.waiting.iter().chain(self.running.iter().map(|(_, running)| running));
        let found = all.filter(|running| running.is_standby() && which(running));
        found.map(|running| running.job.partition.clone()).collect()
    }

    /// Standbys that still read the past wait until nobody waits for a restore.
    pub(super) fn make_room(&mut self) {
        if !self.is_asked() {
            return;
        }
        for partition in self.standbys_under_way(Running::is_catching_up) {
            self.stop_standby(&partition);
        }
    }

    /// Stops one, with what it has read written. It can be begun again from there.
    fn stop_standby(&mut self, partition: &TopicPartition) {
        let position = self.reader.position(partition).ok().flatten();
        if let (Some(running), Some(position)) = (self.running.get_mut(partition), position)
            && let Err(error) = running.keep_up(position)
        {
            tracing::warn!(%partition, %error, "what a standby has read could not be written, and is read again");
        }
        if let Err(error) = self.drop_job(partition) {
            tracing::warn!(%partition, %error, "a standby could not be stopped");
        }
    }

    /// Brings the standbys' stores up to what has been read, now and then, and begins those that are missing.
    pub(super) fn keep_up(&mut self) -> Result<(), Error> {
        if self.standbys.is_empty() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        if now < self.standbys.kept_up_at {
            return Ok(());
        }
        self.standbys.kept_up_at = now + KEEP_UP_INTERVAL;
        let mut failed = Vec::new();
        for partition in self.standbys_under_way(|_| true) {
            let position = self.reader.position(&partition)?;
            let end = self.reader.cached_end(&partition);
            let Some(running) = self.running.get_mut(&partition) else { continue };
            let position = if self.planted.has(Bug::StandbySaysEnd) { end.or(position) } else { position };
            if let Some(position) = position.filter(|_| self.planted.has(Bug::StandbySaysFirst)) {
                running.say(position)?;
            }
            if let Some(position) = position
                && let Err(error) = running.keep_up(position)
            {
                tracing::warn!(task = running.job.store.name(), %error, "a standby failed, and is begun again");
                running.failed = true;
            }
            if running.failed {
                failed.push(partition);
                continue;
            }
            let lag = running.lag(end);
            self.observer.standby_lags_by(running.job.store.name(), lag, !running.is_catching_up());
        }
        for partition in failed {
            self.drop_job(&partition)?;
            self.standbys.wait_after_failure(now);
        }
        if self.is_asked() {
            return Ok(());
        }
        if now >= self.standbys.looked_at {
            self.standbys.looked_at = now + self.look_interval;
            self.look_again();
        }
        if now >= self.standbys.begin_after {
            self.begin_standbys(now);
        }
        self.start_waiting();
        Ok(())
    }

    /// Asks the brokers where changelogs begin and end: whose changelog has run away is begun again, and so rebuilt.
    fn look_again(&mut self) {
        let partitions = self.standbys_under_way(|_| true);
        if partitions.is_empty() {
            return;
        }
        let bounds = match self.reader.bounds(&partitions) {
            Ok(bounds) => bounds,
            Err(error) => {
                tracing::debug!(%error, "standbys");
                return;
            }
        };
        let now = self.clock.wall();
        for partition in partitions {
            let Some(found) = bounds.get(&partition) else { continue };
            let waiting = self.waiting.iter_mut().find(|waiting| waiting.job.is_of_changelog(&partition));
            let known = waiting.or(self.running.get_mut(&partition));
            if known.is_some_and(|known| !known.look_again(*found, now))
                && let Err(error) = self.drop_job(&partition)
            {
                tracing::warn!(%partition, %error, "a standby could not be stopped");
            }
        }
    }

    fn begin_standbys(&mut self, now: Duration) {
        let missing: Vec<TopicPartition> = self
            .standbys
            .wanted
            .iter()
            .filter(|(partition, task)| !self.is_held(partition) && !self.is_under_way(partition, &task.task))
            .map(|(partition, _)| partition.clone())
            .collect();
        if missing.is_empty() {
            return;
        }
        let begun = self.reader.bounds(&missing).and_then(|bounds| {
            for partition in &missing {
                let Some(found) = bounds.get(partition) else { continue };
                let Some(task) = self.standbys.wanted.get(partition) else { continue };
                let (store, meta) = self.ports.open(task)?;
                let subject = Subject {
                    store,
                    meta,
                    partition: partition.clone(),
                    kind: RestoreKind::Changelog,
                    topic_id: task.topic_id.clone(),
                    delete_retention_ms: task.delete_retention_ms,
                };
                self.begin_at_best(subject, None, *found)?;
            }
            Ok(())
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "a standby can't be begun; it is tried again");
            self.standbys.wait_after_failure(now);
        }
    }

    fn is_held(&self, partition: &TopicPartition) -> bool {
        self.standbys.held.contains_key(partition) && !self.planted.has(Bug::StandbyBesideWorker)
    }

    /// Whether anything is read for a task, or of the partition.
    fn is_under_way(&self, partition: &TopicPartition, task: &str) -> bool {
        let is_of_task = |running: &Running<R::Store>| running.job.store.name() == task;
        let is_waiting = self.waiting.iter().any(is_of_task) || self.running.iter().any(|(_, found)| is_of_task(found));
        is_waiting || self.is_loading(partition) || self.running.place_of(partition).is_some()
    }
}
