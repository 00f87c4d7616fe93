//! A task: the state machine of one partition of one subtopology.

mod ahead;
mod calls;
mod commands;
mod core;
mod dead_letters;
mod dedup;
mod emit;
mod events;
mod failing;
mod folded;
mod inputs;
mod parked;
mod plan;
mod records;
mod sha256;
mod step;
mod stored;
mod timers;

use std::fmt;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::{Offset, Partition};

pub(crate) use self::core::Core;
pub(crate) use emit::encode;
pub use inputs::InputState;
pub(crate) use plan::{Plan, SourcePlan};
pub use step::Step;

use self::ahead::Ahead;
use self::core::NO_TIME;
use self::failing::{Item, Retry};
use self::inputs::Inputs;
use self::step::Ends;
use crate::store::TableIndex;
use crate::{
    CallResult, CallToStart, Effects, Error, InputTopic, Processor, Record, StateBase, StoreNumber, Subtopology,
    TaskEnvironment, TaskError, TaskErrorKind, Timer, TopicRef, Topology,
};

const STREAM_TIME: &[u8] = b"stream-time";

/// A task's name: `orders/main/3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    /// The topology's name.
    pub processor: String,
    /// The subtopology's name.
    pub subtopology: String,
    /// The partition of all of its inputs.
    pub partition: Partition,
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.processor, self.subtopology, self.partition)
    }
}

/// What goes into a transaction beside the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// For each input the next offset to process; None while nothing is known of it.
    pub positions: Vec<Option<Offset>>,
    /// Stream time, to be kept with the positions.
    pub stream_time: Timestamp,
    /// Where [`Task::changelog`] goes; None for a stateless subtopology.
    pub changelog: Option<TopicRef>,
}

/// A pure state machine: records, timers and results of calls in, effects out. It knows no clock, thread or network.
///
/// The driver offers records and calls [`Task::step`] until it is idle; then [`Task::prepare_commit`], the transaction,
/// and [`Task::committed`] or [`Task::rolled_back`].
pub struct Task {
    id: TaskId,
    plan: Arc<Plan>,
    input_topics: Vec<InputTopic>,
    inputs: Inputs,
    /// By input.
    ahead: Vec<Ahead>,
    core: Core,
    nodes: Vec<Box<dyn Processor>>,
    ends: Ends,
    retry: Option<Retry>,
    /// Whether the last step that did something was no record.
    was_internal: bool,
    /// Whether anything happened since the last commit.
    staged: bool,
    committed_stream_time: Timestamp,
}

impl Task {
    /// A task that knows nothing yet; [`Task::resume`] comes next.
    ///
    /// # Errors
    /// Topics that are not there or not co-partitioned, schemas of commands that are not valid.
    pub fn new(
        topology: &Topology,
        subtopology: usize,
        partition: Partition,
        environment: Arc<TaskEnvironment>,
    ) -> Result<Self, Error> {
        let limits = environment.limits;
        let plan = Plan::compile(topology, subtopology, partition, environment)?;
        let declared = plan.declared().map(|declared| declared.name.clone()).unwrap_or_default();
        let id = TaskId { processor: topology.name().to_owned(), subtopology: declared, partition };
        let mut task = Self {
            id,
            input_topics: plan.inputs(),
            inputs: Inputs::new(plan.sources.len(), limits.task_idle_ms_max),
            ahead: plan.sources.iter().map(|source| Ahead::new(plan.stores_of(source))).collect(),
            core: Core::new(plan.overlay(), limits.calls_in_flight_max),
            plan: Arc::new(plan),
            nodes: Vec::new(),
            ends: Ends::default(),
            retry: None,
            was_internal: false,
            staged: false,
            committed_stream_time: NO_TIME,
        };
        task.make_processors();
        Ok(task)
    }

