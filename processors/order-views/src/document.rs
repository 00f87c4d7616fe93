//! One order as a document.

use headwater_contracts::orders::{OrderLine, OrderView};
use headwater_event::{Currency, CustomerId, OrderId, PaymentId, ShipmentId, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of one order. Every field has one source topic, and only grows, so that no order of arrival matters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// From `OrderCreated`; without it the order is not shown yet.
    pub created: Option<Created>,
    /// From `orders.events`.
    pub status: Status,
    /// From `OrderConfirmed`, in minor units.
    pub total_minor: Option<i64>,
    /// From `OrderShipped`.
    pub shipment_id: Option<ShipmentId>,
    /// From `OrderCancelled`.
    pub cancellation: Option<Cancellation>,
    /// From `payments.events`.
    pub payment_status: PaymentStatus,
    /// From `payments.events`.
    pub payment_id: Option<PaymentId>,
    /// From `inventory.events`.
    pub inventory_status: InventoryStatus,
    /// The largest time of all events seen, of any topic.
    pub updated_at: Timestamp,
}

/// What `OrderCreated` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Who ordered.
    pub customer_id: CustomerId,
    /// The order's currency.
    pub currency: Currency,
    /// The lines as they were placed.
    pub items: Vec<OrderLine>,
    /// When the customer ordered.
    pub placed_at: Timestamp,
}

/// What `OrderCancelled` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// A stable word.
    pub reason: String,
    /// More for people; may be empty.
    pub detail: String,
}

macro_rules! ranked {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "a variant is the word of the view, and its name says it")]
        pub enum $name { #[default] $($variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word of the view.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

mod words {
    use serde::{Deserialize, Serialize};
    ranked! {
        /// The order's state; a later one in this list wins.
        Status {
            Created = "created",
            Confirmed = "confirmed",
            Paid = "paid",
            Shipped = "shipped",
            Delivered = "delivered",
            Cancelled = "cancelled",
        }
    }
    ranked! {
        /// The charge's state; a later one in this list wins. A refund that failed leaves it completed.
        PaymentStatus {
            Pending = "pending",
            Completed = "completed",
            Failed = "failed",
            Refunded = "refunded",
        }
    }
    ranked! {
        /// The stock's state; a later one in this list wins, so that what was never held stays rejected.
        InventoryStatus {
            Pending = "pending",
            Reserved = "reserved",
            Confirmed = "confirmed",
            Released = "released",
            Rejected = "rejected",
        }
    }
}
pub use words::{InventoryStatus, PaymentStatus, Status};

impl Status {
    /// The state of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.word() == word)
    }
}

/// What one event says about the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `OrderCreated`.
    Created(Created),
    /// `OrderConfirmed`, with the total in minor units.
    Confirmed(i64),
    /// `OrderPaid`.
    Paid,
    /// `OrderShipped`.
    Shipped(ShipmentId),
    /// `OrderDelivered`.
    Delivered,
    /// `OrderCancelled`.
    Cancelled(Cancellation),
    /// A charge's outcome.
    Payment(PaymentStatus, PaymentId),
    /// The stock's.
    Inventory(InventoryStatus),
    /// Nothing but that something happened.
    Seen,
}

impl Document {
    /// Takes in one event and its time. An event that comes again changes nothing.
    pub fn apply(&mut self, change: Change, at: Timestamp) {
        self.updated_at = self.updated_at.max(at);
        let status = match change {
            Change::Created(created) => {
                self.created.get_or_insert(created);
                Status::Created
            }
            Change::Confirmed(total_minor) => {
                self.total_minor.get_or_insert(total_minor);
                Status::Confirmed
            }
            Change::Paid => Status::Paid,
            Change::Shipped(shipment_id) => {
                self.shipment_id.get_or_insert(shipment_id);
                Status::Shipped
            }
            Change::Delivered => Status::Delivered,
            Change::Cancelled(cancellation) => {
                self.cancellation.get_or_insert(cancellation);
                Status::Cancelled
            }
            Change::Payment(status, payment_id) => {
                self.payment_status = self.payment_status.max(status);
                self.payment_id.get_or_insert(payment_id);
                return;
            }
            Change::Inventory(status) => {
                self.inventory_status = self.inventory_status.max(status);
                return;
            }
            Change::Seen => return,
        };
        self.status = self.status.max(status);
    }

    /// The view; None until `OrderCreated` has come.
    #[must_use]
    pub fn view(&self, order_id: &OrderId) -> Option<OrderView> {
        let created = self.created.as_ref()?;
        let cancellation = self.cancellation.as_ref();
        Some(OrderView {
            order_id: order_id.clone(),
            customer_id: created.customer_id.clone(),
            status: self.status.word().to_owned(),
            payment_status: self.payment_status.word().to_owned(),
            inventory_status: self.inventory_status.word().to_owned(),
            currency: created.currency,
            total_minor: self.total_minor,
            items: created.items.clone(),
            created_at: created.placed_at,
            updated_at: self.updated_at,
            payment_id: self.payment_id.clone(),
            shipment_id: self.shipment_id.clone(),
            cancellation_reason: cancellation.map(|cancellation| cancellation.reason.clone()),
            cancellation_detail: cancellation
                .map(|cancellation| cancellation.detail.clone())
                .filter(|detail| !detail.is_empty()),
        })
    }

    /// What the order brought in, in minor units: the total of one that is paid and not cancelled.
    #[must_use]
    pub fn revenue_minor(&self) -> Option<i64> {
        match self.status {
            Status::Paid | Status::Shipped | Status::Delivered => self.total_minor,
            Status::Created | Status::Confirmed | Status::Cancelled => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
