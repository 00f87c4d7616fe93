//! What a person wants to see when the demo has ended.

use std::fmt::Write;
use std::time::Duration;

use console::style;
use headwater_event::{Currency, Money, Timestamp};
use prometheus::{Encoder, TextEncoder};
use serde_json::Value;

use super::checks::{Checked, get};
use super::count::Count;
use super::outcome::{Outcome, Takings, tally};
use super::shop::{FEES, SOLD_OUT_EACH, Stock};
use super::traffic::Seen;
use crate::dev::Dev;

const TOP_DAYS: usize = 5;

/// Everything it is made of.
pub struct Summary<'a> {
    /// What was counted.
    pub count: &'a Count,
    /// What was in stock.
    pub stock: &'a Stock,
    /// What was seen.
    pub seen: &'a Seen,
    /// From the first order sent to the last one ended.
    pub took: Duration,
    /// Orders under way at a time.
    pub in_flight: usize,
    /// Whether they agree.
    pub checked: &'a Checked,
    /// What it ran on.
    pub dev: &'a Dev,
}

impl Summary<'_> {
    /// The summary as text.
    pub async fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = self.outcomes(&mut text);
        let _ = self.decisions(&mut text);
        let _ = self.revenue(&mut text);
        let _ = self.speed(&mut text);
        let _ = self.slowest(&mut text).await;
        let _ = self.checks(&mut text);
        let _ = self.further(&mut text);
        text
    }

    fn outcomes(&self, text: &mut String) -> std::fmt::Result {
        let tally = tally(self.seen.outcomes.values());
        let of = |wanted: fn(&Outcome) -> bool| -> usize {
            tally.iter().filter(|(outcome, _)| wanted(outcome)).map(|(_, orders)| orders).sum()
        };
        let is_rejected = |outcome: &Outcome| matches!(outcome, Outcome::Rejected(_));
        // What is cancelled for want of stock never was confirmed; a declined payment comes after.
        let is_confirmed = |outcome: &Outcome| match outcome {
            Outcome::Delivered => true,
            Outcome::Cancelled(reason) => reason == "payment_declined",
            Outcome::Rejected(_) => false,
        };
        writeln!(text, "\n{}", title("orders"))?;
        writeln!(text, "  {:>6}  sent to orders.commands as JSON", self.count.outcomes.len())?;
        writeln!(text, "  {:>6}  created", self.seen.outcomes.len() - of(is_rejected))?;
        writeln!(text, "  {:>6}  confirmed", of(is_confirmed))?;
        for (outcome, orders) in &tally {
            writeln!(text, "  {orders:>6}  {outcome}")?;
        }
        Ok(())
    }

    fn decisions(&self, text: &mut String) -> std::fmt::Result {
        let oddities = self.count.oddities;
        writeln!(text, "\n{}", title("what the shop decided"))?;
        let mut row = |count: usize, what: &str| writeln!(text, "  {count:>6}  {what}");
        row(
            oddities.credit_notes,
            "credit notes (C…), quantities below 0: no orders; refused with the field that is wrong",
        )?;
        row(oddities.corrections, "sales of nothing but negative quantities: stock corrections, refused the same way")?;
        row(oddities.free, "sales that cost nothing: gifts, delivered, and no provider is asked for a payment of 0")?;
        row(oddities.guests, "invoices without a customer: ordered by `guest`")?;
        row(
            oddities.odd_codes,
            "sales with a code that is no article (POST, DOT, M, C2, gift vouchers …): sold like goods",
        )?;
        row(oddities.repeated, "sales that name a SKU twice: reserved together, each line at its own price")?;
        row(self.stock.received.len(), "SKUs received, as many units as all orders ask for")?;
        row(
            self.stock.sold_out.len(),
            &format!("SKUs sold out (each {SOLD_OUT_EACH}th of the list): in the catalogue, none in stock"),
        )?;
        row(
            FEES.len(),
            &format!("codes of fees ({}): unknown to the warehouse, so such an order is cancelled", FEES.join(", ")),
        )
    }

    fn revenue(&self, text: &mut String) -> std::fmt::Result {
        let total = self.count.by_day.values().fold(Takings::default(), |sum, day| Takings {
            orders: sum.orders + day.orders,
            minor: sum.minor + day.minor,
        });
        writeln!(text, "\n{}", title("revenue by day, as delivered"))?;
        let mut days: Vec<_> = self.count.by_day.iter().collect();
        days.sort_by(|(a, x), (b, y)| y.minor.cmp(&x.minor).then_with(|| a.cmp(b)));
        for (day, takings) in days.into_iter().take(TOP_DAYS) {
            writeln!(text, "  {day}  {:>18}  {:>5} orders", pounds(takings.minor), takings.orders)?;
        }
        let days = format!("{} days", self.count.by_day.len());
        writeln!(text, "  {days:<10}  {:>18}  {:>5} orders", pounds(total.minor), total.orders)
    }

    fn speed(&self, text: &mut String) -> std::fmt::Result {
        let mut latencies = self.seen.latencies.clone();
        latencies.sort_unstable();
        let seconds = self.took.as_secs_f64().max(0.001);
        let orders = self.count.outcomes.len();
        let counters = Counters::read(self.dev);
        writeln!(text, "\n{}", title("speed"))?;
        writeln!(
            text,
            "  {orders} orders in {seconds:.1} s, {:.0} a second, {} under way at a time",
            orders as f64 / seconds,
            self.in_flight
        )?;
        writeln!(
            text,
            "  from command to the view of its end: p50 {} ms, p99 {} ms",
            percentile(&latencies, 50).as_millis(),
            percentile(&latencies, 99).as_millis()
        )?;
        writeln!(
            text,
            "  {} records processed, {} produced, {} transactions committed, {} aborted, {} dead letters",
            counters.sum("headwater_records_processed_total", ""),
            counters.sum("headwater_records_produced_total", ""),
            counters.sum("headwater_transactions_total", "committed"),
            counters.sum("headwater_transactions_total", "aborted"),
            counters.sum("headwater_dead_letters_total", ""),
        )
    }

    async fn slowest(&self, text: &mut String) -> std::fmt::Result {
        let Some((order, took_ms)) = &self.seen.slowest else { return Ok(()) };
        writeln!(text, "\n{}", title(&format!("the slowest saga: order {order}, {took_ms} ms")))?;
        let saga = match get(&format!("{}/api/v1/sagas/{order}", self.dev.http_url())).await {
            Ok(saga) => saga,
            Err(error) => return writeln!(text, "  its timeline can't be read: {error}"),
        };
        let steps = saga["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        let at = |step: &Value| step["at"].as_i64().map(Timestamp::from_millis).unwrap_or_default();
        let first = steps.first().map(at).unwrap_or_default();
        for step in steps {
            let full_name = step["type"].as_str().unwrap_or_default();
            let short = full_name.rsplit('.').next().unwrap_or_default();
            writeln!(text, "  {:>6} ms  {short}", at(step).since_ms(first))?;
        }
        Ok(())
    }

    fn checks(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n{}", title("beside a count made straight from the file"))?;
        for check in &self.checked.checks {
            let mark = if check.differences.is_empty() { style("✓").green() } else { style("✗").red() };
            writeln!(text, "  {mark} {}", check.statement)?;
            for difference in &check.differences {
                writeln!(text, "      {difference}")?;
            }
        }
        Ok(())
    }

    fn further(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n{}", title("to look further"))?;
        writeln!(text, "  cargo xtask demo --stay                     the same, and everything stays up")?;
        writeln!(text, "  cargo run --bin headwater -- dev            with nothing in it; then, in another terminal:")?;
        for command in [
            "headwater saga watch",
            "headwater orders list --status cancelled",
            "headwater consume -t orders.events -o beginning",
            "curl http://127.0.0.1:8080/api/v1/analytics/orders/revenue-by-day",
        ] {
            writeln!(text, "    {command}")?;
        }
        Ok(())
    }
}

fn title(text: &str) -> String {
    style(text).bold().to_string()
}

fn pounds(minor: i128) -> String {
    match (Currency::new("GBP"), i64::try_from(minor)) {
        (Ok(currency), Ok(minor)) => Money::new(minor, currency).to_string(),
        _ => format!("{minor} pence"),
    }
}

/// The value that so many in a hundred do not exceed, of sorted values.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The application's counters, as Prometheus' text has them.
struct Counters(String);

impl Counters {
    fn read(dev: &Dev) -> Self {
        let mut bytes = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&dev.service().metrics().gather(), &mut bytes) {
            tracing::warn!(%error, "metrics can't be read");
        }
        Self(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The sum over a counter's label values, of those with `label` among them.
    fn sum(&self, name: &str, label: &str) -> u64 {
        let lines = self.0.lines().filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>() as u64
    }
}

#[cfg(test)]
mod tests;
