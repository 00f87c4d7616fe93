use std::time::Duration;

use headwater_event::Timestamp;
use headwater_kafka::ConsumerHandle;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{CallToStart, InputState, Step, TaskErrorKind};

use super::core::Core;
use super::input_partition::InputPartition;
use super::task_slot::{TaskPhase, TaskSlot};
use crate::Error;
use crate::partition_map::PartitionMap;

/// Steps of one task before the next has its turn.
const STEPS_MAX: usize = 512;
/// A round ends after this time, whoever has not had a turn.
const ROUND_MAX: Duration = Duration::from_millis(5);
/// Ends are asked of the brokers at most this often.
const ENDS_INTERVAL: Duration = Duration::from_millis(20);
const RPC_DEADLINE: Duration = Duration::from_secs(5);

/// What a round over all tasks came to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Round {
    /// Steps that did something.
    pub(super) steps: usize,
    /// Whether some task has more to do at once.
    pub(super) more: bool,
    /// When the first idle task wants to be looked at again.
    pub(super) wake_at: Option<Timestamp>,
}

impl Core {
    /// Gives every running task a turn; outputs go to the producer as they come.
    pub(super) fn run_tasks(&mut self, consumer: &ConsumerHandle) -> Result<Round, Error> {
        let mut round = Round::default();
        let begun = self.shared.clock.monotonic();
        let places = self.tasks.len();
        for turn in 0..places {
            let place = (self.first_place + turn) % places;
            self.run_task(place, consumer, &mut round)?;
            if self.shared.clock.monotonic().saturating_sub(begun) >= ROUND_MAX {
                // The others come first in the next round, behind a poll and a look at whether a commit is due.
                self.first_place = place + 1;
                round.more = true;
                break;
            }
        }
        if !self.ends_wanted.is_empty() {
            self.tell_ends(&mut round)?;
        }
        Ok(round)
    }

    fn run_task(&mut self, place: usize, consumer: &ConsumerHandle, round: &mut Round) -> Result<(), Error> {
        let now = self.shared.clock.wall();
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
            let step = slot.task.step(now, &slot.state, &mut self.effects).map_err(|error| match error.kind {
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
                        && pass_over(slot, input, &mut self.partitions, consumer) =>
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

    /// Begins the transaction with the first thing that is done, and produces what came out.
    fn after_steps(&mut self, place: usize) -> Result<(), Error> {
        let now = self.shared.clock.monotonic();
        self.transaction.ensure_open(now, self.epoch)?;
        self.produce_outputs()?;
        self.count(place);
        Ok(())
    }

    /// Hands the outputs at hand to the producer.
    pub(super) fn produce_outputs(&mut self) -> Result<(), Error> {
        for output in self.effects.outputs.drain(..) {
            let Some(topic) = self.shared.environment.topic(output.topic) else { continue };
            self.transaction.produce(&topic.name, &output)?;
            self.shared.metrics.produced.inc();
        }
        Ok(())
    }

    fn count(&mut self, place: usize) {
        let counters = std::mem::take(&mut self.effects.counters);
        let Some(Some(slot)) = self.tasks.get(place) else { return };
        self.shared.metrics.count(&slot.processor, &counters);
        let stream_time = slot.task.stream_time();
        if counters.processed > 0 && stream_time.as_millis() >= 0 {
            let behind_ms = self.shared.clock.wall().since_ms(stream_time).max(0);
            let seconds = Duration::from_millis(behind_ms.unsigned_abs()).as_secs_f64();
            self.shared.metrics.latency.with_label_values(&[slot.processor.as_str()]).observe(seconds);
        }
    }

    /// Timers are due that fire only once their inputs were read to where they end now.
    fn tell_ends(&mut self, round: &mut Round) -> Result<(), Error> {
        let now = self.shared.clock.monotonic();
        let next = self.ends_asked_at.map_or(now, |asked| asked + ENDS_INTERVAL);
        if now < next {
            let wait_ms = i64::try_from((next - now).as_millis()).unwrap_or(i64::MAX).saturating_add(1);
            round.wake_at = earliest(round.wake_at, Some(self.shared.clock.wall().plus_millis(wait_ms)));
            return Ok(());
        }
        self.ends_asked_at = Some(now);
        let places = std::mem::take(&mut self.ends_wanted);
        let mut partitions: Vec<TopicPartition> = places
            .iter()
            .filter_map(|place| self.tasks.get(*place)?.as_ref())
            .flat_map(|slot| slot.inputs.clone())
            .collect();
        partitions.sort();
        partitions.dedup();
        let Some(ends) = self.transaction.ends(&partitions, RPC_DEADLINE)? else { return Ok(()) };
        let end_of = |partition: &TopicPartition| {
            ends.iter().find(|(listed, _)| listed == partition).map_or(Offset::ZERO, |(_, end)| *end)
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
    pub(super) fn start_calls(&mut self, place: usize, calls: &[CallToStart]) -> Result<(), Error> {
        let Some(Some(slot)) = self.tasks.get(place) else { return Ok(()) };
        for call in calls {
            self.calls.start(&slot.processor, place, slot.epoch, call)?;
        }
        Ok(())
    }

    /// Hands results of calls to their tasks; those of an earlier life of the task are dropped, since the calls were
    /// started again with the same keys.
    pub(super) fn take_call_results(&mut self) -> usize {
        let mut taken = 0;
        while let Some(returned) = self.calls.next() {
            if let Some(Some(slot)) = self.tasks.get_mut(returned.task)
                && slot.epoch == returned.epoch
            {
                slot.task.offer_call_result(returned.result);
                taken += 1;
            }
        }
        taken
    }

    /// Bytes staged by all tasks.
    pub(super) fn staged_bytes(&self) -> usize {
        self.tasks.iter().flatten().filter(|slot| slot.touched).map(|slot| slot.task.staged_bytes()).sum()
    }

    /// Counts anew what the tasks' buffers hold.
    pub(super) fn count_buffered(&mut self) -> usize {
        let buffered = |slot: &super::task_slot::TaskSlot| -> usize {
            (0..slot.inputs.len()).map(|input| slot.task.buffered(input).1).sum()
        };
        self.buffered_bytes = self.tasks.iter().flatten().map(buffered).sum();
        self.buffered_bytes
    }
}

/// Tells a task not to wait for an empty input: where the past is being read, records of all inputs are taken in the order
/// of their times (KIP-695), but what is live has come as far as it has been committed. Whether an input is at its end the
/// consumer says only after one more, empty fetch.
fn pass_over(
    slot: &mut TaskSlot,
    input: usize,
    partitions: &mut PartitionMap<InputPartition>,
    consumer: &ConsumerHandle,
) -> bool {
    let Some(partition) = slot.inputs.get(input) else { return false };
    let Some(found) = partitions.get_mut(partition) else { return false };
    if found.seek_to.is_some() {
        return false;
    }
    if !found.live {
        // Behind the last record of a transaction stands its marker.
        let last_seen = found.fetched.map(Offset::next);
        let high = consumer.cached_watermarks(partition).map(|(_, high)| high);
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
