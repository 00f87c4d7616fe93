use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headwater_kafka::{ConsumerHandle, ConsumerHandler, Next, Record, StartAt};
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Effects, InputState};

use super::commit_policy::CommitPolicy;
use super::input_partition::InputPartition;
use super::intake::Intake;
use super::task_slot::{TaskPhase, TaskSlot};
use super::transaction::Transaction;
use crate::Error;
use crate::application::Shared;
use crate::calls::CallExecutor;
use crate::partition_map::PartitionMap;

/// Records that one input may buffer before its partition is held back.
pub(super) const INPUT_RECORDS_MAX: usize = 10_000;

/// Everything of a worker but its consumer, so that the consumer's callbacks can reach it.
pub(super) struct Core {
    pub(super) number: usize,
    pub(super) shared: Arc<Shared>,
    /// Tasks by place; a place stays until its task leaves.
    pub(super) tasks: Vec<Option<TaskSlot>>,
    pub(super) partitions: PartitionMap<InputPartition>,
    pub(super) transaction: Transaction,
    pub(super) effects: Effects,
    pub(super) policy: CommitPolicy,
    pub(super) calls: CallExecutor,
    pub(super) intake: Intake,
    /// Grows with every assignment and with every loss: what was begun under another does not count.
    pub(super) epoch: u64,
    /// Bytes in the tasks' input buffers, about.
    pub(super) buffered_bytes: usize,
    /// What went wrong inside a callback, for the loop to act on.
    pub(super) failure: Option<Error>,
    /// Set when the assignment or a task's phase changed, for the members topic.
    pub(super) changed: bool,
    /// The tasks whose timers wait for the ends of their inputs.
    pub(super) ends_wanted: BTreeSet<usize>,
    /// When the ends were last asked for.
    pub(super) ends_asked_at: Option<Duration>,
    /// Whether the last poll took all that had been fetched.
    pub(super) drained: bool,
    /// The task that has the first turn in the next round.
    pub(super) first_place: usize,
}

impl Core {
    pub(super) fn input_bytes_max(&self) -> usize {
        self.shared.settings.memory.input_buffer_bytes() / self.shared.settings.workers.max(1)
    }

    pub(super) fn fail(&mut self, error: Error) {
        if self.failure.is_none() {
            self.failure = Some(error);
        }
    }
}

impl ConsumerHandler for Core {
    fn record(&mut self, record: &Record<'_>) -> Next {
        let Some(place) = self.partitions.find(record.topic(), record.partition()) else {
            return Next::Continue;
        };
        let Some((_, partition)) = self.partitions.at_mut(place) else {
            return Next::Continue;
        };
        if partition.seek_to.is_some() {
            return Next::Continue;
        }
        let owned = self.intake.own(record);
        partition.fetched = Some(owned.offset.next());
        partition.end = None;
        let size = owned.size_bytes();
        for (task, input) in &partition.readers {
            let Some(Some(slot)) = self.tasks.get_mut(*task) else { continue };
            if slot.phase == TaskPhase::Running {
                slot.task.offer(*input, Arc::clone(&owned));
                slot.task.input_state(*input, InputState::MoreComing);
            }
        }
        self.buffered_bytes += size;
        if self.buffered_bytes >= self.input_bytes_max() { Next::Stop } else { Next::Continue }
    }

    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        let Some(found) = self.partitions.get_mut(partition) else { return };
        if found.seek_to.is_some() {
            return;
        }
        found.end = Some(position);
        found.live = true;
        for (task, input) in &found.readers {
            if let Some(Some(slot)) = self.tasks.get_mut(*task) {
                slot.task.input_state(*input, InputState::AtEnd { offset: position });
            }
        }
    }

    fn assigned(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<StartAt> {
        match self.take_assignment(partitions, consumer) {
            Ok(starts) => starts,
            Err(error) => {
                self.fail(error);
                Vec::new()
            }
        }
    }

    fn revoked(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition> {
        // The transaction ends here, one way or the other: a revoke never returns with one open.
        if let Err(error) = self.commit(consumer) {
            self.fail(error);
        }
        self.give_back(partitions, "revoked")
    }

    fn lost(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition> {
        self.epoch = self.shared.next_epoch();
        if let Err(error) = self.abort(consumer, "the assignment was lost") {
            self.fail(error);
        }
        self.give_back(partitions, "lost")
    }
}
