//! What came out beside what was counted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::count::Count;
use super::outcome::{Outcome, Takings, tally};
use super::traffic::Seen;
use crate::Error;
use crate::clock::Deadline;

/// Differences that are shown of one kind.
const SHOWN_MAX: usize = 5;
/// State becomes readable a moment after the view is: queries are asked again for so long.
const QUERY_PATIENCE: Duration = Duration::from_secs(10);
const QUERY_POLL: Duration = Duration::from_millis(50);

/// One statement and whether it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was compared.
    pub statement: String,
    /// What differs; empty when it held.
    pub differences: Vec<String>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// In the order of the summary.
    pub checks: Vec<Check>,
}

impl Checked {
    /// Whether all held.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.differences.is_empty())
    }

    fn add(&mut self, statement: impl Into<String>, mut differences: Vec<String>) {
        let more = differences.len().saturating_sub(SHOWN_MAX);
        differences.truncate(SHOWN_MAX);
        if more > 0 {
            differences.push(format!("and {more} more"));
        }
        self.checks.push(Check { statement: statement.into(), differences });
    }
}

/// Compares everything.
///
/// # Errors
/// Failed, when the HTTP API does not answer.
pub async fn check(count: &Count, seen: &Seen, url: &str) -> Result<Checked, Error> {
    let mut checked = Checked::default();
    checked.add(
        format!("each of {} orders ended as the file predicts", count.outcomes.len()),
        different_outcomes(&count.outcomes, &seen.outcomes),
    );
    let revenue = asked(format!("{url}/api/v1/analytics/orders/revenue-by-day"), |answer| {
        different_takings(&count.by_day, &takings_of(answer))
    });
    checked.add(format!("revenue of {} days agrees to the penny", count.by_day.len()), revenue.await?);
    let statuses = asked(format!("{url}/api/v1/analytics/orders/status-distribution"), |answer| {
        different_statuses(&count.outcomes, answer)
    });
    checked.add("orders by state agree, and none is still under way", statuses.await?);
    checked.add(
        format!("stock of {} SKUs: received + adjusted = on hand + reserved + confirmed", seen.products.len()),
        different_stock(seen, &count.units),
    );
    checked.add("no saga did what the choreography does not allow", seen.anomalies.clone());
    Ok(checked)
}

/// Asks until nothing differs any more, or patience is over.
async fn asked(url: String, differences: impl Fn(&Value) -> Vec<String>) -> Result<Vec<String>, Error> {
    let deadline = Deadline::after(QUERY_PATIENCE);
    loop {
        let found = match get(&url).await {
            Ok(answer) => Ok(differences(&answer)),
            Err(error) => Err(error),
        };
        if deadline.has_passed() || found.as_ref().is_ok_and(Vec::is_empty) {
            return found;
        }
        tokio::time::sleep(QUERY_POLL).await;
    }
}

/// A JSON answer of the HTTP API.
///
/// # Errors
/// Failed, with what was answered instead.
pub async fn get(url: &str) -> Result<Value, Error> {
    let failed = |error: reqwest::Error| Error::failed(format!("{url}: {error}"));
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().map_err(failed)?;
    let answer = http.get(url).send().await.map_err(failed)?;
    let status = answer.status();
    let text = answer.text().await.map_err(failed)?;
    if !status.is_success() {
        return Err(Error::failed(format!("{url} answered {status}: {text}")));
    }
    serde_json::from_str(&text).map_err(|error| Error::failed(format!("{url}: {error}")))
}

fn different_outcomes(expected: &BTreeMap<String, Outcome>, actual: &BTreeMap<String, Outcome>) -> Vec<String> {
    let wrong = expected.iter().filter_map(|(order, expected)| match actual.get(order) {
        Some(actual) if actual == expected => None,
        Some(actual) => Some(format!("order {order} is {actual}, and should be {expected}")),
        None => Some(format!("order {order} has not ended, and should be {expected}")),
    });
    let unknown = actual.keys().filter(|order| !expected.contains_key(*order));
    wrong.chain(unknown.map(|order| format!("order {order} is not in the file"))).collect()
}

fn takings_of(answer: &Value) -> BTreeMap<String, Takings> {
    let days = answer["days"].as_array().map(Vec::as_slice).unwrap_or_default();
    let day = |day: &Value| {
        let minor = day["total_minor"].as_i64().map(i128::from)?;
        Some((day["day"].as_str()?.to_owned(), Takings { orders: day["orders"].as_i64()?, minor }))
    };
    days.iter().filter_map(day).collect()
}

fn different_takings(expected: &BTreeMap<String, Takings>, actual: &BTreeMap<String, Takings>) -> Vec<String> {
    let days: std::collections::BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    days.into_iter()
        .filter(|day| expected.get(*day) != actual.get(*day))
        .map(|day| {
            let said = |takings: Option<&Takings>| takings.copied().unwrap_or_default();
            let (actual, expected) = (said(actual.get(day)), said(expected.get(day)));
            format!(
                "{day}: {} orders, {} pence; the file says {} orders, {} pence",
                actual.orders, actual.minor, expected.orders, expected.minor
            )
        })
        .collect()
}

fn different_statuses(expected: &BTreeMap<String, Outcome>, answer: &Value) -> Vec<String> {
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for (outcome, orders) in tally(expected.values()) {
        let status = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Cancelled(_) => "cancelled",
            Outcome::Rejected(_) => continue,
        };
        *wanted.entry(status).or_default() += i64::try_from(orders).unwrap_or(i64::MAX);
    }
    let statuses = answer["statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut differences: Vec<String> = statuses
        .iter()
        .filter_map(|count| {
            let (status, orders) = (count["status"].as_str()?, count["orders"].as_i64()?);
            let expected = wanted.remove(status).unwrap_or_default();
            (orders != expected).then(|| format!("{orders} orders are {status}; the file says {expected}"))
        })
        .collect();
    differences
        .extend(wanted.into_iter().map(|(status, orders)| format!("no orders are {status}; the file says {orders}")));
    differences
}

/// Whether every unit is accounted for, none is held any more, and as many are sold as counted.
pub fn stock_is_settled(seen: &Seen, sold: &BTreeMap<String, i64>) -> bool {
    different_stock(seen, sold).is_empty()
}

fn different_stock(seen: &Seen, sold: &BTreeMap<String, i64>) -> Vec<String> {
    let unseen = sold.keys().filter(|sku| !seen.products.contains_key(*sku));
    let mut differences: Vec<String> = unseen.map(|sku| format!("{sku} was sold, and is no product")).collect();
    for (sku, product) in &seen.products {
        let sold = sold.get(sku).copied().unwrap_or_default();
        let balanced = product.received + product.adjusted == product.on_hand + product.reserved + product.confirmed;
        // The three products that every `dev` begins with are never ordered here.
        if !balanced || product.reserved != 0 || product.confirmed != sold {
            differences.push(format!(
                "{sku}: received {}, adjusted {}, on hand {}, reserved {}, confirmed {}; the file says {sold} sold",
                product.received, product.adjusted, product.on_hand, product.reserved, product.confirmed
            ));
        }
    }
    differences
}

#[cfg(test)]
mod tests;
