use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use headwater_kafka::{
    ConnectionSettings, TransactionalProducerSettings, WorkerConsumer, WorkerConsumerSettings, leave_group,
};
use headwater_log::TopicName;
use headwater_streams::Effects;

use super::commit_policy::CommitPolicy;
use super::core::{Core, INPUT_RECORDS_MAX};
use super::intake::Intake;
use super::task_slot::TaskPhase;
use super::tasks::Round;
use super::transaction::Transaction;
use crate::Error;
use crate::application::Shared;
use crate::calls::CallExecutor;
use crate::partition_map::PartitionMap;
use crate::restore::Restored;
use crate::settings::Stop;

/// Records of one poll: small enough that tasks have their turn, large enough that polls don't count.
const POLL_RECORDS_MAX: usize = 2_000;
/// The longest wait for records when there is nothing to do.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// While restores may end, which can't wake a poll.
const BUSY_WAIT: Duration = Duration::from_millis(2);
/// librdkafka sends one request for each partition. Records are of use only once their transaction has committed, so they
/// wait for its flush, or for a full batch: one request for each partition and transaction, not one every 5 ms.
const LINGER_MS: u32 = 1_000;
/// Gauges are set at most this often.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);
/// Positions are committed again so often, since the broker forgets those of topics that a group does not subscribe to
/// after a week (KIP-211).
const RECOMMIT_INTERVAL: Duration = Duration::from_secs(12 * 3600);

/// What a worker can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Commit and end.
    Stop(Stop),
}

/// What a worker tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The worker's number.
    pub worker: usize,
    /// Names of its tasks that work.
    pub running: Vec<String>,
    /// Names of its tasks that are being restored.
    pub restoring: Vec<String>,
    /// Whether it is a member of its group with an assignment.
    pub joined: bool,
}

/// A worker's ways in and out.
pub struct WorkerLinks {
    /// Commands to it.
    pub commands: Receiver<Command>,
    /// Restores that are done.
    pub restored: Receiver<Result<Restored, Error>>,
    /// What it reports; the newest counts.
    pub reports: SyncSender<Report>,
}

/// A worker, to be run on a thread of its own.
pub struct Worker<'l> {
    consumer: WorkerConsumer,
    core: Core,
    links: &'l WorkerLinks,
    joined: bool,
    gauges_at: Duration,
    recommit_at: Duration,
}

impl<'l> Worker<'l> {
    /// Fences its predecessor, then joins the group.
    ///
    /// # Errors
    /// [`Error::Configuration`], [`Error::Kafka`], [`Error::Fenced`].
    pub fn start(
        number: usize,
        connection: &ConnectionSettings,
        shared: Arc<Shared>,
        mut calls: CallExecutor,
        links: &'l WorkerLinks,
    ) -> Result<Self, Error> {
        let settings = &shared.settings;
        let workers = settings.workers.max(1);
        let mut producer = TransactionalProducerSettings::new(&settings.transactional_id(number));
        producer.linger_ms = LINGER_MS;
        let mut transaction = Transaction::new(connection.clone(), producer);
        transaction.renew()?;
        let mut consumer_settings = WorkerConsumerSettings::new(&settings.application);
        consumer_settings.instance_id = Some(settings.worker_name(number));
        consumer_settings.session_timeout_ms = u32::try_from(settings.session_timeout.as_millis()).unwrap_or(45_000);
        consumer_settings.prefetch_kbytes =
            u32::try_from(settings.memory.fetch_bytes() / workers / 1024).unwrap_or(16 * 1024);
        let mut consumer = WorkerConsumer::new(connection, &consumer_settings).map_err(Error::from_kafka)?;
        calls.wakes(consumer.handle().clone());
        let anchors: Vec<TopicName> = shared.placement.subscription().cloned().collect();
        consumer.subscribe(&anchors).map_err(Error::from_kafka)?;
        let policy = CommitPolicy::new(settings.commit_interval_max, settings.memory.overlay_bytes() / workers);
        let core = Core {
            number,
            tasks: Vec::new(),
            partitions: PartitionMap::default(),
            transaction,
            effects: Effects::default(),
            policy,
            calls,
            intake: Intake::default(),
            epoch: 0,
            buffered_bytes: 0,
            failure: None,
            changed: true,
            ends_wanted: BTreeSet::new(),
            ends_asked_at: None,
            drained: false,
            first_place: 0,
            shared,
        };
        Ok(Self { consumer, core, links, joined: false, gauges_at: Duration::ZERO, recommit_at: RECOMMIT_INTERVAL })
    }

