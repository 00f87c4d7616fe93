use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Effects, InputState};

use crate::commit_policy::CommitPolicy;
use crate::fusion::{Fetched, FusedPartition, Fusion};
use crate::input_partition::InputPartition;
use crate::intake::Intake;
use crate::markers::Markers;
use crate::pace::Pace;
use crate::partition_map::PartitionMap;
use crate::planted::Bug;
use crate::ports::{ConsumerHandler, FetchedRecord, Next, Ports, StartAt};
use crate::restore::Restored;
use crate::task_slot::{TaskPhase, TaskSlot};
use crate::transaction::Transaction;
use crate::{Blueprint, Error};

/// Everything of a worker but its consumer, so that the consumer's callbacks can reach it.
pub(crate) struct Core<P: Ports> {
    pub(crate) number: usize,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) stores: P::Stores,
    pub(crate) restores: P::Restores,
    pub(crate) calls: P::Calls,
    pub(crate) clock: P::Clock,
    pub(crate) observer: P::Observer,
    /// Tasks by place; a place stays until its task leaves.
    pub(crate) tasks: Vec<Option<TaskSlot<P::Store>>>,
    pub(crate) partitions: PartitionMap<InputPartition>,
    pub(crate) transaction: Transaction<P::Producer>,
    pub(crate) effects: Effects,
    #[cfg(feature = "planted-bugs")]
    pub(crate) first_credentials: Option<<P::Member as crate::ports::GroupMember>::Credentials>,
    pub(crate) policy: CommitPolicy,
    /// Records that were fetched since the last commit.
    pub(crate) fetched: usize,
    /// Since when no task has had anything left to do, with a transaction open.
    pub(crate) drained_since: Option<Duration>,
    /// For how long more records may come before the open transaction is committed.
    pub(crate) lingers: Option<Duration>,
    pub(crate) pace: Pace,
    pub(crate) markers: Markers,
    pub(crate) intake: Intake,
    /// Grows with every assignment and with every loss: what was begun under another does not count.
    pub(crate) epoch: u64,
    /// Tasks without state, which are up to date at once.
    pub(crate) stateless: VecDeque<Restored>,
    /// Bytes in the tasks' input buffers, about.
    pub(crate) buffered_bytes: usize,
    /// What went wrong inside a callback, for the worker's turn to act on.
    pub(crate) failure: Option<Error>,
    /// Set when the assignment or a task's phase changed, for the report.
    pub(crate) changed: bool,
    /// The tasks whose timers wait for the ends of their inputs.
    pub(crate) ends_wanted: BTreeSet<usize>,
    /// When the ends were last asked for.
    pub(crate) ends_asked_at: Option<Duration>,
    /// Whether the last poll took all that had been fetched.
    pub(crate) drained: bool,
    /// Partitions that this worker writes and reads.
    pub(crate) fusion: Fusion,
    /// Whether fusion must end, since tasks have come or gone.
    pub(crate) fusion_ends: bool,
    /// Whether a record was handed over since the last round.
    pub(crate) handed_over: bool,
    /// Partitions that need not be fetched any more.
    pub(crate) to_pause: Vec<TopicPartition>,
    /// The task that has the first turn in the next round.
    pub(crate) first_place: usize,
}

impl<P: Ports> Core<P> {
    pub(crate) fn fail(&mut self, error: Error) {
        if self.failure.is_none() {
            self.failure = Some(error);
        }
    }

    /// The task at a place, if there is one.
    pub(crate) fn slot(&self, place: usize) -> Option<&TaskSlot<P::Store>> {
        self.tasks.get(place)?.as_ref()
    }
}

impl<P: Ports> ConsumerHandler<P::Member> for Core<P> {
    fn record<R: FetchedRecord>(&mut self, record: &R) -> Next {
        let Some(place) = self.partitions.find(record.topic(), record.partition()) else {
            return Next::Continue;
        };
        let Some((_, partition)) = self.partitions.at_mut(place) else {
            return Next::Continue;
        };
        if partition.seek_to.is_some() {
            return Next::Continue;
        }
        let fetched = match partition.fused {
            Some(place) => self.fusion.fetched(place, record.offset()),
            None => Fetched::New,
        };
        if fetched == Fetched::Known {
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
        if fetched == Fetched::Last
            && let Some(place) = partition.fused
        {
            self.join(place);
        }
        let is_full = self.buffered_bytes >= self.blueprint.settings.input_bytes_max;
        if is_full { Next::Stop } else { Next::Continue }
    }

    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        let Some(found) = self.partitions.get_mut(partition) else { return };
        let is_joined = found.fused.and_then(|place| self.fusion.get(place)).is_some_and(FusedPartition::is_joined);
        if found.seek_to.is_some() || is_joined {
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

    fn assigned(&mut self, partitions: &[TopicPartition], member: &P::Member) -> Vec<StartAt> {
        match self.take_assignment(partitions, member) {
            Ok(starts) => starts,
            Err(error) => {
                self.fail(error);
                Vec::new()
            }
        }
    }

    fn revoked(&mut self, partitions: &[TopicPartition], member: &P::Member) -> Vec<TopicPartition> {
        // The transaction ends here, one way or the other: a revoke never returns with one open.
        if !self.blueprint.planted.has(Bug::RevokeLeavesOpen)
            && let Err(error) = self.commit(member)
        {
            self.fail(error);
        }
        self.give_back(partitions, "revoked")
    }

    fn lost(&mut self, partitions: &[TopicPartition], member: &P::Member) -> Vec<TopicPartition> {
        self.epoch = self.blueprint.next_epoch();
        if let Err(error) = self.abort(member, "the assignment was lost") {
            self.fail(error);
        }
        self.give_back(partitions, "lost")
    }
}
