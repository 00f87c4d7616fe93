//! One record, timer or call result through the processors.

use std::sync::Arc;

use headwater_event::Timestamp;

use super::commands::Command;
use super::core::{Core, seed_of};
use super::parked::KeyState;
use super::plan::{Plan, SourcePlan};
use super::timers::DueTimer;
use crate::context::Cause;
use crate::topology::SourceKind;
use crate::{CallResult, Context, Effects, Failure, Input, Processing, ProcessingSpan, Processor, Record, StateBase};

/// What a task lends to the work on one input.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) core: &'a mut Core,
    pub(super) nodes: &'a mut [Box<dyn Processor>],
    pub(super) effects: &'a mut Effects,
    pub(super) base: &'a dyn StateBase,
    pub(super) now: Timestamp,
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A topic.
    Fetched,
    /// The store of parked records: it has waited for its turn.
    Parked,
}

impl Work<'_> {
    /// Works on a record; what is dropped is counted.
    pub(super) fn record(&mut self, source: &SourcePlan, record: &Record, origin: Origin) -> Result<(), Failure> {
        let lateness = self.core.stream_time.since_ms(record.timestamp);
        if origin == Origin::Fetched && source.grace_ms.is_some_and(|grace| lateness > grace) {
            self.effects.counters.late += 1;
            return Ok(());
        }
        let mut input = Input::new(record, source, self.plan);
        let mut has_own_id = false;
        match source.kind {
            SourceKind::Raw => {}
            SourceKind::Events => {
                if !self.read_event(&mut input)? {
                    self.effects.counters.skipped += 1;
                    return Ok(());
                }
                has_own_id = true;
            }
            SourceKind::Commands | SourceKind::ForwardedCommands => match self.read_command(&mut input)? {
                Command::Take { by_place } => has_own_id = !by_place,
                Command::Skip => {
                    self.effects.counters.skipped += 1;
                    return Ok(());
                }
                Command::Forward { to } => {
                    self.forward_command(&input, to)?;
                    self.effects.counters.forwarded += 1;
                    return Ok(());
                }
                Command::Refuse(refused) => {
                    if let Some(refusals) = &source.refusals {
                        let mut context = self.context(Cause::Input(&input), 0, record.timestamp);
                        refusals(&refused, &mut context)?;
                    }
                    self.effects.counters.rejected += 1;
                    return Ok(());
                }
            },
        }
        let may_wait = self.plan.changelog.is_some() && !source.is_table;
        if origin == Origin::Fetched && may_wait && self.joins_parked(&input)? {
            return Ok(());
        }
        if let Some(window_ms) = source.dedup_window_ms.filter(|_| has_own_id || source.kind == SourceKind::Raw) {
            let id = input.envelope().id;
            if self.core.seen(id, window_ms, self.base)? {
                self.effects.counters.deduplicated += 1;
                return Ok(());
            }
        }
        let span = self.begin_span(&mut input);
        let processed = self.process(source, &input);
        if let Some(span) = span {
            let failure = processed.as_ref().err().map(ToString::to_string);
            span.end(failure.as_deref());
        }
        processed?;
        self.effects.counters.processed += 1;
        Ok(())
    }

    fn process(&mut self, source: &SourcePlan, input: &Input<'_>) -> Result<(), Failure> {
        for &node in &source.nodes {
            let Some(processor) = self.nodes.get_mut(node) else { continue };
            let mut context = Context {
                core: &mut *self.core,
                effects: &mut *self.effects,
                base: self.base,
                plan: self.plan,
                node,
                cause: Cause::Input(input),
                now: self.now,
                event_time: input.record.timestamp,
            };
            processor.process(input, &mut context)?;
        }
        Ok(())
    }

    /// Tells the tracer, if there is one; from here on the input's trace parent is the span of its processing.
    fn begin_span(&self, input: &mut Input<'_>) -> Option<Box<dyn ProcessingSpan>> {
        let tracer = self.plan.environment.tracer.as_ref()?;
        if input.source.kind == SourceKind::Raw {
            return None;
        }
        let span = tracer.begin(&Processing {
            processor: &self.plan.processor,
            topic: input.topic(),
            partition: input.partition(),
            offset: input.offset(),
            envelope: input.envelope(),
        });
        if let (Some(parent), Some(envelope)) = (span.trace_parent(), input.envelope.get_mut()) {
            Arc::make_mut(envelope).trace_parent = Some(parent);
        }
        Some(span)
    }

    fn context<'b>(&'b mut self, cause: Cause<'b>, node: usize, event_time: Timestamp) -> Context<'b> {
        Context {
            core: &mut *self.core,
            effects: &mut *self.effects,
            base: self.base,
            plan: self.plan,
            node,
            cause,
            now: self.now,
            event_time,
        }
    }

    /// A record of a key that is parked waits behind the others of its key.
    fn joins_parked(&mut self, input: &Input<'_>) -> Result<bool, Failure> {
        let key = input.key().unwrap_or_default();
        let Some(state) = self.core.parked_key(key, self.base)? else {
            return Ok(false);
        };
        self.park(key, input.source, input.record, state)?;
        Ok(true)
    }

    /// Sets a record aside.
    pub(super) fn park(
        &mut self,
        key: &[u8],
        source: &SourcePlan,
        record: &Record,
        state: KeyState,
    ) -> Result<(), Failure> {
        let records_max = self.plan.environment.limits.parked_records_max;
        if self.core.parked_records(self.base)? >= records_max {
            return Err(Failure::unavailable(format!(
                "{records_max} records are parked, which is the limit: it waits"
            )));
        }
        self.core.park(key, &source.declared_topic, record, state, self.base)?;
        self.effects.counters.parked += 1;
        Ok(())
    }

    /// The key under which a record that failed is parked: its aggregate where that can be known.
    pub(super) fn parking_key(&mut self, source: &SourcePlan, record: &Record) -> bytes::Bytes {
        let mut input = Input::new(record, source, self.plan);
        let is_command = matches!(source.kind, SourceKind::Commands | SourceKind::ForwardedCommands);
        // Where the command can't be read, the record's own key is what there is.
        let read = if is_command { self.read_command(&mut input).is_ok() } else { false };
        let own = record.key.clone().unwrap_or_default();
        if read { input.key.clone().unwrap_or(own) } else { own }
    }

    /// Works on a timer that fires.
    pub(super) fn timer(&mut self, due: &DueTimer) -> Result<(), Failure> {
        self.core.finish_timer(due);
        let detail = format!("{}/{}/{}/{}", due.node, due.timer.name, due.timer.key_text(), due.timer.due.as_millis());
        let seed = seed_of(due.cause.id, "timer", &detail);
        let node = self.node(&due.node)?;
        let Some(processor) = self.nodes.get_mut(node) else { return Ok(()) };
        let mut context = Context {
            core: &mut *self.core,
            effects: &mut *self.effects,
            base: self.base,
            plan: self.plan,
            node,
            cause: Cause::Stored { envelope: &due.cause, seed },
            now: self.now,
            event_time: self.now,
        };
        processor.on_timer(&due.timer, &mut context)?;
        self.effects.counters.timers += 1;
        Ok(())
    }

    /// Works on the answer to a call; one that is not waited for is ignored and counted. Says whether it was known.
    pub(super) fn call_result(&mut self, result: &CallResult) -> Result<bool, Failure> {
        let Some(call) = self.core.calls.waiting(result.id).cloned() else {
            self.effects.counters.unknown_call_results += 1;
            return Ok(false);
        };
        self.core.finish_call(result.id);
        let seed = seed_of(call.cause.id, "call", &format!("{}/{}/{}", call.node, call.step, call.idempotency_key));
        let node = self.node(&call.node)?;
        let Some(processor) = self.nodes.get_mut(node) else { return Ok(true) };
        let whole = CallResult {
            id: result.id,
            step: call.step,
            idempotency_key: call.idempotency_key,
            ordering_key: call.ordering_key,
            request: call.request,
            outcome: result.outcome.clone(),
        };
        let mut context = Context {
            core: &mut *self.core,
            effects: &mut *self.effects,
            base: self.base,
            plan: self.plan,
            node,
            cause: Cause::Stored { envelope: &call.cause, seed },
            now: self.now,
            event_time: self.now,
        };
        processor.on_call_result(&whole, &mut context)?;
        self.effects.counters.call_results += 1;
        Ok(true)
    }

    fn node(&self, name: &str) -> Result<usize, Failure> {
        let found = self.plan.nodes.iter().position(|node| node.name == name);
        found.ok_or_else(|| {
            Failure::state(format!("state is of processor {name}, which is not in the topology: rename it back"))
        })
    }
}
