//! What becomes of an input that failed: its policy, retries, parking, dead letters.

use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::Headers;

use super::Task;
use super::dead_letters::Letter;
use super::parked::KeyState;
use super::records::Origin;
use super::step::Step;
use super::timers::DueTimer;
use crate::policy::backoff_ms;
use crate::{
    CallResult, Effects, Failure, FailureKind, Otherwise, Output, Policy, Record, StateBase, TaskError, TaskErrorKind,
};

/// Something to work on.
pub(super) enum Item {
    /// A record of an input.
    Record { input: usize, record: Arc<Record> },
    /// The first record of a parked key.
    Parked { key: Bytes, state: KeyState },
    /// A timer that is due.
    Timer(Box<DueTimer>),
    /// The answer to a call.
    Result(CallResult),
}

/// Something that is tried again, the whole task waiting.
pub(super) struct Retry {
    pub(super) item: Item,
    pub(super) attempts: u32,
    pub(super) until: Timestamp,
}

/// What one step works with.
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) base: &'a dyn StateBase,
    pub(super) effects: &'a mut Effects,
}

impl Task {
    /// Works on an item that was tried `attempts` times before, to its end or to its policy's.
    pub(super) fn run(&mut self, item: Item, attempts: u32, moment: &mut Moment<'_>) -> Result<Step, TaskError> {
        let outputs_before = moment.effects.outputs.len();
        let done = match &item {
            Item::Record { input, record } => self.run_record(*input, record, moment),
            Item::Parked { key, state } => self.run_parked(key, *state, moment),
            Item::Timer(due) => self.work(moment).timer(due),
            Item::Result(result) => self.work(moment).call_result(result).map(|_| ()),
        };
        match done {
            Ok(()) => {
                self.finish(item);
                Ok(Step::Processed)
            }
            Err(failure) => {
                moment.effects.outputs.truncate(outputs_before);
                self.core.undo();
                self.make_processors();
                self.fail(item, attempts, failure, moment)
            }
        }
    }

    fn run_record(&mut self, input: usize, record: &Record, moment: &mut Moment<'_>) -> Result<(), Failure> {
        self.core.stream_time = self.core.stream_time.max(record.timestamp);
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.sources.get(input) else { return Ok(()) };
        self.work(moment).record(source, record, Origin::Fetched)
    }

    fn run_parked(&mut self, key: &[u8], state: KeyState, moment: &mut Moment<'_>) -> Result<(), Failure> {
        let Some(parked) = self.core.first_parked(key, moment.base)? else {
            return self.core.set_parked(key, None, moment.base);
        };
        let plan = Arc::clone(&self.plan);
        let source = plan.sources.iter().find(|source| source.declared_topic == parked.topic).ok_or_else(|| {
            Failure::state(format!(
                "a record of {} is parked, which is no source any more: bring it back",
                parked.topic
            ))
        })?;
        self.core.finish_parked(&parked);
        let records = state.records.saturating_sub(1);
        let next = KeyState { due: moment.now, attempts: 0, records };
        self.core.set_parked(key, Some(next), moment.base)?;
        self.work(moment).record(source, &parked.record, Origin::Parked)
    }

    /// The item is dealt with: what it staged stays.
    fn finish(&mut self, item: Item) {
        match item {
            Item::Record { input, record } => self.inputs.advance(input, record.offset),
            Item::Result(result) => {
                if self.core.calls.waiting(result.id).is_some() {
                    self.core.calls.answered(result);
                }
            }
            Item::Parked { .. } | Item::Timer(_) => {}
        }
        self.core.keep();
        self.staged = true;
    }

