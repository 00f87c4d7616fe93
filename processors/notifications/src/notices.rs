use std::collections::BTreeMap;

use headwater_event::{CustomerId, Money, OrderId, ShipmentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Notification;

/// What the customer of one order was told so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notices {
    /// Whom to tell; None before `OrderCreated`.
    pub customer_id: Option<CustomerId>,
    /// What became of each message. One that is here is never sent again.
    pub messages: BTreeMap<Template, Outcome>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is with the notifier.
    Asked,
    /// It was sent; nothing undoes that.
    Sent,
    /// The notifier refused it for good.
    Refused,
}

/// Which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The order is confirmed, for so much.
    OrderConfirmed,
    /// The parcel is on its way.
    OrderShipped,
    /// The parcel has arrived.
    OrderDelivered,
    /// The order is off.
    OrderCancelled,
}

impl Template {
    /// Its name in `NotificationSent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderConfirmed => "order_confirmed",
            Self::OrderShipped => "order_shipped",
            Self::OrderDelivered => "order_delivered",
            Self::OrderCancelled => "order_cancelled",
        }
    }
}

/// What a customer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum News {
    /// `OrderConfirmed`.
    OrderConfirmed {
        /// What the order costs.
        total: Money,
    },
    /// `OrderShipped`.
    OrderShipped {
        /// The parcel.
        shipment_id: ShipmentId,
    },
    /// `OrderDelivered`.
    OrderDelivered {
        /// When.
        delivered_at: Timestamp,
    },
    /// `OrderCancelled`.
    OrderCancelled {
        /// Why, a stable word.
        reason: String,
    },
}

impl News {
    /// Which message says this.
    #[must_use]
    pub const fn template(&self) -> Template {
        match self {
            Self::OrderConfirmed { .. } => Template::OrderConfirmed,
            Self::OrderShipped { .. } => Template::OrderShipped,
            Self::OrderDelivered { .. } => Template::OrderDelivered,
            Self::OrderCancelled { .. } => Template::OrderCancelled,
        }
    }
}

impl Notices {
    /// Learns whom to tell.
    pub fn know(&mut self, customer_id: CustomerId) {
        self.customer_id.get_or_insert(customer_id);
    }

    /// The notification to send for news; None when it was sent before, or nobody knows to whom.
    pub fn hear(&mut self, order_id: &OrderId, news: News) -> Option<Notification> {
        let customer_id = self.customer_id.clone()?;
        let template = news.template();
        if self.messages.contains_key(&template) {
            return None;
        }
        self.messages.insert(template, Outcome::Asked);
        Some(Notification { order_id: order_id.clone(), customer_id, news })
    }

    /// Takes the notifier's word; true when a message counts as sent by it, for the first time.
    pub fn answered(&mut self, template: Template, sent: bool) -> bool {
        match self.messages.get_mut(&template) {
            Some(outcome) if *outcome == Outcome::Asked => {
                *outcome = if sent { Outcome::Sent } else { Outcome::Refused };
                sent
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
