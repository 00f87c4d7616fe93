//! Questions about committed state: which task knows the answer, who holds that task, and one answer from many.

mod answer;
mod ask;
mod route;

use headwater_contracts::domains;
use headwater_event::Domain;
use serde::{Deserialize, Serialize};

pub use answer::{Answer, answer, filter_of, merge};
pub use ask::{Asker, Failure, PartitionsAnswer, PartitionsQuery, answer_here};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum Query {
    /// One order.
    Order {
        /// Its id.
        order_id: String,
    },
    /// A page of orders, newest first.
    Orders(OrdersQuery),
    /// The saga of one order.
    Saga {
        /// The order's id.
        order_id: String,
    },
    /// A page of sagas, newest first.
    Sagas {
        /// Only those in this state.
        state: Option<String>,
        /// How many.
        limit: usize,
        /// After how many.
        offset: usize,
    },
    /// One product with its stock.
    Product {
        /// Its SKU.
        sku: String,
    },
    /// Orders by state.
    StatusDistribution,
    /// Revenue by day.
    RevenueByDay,
}

/// Which orders: the texts as people gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersQuery {
    /// Only this customer's.
    pub customer_id: Option<String>,
    /// Only those in this state.
    pub status: Option<String>,
    /// Only those placed then or later.
    pub date_from: Option<String>,
    /// Only those placed then or earlier.
    pub date_to: Option<String>,
    /// How many.
    pub limit: usize,
    /// After how many.
    pub offset: usize,
}

/// The tasks that know the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The processor.
    pub processor: &'static str,
    /// Its subtopology.
    pub subtopology: &'static str,
    /// The domain, whose anchor says how many partitions there are.
    pub domain: Domain,
}

impl Query {
    /// Which tasks know the answer.
    #[must_use]
    pub const fn target(&self) -> Target {
        match self {
            Self::Order { .. } | Self::Orders(_) | Self::StatusDistribution | Self::RevenueByDay => {
                Target { processor: "order-views", subtopology: headwater_order_views::VIEWS, domain: domains::ORDER }
            }
            Self::Saga { .. } | Self::Sagas { .. } => {
                Target { processor: "sagas", subtopology: headwater_sagas::TRACKER, domain: domains::ORDER }
            }
            Self::Product { .. } => {
                Target { processor: "inventory", subtopology: headwater_inventory::LEDGER, domain: domains::SKU }
            }
        }
    }

    /// The key whose partition alone knows the answer; None where every partition knows a part.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Order { order_id } | Self::Saga { order_id } => Some(order_id),
            Self::Product { sku } => Some(sku),
            Self::Orders(_) | Self::Sagas { .. } | Self::StatusDistribution | Self::RevenueByDay => None,
        }
    }
}

#[cfg(test)]
mod tests;