    fn fail(
        &mut self,
        item: Item,
        attempts: u32,
        failure: Failure,
        moment: &mut Moment<'_>,
    ) -> Result<Step, TaskError> {
        let policy = self.policy_of(&item, failure.kind, moment);
        if let Item::Parked { key, state } = item {
            return self.fail_parked(key, state, policy, &failure, moment);
        }
        match policy {
            Policy::Skip => Ok(self.skip(item, moment)),
            Policy::DeadLetter => self.bury(item, &failure, moment),
            Policy::Stop => Err(self.stop(item, &failure)),
            Policy::Retry { attempts: most, backoff_ms: first, otherwise } => {
                if failure.retriable && attempts < most {
                    return Ok(self.try_again(item, attempts + 1, first, moment));
                }
                match otherwise {
                    Otherwise::Skip => Ok(self.skip(item, moment)),
                    Otherwise::DeadLetter => self.bury(item, &failure, moment),
                    Otherwise::Stop => Err(self.stop(item, &failure)),
                }
            }
            Policy::ParkKey { attempts: most, backoff_ms: first } => match item {
                Item::Record { input, record } => self.park(input, record, attempts, first, moment),
                // Timers and answers have no order of a key to keep.
                other if failure.retriable && attempts < most => Ok(self.try_again(other, attempts + 1, first, moment)),
                other => self.bury(other, &failure, moment),
            },
        }
    }

    fn policy_of(&self, item: &Item, edge: FailureKind, moment: &Moment<'_>) -> Policy {
        let source = match item {
            Item::Record { input, .. } => self.plan.sources.get(*input),
            Item::Parked { key, .. } => {
                let parked = self.core.first_parked(key, moment.base).ok().flatten();
                parked.and_then(|parked| self.plan.sources.iter().find(|s| s.declared_topic == parked.topic))
            }
            Item::Timer(_) | Item::Result(_) => None,
        };
        source.map_or(self.plan.policies, |source| source.policies).of(edge)
    }

    fn try_again(&mut self, item: Item, attempts: u32, first_ms: u32, moment: &mut Moment<'_>) -> Step {
        let until = moment.now.plus_millis(backoff_ms(first_ms, attempts));
        moment.effects.counters.retries += 1;
        self.retry = Some(Retry { item, attempts, until });
        Step::Backoff { until }
    }

    fn skip(&mut self, item: Item, moment: &mut Moment<'_>) -> Step {
        moment.effects.counters.skipped += 1;
        self.stage_end(&item);
        self.finish(item);
        Step::Processed
    }

    /// Stages what the item's work would have staged of its own end.
    fn stage_end(&mut self, item: &Item) {
        match item {
            Item::Timer(due) => self.core.finish_timer(due),
            Item::Result(result) => self.core.finish_call(result.id),
            Item::Record { .. } | Item::Parked { .. } => {}
        }
    }

    fn bury(&mut self, item: Item, failure: &Failure, moment: &mut Moment<'_>) -> Result<Step, TaskError> {
        let Some(letter) = self.letter_of(&item, failure, moment) else {
            let missing =
                Failure::new(failure.kind, format!("{}; and it has no dead-letter topic: create it", failure.message));
            return Err(self.stop(item, &missing));
        };
        moment.effects.outputs.push(letter);
        moment.effects.counters.dead_letters += 1;
        self.stage_end(&item);
        self.finish(item);
        Ok(Step::Processed)
    }

    fn letter_of(&self, item: &Item, failure: &Failure, moment: &Moment<'_>) -> Option<Output> {
        // What is no record goes where the first source's records go.
        let to = || self.plan.sources.iter().find_map(|source| source.dead_letters);
        let letter = |key: Bytes, value: Option<Bytes>, cause: &headwater_event::Envelope, what: String| {
            let mut headers = Headers::new();
            cause.write(&mut headers);
            headers.push("__headwater.dead-letter-of", what);
            Letter { key: Some(key), value, headers, timestamp: moment.now, topic: &self.plan.processor, offset: None }
        };
        match item {
            Item::Record { input, record } => self.plan.dead_letter(self.plan.sources.get(*input)?, record, failure),
            Item::Parked { .. } => None,
            Item::Timer(due) => {
                let what = format!("timer {} of {}", due.timer.name, due.node);
                self.plan.letter(to()?, letter(due.timer.key.clone(), None, &due.cause, what), failure)
            }
            Item::Result(result) => {
                let call = self.core.calls.waiting(result.id)?;
                let what = format!("call {} of {}, key {}", call.step, call.node, call.idempotency_key);
                let letter = letter(call.ordering_key.clone(), Some(call.request.clone()), &call.cause, what);
                self.plan.letter(to()?, letter, failure)
            }
        }
    }

