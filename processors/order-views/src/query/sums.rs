use std::collections::BTreeMap;
use std::ops::Bound;

use headwater_event::Currency;
use headwater_streams::{StateBase, StateError};
use serde::{Deserialize, Serialize};

use super::unreadable;
use crate::document::Status;
use crate::index::Tally;
use crate::topology::{COUNTS, REVENUE};

/// How many days of revenue are read at a time.
const CHUNK: usize = 1_024;

/// How many orders are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCount {
    /// The state's word.
    pub status: String,
    /// How many.
    pub orders: i64,
}

/// What the orders placed on a day brought in, in one currency: those that are paid and not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRevenue {
    /// The UTC day, as `2011-08-31`.
    pub day: String,
    /// The currency.
    pub currency: Currency,
    /// How many orders.
    pub orders: i64,
    /// Their totals, in minor units.
    pub total_minor: i128,
}

/// One partition's orders by state: every state, in the order of an order's life.
///
/// # Errors
/// When state can't be read.
pub fn status_distribution(state: &dyn StateBase) -> Result<Vec<StatusCount>, StateError> {
    let count = |status: &Status| {
        let word = status.word();
        let orders = match state.get(COUNTS, word.as_bytes())? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| unreadable(&format!("number of {word} orders"), &error))?,
            None => 0,
        };
        Ok(StatusCount { status: word.to_owned(), orders })
    };
    Status::ALL.iter().map(count).collect()
}

/// All partitions' orders by state.
#[must_use]
pub fn merge_status_distribution(parts: impl IntoIterator<Item = Vec<StatusCount>>) -> Vec<StatusCount> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for StatusCount { status, orders } in parts.into_iter().flatten() {
        *sums.entry(status).or_default() += orders;
    }
    let sum = |status: &Status| {
        let word = status.word();
        StatusCount { status: word.to_owned(), orders: sums.get(word).copied().unwrap_or_default() }
    };
    Status::ALL.iter().map(sum).collect()
}

/// One partition's revenue, oldest day first; days without any are left out.
///
/// # Errors
/// When state can't be read.
pub fn revenue_by_day(state: &dyn StateBase) -> Result<Vec<DayRevenue>, StateError> {
    let mut days = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let chunk = state.scan(REVENUE, from, Bound::Unbounded, CHUNK)?;
        for (key, value) in &chunk {
            let Tally { orders, minor } =
                serde_json::from_slice(value).map_err(|error| unreadable("revenue of a day", &error))?;
            if orders != 0
                && let Some((day, currency)) = day_of(key)
            {
                days.push(DayRevenue { day, currency, orders, total_minor: minor });
            }
        }
        if chunk.len() < CHUNK {
            return Ok(days);
        }
        after = chunk.last().map(|(key, _)| key.to_vec());
    }
}

fn day_of(key: &[u8]) -> Option<(String, Currency)> {
    let (day, currency) = std::str::from_utf8(key).ok()?.split_once(' ')?;
    Some((day.to_owned(), Currency::new(currency).ok()?))
}

/// All partitions' revenue, oldest day first, then by currency.
#[must_use]
pub fn merge_revenue(parts: impl IntoIterator<Item = Vec<DayRevenue>>) -> Vec<DayRevenue> {
    let mut sums: BTreeMap<(String, Currency), Tally> = BTreeMap::new();
    for DayRevenue { day, currency, orders, total_minor } in parts.into_iter().flatten() {
        let sum = sums.entry((day, currency)).or_default();
        *sum = sum.plus(Tally { orders, minor: total_minor });
    }
    let day = |((day, currency), Tally { orders, minor })| DayRevenue { day, currency, orders, total_minor: minor };
    sums.into_iter().map(day).collect()
}
