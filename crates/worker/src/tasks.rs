use std::time::Duration;

use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{CallToStart, InputState, Step, TaskErrorKind};

use crate::Error;
use crate::core::Core;
use crate::input_partition::InputPartition;
use crate::partition_map::PartitionMap;
use crate::planted::Bug;
use crate::ports::{Calls as _, Clock as _, GroupMember, Ports};
use crate::task_slot::{TaskPhase, TaskSlot};

/// Steps of one task before the next has its turn.
const STEPS_MAX: usize = 512;
/// A round ends after this time, whoever has not had a turn.
const ROUND_MAX: Duration = Duration::from_millis(5);
/// Ends are asked of the brokers at most this often.
const ENDS_INTERVAL: Duration = Duration::from_millis(20);

/// What a round over all tasks came to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Round {
    /// Steps that did something.
    pub(crate) steps: usize,
    /// Whether some task has more to do at once.
    pub(crate) more: bool,
    /// When the first idle task wants to be looked at again.
    pub(crate) wake_at: Option<Timestamp>,
}

impl<P: Ports> Core<P> {
    /// Gives every running task a turn; outputs go to the producer as they come.
    pub(crate) fn run_tasks(&mut self, member: &P::Member) -> Result<Round, Error> {
        let mut round = Round::default();
        let begun = self.clock.monotonic();
        if let Some(wait) = self.pace.wait(begun) {
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            round.wake_at = Some(self.clock.wall().plus_millis(wait_ms));
            return Ok(round);
        }
        self.produce_unless_early()?;
        let places = self.tasks.len();
        for turn in 0..places {
            let place = (self.first_place + turn) % places;
            self.run_task(place, member, &mut round)?;
            if self.clock.monotonic().saturating_sub(begun) >= ROUND_MAX {
                // The others come first in the next round, behind a poll and a look at whether a commit is due.
                self.first_place = place + 1;
                round.more = true;
                break;
            }
        }
        round.more |= std::mem::take(&mut self.handed_over);
        if !self.ends_wanted.is_empty() {
            self.tell_ends(&mut round)?;
        }
        Ok(round)
    }

    fn run_task(&mut self, place: usize, member: &P::Member, round: &mut Round) -> Result<(), Error> {
        let now = self.clock.wall();
        let Some(Some(slot)) = self.tasks.get_mut(place) else { return Ok(()) };
        if slot.phase != TaskPhase::Running {
            return Ok(());
        }
        let mut steps = 0;
        let mut passed_over = 0;
        loop {
            if steps == STEPS_MAX {
                round.more = true;
                break;
            }
            let step = slot.task.step(now, &slot.store, &mut self.effects).map_err(|error| match error.kind {
                TaskErrorKind::State => Error::State(error.to_string()),
                TaskErrorKind::Stopped => Error::Processing(error.to_string()),
            })?;
            match step {
                Step::Processed => steps += 1,
                Step::Idle { wake_at } => {
                    round.wake_at = earliest(round.wake_at, wake_at);
                    break;
                }
                // Inputs are waited for one after another, so as many times as there are inputs.
                Step::WaitForInput { input, .. }
                    if passed_over < slot.inputs.len()
                        && self.drained
                        && pass_over(slot, input, &mut self.partitions, member) =>
                {
                    passed_over += 1;
                }
                Step::WaitForInput { until, .. } | Step::Backoff { until } => {
                    round.wake_at = earliest(round.wake_at, Some(until));
                    break;
                }
                Step::NeedEnds => {
                    self.ends_wanted.insert(place);
                    break;
                }
            }
        }
        if slot.task.has_staged() {
            slot.touched = true;
        }
        if steps > 0 {
            round.steps += steps;
            self.after_steps(place)?;
        }
        Ok(())
    }