    fn stop(&mut self, item: Item, failure: &Failure) -> TaskError {
        let at = match &item {
            Item::Record { input, record } => {
                let topic = self.input_topics.get(*input).map_or("?", |input| input.name.as_str());
                format!("{topic}[{}]@{}", self.plan.partition, record.offset)
            }
            Item::Parked { .. } => "a parked record".to_owned(),
            Item::Timer(due) => format!("timer {}", due.timer.name),
            Item::Result(result) => format!("the result of call {}", result.id.0),
        };
        match item {
            Item::Record { input, record } => self.inputs.put_back(input, record),
            Item::Result(result) => self.core.calls.put_back(result),
            Item::Parked { .. } | Item::Timer(_) => {}
        }
        let kind = if failure.kind == FailureKind::State { TaskErrorKind::State } else { TaskErrorKind::Stopped };
        TaskError { kind, message: format!("task {} at {at}: {failure}", self.id) }
    }

    /// Sets the record's key aside.
    fn park(
        &mut self,
        input: usize,
        record: Arc<Record>,
        attempts: u32,
        first_ms: u32,
        moment: &mut Moment<'_>,
    ) -> Result<Step, TaskError> {
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.sources.get(input) else { return Ok(Step::Processed) };
        let due = moment.now.plus_millis(backoff_ms(first_ms, 1));
        let mut work = self.work(moment);
        let key = work.parking_key(source, &record);
        match work.park(&key, source, &record, KeyState { due, attempts: 1, records: 0 }) {
            Ok(()) => {
                self.finish(Item::Record { input, record });
                Ok(Step::Processed)
            }
            Err(failure) if failure.kind == FailureKind::Unavailable => {
                self.core.undo();
                Ok(self.try_again(Item::Record { input, record }, attempts, first_ms, moment))
            }
            Err(failure) => {
                self.core.undo();
                Err(self.stop(Item::Record { input, record }, &failure))
            }
        }
    }

    /// The first record of a parked key failed again: it waits longer, or the next of its key gets its turn.
    fn fail_parked(
        &mut self,
        key: Bytes,
        state: KeyState,
        policy: Policy,
        failure: &Failure,
        moment: &mut Moment<'_>,
    ) -> Result<Step, TaskError> {
        let (most, first) = match policy {
            Policy::ParkKey { attempts, backoff_ms } | Policy::Retry { attempts, backoff_ms, .. } => {
                (attempts, backoff_ms)
            }
            Policy::Skip | Policy::DeadLetter => (0, 0),
            Policy::Stop => return Err(self.stop(Item::Parked { key, state }, failure)),
        };
        let staged = if state.attempts < most {
            moment.effects.counters.retries += 1;
            let attempts = state.attempts + 1;
            let due = moment.now.plus_millis(backoff_ms(first, attempts));
            self.core.set_parked(&key, Some(KeyState { due, attempts, ..state }), moment.base)
        } else {
            self.give_up_parked(&key, state, policy, failure, moment)
        };
        match staged {
            Ok(()) => {
                self.finish(Item::Parked { key, state });
                Ok(Step::Processed)
            }
            Err(failure) => {
                self.core.undo();
                Err(self.stop(Item::Parked { key, state }, &failure))
            }
        }
    }

    fn give_up_parked(
        &mut self,
        key: &[u8],
        state: KeyState,
        policy: Policy,
        failure: &Failure,
        moment: &mut Moment<'_>,
    ) -> Result<(), Failure> {
        let Some(parked) = self.core.first_parked(key, moment.base)? else {
            return self.core.set_parked(key, None, moment.base);
        };
        if policy == Policy::Skip {
            moment.effects.counters.skipped += 1;
        } else {
            let source = self.plan.sources.iter().find(|source| source.declared_topic == parked.topic);
            let letter = source.and_then(|source| self.plan.dead_letter(source, &parked.record, failure));
            let missing = || Failure::process(format!("{}; and it has no dead-letter topic", failure.message));
            moment.effects.outputs.push(letter.ok_or_else(missing)?);
            moment.effects.counters.dead_letters += 1;
        }
        self.core.finish_parked(&parked);
        let next = KeyState { due: moment.now, attempts: 0, records: state.records.saturating_sub(1) };
        self.core.set_parked(key, Some(next), moment.base)
    }
}
