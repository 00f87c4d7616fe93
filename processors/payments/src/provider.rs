use std::future::Future;
use std::pin::Pin;

use headwater_event::{CustomerId, Money, OrderId, PaymentId};
use serde::{Deserialize, Serialize};

/// What the provider is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Take money.
    Charge {
        /// What this charge is called from now on.
        payment_id: PaymentId,
        /// The order it is for.
        order_id: OrderId,
        /// Who pays.
        customer_id: CustomerId,
        /// How much.
        amount: Money,
    },
    /// Pay a charge back in full.
    Refund {
        /// The charge.
        payment_id: PaymentId,
        /// The order it was for.
        order_id: OrderId,
        /// How much was charged.
        amount: Money,
        /// Which try this is, from 1. A refusal is final for its idempotency key, so every try has its own.
        tries: u32,
    },
}

impl Request {
    /// The same for every repeat of one request: derived from the order for a charge, from the charge for a refund.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        match self {
            Self::Charge { order_id, .. } => charge_key(order_id),
            Self::Refund { payment_id, tries, .. } => format!("refund/{payment_id}/{tries}"),
        }
    }
}

/// The idempotency key of an order's only charge.
pub(crate) fn charge_key(order_id: &OrderId) -> String {
    format!("charge/{order_id}")
}

/// What the provider knows about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// How it ended.
    Known(Answer),
    /// No answer came in time. The money may have moved or not: only the same key, asked again, can tell.
    Unknown,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The money has moved.
    Done,
    /// The provider refused; no money has moved.
    Refused {
        /// Why, as a stable word.
        reason: String,
    },
    /// A refund of what was never charged; no money has moved.
    NothingCharged,
}

/// A provider's response on its way.
pub type ProviderFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Who moves the money.
pub trait PaymentProvider: Send + Sync + 'static {
    /// Asks for a request to be done. All requests of one idempotency key have the effect, and the known answer, of one.
    fn ask(&self, idempotency_key: &str, request: &Request) -> ProviderFuture;
}

impl<P: PaymentProvider + ?Sized> PaymentProvider for std::sync::Arc<P> {
    fn ask(&self, idempotency_key: &str, request: &Request) -> ProviderFuture {
        (**self).ask(idempotency_key, request)
    }
}
