mod stored;

use headwater_event::{CorrelationId, Envelope, EventId, Timestamp};

use crate::declared::{ORDER_CREATED, depth};
use crate::judge::{Judgement, judge};

pub use stored::Unreadable;

/// One order's saga: its events as a set. Everything else follows from the set, so that no order of arrival matters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saga {
    /// Each event once, in the order of [`Step`].
    steps: Vec<Step>,
}

/// One event of a saga. Sorted by time, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub event_id: EventId,
    /// The message that caused it.
    pub causation_id: Option<EventId>,
    /// Its Avro full name.
    pub event: String,
    /// What its business transaction shares.
    pub correlation_id: CorrelationId,
}

/// How far a saga has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The order is created.
    Started,
    /// Its stock is held.
    InventoryReserved,
    /// It is charged.
    PaymentProcessed,
    /// It is delivered: an end.
    Completed,
    /// A compensation could not be done: an end that people must look at.
    Failed,
    /// It is being undone.
    Compensating,
    /// It is undone: an end.
    Compensated,
}

impl State {
    /// The word of the view.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::InventoryReserved => "inventory_reserved",
            Self::PaymentProcessed => "payment_processed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
        }
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Compensated)
    }
}

impl Step {
    /// The step that an event's metadata tells of.
    #[must_use]
    pub fn of(envelope: &Envelope) -> Self {
        Self {
            at: envelope.time,
            event_id: envelope.id,
            causation_id: envelope.causation_id,
            event: envelope.message_type.clone(),
            correlation_id: envelope.correlation_id.clone(),
        }
    }
}

impl Saga {
    /// Takes an event in; false when it is known.
    pub fn add(&mut self, step: Step) -> bool {
        if self.steps.iter().any(|known| known.event_id == step.event_id) {
            return false;
        }
        let place = self.steps.partition_point(|known| known < &step);
        self.steps.insert(place, step);
        true
    }

    /// The events, in the order of time.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The events so that causes come first, whatever clocks said; else in the order of time, and those of one
    /// millisecond as the choreography goes.
    #[must_use]
    pub fn timeline(&self) -> Vec<&Step> {
        let mut left: Vec<&Step> = self.steps.iter().collect();
        left.sort_by_key(|step| (step.at, depth(&step.event)));
        let mut timeline: Vec<&Step> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waits =
                |step: &Step| step.causation_id.is_some_and(|cause| left.iter().any(|other| other.event_id == cause));
            // Only ids that were made up can go in a circle; the first of them is as good as any.
            let next = left.iter().position(|step| !waits(step)).unwrap_or(0);
            timeline.push(left.remove(next));
        }
        timeline
    }

    /// What to make of the events so far.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        judge(&self.steps)
    }

    /// The time of the first event; the epoch for none.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.steps.first().map(|step| step.at).unwrap_or_default()
    }

    /// The time of the last event; the epoch for none.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.steps.last().map(|step| step.at).unwrap_or_default()
    }

    /// The correlation that the order was created under; as long as that is not known, the first event's.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&CorrelationId> {
        let created = self.steps.iter().find(|step| step.event == ORDER_CREATED);
        created.or(self.steps.first()).map(|step| &step.correlation_id)
    }
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
pub(crate) mod tests;
