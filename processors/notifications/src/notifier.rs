use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;

use headwater_event::{CustomerId, OrderId};
use serde::{Deserialize, Serialize};

use crate::News;

/// A message to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The order it is about.
    pub order_id: OrderId,
    /// Whom it is for.
    pub customer_id: CustomerId,
    /// What it says.
    #[serde(flatten)]
    pub news: News,
}

impl Notification {
    /// The same for every repeat of one message.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("notify/{}/{}", self.order_id, self.news.template().as_str())
    }
}

/// The message's text.
impl fmt::Display for Notification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = &self.order_id;
        match &self.news {
            News::OrderConfirmed { total } => write!(formatter, "order {order} is confirmed; it costs {total}"),
            News::OrderShipped { shipment_id } => write!(formatter, "order {order} is on its way as {shipment_id}"),
            News::OrderDelivered { delivered_at } => write!(formatter, "order {order} has arrived, {delivered_at}"),
            News::OrderCancelled { reason } => write!(formatter, "order {order} is cancelled: {reason}"),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delivery", rename_all = "snake_case")]
pub enum Delivery {
    /// It is out, and nothing calls it back.
    Sent {
        /// How: `log`, `email`, …
        channel: String,
    },
    /// It will never be sent: an address that does not exist, a customer who wants none.
    Refused {
        /// Why.
        reason: String,
    },
    /// No answer came in time. Only the same key, tried again, can tell.
    Unknown,
}

/// A notifier's answer on its way.
pub type NotifierFuture = Pin<Box<dyn Future<Output = Delivery> + Send>>;

/// Who reaches customers.
pub trait Notifier: Send + Sync + 'static {
    /// Sends a message. All tries of one idempotency key have the effect of one.
    fn send(&self, idempotency_key: &str, notification: &Notification) -> NotifierFuture;
}

/// Writes messages to the log, at debug level, and reaches nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogNotifier;

impl Notifier for LogNotifier {
    fn send(&self, idempotency_key: &str, notification: &Notification) -> NotifierFuture {
        let customer = notification.customer_id.as_str();
        tracing::debug!(customer, idempotency_key, "to the customer: {notification}");
        Box::pin(ready(Delivery::Sent { channel: "log".to_owned() }))
    }
}
