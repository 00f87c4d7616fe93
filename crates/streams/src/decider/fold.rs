use std::sync::Arc;

use headwater_event::Envelope;

use super::processor::Table;
use super::{Decider, Versioned, deadlines};
use crate::{Context, Failure, Input, Processor};

/// Folds a decider's own events into its state. It decides nothing and sends nothing.
pub(super) struct FoldProcessor<D: Decider> {
    table: Arc<Table<D>>,
}

impl<D: Decider> FoldProcessor<D> {
    pub(super) fn new(table: Arc<Table<D>>) -> Self {
        Self { table }
    }
}

impl<D: Decider> Processor for FoldProcessor<D> {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let name = input.message_type();
        let known = self.table.events.iter().find(|(known, _)| *known == name);
        let (_, to_event) = known
            .ok_or_else(|| Failure::decode(format!("state can't be rebuilt from {name:?}, which is no event of it")))?;
        let event = to_event(input)?;
        let key = input.key_text()?.as_bytes();
        let stored: Option<Versioned<D::State>> = context.get_json(self.table.store.as_str(), key)?;
        let Versioned { version, state } =
            stored.unwrap_or_else(|| Versioned { version: 0, state: D::State::default() });
        let before = D::timers(&state);
        let state = D::evolve(state, &event);
        let after = D::timers(&state);
        context.put_json(self.table.store.as_str(), key, &Versioned { version: version + 1, state })?;
        deadlines::change(&before, &after, key, &cause_of(input.envelope()), context)
    }
}

/// What the event names as its cause is what set its timers: their outputs name it too, and have ids made of it.
fn cause_of(event: &Envelope) -> Envelope {
    Envelope { id: event.causation_id.unwrap_or(event.id), causation_id: None, ..event.clone() }
}
