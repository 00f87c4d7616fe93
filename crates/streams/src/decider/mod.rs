//! The decider: an aggregate as two pure functions; and the participant, which is a decider with topics around it.

mod deadlines;
mod fold;
mod participant;
mod processor;

use headwater_event::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use participant::{Emitter, Participant};

use crate::TimeKind;

/// An aggregate: what it decides, and how it comes to its state. Pure; equal inputs give equal outputs.
pub trait Decider: Send + Sync + 'static {
    /// What it knows; the default is what it knows before its first event. Kept as JSON, so that fields can be added.
    type State: Default + Clone + Serialize + DeserializeOwned + Send + 'static;
    /// What it can be asked.
    type Command: Send + 'static;
    /// What can happen to it.
    type Event: Clone + Send + 'static;

    /// What happens on a command.
    ///
    /// # Errors
    /// A rejection: nothing happens. On a command the sender gets a reply; on a reaction it is only counted.
    fn decide(state: &Self::State, command: Self::Command, moment: &Moment) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after an event. It never fails: what was decided has happened.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The deadlines of a state, a pure function of it: what is new is scheduled, what is gone is cancelled. Names are
    /// unique within a state.
    fn timers(_state: &Self::State) -> Vec<Deadline> {
        Vec::new()
    }

    /// What a deadline that passed asks; None for nothing.
    fn on_deadline(_name: &str, _state: &Self::State) -> Option<Self::Command> {
        None
    }
}

/// When a decision is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub now: Timestamp,
    /// The timestamp of the record that asks; for deadlines: now.
    pub event_time: Timestamp,
    /// How many events the aggregate has had.
    pub version: u64,
}

/// A time-out that a state is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Its name, for [`Decider::on_deadline`].
    pub name: &'static str,
    /// When it passes.
    pub due: Timestamp,
    /// What that is measured by. Business time-outs are [`TimeKind::WallClock`].
    pub kind: TimeKind,
}

/// Why nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// A stable word, such as `already_exists`.
    pub reason: String,
    /// The same for people.
    pub message: String,
    /// The field that is wrong, as a path.
    pub field: Option<String>,
}

impl Rejection {
    /// A rejection of the command as a whole.
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), field: None }
    }

    /// A rejection for the sake of one field.
    pub fn of_field(reason: impl Into<String>, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), field: Some(field.into()) }
    }
}

/// An aggregate as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Versioned<S> {
    /// How many events it has had.
    pub version: u64,
    /// Its state.
    pub state: S,
}
