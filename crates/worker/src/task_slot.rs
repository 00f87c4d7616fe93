use std::collections::BTreeMap;

use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{CallToStart, Effects, Prepared, Task};

use crate::placement::AnchorPartition;
use crate::ports::TaskStore;
use crate::table_input::TableInput;
use crate::{Error, TaskMeta};

/// Where a task is in its life on this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPhase {
    /// Its state is being brought up to date; it takes no records.
    Restoring,
    /// It works.
    Running,
}

/// A task with its state and its place in the worker.
pub struct TaskSlot<S> {
    /// The task.
    pub task: Task,
    /// Its committed state.
    pub store: S,
    /// What the state knows of itself.
    pub meta: TaskMeta,
    /// The anchor's partition that brought it here.
    pub anchor: AnchorPartition,
    /// Its changelog's partition; None for a stateless subtopology.
    pub changelog: Option<TopicPartition>,
    /// `processor/subtopology`: its name in committed metadata.
    pub reader: String,
    /// The processor's name, for metrics.
    pub processor: String,
    /// Its inputs, in the task's order.
    pub inputs: Vec<TopicPartition>,
    /// Those of them that are kept as tables.
    pub tables: Vec<TableInput>,
    /// How many of the tables have been restored in its present life.
    pub tables_restored: usize,
    /// Restoring or running.
    pub phase: TaskPhase,
    /// Positions that Kafka has committed, in the order of `inputs`; None before the first record.
    pub positions: Vec<Option<Offset>>,
    /// What the open transaction will commit of it, between prepare and outcome.
    pub prepared: Option<Prepared>,
    /// Whether it took part in the open transaction.
    pub touched: bool,
    /// The assignment under which its present life began.
    pub epoch: u64,
    /// The assignment that brought it here.
    pub claim: u64,
}

/// Whether there is a task at a place, and it works.
pub(crate) fn works_at<S>(tasks: &[Option<TaskSlot<S>>], place: usize) -> bool {
    tasks.get(place).and_then(Option::as_ref).is_some_and(|slot| slot.phase == TaskPhase::Running)
}

impl<S: TaskStore> TaskSlot<S> {
    /// Starts work after a restore.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn resume(&mut self) -> Result<Vec<CallToStart>, Error> {
        let none = Timestamp::from_millis(-1);
        let stream_time = if self.meta.saved_at == Timestamp::default() { none } else { self.meta.stream_time };
        let calls = self
            .task
            .resume(&self.positions, stream_time, &self.store)
            .map_err(|error| Error::State(error.to_string()))?;
        self.phase = TaskPhase::Running;
        self.touched = false;
        self.prepared = None;
        Ok(calls)
    }

    /// Closes the task's part of the transaction.
    pub fn prepare(&mut self, effects: &mut Effects) -> &Prepared {
        let prepared = self.task.prepare_commit(effects);
        self.prepared.insert(prepared)
    }

    /// Stages what Kafka has committed for the store. `changelog_end` is the offset after the last changelog record
    /// of this transaction; None when it wrote none. `end_of` says where a topic that is a table ends, if that is known.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn stage_committed(
        &mut self,
        changelog_end: Option<Offset>,
        now: Timestamp,
        end_of: impl Fn(&TopicPartition) -> Option<Offset>,
        batch: &mut S::Batch,
    ) -> Result<Vec<CallToStart>, Error> {
        if let Some(prepared) = self.prepared.take() {
            self.positions = prepared.positions;
            self.meta.stream_time = prepared.stream_time;
        }
        let base = &self.store;
        let calls = self.task.committed(|store, key, value| base.stage(batch, store, key, value));
        if let Some(end) = changelog_end {
            self.meta.changelog_offset = end.get();
        }
        self.meta.saved_at = now;
        self.meta.positions = self.named_positions();
        self.tables_committed(now, end_of);
        self.store.stage_meta(batch, &self.meta)?;
        self.touched = false;
        Ok(calls)
    }

    /// Drops what the open transaction staged, after its abort is certain.
    pub fn rolled_back(&mut self) {
        self.prepared = None;
        self.touched = false;
        self.task.rolled_back();
    }

    /// The tables have all before the committed positions; what is no table any more is not known of any more.
    fn tables_committed(&mut self, now: Timestamp, end_of: impl Fn(&TopicPartition) -> Option<Offset>) {
        let (inputs, tables) = (&self.inputs, &mut self.tables);
        let is_of = |table: &TableInput, topic: &str| {
            inputs.get(table.input).is_some_and(|input| input.topic.as_str() == topic)
        };
        self.meta.tables.retain(|topic, _| tables.iter().any(|table| is_of(table, topic)));
        for table in tables {
            let (Some(partition), Some(Some(position))) = (inputs.get(table.input), self.positions.get(table.input))
            else {
                continue;
            };
            table.committed(partition.topic.as_str(), *position, end_of(partition), now, &mut self.meta);
        }
    }

    fn named_positions(&self) -> BTreeMap<String, i64> {
        let named = self.inputs.iter().zip(&self.positions);
        named.filter_map(|(input, at)| Some((input.topic.to_string(), (*at)?.get()))).collect()
    }
}