    /// Works until it is told to stop.
    ///
    /// # Errors
    /// What it can't go on after; the transaction at hand was not committed then.
    pub fn run(mut self) -> Result<(), Error> {
        let mut round = Round::default();
        let mut polled_records = 0;
        loop {
            match self.links.commands.try_recv() {
                Ok(Command::Stop(how)) => return self.stop(how),
                Err(TryRecvError::Disconnected) => return self.stop(Stop::Stay),
                Err(TryRecvError::Empty) => {}
            }
            self.take_restored()?;
            if self.core.has_seeks() {
                self.core.seek(&self.consumer);
            }
            let results = self.core.take_call_results();
            let wait = self.wait(round, polled_records, results);
            let has_room = self.core.count_buffered() < self.core.input_bytes_max();
            polled_records = if has_room || round.steps == 0 { self.poll(wait)? } else { 0 };
            round = self.core.run_tasks(&self.consumer)?;
            let drained = polled_records == 0 && round.steps == 0;
            self.core.commit_if_due(round, drained, &self.consumer)?;
            self.after_round()?;
        }
    }

    /// How long to wait for records: not at all while there is something to do.
    fn wait(&self, round: Round, polled: usize, results: usize) -> Duration {
        let now = self.core.shared.clock.monotonic();
        if round.more || round.steps > 0 || polled > 0 || results > 0 || self.core.transaction.open_for(now).is_some() {
            return Duration::ZERO;
        }
        if self.is_restoring() || self.core.has_seeks() {
            return BUSY_WAIT;
        }
        let until = round.wake_at.map(|at| at.since_ms(self.core.shared.clock.wall()).max(0));
        until
            .map_or(IDLE_WAIT, |ms| Duration::from_millis(ms.unsigned_abs()).clamp(Duration::from_millis(1), IDLE_WAIT))
    }

    fn is_restoring(&self) -> bool {
        self.core.tasks.iter().flatten().any(|slot| slot.phase == TaskPhase::Restoring)
    }

    fn poll(&mut self, wait: Duration) -> Result<usize, Error> {
        let polled = self.consumer.poll(wait, POLL_RECORDS_MAX, &mut self.core).map_err(Error::from_kafka)?;
        for error in &polled.errors {
            tracing::warn!(worker = self.core.number, %error, "consumer");
        }
        if let Some(failure) = self.core.failure.take() {
            return Err(failure);
        }
        self.core.drained = polled.drained;
        self.joined |= self.core.changed && !self.core.tasks.is_empty();
        Ok(polled.records)
    }

    fn take_restored(&mut self) -> Result<(), Error> {
        while let Ok(restored) = self.links.restored.try_recv() {
            self.core.start_task(restored?, &self.consumer)?;
        }
        Ok(())
    }

    fn after_round(&mut self) -> Result<(), Error> {
        let now = self.core.shared.clock.monotonic();
        if self.core.changed {
            self.core.changed = false;
            self.report();
            self.hold_back_waiting()?;
        }
        if now.saturating_sub(self.gauges_at) >= GAUGE_INTERVAL {
            self.gauges_at = now;
            self.set_gauges();
            self.hold_back_full()?;
        }
        if now >= self.recommit_at && self.core.transaction.open_for(now).is_none() {
            self.recommit_at = now + RECOMMIT_INTERVAL;
            self.recommit();
        }
        Ok(())
    }

    /// Holds back partitions that no running task reads yet: what they would fetch would be thrown away.
    fn hold_back_waiting(&mut self) -> Result<(), Error> {
        let tasks = &self.core.tasks;
        let runs = |place: &usize| {
            tasks.get(*place).and_then(Option::as_ref).is_some_and(|slot| slot.phase == TaskPhase::Running)
        };
        let mut waiting = Vec::new();
        for (partition, found) in self.core.partitions.iter_mut() {
            if !found.paused && !found.readers.is_empty() && !found.readers.iter().any(|(place, _)| runs(place)) {
                found.paused = true;
                waiting.push(partition.clone());
            }
        }
        if waiting.is_empty() { Ok(()) } else { self.consumer.pause(&waiting).map_err(Error::from_kafka) }
    }

