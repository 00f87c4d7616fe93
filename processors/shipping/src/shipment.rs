use headwater_event::{EventId, OrderId, ShipmentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Settings;

/// One order's parcel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Shipment {
    /// Nothing has been heard of the order.
    #[default]
    Absent,
    /// The order is paid; its stock is not yet confirmed.
    Paid,
    /// The order is off, or will be: nothing leaves, ever.
    Withdrawn,
    /// The parcel is on its way.
    Dispatched {
        /// The carrier refused to call it back.
        recall_refused: bool,
    },
    /// The parcel has arrived.
    Delivered {
        /// Somebody was told that it can't be called back.
        recall_refused: bool,
    },
    /// The carrier did not take the parcel, or lost it.
    Failed,
    /// The parcel was called back.
    Recalled,
}

/// What happens to a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// `OrderPaid`.
    OrderPaid,
    /// `InventoryConfirmed`: all stock is sold to the order.
    StockConfirmed,
    /// `OrderCancellationRequested`.
    CancellationRequested,
    /// `OrderCancelled`.
    OrderCancelled,
    /// The timer [`Timer::Arrival`].
    Arrived {
        /// When it was due.
        at: Timestamp,
    },
    /// The timer [`Timer::Overdue`].
    Overdue,
}

/// What a shipment waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The parcel arrives.
    Arrival,
    /// The parcel should have arrived long ago.
    Overdue,
}

impl Timer {
    /// All timers.
    pub const ALL: [Self; 2] = [Self::Arrival, Self::Overdue];

    /// Its name in the task's state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Overdue => "overdue",
        }
    }
}

/// What a shipment wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Say what happened.
    Emit(Fact),
    /// Start a timer, wall-clock.
    Start {
        /// Which.
        timer: Timer,
        /// When it is due.
        due: Timestamp,
    },
    /// Stop all timers.
    StopTimers,
}

/// What happened, for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `ShipmentDispatched`.
    Dispatched {
        /// The parcel.
        shipment_id: ShipmentId,
    },
    /// `ShipmentFailed`.
    Failed {
        /// Why, a stable word.
        reason: &'static str,
    },
    /// `ShipmentDelivered`.
    Delivered {
        /// The parcel.
        shipment_id: ShipmentId,
        /// When it arrived.
        at: Timestamp,
    },
    /// `ShipmentRecalled`.
    Recalled {
        /// The parcel; None where none had left.
        shipment_id: Option<ShipmentId>,
    },
    /// `RecallRefused`.
    RecallRefused {
        /// The parcel.
        shipment_id: ShipmentId,
        /// Why, a stable word.
        reason: &'static str,
    },
}

/// A shipment after an input, and what it wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The shipment now.
    pub shipment: Shipment,
    /// What to do, in order.
    pub actions: Vec<Action>,
}

/// What an order's parcel is called. It follows from the order's id: an order has one parcel, whatever is repeated.
///
/// # Errors
/// Never with what is made here; the id type checks all the same.
pub fn shipment_id(order_id: &OrderId) -> Result<ShipmentId, headwater_event::Error> {
    ShipmentId::new(&format!("ship-{}", EventId::of_text(&format!("shipment of {order_id}"))))
}

impl Shipment {
    /// What follows from an input at a time. Inputs that come again, or too late to matter, change nothing.
    ///
    /// # Errors
    /// Never with the ids made here; the id types check all the same.
    pub fn on(
        self,
        order_id: &OrderId,
        input: Input,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Turn, headwater_event::Error> {
        let shipment_id = shipment_id(order_id)?;
        let turn = match (self, input) {
            (Self::Absent, Input::OrderPaid) => still(Self::Paid),
            (Self::Absent | Self::Paid, Input::StockConfirmed) if settings.takes(order_id) => {
                dispatch(shipment_id, now, settings)
            }
            (Self::Absent | Self::Paid, Input::StockConfirmed) => {
                emit(Self::Failed, [Fact::Failed { reason: "carrier_refused" }])
            }
            // A request before OrderPaid awaits the payment's result, which ends the order by itself. After it, the order
            // waits for what shipping says.
            (Self::Absent, Input::CancellationRequested | Input::OrderCancelled)
            | (Self::Paid, Input::OrderCancelled) => still(Self::Withdrawn),
            (Self::Paid, Input::CancellationRequested) => emit(Self::Withdrawn, [Fact::Recalled { shipment_id: None }]),
            // The one trigger of a recall: orders cancels what has left only once shipping has said that it is back.
            (Self::Dispatched { recall_refused: false }, Input::CancellationRequested) => recall(shipment_id, settings),
            (Self::Delivered { recall_refused: false }, Input::CancellationRequested) => {
                let refused = Fact::RecallRefused { shipment_id, reason: "already_delivered" };
                emit(Self::Delivered { recall_refused: true }, [refused])
            }
            (Self::Dispatched { recall_refused }, Input::Arrived { at }) => {
                stopped(Self::Delivered { recall_refused }, Fact::Delivered { shipment_id, at })
            }
            (Self::Dispatched { .. }, Input::Overdue) => stopped(Self::Failed, Fact::Failed { reason: "lost" }),
            (shipment, _) => still(shipment),
        };
        Ok(turn)
    }
}

fn still(shipment: Shipment) -> Turn {
    Turn { shipment, actions: Vec::new() }
}

fn emit<const N: usize>(shipment: Shipment, facts: [Fact; N]) -> Turn {
    Turn { shipment, actions: facts.into_iter().map(Action::Emit).collect() }
}

fn stopped(shipment: Shipment, fact: Fact) -> Turn {
    Turn { shipment, actions: vec![Action::StopTimers, Action::Emit(fact)] }
}

fn dispatch(shipment_id: ShipmentId, now: Timestamp, settings: &Settings) -> Turn {
    let dispatched = Fact::Dispatched { shipment_id: shipment_id.clone() };
    let lost = settings.loses(&shipment_id);
    if settings.delivery_ms == 0 && !lost {
        let delivered = Fact::Delivered { shipment_id, at: now };
        return emit(Shipment::Delivered { recall_refused: false }, [dispatched, delivered]);
    }
    let overdue = now.plus_millis(i64::from(settings.delivery_timeout_ms));
    let mut turn = emit(Shipment::Dispatched { recall_refused: false }, [dispatched]);
    turn.actions.push(Action::Start { timer: Timer::Overdue, due: overdue });
    if !lost {
        let due = now.plus_millis(i64::from(settings.delivery_ms));
        turn.actions.push(Action::Start { timer: Timer::Arrival, due });
    }
    turn
}

fn recall(shipment_id: ShipmentId, settings: &Settings) -> Turn {
    if settings.calls_back(&shipment_id) {
        return stopped(Shipment::Recalled, Fact::Recalled { shipment_id: Some(shipment_id) });
    }
    let refused = Fact::RecallRefused { shipment_id, reason: "carrier_refused" };
    emit(Shipment::Dispatched { recall_refused: true }, [refused])
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod tests;
