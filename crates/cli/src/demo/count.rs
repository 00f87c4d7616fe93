//! What has to come out, counted straight from the file's text, by a way of its own: nothing here is shared with what
//! makes the commands but the simulated provider's rule and the list of what is sold out.

use std::collections::BTreeMap;

use headwater_event::{Currency, CustomerId, Money, OrderId};
use headwater_payments::{Answer, Profile, Request, payment_id};
use serde_json::Value;

use super::outcome::{Outcome, Takings};
use super::shop::{FEES, Stock};
use crate::Error;

/// What has to come out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Count {
    /// How each order ends.
    pub outcomes: BTreeMap<String, Outcome>,
    /// What is delivered of the orders of each day.
    pub by_day: BTreeMap<String, Takings>,
    /// Units sold, by SKU.
    pub units: BTreeMap<String, i64>,
    /// What was odd.
    pub oddities: Oddities,
}

/// How many invoices were not as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Credit notes.
    pub credit_notes: usize,
    /// Sales with nothing but negative quantities: corrections of stock.
    pub corrections: usize,
    /// Sales that cost nothing.
    pub free: usize,
    /// Invoices without a customer.
    pub guests: usize,
    /// Sales with a code that is no article number: POST, M, gift vouchers …
    pub odd_codes: usize,
    /// Sales that name one SKU more than once.
    pub repeated: usize,
}

/// Counts the first `invoices` lines.
///
/// # Errors
/// Failed, with the line that can't be understood.
pub fn count(text: &str, invoices: usize, stock: &Stock, payments: Profile) -> Result<Count, Error> {
    let mut count = Count::default();
    for (number, line) in text.lines().take(invoices).enumerate() {
        take(&mut count, line, stock, payments)
            .ok_or_else(|| Error::failed(format!("line {} of the orders can't be counted", number + 1)))?;
    }
    Ok(count)
}

fn take(count: &mut Count, line: &str, stock: &Stock, payments: Profile) -> Option<()> {
    let invoice: Value = serde_json::from_str(line).ok()?;
    let id = invoice["invoice"].as_str()?;
    let day = invoice["ordered_at"].as_str()?.get(..10)?;
    let mut lines = Vec::new();
    for item in invoice["items"].as_array()? {
        lines.push((item["sku"].as_str()?, item["quantity"].as_i64()?, hundredths(item["unit_price"].as_str()?)?));
    }
    note(&mut count.oddities, &invoice, id, &lines);
    let total: i128 = lines.iter().map(|(_, quantity, price)| i128::from(*quantity) * i128::from(*price)).sum();
    let outcome = if lines.iter().any(|(_, quantity, _)| *quantity <= 0) {
        Outcome::Rejected("quantity_not_positive".to_owned())
    } else if let Some((sku, ..)) =
        lines.iter().find(|(sku, ..)| FEES.contains(sku) || stock.sold_out.contains_key(*sku))
    {
        Outcome::Cancelled(if FEES.contains(sku) { "unknown_product" } else { "out_of_stock" }.to_owned())
    } else if is_declined(id, i64::try_from(total).ok()?, payments)? {
        Outcome::Cancelled("payment_declined".to_owned())
    } else {
        Outcome::Delivered
    };
    if outcome == Outcome::Delivered {
        let takings = count.by_day.entry(day.to_owned()).or_default();
        takings.orders += 1;
        takings.minor += total;
        for (sku, quantity, _) in &lines {
            *count.units.entry((*sku).to_owned()).or_default() += quantity;
        }
    }
    // A number that comes twice would be refused the second time; the file has none.
    count.outcomes.insert(id.to_owned(), outcome).is_none().then_some(())
}

fn note(oddities: &mut Oddities, invoice: &Value, id: &str, lines: &[(&str, i64, i64)]) {
    let is_credit_note = id.starts_with('C');
    oddities.guests += usize::from(invoice["customer"].is_null());
    oddities.credit_notes += usize::from(is_credit_note);
    if is_credit_note {
        return;
    }
    let is_correction = lines.iter().all(|(_, quantity, _)| *quantity <= 0);
    oddities.corrections += usize::from(is_correction);
    oddities.free += usize::from(!is_correction && lines.iter().all(|(.., price)| *price == 0));
    let is_article = |sku: &str| sku.as_bytes().iter().take(5).filter(|byte| byte.is_ascii_digit()).count() == 5;
    oddities.odd_codes += usize::from(lines.iter().any(|(sku, ..)| !is_article(sku)));
    let mut skus: Vec<&str> = lines.iter().map(|(sku, ..)| *sku).collect();
    skus.sort_unstable();
    oddities.repeated += usize::from(skus.windows(2).any(|pair| pair[0] == pair[1]));
}

/// The provider decides by the idempotency key alone; what costs nothing is never charged.
fn is_declined(order: &str, total_minor: i64, payments: Profile) -> Option<bool> {
    if total_minor == 0 {
        return Some(false);
    }
    let order_id = OrderId::new(order).ok()?;
    let request = Request::Charge {
        payment_id: payment_id(&order_id).ok()?,
        order_id,
        customer_id: CustomerId::new("whoever").ok()?,
        amount: Money::new(total_minor, Currency::new("GBP").ok()?),
    };
    Some(payments.answer(&request.idempotency_key()) != Answer::Done)
}

/// Pounds and pence of a decimal text, digit by digit.
fn hundredths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (mut value, mut places) = (0_i64, None);
    for byte in digits.bytes() {
        match (byte, places) {
            (b'0'..=b'9', Some(2)) => return None,
            (b'0'..=b'9', _) => {
                value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                places = places.map(|places| places + 1);
            }
            (b'.', None) => places = Some(0),
            _ => return None,
        }
    }
    let missing = 2 - places.unwrap_or(0);
    value.checked_mul(10_i64.checked_pow(missing)?).map(|value| value * sign)
}

#[cfg(test)]
mod tests;
