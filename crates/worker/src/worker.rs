use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_log::TopicName;
use headwater_streams::Effects;

use crate::commit_policy::CommitPolicy;
use crate::core::Core;
use crate::fusion::Fusion;
use crate::intake::Intake;
use crate::markers::Markers;
use crate::pace::Pace;
use crate::partition_map::PartitionMap;
use crate::ports::{
    Clock as _, Edge, GroupConsumer as _, GroupMember as _, Observer as _, OffsetToCommit, Ports, Report, Restores as _,
};
use crate::task_slot::TaskPhase;
use crate::tasks::Round;
use crate::transaction::Transaction;
use crate::{Blueprint, Error};

/// Records of one poll: small enough that tasks have their turn, large enough that polls don't count.
const POLL_RECORDS_MAX: usize = 2_000;
/// The longest wait for records when there is nothing to do.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// While restores may end, which can't wake a poll.
const BUSY_WAIT: Duration = Duration::from_millis(2);
/// Gauges are set at most this often.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);
/// Positions are committed again so often, since the broker forgets those of topics that a group does not subscribe to
/// after a week (KIP-211).
const RECOMMIT_INTERVAL: Duration = Duration::from_secs(12 * 3600);

/// One consumer, one transactional producer and their tasks. Whoever owns it gives it one turn after another.
pub struct Worker<P: Ports> {
    consumer: P::Consumer,
    core: Core<P>,
    round: Round,
    polled_records: usize,
    joined: bool,
    gauges_at: Duration,
    recommit_at: Duration,
}

impl<P: Ports> Worker<P> {
    /// Fences its predecessor, then joins the group.
    ///
    /// # Errors
    /// [`Error::Configuration`], [`Error::Kafka`], [`Error::Fenced`].
    pub fn start(
        number: usize,
        blueprint: Arc<Blueprint>,
        mut consumer: P::Consumer,
        edge: Edge<P>,
    ) -> Result<Self, Error> {
        let Edge { producer, stores, restores, calls, clock, observer } = edge;
        let mut transaction = Transaction::new(producer);
        transaction.renew()?;
        let anchors: Vec<TopicName> = blueprint.placement().subscription().cloned().collect();
        consumer.subscribe(&anchors)?;
        let settings = &blueprint.settings;
        let policy = CommitPolicy::new(settings.commit_interval_max, settings.staged_bytes_max);
        let recommit_at = clock.monotonic() + RECOMMIT_INTERVAL;
        let core = Core {
            number,
            stores,
            restores,
            calls,
            clock,
            observer,
            tasks: Vec::new(),
            partitions: PartitionMap::default(),
            transaction,
            effects: Effects::default(),
            #[cfg(feature = "planted-bugs")]
            first_credentials: None,
            policy,
            fetched: 0,
            drained_since: None,
            lingers: None,
            pace: Pace::default(),
            markers: Markers::default(),
            intake: Intake::default(),
            epoch: 0,
            stateless: VecDeque::new(),
            buffered_bytes: 0,
            failure: None,
            changed: true,
            ends_wanted: BTreeSet::new(),
            ends_asked_at: None,
            drained: false,
            fusion: Fusion::default(),
            fusion_ends: false,
            handed_over: false,
            to_pause: Vec::new(),
            first_place: 0,
            blueprint,
        };
        let (round, polled_records) = (Round::default(), 0);
        Ok(Self { consumer, core, round, polled_records, joined: false, gauges_at: Duration::ZERO, recommit_at })
    }

    /// One turn: takes restores and results of calls, seeks, polls, steps the tasks, and commits if that is due. Waits up
    /// to `wait` for records unless there is something to do; answers with how long the next turn may wait.
    ///
    /// # Errors
    /// What it can't go on after; the transaction at hand was not committed then.
    pub fn turn(&mut self, wait: Duration) -> Result<Duration, Error> {
        let ready = self.take_restored()?;
        if self.core.has_seeks() {
            self.core.seek(self.consumer.member());
        }
        let results = self.core.take_call_results();
        let wait = if ready + results > 0 { Duration::ZERO } else { wait };
        let has_room = self.core.count_buffered() < self.core.blueprint.settings.input_bytes_max;
        self.polled_records = if has_room || self.round.steps == 0 { self.poll(wait)? } else { 0 };
        self.core.settle_fusion(self.consumer.member())?;
        self.round = self.core.run_tasks(self.consumer.member())?;
        let drained = self.polled_records == 0 && self.round.steps == 0;
        self.core.commit_if_due(self.round, self.polled_records, drained, self.consumer.member())?;
        self.after_round()?;
        Ok(self.next_wait())
    }

