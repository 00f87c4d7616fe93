//! One step of a task: what is next, and doing it.

use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::Offset;

use super::Task;
use super::failing::{Item, Moment, Retry};
use super::inputs::Choice;
use super::records::Work;
use crate::{Effects, Failure, StateBase, TaskError, TaskErrorKind, TimeKind};

/// How often ends are asked for again while no answer comes, in milliseconds.
const ASK_AGAIN_MS: i64 = 1_000;

/// What a step did, and what the driver does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One record, timer or call result was dealt with; step again.
    Processed,
    /// There is nothing to do until something is offered, or until `wake_at`.
    Idle {
        /// When a timer is due, or a parked key is tried again.
        wake_at: Option<Timestamp>,
    },
    /// An input is empty and has more coming: offer its records, or say that it is at its end or paused.
    WaitForInput {
        /// Which input.
        input: usize,
        /// When the task goes on without it.
        until: Timestamp,
    },
    /// Wall-clock timers are due: look up the end of every input and call [`Task::observed_ends`]; meanwhile step on.
    NeedEnds,
    /// An input failed and is tried again at `until`; nothing else goes on.
    Backoff {
        /// When to step again.
        until: Timestamp,
    },
}

/// The ends of the inputs as observed when wall-clock timers came due.
#[derive(Debug, Default)]
pub(super) struct Ends {
    asked_at: Option<Timestamp>,
    observed: Option<Observed>,
}

#[derive(Debug)]
struct Observed {
    /// The ends are at least those of this time.
    as_of: Timestamp,
    offsets: Vec<Offset>,
}

impl Ends {
    pub(super) fn observed(&mut self, ends: &[Offset]) {
        if let Some(as_of) = self.asked_at.take() {
            self.observed = Some(Observed { as_of, offsets: ends.to_vec() });
        }
    }
}

/// How the wall-clock timer that is due first stands.
enum WallTimer {
    None,
    /// It waits for its time.
    DueAt(Timestamp),
    /// The ends as of its due time are asked for.
    Ask,
    Asked,
    /// This input has not reached its end yet.
    Behind(usize),
    Ready,
}

impl Task {
    /// Deals with one record, timer or call result.
    ///
    /// # Errors
    /// State that can't be read, or a policy that says stop. Nothing of the input at hand is staged then.
    pub fn step(&mut self, now: Timestamp, base: &dyn StateBase, effects: &mut Effects) -> Result<Step, TaskError> {
        let mut moment = Moment { now, base, effects };
        self.next(&mut moment)
    }

