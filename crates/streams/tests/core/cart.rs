//! The decider that the tests share.

use headwater_event::Timestamp;
use headwater_streams::{Deadline, Decider, Moment, Participant, Rejection, TimeKind, Topology};
use serde::{Deserialize, Serialize};

use crate::messages::*;

pub const OPEN_MS: i64 = 30 * 60_000;

pub struct Cart;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub items: i64,
    pub opened_at: Option<Timestamp>,
    pub closed: Option<String>,
}

pub enum Command {
    Add { sku: String, quantity: i64 },
    Close { reason: &'static str },
}

#[derive(Debug, Clone)]
pub enum Event {
    Added { sku: String, quantity: i64, at: Timestamp },
    Closed { reason: String },
}

impl Decider for Cart {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: Command, moment: &Moment) -> Result<Vec<Event>, Rejection> {
        match command {
            _ if state.closed.is_some() => Err(Rejection::new("closed", "the cart is closed")),
            Command::Add { quantity, .. } if quantity <= 0 => {
                Err(Rejection::of_field("not_positive", "quantity", "quantity must be above 0"))
            }
            Command::Add { sku, quantity } => Ok(vec![Event::Added { sku, quantity, at: moment.now }]),
            Command::Close { .. } if state.opened_at.is_none() => Err(Rejection::new("unknown", "no such cart")),
            Command::Close { reason } => Ok(vec![Event::Closed { reason: reason.to_owned() }]),
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            Event::Added { quantity, at, .. } => {
                state.items += quantity;
                state.opened_at = state.opened_at.or(Some(*at));
            }
            Event::Closed { reason } => state.closed = Some(reason.clone()),
        }
        state
    }

    fn timers(state: &State) -> Vec<Deadline> {
        let open = state.opened_at.filter(|_| state.closed.is_none());
        let deadline =
            |at: Timestamp| Deadline { name: "expiry", due: at.plus_millis(OPEN_MS), kind: TimeKind::WallClock };
        open.map(deadline).into_iter().collect()
    }

    fn on_deadline(_name: &str, _state: &State) -> Option<Command> {
        Some(Command::Close { reason: "expired" })
    }
}

pub fn topology() -> Topology {
    Participant::<Cart>::named("carts", CART)
        .commands(COMMANDS)
        .command::<AddItem>(|c| Command::Add { sku: c.sku, quantity: c.quantity })
        .command::<CloseCart>(|_| Command::Close { reason: "requested" })
        .on(PAYMENTS, |_: CartPaid| Command::Close { reason: "paid" })
        .replies(REPLIES, |rejected| CommandRejected {
            cart_id: rejected.aggregate_id.clone(),
            command_id: rejected.command_id.to_string(),
            reason: rejected.reason.clone(),
            field: rejected.field.clone(),
        })
        .events_to(EVENTS, |event, send| match event {
            Event::Added { sku, quantity, .. } => {
                let cart_id = send.context().envelope().subject.clone();
                send.send(&ItemAdded { cart_id, sku: sku.clone(), quantity: *quantity })
            }
            Event::Closed { reason } => {
                let cart_id = send.context().envelope().subject.clone();
                send.send(&CartClosed { cart_id, reason: reason.clone() })
            }
        })
        .event::<ItemAdded>(|message, at| Event::Added { sku: message.sku, quantity: message.quantity, at })
        .event::<CartClosed>(|message, _| Event::Closed { reason: message.reason })
        .build()
        .unwrap()
}
