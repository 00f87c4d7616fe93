//! One task under the driver: fetch, step, commit, abort, crash.

use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition};

use super::TestDriver;
use super::log::TopicLog;
use crate::{
    CallResult, CallToStart, Effects, Error, InputState, KnownEnvelope, MemoryBase, Output, Record, Step, StoreNumber,
    Task, TaskEnvironment, TaskId, TopicRef, Topology,
};

/// Answers a call: its bytes, its final refusal, or None to leave it open.
pub type CallHandler = dyn FnMut(&CallToStart) -> Option<Result<Vec<u8>, String>>;

/// A call that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    /// Whose call it is.
    pub task: TaskId,
    /// The call.
    pub call: CallToStart,
}

/// Steps of one task without an end in sight: a processor that sends to itself for ever.
const STEPS_MAX: usize = 1_000_000;

pub(super) struct Running {
    pub(super) task: Task,
    pub(super) base: MemoryBase,
    pub(super) calls: Vec<CallToStart>,
    effects: Effects,
    positions: Vec<Option<Offset>>,
    /// The next offset to fetch of each input.
    fetch: Vec<Offset>,
    /// When it wants to be stepped again.
    pub(super) wake_at: Option<Timestamp>,
}

impl Running {
    pub(super) fn start(
        topology: &Topology,
        subtopology: usize,
        partition: Partition,
        environment: Arc<TaskEnvironment>,
    ) -> Result<Self, Error> {
        let task = Task::new(topology, subtopology, partition, environment)?;
        let inputs = task.inputs().len();
        let mut running = Self {
            task,
            base: MemoryBase::new(),
            calls: Vec::new(),
            effects: Effects::default(),
            positions: vec![None; inputs],
            fetch: vec![Offset::ZERO; inputs],
            wake_at: None,
        };
        running.resume()?;
        Ok(running)
    }

    pub(super) fn resume(&mut self) -> Result<(), Error> {
        let calls = self.task.resume(&self.positions, Timestamp::from_millis(-1), &self.base);
        self.calls = calls.map_err(|error| Error::new("test driver", error.message))?;
        self.effects.outputs.clear();
        self.rewind();
        Ok(())
    }

    /// Restores tables from their topics, up to what was committed.
    fn read_tables(&mut self, logs: &[TopicLog]) {
        let declared = self.task.subtopology();
        let (sources, stores) = declared.map_or((&[][..], &[][..]), |part| (&part.sources[..], &part.stores[..]));
        for ((input, source), position) in self.task.inputs().iter().zip(sources).zip(&self.positions) {
            let (Some(log), Some(until)) = (logs.get(input.topic.index()), position) else { continue };
            let is_of = |store: &&crate::Store| store.source.as_deref() == Some(source.topic.as_str());
            let Some(table) = stores.iter().find(is_of) else { continue };
            let records = log.from(input.partition, Offset::ZERO).iter();
            for record in records.filter(|record| record.offset < *until) {
                if let Some(key) = record.key.as_deref() {
                    self.base.write(table.number, key, record.value.as_deref());
                }
            }
        }
    }

    fn rewind(&mut self) {
        self.fetch = self.positions.iter().map(|position| position.unwrap_or(Offset::ZERO)).collect();
    }

    fn feed(&mut self, logs: &[TopicLog]) {
        for (input, at) in self.task.inputs().to_vec().iter().enumerate() {
            let (Some(log), Some(next)) = (logs.get(at.topic.index()), self.fetch.get_mut(input)) else { continue };
            for record in log.from(at.partition, *next) {
                self.task.offer(input, Arc::clone(record));
            }
            *next = log.end(at.partition);
            self.task.input_state(input, InputState::AtEnd { offset: *next });
        }
    }

    /// Steps until there is nothing to do now; says whether anything was done.
    fn run(&mut self, now: Timestamp, logs: &[TopicLog]) -> Result<bool, Error> {
        self.feed(logs);
        let mut worked = false;
        for _ in 0..STEPS_MAX {
            let step = self.task.step(now, &self.base, &mut self.effects);
            match step.map_err(|error| Error::new("test driver", error.message))? {
                Step::Processed => worked = true,
                Step::NeedEnds => {
                    let ends = self.task.inputs().iter().map(|input| {
                        logs.get(input.topic.index()).map_or(Offset::ZERO, |log| log.end(input.partition))
                    });
                    let ends: Vec<Offset> = ends.collect();
                    self.task.observed_ends(&ends);
                }
                Step::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    return Ok(worked);
                }
                Step::WaitForInput { until, .. } | Step::Backoff { until } => {
                    self.wake_at = Some(until);
                    return Ok(worked);
                }
            }
        }
        Err(Error::new("test driver", format!("task {} is not idle after {STEPS_MAX} steps", self.task.id())))
    }

    /// Commits; gives the records of the transaction.
    fn commit(&mut self) -> Vec<Output> {
        let prepared = self.task.prepare_commit(&mut self.effects);
        let mut records = std::mem::take(&mut self.effects.outputs);
        if let Some(topic) = prepared.changelog {
            let partition = Some(self.task.id().partition);
            let changes = self.task.changelog().map(|(key, value)| Output {
                topic,
                partition,
                key: Some(key.to_vec().into()),
                value: value.map(|value| value.to_vec().into()),
                headers: Headers::new(),
                envelope: KnownEnvelope::default(),
                timestamp: prepared.stream_time,
            });
            records.extend(changes);
        }
        let base = &mut self.base;
        let started = self.task.committed(|store, key, value| base.write(store, key, value));
        self.calls.extend(started);
        self.positions = prepared.positions;
        records
    }

    fn abort(&mut self) {
        self.effects.outputs.clear();
        self.task.rolled_back();
        self.rewind();
    }
}

