use headwater_event::{Currency, CustomerId, OrderId, PaymentId, ShipmentId, Timestamp};

use crate::order::{Confirmation, OrderedLine, Reservation};
use crate::{Fact, TimeLimits};

/// What an order is asked to decide: a command of a person, or a reaction to what another service did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// `PlaceOrder`.
    Place(Box<Placement>),
    /// `ConfirmOrder`.
    Confirm,
    /// `CancelOrder`.
    Cancel {
        /// Why, as the caller put it.
        reason: String,
    },
    /// `InventoryReserved`: all stock is held.
    StockHeld(Reservation),
    /// `InventoryReservationFailed`: nothing is held, or is being given back.
    StockRefused {
        /// Why, a stable word.
        reason: String,
        /// Which SKUs, for people.
        detail: String,
    },
    /// `ReservationExpiryDue`: inventory would like its stock back.
    ExpireReservation,
    /// `PaymentProcessed`.
    PaymentSucceeded {
        /// The charge.
        payment_id: PaymentId,
    },
    /// `PaymentFailed`.
    PaymentRefused {
        /// The provider's word.
        reason: String,
    },
    /// `InventoryConfirmationFailed`: the held stock could not be taken.
    StockNotConfirmed {
        /// Why.
        reason: String,
    },
    /// `ShipmentDispatched`.
    Dispatched {
        /// The parcel.
        shipment_id: ShipmentId,
    },
    /// `ShipmentFailed`.
    ShipmentFailed {
        /// Why.
        reason: String,
    },
    /// `ShipmentDelivered`.
    Delivered {
        /// The parcel.
        shipment_id: ShipmentId,
        /// When.
        delivered_at: Timestamp,
    },
    /// `ShipmentRecalled`: nothing is on its way any more.
    Recalled,
    /// `RecallRefused`: the parcel can't be stopped.
    RecallRefused,
    /// A timer of the order fired.
    TimeOut {
        /// Which one.
        timer: &'static str,
    },
}

/// What `PlaceOrder` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The order's id, chosen by the caller.
    pub order_id: OrderId,
    /// Who orders.
    pub customer_id: CustomerId,
    /// One currency for all lines.
    pub currency: Currency,
    /// What is ordered.
    pub lines: Vec<OrderedLine>,
    /// How it becomes confirmed.
    pub confirmation: Confirmation,
    /// When the customer ordered; None takes the command's time.
    pub placed_at: Option<Timestamp>,
    /// The limits for this order.
    pub limits: TimeLimits,
}

/// The times a decision may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall-clock time.
    pub now: Timestamp,
    /// The time of the record that is being decided on.
    pub event_time: Timestamp,
}

/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A stable word.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the field to mend: `items[2].quantity`.
    pub field: Option<String>,
}

impl Refusal {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: None }
    }

    pub(crate) fn of_field(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: Some(field.into()) }
    }
}

/// What a decision gives: facts, of which there may be none, or a refusal.
pub type Decision = Result<Vec<Fact>, Refusal>;