    /// Holds back partitions whose slowest task has more than enough, and fetches them again once it has not.
    fn hold_back_full(&mut self) -> Result<(), Error> {
        let (mut full, mut free) = (Vec::new(), Vec::new());
        let tasks = &mut self.core.tasks;
        for (partition, found) in self.core.partitions.iter_mut() {
            let running = found.readers.iter().filter_map(|(place, input)| {
                let slot = tasks.get(*place)?.as_ref()?;
                (slot.phase == TaskPhase::Running).then(|| slot.task.buffered(*input).0)
            });
            let Some(most) = running.max() else { continue };
            if !found.paused && most > INPUT_RECORDS_MAX {
                found.paused = true;
                full.push(partition.clone());
            } else if found.paused && most < INPUT_RECORDS_MAX / 2 {
                found.paused = false;
                free.push(partition.clone());
            }
        }
        if !full.is_empty() {
            self.consumer.pause(&full).map_err(Error::from_kafka)?;
            for partition in &full {
                self.core.tell_paused(partition);
            }
        }
        if !free.is_empty() {
            self.consumer.resume(&free).map_err(Error::from_kafka)?;
        }
        Ok(())
    }

    fn report(&mut self) {
        let named = |phase: TaskPhase| -> Vec<String> {
            let of_phase = self.core.tasks.iter().flatten().filter(|slot| slot.phase == phase);
            of_phase.map(|slot| slot.task.id().to_string()).collect()
        };
        let report = Report {
            worker: self.core.number,
            running: named(TaskPhase::Running),
            restoring: named(TaskPhase::Restoring),
            joined: self.joined,
        };
        // The supervisor takes every report; when it is gone the worker is about to be told to stop.
        let _gone = self.links.reports.send(report);
    }

    fn set_gauges(&self) {
        let metrics = &self.core.shared.metrics;
        for (partition, found) in self.core.partitions.iter() {
            if let Some((_, high)) = self.consumer.cached_watermarks(partition) {
                metrics.lags_by(partition, high.get() - found.end.unwrap_or_else(|| found.committed.least()).get());
            }
        }
    }

    /// Commits all positions again, unchanged.
    fn recommit(&self) {
        let offsets: Vec<headwater_kafka::OffsetToCommit> = self
            .core
            .partitions
            .iter()
            .filter(|(_, found)| found.committed.iter().next().is_some())
            .map(|(partition, found)| headwater_kafka::OffsetToCommit {
                partition: partition.clone(),
                offset: found.committed.least(),
                metadata: found.committed.metadata(),
            })
            .collect();
        if offsets.is_empty() {
            return;
        }
        if let Err(error) = self.consumer.commit(&offsets) {
            tracing::warn!(%error, "positions could not be committed again; the next try is in twelve hours");
        }
    }

    /// Commits what is done, gives everything back, and ends.
    fn stop(mut self, how: Stop) -> Result<(), Error> {
        let committed = self.core.commit(&self.consumer);
        let number = self.core.number;
        let closed = self.consumer.close(&mut self.core).map_err(Error::from_kafka);
        let settings = &self.core.shared.settings;
        if how == Stop::Leave {
            let name = settings.worker_name(number);
            let left =
                leave_group(&self.core.shared.connection, &settings.application, &[&name], Duration::from_secs(5));
            if let Err(error) = left {
                tracing::warn!(%error, "the group was not told; it hands the partitions over when the session times out");
            }
        }
        self.core.changed = true;
        self.core.tasks.clear();
        committed.and(closed)
    }
}

impl Core {
    fn tell_paused(&mut self, partition: &headwater_log::TopicPartition) {
        let Some(found) = self.partitions.get(partition) else { return };
        for (place, input) in &found.readers {
            if let Some(Some(slot)) = self.tasks.get_mut(*place) {
                slot.task.input_state(*input, headwater_streams::InputState::Paused);
            }
        }
    }
}