    /// How long to wait for records: not at all while there is something to do.
    fn next_wait(&self) -> Duration {
        let round = self.round;
        let now = self.core.clock.monotonic();
        let is_busy = round.more || round.steps > 0 || self.polled_records > 0;
        if is_busy {
            return Duration::ZERO;
        }
        if let Some(left) = self.core.lingers {
            return left;
        }
        // While markers are waited for, an open transaction is not in a hurry.
        let markers = self.core.markers.left(now);
        if markers.is_none() && self.core.transaction.open_for(now).is_some() {
            return Duration::ZERO;
        }
        let most = if self.is_restoring() || self.core.has_seeks() { BUSY_WAIT } else { markers.unwrap_or(IDLE_WAIT) };
        let until = round.wake_at.map(|at| at.since_ms(self.core.clock.wall()).max(0));
        until.map_or(most, |ms| Duration::from_millis(ms.unsigned_abs().max(1)).min(most))
    }

    fn is_restoring(&self) -> bool {
        self.core.tasks.iter().flatten().any(|slot| slot.phase == TaskPhase::Restoring)
    }

    fn poll(&mut self, wait: Duration) -> Result<usize, Error> {
        let polled = self.consumer.poll(wait, POLL_RECORDS_MAX, &mut self.core)?;
        if let Some(failure) = self.core.failure.take() {
            return Err(failure);
        }
        self.core.drained = polled.drained;
        self.joined |= self.core.changed && !self.core.tasks.is_empty();
        Ok(polled.records)
    }

    fn take_restored(&mut self) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            let restored = match self.core.stateless.pop_front() {
                Some(restored) => restored,
                None => match self.core.restores.next() {
                    Some(restored) => restored?,
                    None => return Ok(taken),
                },
            };
            self.core.start_task(restored, self.consumer.member())?;
            taken += 1;
        }
    }

    fn after_round(&mut self) -> Result<(), Error> {
        let now = self.core.clock.monotonic();
        if self.core.changed {
            self.core.changed = false;
            self.core.find_fusible();
            self.report();
            self.core.hold_back_waiting(self.consumer.member())?;
        }
        if now.saturating_sub(self.gauges_at) >= GAUGE_INTERVAL {
            self.gauges_at = now;
            self.set_gauges();
            self.core.hold_back_full(self.consumer.member())?;
            self.core.look_for_other_writers(self.consumer.member())?;
        }
        if now >= self.recommit_at && self.core.transaction.open_for(now).is_none() {
            self.recommit_at = now + RECOMMIT_INTERVAL;
            self.recommit();
        }
        Ok(())
    }

    fn report(&self) {
        let named = |phase: TaskPhase| -> Vec<String> {
            let of_phase = self.core.tasks.iter().flatten().filter(|slot| slot.phase == phase);
            of_phase.map(|slot| slot.task.id().to_string()).collect()
        };
        self.core.observer.report(Report {
            worker: self.core.number,
            running: named(TaskPhase::Running),
            restoring: named(TaskPhase::Restoring),
            joined: self.joined,
        });
    }

    fn set_gauges(&self) {
        for (partition, found) in self.core.partitions.iter() {
            if found.fused.is_some() {
                // Nothing of it waits beyond the open transaction, and the consumer knows nothing of it.
                self.core.observer.lags_by(partition, 0);
            } else if let Some(high) = self.consumer.member().cached_end(partition) {
                let position = found.end.unwrap_or_else(|| found.committed.least());
                self.core.observer.lags_by(partition, high.get() - position.get());
            }
        }
    }

    /// Commits all positions again, unchanged.
    fn recommit(&self) {
        let known = self.core.partitions.iter().filter(|(_, found)| found.committed.iter().next().is_some());
        let offsets: Vec<OffsetToCommit> = known
            .map(|(partition, found)| OffsetToCommit {
                partition: partition.clone(),
                offset: found.committed.least(),
                metadata: found.committed.metadata(),
            })
            .collect();
        if offsets.is_empty() {
            return;
        }
        if let Err(error) = self.consumer.member().commit(&offsets) {
            tracing::warn!(%error, "positions could not be committed again; the next try is in twelve hours");
        }
    }

    /// Commits what is done, gives everything back, and ends the membership.
    ///
    /// # Errors
    /// What could not be committed or closed.
    pub fn stop(mut self) -> Result<(), Error> {
        let committed = self.core.commit(self.consumer.member());
        let closed = self.consumer.close(&mut self.core);
        committed.and(closed)
    }
}
