use std::sync::Arc;

use headwater_event::EventId;

use super::participant::{EVENTS, Emitter, ToCommand, ToEvent, ToMessages, ToReply};
use super::{Decider, Moment, Rejection, Versioned, deadlines};
use crate::topology::SourceKind;
use crate::{Context, Failure, Input, Processor, Rejected, Timer};

/// What messages mean to a decider.
pub(super) struct Table<D: Decider> {
    pub(super) store: String,
    /// By type.
    pub(super) commands: Vec<(&'static str, ToCommand<D>)>,
    /// By topic and type.
    pub(super) reactions: Vec<(&'static str, &'static str, ToCommand<D>)>,
    pub(super) to_messages: Option<ToMessages<D>>,
    pub(super) reply: Option<ToReply>,
    /// Which event a message was, by type; empty where the state is not rebuilt.
    pub(super) events: Vec<(&'static str, ToEvent<D>)>,
}

impl<D: Decider> Table<D> {
    pub(super) fn new(store: &str) -> Self {
        Self {
            store: store.to_owned(),
            commands: Vec::new(),
            reactions: Vec::new(),
            to_messages: None,
            reply: None,
            events: Vec::new(),
        }
    }
}

/// The processor of a participant.
pub(super) struct DeciderProcessor<D: Decider> {
    table: Arc<Table<D>>,
}

impl<D: Decider> DeciderProcessor<D> {
    pub(super) fn new(table: Arc<Table<D>>) -> Self {
        Self { table }
    }

    /// Decides, evolves, sends and stores; the inner result is the decider's.
    fn decide(
        &self,
        key: &[u8],
        command: D::Command,
        expected_version: Option<u64>,
        context: &mut Context<'_>,
    ) -> Result<Result<(), Rejection>, Failure> {
        let stored: Option<Versioned<D::State>> = context.get_json(self.table.store.as_str(), key)?;
        let Versioned { version, state } =
            stored.unwrap_or_else(|| Versioned { version: 0, state: D::State::default() });
        if let Some(expected) = expected_version.filter(|expected| *expected != version) {
            let message = format!("expected-version is {expected}, the aggregate is at {version}: read it again");
            return Ok(Err(Rejection::new("version_conflict", message)));
        }
        let moment = Moment { now: context.now(), event_time: context.event_time(), version };
        let events = match D::decide(&state, command, &moment) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        if events.is_empty() {
            return Ok(Ok(()));
        }
        let before = D::timers(&state);
        let version = version + events.len() as u64;
        let state = events.iter().fold(state, D::evolve);
        let after = D::timers(&state);
        context.put_json(self.table.store.as_str(), key, &Versioned { version, state })?;
        let sink = context.sink(EVENTS)?;
        let to_messages = self.table.to_messages.as_ref();
        let to_messages = to_messages.ok_or_else(|| Failure::produce("the participant's events go nowhere"))?;
        for event in &events {
            let mut emitter = Emitter { context: &mut *context, sink, sent: 0 };
            to_messages(event, &mut emitter)?;
            if emitter.sent != 1 && !self.table.events.is_empty() {
                let sent = emitter.sent;
                return Err(Failure::produce(format!(
                    "an event became {sent} messages: state is rebuilt from messages, so that each event has to be one"
                )));
            }
        }
        if before != after {
            let cause = context.envelope().clone();
            deadlines::change(&before, &after, key, &cause, context)?;
        }
        Ok(Ok(()))
    }

    fn command(&self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let name = input.message_type();
        let known = self.table.commands.iter().find(|(known, _)| *known == name);
        let result = match known {
            None => Err(Rejection::new("unknown_command", format!("{name} is not taken here"))),
            Some((_, to_command)) => {
                let command = to_command(input)?;
                let key = input.key().unwrap_or_default();
                self.decide(key, command, input.expected_version()?, context)?
            }
        };
        let Err(rejection) = result else { return Ok(()) };
        context.count_rejected();
        let refused = refused(input.key_text()?, input.envelope().id, name, rejection);
        match &self.table.reply {
            Some(reply) => reply(&refused, context),
            None => Ok(()),
        }
    }

    fn reaction(&self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (topic, name) = (input.topic(), input.message_type());
        let known = self.table.reactions.iter().filter(|(at, known, _)| *at == topic && *known == name);
        for (_, _, to_command) in known {
            let key = input.key_text()?;
            let result = self.decide(key.as_bytes(), to_command(input)?, None, context)?;
            note(result, name, key, context);
        }
        Ok(())
    }
}

/// What came too late to matter is no reply's business.
fn note(result: Result<(), Rejection>, what: &str, key: &str, context: &mut Context<'_>) {
    if let Err(Rejection { reason, message, .. }) = result {
        tracing::debug!(processor = context.processor_name(), what, key, reason, message, "no longer matters");
        context.count_rejected();
    }
}

fn refused(aggregate_id: &str, command_id: EventId, command_type: &str, rejection: Rejection) -> Rejected {
    Rejected {
        aggregate_id: aggregate_id.to_owned(),
        command_id,
        command_type: command_type.to_owned(),
        reason: rejection.reason,
        message: rejection.message,
        field: rejection.field,
    }
}

impl<D: Decider> Processor for DeciderProcessor<D> {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        match input.kind() {
            SourceKind::Commands | SourceKind::ForwardedCommands => self.command(input, context),
            SourceKind::Events | SourceKind::Raw => self.reaction(input, context),
        }
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        let stored: Option<Versioned<D::State>> = context.get_json(self.table.store.as_str(), &timer.key)?;
        let Some(stored) = stored else { return Ok(()) };
        let Some(command) = D::on_deadline(&timer.name, &stored.state) else { return Ok(()) };
        let result = self.decide(&timer.key, command, None, context)?;
        note(result, &timer.name, timer.key_text(), context);
        Ok(())
    }
}
