//! What the shop decides about data that is not as it should be.

use std::collections::BTreeMap;

use serde_json::json;

use super::data::Invoice;
use crate::Error;

/// What fees are booked under: costs of the shop, and nothing that it has in stock.
pub const FEES: [&str; 2] = ["BANK CHARGES", "AMAZONFEE"];
/// Each SKU at such a place of the sorted list is sold out.
pub const SOLD_OUT_EACH: usize = 100;

/// What is in stock before the first order comes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stock {
    /// Units to receive, by SKU: what all orders together ask for.
    pub received: BTreeMap<String, i64>,
    /// SKUs of the catalogue of which nothing is there, with what they are called.
    pub sold_out: BTreeMap<String, String>,
}

/// Stock for all orders, but for fees and what is sold out.
pub fn stock(invoices: &[Invoice]) -> Stock {
    let mut wanted: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for item in invoices.iter().flat_map(|invoice| &invoice.items).filter(|item| item.quantity > 0) {
        if FEES.contains(&item.sku.as_str()) {
            continue;
        }
        let (units, name) = wanted.entry(&item.sku).or_default();
        *units += item.quantity;
        if name.is_empty() {
            *name = item.description.as_deref().unwrap_or_default().trim();
        }
    }
    let mut stock = Stock::default();
    for (place, (sku, (units, name))) in wanted.into_iter().enumerate() {
        if (place + 1) % SOLD_OUT_EACH == 0 {
            let name = if name.is_empty() { sku } else { name };
            stock.sold_out.insert(sku.to_owned(), name.to_owned());
        } else {
            stock.received.insert(sku.to_owned(), units);
        }
    }
    stock
}

impl Stock {
    /// The commands that make it so, as people type them, by SKU.
    pub fn commands(&self) -> Vec<(String, String)> {
        let receive = |(sku, units): (&String, &i64)| {
            (sku.clone(), json!({"type": "ReceiveStock", "sku": sku, "quantity": units}).to_string())
        };
        let define = |(sku, name): (&String, &String)| {
            let price = json!({"minor": 0, "currency": "GBP"});
            (sku.clone(), json!({"type": "DefineProduct", "sku": sku, "name": name, "price": price}).to_string())
        };
        self.received.iter().map(receive).chain(self.sold_out.iter().map(define)).collect()
    }
}

/// The order of an invoice as a person would type it.
///
/// # Errors
/// Failed, for a price that is none.
pub fn place_order(invoice: &Invoice) -> Result<String, Error> {
    let items: Result<Vec<_>, Error> = invoice
        .items
        .iter()
        .map(|item| {
            let price = pence(&item.unit_price)
                .ok_or_else(|| Error::failed(format!("invoice {}: price {:?}", invoice.invoice, item.unit_price)))?;
            Ok(json!({"sku": item.sku, "quantity": item.quantity, "unit_price_minor": price}))
        })
        .collect();
    let placed_at = headwater_event::Timestamp::parse_rfc3339(&invoice.ordered_at)
        .ok_or_else(|| Error::failed(format!("invoice {}: time {:?}", invoice.invoice, invoice.ordered_at)))?;
    Ok(json!({
        "type": "PlaceOrder",
        "order_id": invoice.invoice,
        "customer_id": invoice.customer.as_deref().unwrap_or("guest"),
        "currency": "GBP",
        "items": items?,
        "placed_at": placed_at.as_millis(),
    })
    .to_string())
}

/// `3.39` is 339; at most two places, never a float.
fn pence(text: &str) -> Option<i64> {
    let (pounds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 2 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    format!("{pounds}{fraction:0<2}").parse().ok()
}

#[cfg(test)]
mod tests;