    /// Timers are due that fire only once their inputs were read to where they end now.
    fn tell_ends(&mut self, round: &mut Round) -> Result<(), Error> {
        let now = self.clock.monotonic();
        let next = self.ends_asked_at.map_or(now, |asked| asked + ENDS_INTERVAL);
        if now < next {
            let wait_ms = i64::try_from((next - now).as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            round.wake_at = earliest(round.wake_at, Some(self.clock.wall().plus_millis(wait_ms)));
            return Ok(());
        }
        self.ends_asked_at = Some(now);
        let places = std::mem::take(&mut self.ends_wanted);
        let mut partitions: Vec<TopicPartition> =
            places.iter().filter_map(|place| self.slot(*place)).flat_map(|slot| slot.inputs.clone()).collect();
        partitions.sort();
        partitions.dedup();
        let Some(ends) = self.transaction.ends(&partitions)? else { return Ok(()) };
        let (known, fusion) = (&self.partitions, &self.fusion);
        let end_of = |partition: &TopicPartition| {
            let end = ends.iter().find(|(listed, _)| listed == partition).map_or(Offset::ZERO, |(_, end)| *end);
            // Where a partition is fused, its readers don't pass our markers.
            let fused = known.get(partition).and_then(|found| found.fused).and_then(|place| fusion.get(place));
            fused.and_then(|fused| fused.end_for_readers(end)).unwrap_or(end)
        };
        for place in places {
            if let Some(Some(slot)) = self.tasks.get_mut(place) {
                let ends: Vec<Offset> = slot.inputs.iter().map(end_of).collect();
                slot.task.observed_ends(&ends);
            }
        }
        round.more = true;
        Ok(())
    }

    /// Starts outside calls whose intent has committed.
    pub(crate) fn start_calls(&mut self, place: usize, calls: &[CallToStart]) -> Result<(), Error> {
        let Some(Some(slot)) = self.tasks.get(place) else { return Ok(()) };
        for call in calls {
            self.calls.start(&slot.processor, place, slot.epoch, call)?;
        }
        Ok(())
    }

    /// Hands results of calls to their tasks; those of an earlier life of the task are dropped, since the calls were
    /// started again with the same keys.
    pub(crate) fn take_call_results(&mut self) -> usize {
        let mut taken = 0;
        while let Some(returned) = self.calls.next() {
            if let Some(Some(slot)) = self.tasks.get_mut(returned.task)
                && (slot.epoch == returned.epoch || self.blueprint.planted.has(Bug::ResultOfEarlierEpoch))
            {
                slot.task.offer_call_result(returned.result);
                taken += 1;
            }
        }
        taken
    }

    /// Bytes staged by all tasks.
    pub(crate) fn staged_bytes(&self) -> usize {
        self.tasks.iter().flatten().filter(|slot| slot.touched).map(|slot| slot.task.staged_bytes()).sum()
    }

    /// Counts anew what the tasks' buffers hold.
    pub(crate) fn count_buffered(&mut self) -> usize {
        let buffered = |slot: &TaskSlot<P::Store>| -> usize {
            (0..slot.inputs.len()).map(|input| slot.task.buffered(input).1).sum()
        };
        self.buffered_bytes = self.tasks.iter().flatten().map(buffered).sum();
        self.buffered_bytes
    }
}

/// Tells a task not to wait for an empty input: where the past is being read, records of all inputs are taken in the order
/// of their times (KIP-695), but what is live has come as far as it has been committed. Whether an input is at its end the
/// consumer says only after one more, empty fetch.
fn pass_over<S, M: GroupMember>(
    slot: &mut TaskSlot<S>,
    input: usize,
    partitions: &mut PartitionMap<InputPartition>,
    member: &M,
) -> bool {
    let Some(partition) = slot.inputs.get(input) else { return false };
    let Some(found) = partitions.get_mut(partition) else { return false };
    if found.seek_to.is_some() {
        return false;
    }
    if !found.live {
        // Behind the last record of a transaction stands its marker.
        let last_seen = found.fetched.map(Offset::next);
        let high = member.cached_end(partition);
        found.live = high.is_some() && last_seen >= high;
    }
    if found.live {
        slot.task.input_state(input, InputState::Paused);
    }
    found.live
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