    pub(super) fn work<'b>(&'b mut self, moment: &'b mut Moment<'_>) -> Work<'b> {
        Work {
            plan: &self.plan,
            core: &mut self.core,
            nodes: &mut self.nodes,
            effects: &mut *moment.effects,
            base: moment.base,
            now: moment.now,
        }
    }

    fn state<T>(&self, read: Result<T, Failure>) -> Result<T, TaskError> {
        read.map_err(|failure| TaskError {
            kind: TaskErrorKind::State,
            message: format!("task {}: {failure}", self.id),
        })
    }

    fn next(&mut self, moment: &mut Moment<'_>) -> Result<Step, TaskError> {
        if let Some(item) = self.parked_item(moment)? {
            return self.run(item, 0, moment);
        }
        if let Some(Retry { item, attempts, until }) = self.retry.take() {
            if moment.now < until {
                self.retry = Some(Retry { item, attempts, until });
                return Ok(Step::Backoff { until });
            }
            return self.run(item, attempts, moment);
        }
        let event_due = self.next_due(TimeKind::EventTime, self.core.stream_time, moment);
        if self.state(event_due)?.is_some_and(|due| due <= self.core.stream_time) {
            let timer = self.core.first_timer(TimeKind::EventTime, self.core.stream_time, moment.base);
            if let Some(due) = self.state(timer)? {
                return self.run(Item::Timer(Box::new(due)), 0, moment);
            }
        }
        let wall = self.wall_timer(moment)?;
        if matches!(wall, WallTimer::Ask) {
            self.ends.asked_at = Some(moment.now);
            return Ok(Step::NeedEnds);
        }
        // Records and what comes from inside take turns, so that neither starves the other.
        if !self.was_internal
            && let Some(item) = self.internal_item(&wall, moment)?
        {
            self.was_internal = true;
            return self.run(item, 0, moment);
        }
        self.was_internal = false;
        let choice = self.choose(moment);
        if let Choice::Take { input, out_of_order } = choice
            && let Some(record) = self.inputs.take(input)
        {
            moment.effects.counters.out_of_order += u64::from(out_of_order);
            if let Some(ahead) = self.ahead.get_mut(input) {
                ahead.took(self.inputs.upcoming(input), &self.core.overlay);
            }
            return self.run(Item::Record { input, record }, 0, moment);
        }
        if let Some(item) = self.internal_item(&wall, moment)? {
            return self.run(item, 0, moment);
        }
        self.rest(choice, &wall, moment)
    }

    fn next_due(&mut self, kind: TimeKind, now: Timestamp, moment: &Moment<'_>) -> Result<Option<Timestamp>, Failure> {
        if self.plan.holds_timers { Ok(None) } else { self.core.next_due(kind, now, moment.base) }
    }

    fn choose(&mut self, moment: &Moment<'_>) -> Choice {
        if self.core.calls.len() >= self.plan.environment.limits.calls_pending_max {
            return Choice::Nothing;
        }
        self.inputs.choose(moment.now)
    }

    fn parked_item(&mut self, moment: &Moment<'_>) -> Result<Option<Item>, TaskError> {
        if self.plan.changelog.is_none() {
            return Ok(None);
        }
        let due = self.core.parked_due(moment.now, moment.base);
        Ok(self.state(due)?.map(|(key, state)| Item::Parked { key, state }))
    }

    fn internal_item(&mut self, wall: &WallTimer, moment: &Moment<'_>) -> Result<Option<Item>, TaskError> {
        if matches!(wall, WallTimer::Ready) {
            let timer = self.core.first_timer(TimeKind::WallClock, moment.now, moment.base);
            if let Some(due) = self.state(timer)? {
                return Ok(Some(Item::Timer(Box::new(due))));
            }
        }
        Ok(self.core.calls.next_result().map(Item::Result))
    }

    fn wall_timer(&mut self, moment: &Moment<'_>) -> Result<WallTimer, TaskError> {
        let due = self.next_due(TimeKind::WallClock, moment.now, moment);
        let Some(due) = self.state(due)? else {
            return Ok(WallTimer::None);
        };
        if due > moment.now {
            return Ok(WallTimer::DueAt(due));
        }
        if let Some(observed) = self.ends.observed.as_ref().filter(|observed| observed.as_of >= due) {
            return Ok(match self.inputs.first_before(&observed.offsets) {
                Some(input) => WallTimer::Behind(input),
                None => WallTimer::Ready,
            });
        }
        let asked = self.ends.asked_at.is_some_and(|asked| moment.now.since_ms(asked) < ASK_AGAIN_MS);
        Ok(if asked { WallTimer::Asked } else { WallTimer::Ask })
    }

    fn rest(&mut self, choice: Choice, wall: &WallTimer, moment: &Moment<'_>) -> Result<Step, TaskError> {
        if let Choice::Wait { input, until } = choice {
            return Ok(Step::WaitForInput { input, until });
        }
        let parked = if self.plan.changelog.is_some() {
            let next = self.core.parked_next_due(moment.base);
            self.state(next)?
        } else {
            None
        };
        let timer = match wall {
            WallTimer::DueAt(due) => Some(*due),
            WallTimer::Asked => self.ends.asked_at.map(|asked| asked.plus_millis(ASK_AGAIN_MS)),
            WallTimer::Behind(input) => {
                let until = moment.now.plus_millis(ASK_AGAIN_MS);
                return Ok(Step::WaitForInput { input: *input, until: parked.map_or(until, |due| due.min(until)) });
            }
            WallTimer::None | WallTimer::Ask | WallTimer::Ready => None,
        };
        let wake_at = [timer, parked].into_iter().flatten().min();
        Ok(Step::Idle { wake_at })
    }
}

/// Tasks move between threads.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Task>();
    is_send::<Arc<crate::TaskEnvironment>>();
};
