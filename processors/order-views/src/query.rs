//! Reads of committed state. An order lies with the task of [`crate::VIEWS`] whose partition its id hashes to; lists and
//! sums are merged from all of them.

mod filter;
mod list;
mod sums;

use headwater_contracts::orders::OrderView;
use headwater_event::OrderId;
use headwater_streams::{StateBase, StateError};

use crate::document::Document;
use crate::topology::DOCUMENTS;

pub use filter::{Filter, FilterError, day_after, day_or_time};
pub use list::{OrderPage, list, merge};
pub use sums::{
    DayRevenue, StatusCount, merge_revenue, merge_status_distribution, revenue_by_day, status_distribution,
};

/// An order; None where this partition knows none.
///
/// # Errors
/// When state can't be read.
pub fn get(state: &dyn StateBase, order_id: &OrderId) -> Result<Option<OrderView>, StateError> {
    Ok(document(state, order_id)?.and_then(|document| document.view(order_id)))
}

fn document(state: &dyn StateBase, order_id: &OrderId) -> Result<Option<Document>, StateError> {
    let Some(bytes) = state.get(DOCUMENTS, order_id.as_str().as_bytes())? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&format!("order {order_id}"), &error))
}

fn unreadable(what: &str, error: &serde_json::Error) -> StateError {
    StateError { message: format!("stored {what} can't be read: {error}") }
}

#[cfg(test)]
mod tests;