impl TestDriver {
    /// Works everything through: fetches, steps, commits, answers calls, until nothing moves.
    ///
    /// # Errors
    /// A task that stopped, or that never comes to rest.
    pub fn settle(&mut self) -> Result<(), Error> {
        for _ in 0..STEPS_MAX {
            let mut moved = false;
            for at in 0..self.tasks.len() {
                let Some(running) = self.tasks.get_mut(at) else { break };
                let result = running.run(self.now, &self.logs);
                self.counters.add(&running.effects.counters);
                running.effects.counters = crate::Counters::default();
                moved |= result? && self.auto_commit;
                if self.auto_commit && self.tasks.get(at).is_some_and(|running| running.task.has_staged()) {
                    self.commit_task(at)?;
                }
            }
            moved |= self.answer_calls();
            if !moved {
                return Ok(());
            }
        }
        Err(Error::new("test driver", "the topologies never come to rest: they send to each other for ever"))
    }

    /// Commits every task.
    ///
    /// # Errors
    /// An output to a partition that is not there.
    pub fn commit(&mut self) -> Result<(), Error> {
        (0..self.tasks.len()).try_for_each(|at| self.commit_task(at))
    }

    fn commit_task(&mut self, at: usize) -> Result<(), Error> {
        let Some(running) = self.tasks.get_mut(at) else { return Ok(()) };
        for output in running.commit() {
            self.append(output)?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, output: Output) -> Result<(), Error> {
        // Its readers read the headers, as those of another process would.
        let Output { topic, partition, key, value, headers, timestamp, .. } = output;
        let record =
            Record { offset: Offset::ZERO, timestamp, key, value, headers, envelope: KnownEnvelope::default() };
        if self.log_mut(topic)?.append(partition.unwrap_or(Partition::new(0)), record) {
            return Ok(());
        }
        Err(Error::new("test driver", format!("output to partition {partition:?}, which is not there")))
    }

    /// Aborts what every task has staged since its last commit. The next [`TestDriver::settle`] does it again.
    pub fn abort(&mut self) {
        self.tasks.iter_mut().for_each(Running::abort);
    }

    /// Every process dies and starts again with its disk: what was not committed is gone, memory too.
    ///
    /// # Errors
    /// State that can't be read.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.tasks.iter_mut().try_for_each(Running::resume)
    }

    /// Every process dies and starts again on a new machine: state is restored from the changelogs.
    ///
    /// # Errors
    /// State that can't be read.
    pub fn crash_without_disk(&mut self) -> Result<(), Error> {
        for running in &mut self.tasks {
            running.base = MemoryBase::new();
            let changelog = running.task.changelog_topic();
            let partition = running.task.id().partition;
            let log = changelog.and_then(|topic: TopicRef| self.logs.get(topic.index()));
            for record in log.map(|log| log.from(partition, Offset::ZERO)).unwrap_or_default() {
                if let Some((store, key)) = record.key.as_deref().and_then(<[u8]>::split_first) {
                    running.base.write(StoreNumber(*store), key, record.value.as_deref());
                }
            }
            running.read_tables(&self.logs);
            running.resume()?;
        }
        Ok(())
    }

    /// Calls that wait for an answer.
    #[must_use]
    pub fn open_calls(&self) -> Vec<OpenCall> {
        let of_task = |running: &Running| {
            let task = running.task.id().clone();
            running
                .calls
                .iter()
                .map(move |call| OpenCall { task: task.clone(), call: call.clone() })
                .collect::<Vec<_>>()
        };
        self.tasks.iter().flat_map(of_task).collect()
    }

    /// Answers the open call with this idempotency key, and works it through.
    ///
    /// # Errors
    /// No such call is open; or as [`TestDriver::settle`].
    pub fn complete_call(&mut self, idempotency_key: &str, outcome: Result<Vec<u8>, String>) -> Result<(), Error> {
        let is_it = |call: &CallToStart| call.idempotency_key == idempotency_key;
        let running = self.tasks.iter_mut().find(|running| running.calls.iter().any(is_it));
        let running = running.ok_or_else(|| Error::new("test driver", format!("no call {idempotency_key} is open")))?;
        if let Some(at) = running.calls.iter().position(is_it) {
            let call = running.calls.remove(at);
            running.task.offer_call_result(result_of(&call, outcome));
        }
        self.settle()
    }

    /// Gives a task the result of a call, whether it waits for one or not, and works it through.
    ///
    /// # Errors
    /// No such task; or as [`TestDriver::settle`].
    pub fn offer_call_result(&mut self, task: &TaskId, result: CallResult) -> Result<(), Error> {
        let running = self.tasks.iter_mut().find(|running| running.task.id() == task);
        let running = running.ok_or_else(|| Error::new("test driver", format!("there is no task {task}")))?;
        running.calls.retain(|call| call.id != result.id);
        running.task.offer_call_result(result);
        self.settle()
    }

    fn answer_calls(&mut self) -> bool {
        let Some(handler) = &mut self.handler else { return false };
        let mut answered = false;
        for running in &mut self.tasks {
            for call in std::mem::take(&mut running.calls) {
                match handler(&call) {
                    Some(outcome) => {
                        running.task.offer_call_result(result_of(&call, outcome));
                        answered = true;
                    }
                    None => running.calls.push(call),
                }
            }
        }
        answered
    }
}

fn result_of(call: &CallToStart, outcome: Result<Vec<u8>, String>) -> CallResult {
    match outcome {
        Ok(answer) => CallResult::answer(call.id, answer),
        Err(reason) => CallResult::refusal(call.id, reason),
    }
}