    fn make_processors(&mut self) {
        let declared = self.plan.declared();
        self.nodes =
            declared.into_iter().flat_map(|declared| &declared.processors).map(|node| (node.factory)()).collect();
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Its inputs; positions and ends are in this order.
    #[must_use]
    pub fn inputs(&self) -> &[InputTopic] {
        &self.input_topics
    }

    /// Starts from restored state: reads timers and calls from it, and says which calls shall start again. The stream
    /// time is the larger of the one given and the one that the state holds; -1 ms for none.
    ///
    /// # Errors
    /// State that can't be read.
    pub fn resume(
        &mut self,
        positions: &[Option<Offset>],
        stream_time: Timestamp,
        base: &dyn StateBase,
    ) -> Result<Vec<CallToStart>, TaskError> {
        self.core = Core::new(self.plan.overlay(), self.plan.environment.limits.calls_in_flight_max);
        self.inputs.resume(positions);
        self.restart();
        let mut load = || {
            let stored = self.core.overlay.get(TableIndex::META, STREAM_TIME, base)?;
            let stored = stored.as_deref().and_then(stored::time_of).unwrap_or(NO_TIME);
            self.core.stream_time = stream_time.max(stored).max(NO_TIME);
            self.core.load_calls(base)
        };
        let calls = load().map_err(|failure| TaskError {
            kind: TaskErrorKind::State,
            message: format!("task {}: {failure}", self.id),
        })?;
        self.committed_stream_time = self.core.stream_time;
        Ok(calls)
    }

    fn restart(&mut self) {
        self.ends = Ends::default();
        self.retry = None;
        self.staged = false;
        self.was_internal = false;
        self.make_processors();
    }

    pub(crate) fn topology(&self) -> &Topology {
        &self.plan.topology
    }

    /// What it is made from.
    #[must_use]
    pub fn subtopology(&self) -> Option<&Subtopology> {
        self.plan.declared()
    }

    /// Where its changelog goes; None for a stateless subtopology. The partition is the task's.
    #[must_use]
    pub fn changelog_topic(&self) -> Option<TopicRef> {
        self.plan.changelog
    }

    /// Buffers a record of an input. Those before the position, or out of order, are ignored.
    pub fn offer(&mut self, input: usize, record: Arc<Record>) {
        self.inputs.offer(input, record);
    }

    /// How many records and bytes are buffered for an input.
    #[must_use]
    pub fn buffered(&self, input: usize) -> (usize, usize) {
        self.inputs.buffered(input)
    }

    /// Says what is known of an input beyond what was offered.
    pub fn input_state(&mut self, input: usize, state: InputState) {
        self.inputs.set_state(input, state);
    }

    /// Queues the answer to a call. One that the task does not know is ignored and counted.
    pub fn offer_call_result(&mut self, result: CallResult) {
        self.core.calls.offer(result);
    }

    /// The answer to [`Step::NeedEnds`]: for each input its high watermark, read uncommitted, as it is now.
    pub fn observed_ends(&mut self, ends: &[Offset]) {
        if ends.len() == self.inputs.len() {
            self.ends.observed(ends);
        }
    }

    /// Whether there is anything to commit.
    #[must_use]
    pub const fn has_staged(&self) -> bool {
        self.staged
    }

    /// Memory of staged writes and of outputs that fold, in bytes.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.core.overlay.staged_bytes() + self.core.folded.size_bytes()
    }

    /// Calls stored and not answered yet.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.core.calls.len()
    }

    /// Stream time: the largest timestamp processed; -1 ms before the first.
    #[must_use]
    pub const fn stream_time(&self) -> Timestamp {
        self.core.stream_time
    }

    /// The next offset to process of each input.
    #[must_use]
    pub fn positions(&self) -> Vec<Option<Offset>> {
        self.inputs.positions()
    }

    /// Up to `limit` timers that are scheduled, those by event time first, in order of their due times.
    ///
    /// # Errors
    /// State that can't be read.
    pub fn timers(&self, limit: usize, base: &dyn StateBase) -> Result<Vec<Timer>, TaskError> {
        self.core.all_timers(limit, base).map_err(|failure| TaskError {
            kind: TaskErrorKind::State,
            message: format!("task {}: {failure}", self.id),
        })
    }

    /// Closes the transaction: no step until [`Task::committed`] or [`Task::rolled_back`]. Outputs that were held back,
    /// to be folded, go to `effects` now.
    pub fn prepare_commit(&mut self, effects: &mut Effects) -> Prepared {
        self.core.folded.give_out(&mut effects.outputs);
        let stream_time = self.core.stream_time;
        if self.core.overlay.has_staged() && stream_time != self.committed_stream_time {
            let bytes = stored::ordered_time(stream_time).to_vec();
            self.core.overlay.put(TableIndex::META, STREAM_TIME, Some(bytes.into()));
            self.core.keep();
        }
        Prepared { positions: self.inputs.positions(), stream_time, changelog: self.plan.changelog }
    }

    /// The changelog's records, after [`Task::prepare_commit`]: key (store number, then key) and value (None deletes), the
    /// last write for each key. Their topic is [`Prepared::changelog`], their partition the task's.
    pub fn changelog(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.core.overlay.changelog()
    }

    /// The transaction has committed. Gives every write to `write`, to be applied to the base before the next step, and
    /// says which calls shall start now.
    pub fn committed(&mut self, write: impl FnMut(StoreNumber, &[u8], Option<&[u8]>)) -> Vec<CallToStart> {
        self.core.overlay.committed(write);
        self.inputs.committed();
        self.committed_stream_time = self.core.stream_time;
        self.staged = false;
        self.core.calls.committed()
    }

    /// The transaction was aborted, and that is certain. Everything is as at the last commit; buffers are empty, and the
    /// driver offers records from [`Task::positions`] again.
    pub fn rolled_back(&mut self) {
        if let Some(Retry { item: Item::Result(result), .. }) = self.retry.take() {
            self.core.calls.put_back(result);
        }
        self.inputs.rolled_back();
        self.core.rolled_back(self.committed_stream_time);
        self.restart();
    }
}
