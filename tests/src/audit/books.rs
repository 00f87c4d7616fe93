//! The stock's books: for every SKU, received + adjusted = on hand + reserved + confirmed, and what was confirmed is
//! what was delivered.

use std::collections::BTreeMap;

use super::Findings;
use crate::reader::Seen;

/// What the records say of each SKU.
#[derive(Debug, Default)]
pub struct Books {
    by_sku: BTreeMap<String, Account>,
}

#[derive(Debug, Default)]
struct Account {
    /// From `StockReceived` and `StockAdjusted`.
    came_in: i64,
    /// From the last `ProductView`.
    view: Option<[i64; 5]>,
    /// Of orders that were delivered.
    delivered: i64,
    /// Of orders that have not ended.
    open: i64,
}

impl Books {
    /// Gathers what events and views say.
    #[must_use]
    pub fn of(events: &[Seen], products: &[Seen]) -> Self {
        let mut books = Self::default();
        for event in events.iter().filter(|e| e.topic == "inventory.stock-events") {
            if matches!(event.kind(), "StockReceived" | "StockAdjusted") {
                books.account(&event.key).came_in += event.number("quantity");
            }
        }
        let ends: BTreeMap<&str, &str> = events
            .iter()
            .filter(|event| event.topic == "orders.events")
            .filter(|event| matches!(event.kind(), "OrderDelivered" | "OrderCancelled"))
            .map(|event| (event.key.as_str(), event.kind()))
            .collect();
        for event in events.iter().filter(|event| event.kind() == "OrderConfirmed") {
            let end = ends.get(event.key.as_str()).copied();
            for item in event.value["items"].as_array().into_iter().flatten() {
                let account = books.account(item["sku"].as_str().unwrap_or_default());
                let quantity = item["quantity"].as_i64().unwrap_or_default();
                match end {
                    Some("OrderDelivered") => account.delivered += quantity,
                    None => account.open += quantity,
                    Some(_) => {}
                }
            }
        }
        for product in products {
            let fields = ["received", "adjusted", "on_hand", "reserved", "confirmed"];
            books.account(&product.key).view = Some(fields.map(|field| product.number(field)));
        }
        books
    }

    fn account(&mut self, sku: &str) -> &mut Account {
        self.by_sku.entry(sku.to_owned()).or_default()
    }

    /// Adds what does not add up.
    pub fn check(&self, findings: &mut Findings) {
        for (sku, account) in &self.by_sku {
            let Some([received, adjusted, on_hand, reserved, confirmed]) = account.view else {
                if account.came_in != 0 {
                    findings.wrong.push(format!("sku {sku}: stock came in and there is no product"));
                }
                continue;
            };
            if received + adjusted != on_hand + reserved + confirmed {
                findings.wrong.push(format!(
                    "sku {sku}: received {received} + adjusted {adjusted} is not on hand {on_hand} + reserved {reserved} + confirmed {confirmed}"
                ));
            }
            if received + adjusted != account.came_in {
                findings.wrong.push(format!(
                    "sku {sku}: the product says {} came in, the events say {}",
                    received + adjusted,
                    account.came_in
                ));
            }
            if on_hand < 0 || reserved < 0 || confirmed < 0 {
                findings.wrong.push(format!(
                    "sku {sku}: below zero: on hand {on_hand}, reserved {reserved}, confirmed {confirmed}"
                ));
            }
            if account.open == 0 && findings.open.is_empty() && (reserved != 0 || confirmed != account.delivered) {
                findings.wrong.push(format!(
                    "sku {sku}: every order has ended, {reserved} are still reserved, {confirmed} confirmed and {} delivered",
                    account.delivered
                ));
            }
        }
    }
}
