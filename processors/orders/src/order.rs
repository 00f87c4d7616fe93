use headwater_event::{CustomerId, Money, OrderId, PaymentId, ShipmentId, Sku, Timestamp};
use serde::{Deserialize, Serialize};

use crate::TimeLimits;

/// One order's life. What has ended keeps only how, so that old orders cost little.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Order {
    /// Never placed.
    #[default]
    Absent,
    /// On its way.
    Open(Box<OpenOrder>),
    /// Ended well.
    Delivered,
    /// Ended, and undone by whoever did something for it.
    Cancelled {
        /// The stable word of [`Fact::Cancelled`].
        reason: String,
    },
}

/// An order between its creation and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// Its id.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// How it becomes confirmed once its stock is held.
    pub confirmation: Confirmation,
    /// What it waits for.
    pub step: Step,
    /// When the step times out, wall-clock; None from `OrderPaid` on.
    pub step_due: Option<Timestamp>,
    /// When the way to `OrderPaid` as a whole times out, wall-clock; None from `OrderPaid` on.
    pub whole_due: Option<Timestamp>,
    /// The limits in force when it was placed.
    pub limits: TimeLimits,
    /// Why somebody wants it cancelled, where that has to wait for a payment's or a recall's outcome.
    pub cancellation: Option<String>,
}

/// How an order becomes confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// At once when its stock is held.
    Automatic,
    /// When its stock is held and `ConfirmOrder` has come, whichever is later.
    Manual,
}

/// What an open order waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waits_for", rename_all = "snake_case")]
pub enum Step {
    /// Its stock; `confirm_asked` when `ConfirmOrder` came first.
    Reservation {
        /// `ConfirmOrder` has come.
        confirm_asked: bool,
    },
    /// `ConfirmOrder`, its stock being held.
    Confirmation {
        /// What is held.
        held: Reservation,
    },
    /// The payment's result.
    Payment {
        /// What is charged.
        total: Money,
    },
    /// Dispatch.
    Dispatch {
        /// The charge.
        payment_id: PaymentId,
    },
    /// Delivery.
    Delivery {
        /// The parcel.
        shipment_id: ShipmentId,
    },
}

/// Stock held for an order, with the prices found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order's lines, each with its price.
    pub lines: Vec<HeldLine>,
    /// What they come to.
    pub total: Money,
}

/// One line of an order, its stock held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// What.
    pub sku: Sku,
    /// How many units.
    pub quantity: i64,
    /// Minor units for one.
    pub unit_price_minor: i64,
}

/// One line as it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedLine {
    /// What.
    pub sku: Sku,
    /// How many units.
    pub quantity: i64,
    /// An agreed price in minor units; None takes the catalogue's.
    pub unit_price_minor: Option<i64>,
}

/// What has happened to an order. Each becomes one event of `orders.events`, and is one again when it is read from there:
/// the order is the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `OrderCreated`.
    Created {
        /// The order as it starts, waiting for its stock.
        order: Box<OpenOrder>,
        /// ISO 4217 code.
        currency: headwater_event::Currency,
        /// What was ordered.
        lines: Vec<OrderedLine>,
        /// When the customer ordered.
        placed_at: Timestamp,
    },
    /// `OrderConfirmationRequested`: `ConfirmOrder` came before the stock was held.
    ConfirmationAsked,
    /// `OrderStockHeld`: the order waits for `ConfirmOrder`.
    Held {
        /// What is held.
        held: Reservation,
        /// When, wall-clock: the time for `ConfirmOrder` begins.
        at: Timestamp,
    },
    /// `OrderConfirmed`.
    Confirmed {
        /// Who pays.
        customer_id: CustomerId,
        /// What is charged for.
        held: Reservation,
        /// When, wall-clock: the time for the payment begins.
        at: Timestamp,
    },
    /// `OrderPaid`.
    Paid {
        /// The charge.
        payment_id: PaymentId,
        /// What was charged.
        total: Money,
    },
    /// `OrderShipped`.
    Shipped {
        /// The parcel.
        shipment_id: ShipmentId,
    },
    /// `OrderDelivered`: an end.
    Delivered {
        /// When the parcel was handed over.
        delivered_at: Timestamp,
    },
    /// `OrderCancellationRequested`: the outcome of a payment or of a recall is awaited.
    CancellationRequested {
        /// Why.
        reason: String,
    },
    /// `OrderCancelled`: an end, and the trigger that undoes everything.
    Cancelled {
        /// A stable word.
        reason: String,
        /// More for people; may be empty.
        detail: String,
    },
}

