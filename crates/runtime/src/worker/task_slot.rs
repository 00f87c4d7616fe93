use std::collections::BTreeMap;

use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Effects, Prepared, StateBase, Task};

use super::placement::AnchorPartition;
use crate::Error;
use crate::state::{StateBatch, TaskMeta, TaskState};

/// Where a task is in its life on this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPhase {
    /// Its state is being brought up to date; it takes no records.
    Restoring,
    /// It works.
    Running,
}

/// A task with its state and its place in the worker.
pub struct TaskSlot {
    /// The task.
    pub task: Task,
    /// Its committed state.
    pub state: TaskState,
    /// What the state knows of itself.
    pub meta: TaskMeta,
    /// The anchor's partition that brought it here.
    pub anchor: AnchorPartition,
    /// Its changelog's partition; None when no store is logged.
    pub changelog: Option<TopicPartition>,
    /// `processor/subtopology`: its name in committed metadata.
    pub reader: String,
    /// The processor's name, for metrics.
    pub processor: String,
    /// Its inputs, in the task's order.
    pub inputs: Vec<TopicPartition>,
    /// Restoring or running.
    pub phase: TaskPhase,
    /// Positions that Kafka has committed, in the order of `inputs`.
    pub positions: Vec<Offset>,
    /// What the open transaction will commit of it, between prepare and outcome.
    pub prepared: Option<Prepared>,
    /// Whether it took part in the open transaction.
    pub touched: bool,
    /// The assignment under which it came here.
    pub epoch: u64,
}

impl TaskSlot {
    /// Starts work after a restore.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn resume(&mut self) -> Result<Vec<headwater_streams::CallToStart>, Error> {
        let calls = self
            .task
            .resume(&self.positions, self.meta.stream_time, &self.state)
            .map_err(|error| Error::state(format!("task {}: {error}", self.task.id())))?;
        self.phase = TaskPhase::Running;
        Ok(calls)
    }

    /// Makes the changelog records and positions of a commit.
    pub fn prepare(&mut self, effects: &mut Effects) -> &Prepared {
        let prepared = self.task.prepare_commit(effects);
        self.prepared.insert(prepared)
    }

    /// Stages what Kafka has committed for the store. `changelog_end` is the offset after the last changelog record
    /// of this transaction; None when it wrote none.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn stage_committed(
        &mut self,
        changelog_end: Option<Offset>,
        now: Timestamp,
        batch: &mut StateBatch,
    ) -> Result<Vec<headwater_streams::CallToStart>, Error> {
        if let Some(prepared) = self.prepared.take() {
            self.positions.clone_from(&prepared.positions);
        }
        let state = &self.state;
        let applied = self.task.committed(|store, key, value| state.stage(batch, store, key, value));
        if let Some(end) = changelog_end {
            self.meta.changelog_offset = end.get();
        }
        self.meta.stream_time = self.task.stream_time();
        self.meta.saved_at = now;
        self.meta.positions = self.named_positions();
        self.state.stage_meta(batch, &self.meta)?;
        self.touched = false;
        Ok(applied.calls)
    }

    /// Drops what the open transaction staged, after its abort is certain.
    pub fn rolled_back(&mut self) {
        self.prepared = None;
        self.touched = false;
        self.task.rolled_back();
    }

    fn named_positions(&self) -> BTreeMap<String, i64> {
        self.inputs.iter().zip(&self.positions).map(|(input, at)| (input.topic.to_string(), at.get())).collect()
    }

    /// The committed state, as the task reads it.
    #[must_use]
    pub fn base(&self) -> &dyn StateBase {
        &self.state
    }
}