impl Order {
    /// The word of the order's state; None when it was never placed.
    #[must_use]
    pub fn status(&self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Open(open) => Some(open.step.status()),
            Self::Delivered => Some("delivered"),
            Self::Cancelled { .. } => Some("cancelled"),
        }
    }

    /// The order after one more fact. A fact that does not fit changes nothing: facts are decided, not judged, here.
    #[must_use]
    pub fn evolve(self, fact: &Fact) -> Self {
        match (self, fact) {
            (Self::Absent, Fact::Created { order, .. }) => Self::Open(order.clone()),
            (Self::Open(_), Fact::Delivered { .. }) => Self::Delivered,
            (Self::Open(_), Fact::Cancelled { reason, .. }) => Self::Cancelled { reason: reason.clone() },
            (Self::Open(mut open), fact) => {
                open.evolve(fact);
                Self::Open(open)
            }
            (order, _) => order,
        }
    }
}

impl OpenOrder {
    /// An order as it starts at a time, wall-clock.
    #[must_use]
    pub fn placed(
        order_id: OrderId,
        customer_id: CustomerId,
        confirmation: Confirmation,
        limits: TimeLimits,
        at: Timestamp,
    ) -> Self {
        Self {
            order_id,
            customer_id,
            confirmation,
            step: Step::Reservation { confirm_asked: false },
            step_due: Some(at.plus_millis(limits.reservation_ms)),
            whole_due: Some(at.plus_millis(limits.whole_ms)),
            limits,
            cancellation: None,
        }
    }

    fn evolve(&mut self, fact: &Fact) {
        match fact {
            Fact::ConfirmationAsked => self.step = Step::Reservation { confirm_asked: true },
            Fact::Held { held, at } => {
                self.step = Step::Confirmation { held: held.clone() };
                self.step_due = Some(at.plus_millis(self.limits.confirmation_ms));
            }
            Fact::Confirmed { held, at, .. } => {
                self.step = Step::Payment { total: held.total };
                self.step_due = Some(at.plus_millis(self.limits.payment_ms));
            }
            Fact::Paid { payment_id, .. } => {
                self.step = Step::Dispatch { payment_id: payment_id.clone() };
                self.step_due = None;
                self.whole_due = None;
            }
            Fact::Shipped { shipment_id } => self.step = Step::Delivery { shipment_id: shipment_id.clone() },
            Fact::CancellationRequested { reason } => self.cancellation = Some(reason.clone()),
            Fact::Created { .. } | Fact::Delivered { .. } | Fact::Cancelled { .. } => {}
        }
    }
}

impl Step {
    /// The word of the order's state while it waits for this.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Reservation { .. } | Self::Confirmation { .. } => "created",
            Self::Payment { .. } => "confirmed",
            Self::Dispatch { .. } => "paid",
            Self::Delivery { .. } => "shipped",
        }
    }

    /// The name of this step's timer; None where `orders` sets no limit, because shipping has its own.
    #[must_use]
    pub const fn timer(&self) -> Option<&'static str> {
        match self {
            Self::Reservation { .. } => Some("reservation"),
            Self::Confirmation { .. } => Some("confirmation"),
            Self::Payment { .. } => Some("payment"),
            Self::Dispatch { .. } | Self::Delivery { .. } => None,
        }
    }
}
