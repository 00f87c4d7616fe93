use std::collections::BTreeMap;

use headwater_event::{Envelope, EventId, Timestamp};
use headwater_log::Headers;
use serde_json::{Value, json};

use crate::seeded::Seeded;

/// SKUs that never run out, with an agreed price for each.
pub const WELL_STOCKED: [(&str, i64); 8] = [
    ("84029E", 339),
    ("85123A", 255),
    ("71053", 339),
    ("84406B", 275),
    ("22752", 765),
    ("21730", 425),
    ("22633", 185),
    ("POST", 1_800),
];
/// A SKU of which there are few, and its price.
pub const SCARCE: (&str, i64) = ("RARE-1", 99_900);
const SCARCE_UNITS: i64 = 25;
const PLENTY: i64 = 1_000_000_000;

/// A record for a command topic.
#[derive(Debug, Clone)]
pub struct Command {
    /// The declared topic.
    pub topic: &'static str,
    pub key: String,
    pub value: String,
    pub headers: Headers,
}

impl Command {
    #[must_use]
    pub fn new(topic: &'static str, key: &str, value: &Value) -> Self {
        Self { topic, key: key.to_owned(), value: value.to_string(), headers: Headers::new() }
    }

    /// With an id of its own, so that it counts once however often it is sent.
    #[must_use]
    pub fn once(mut self, full_name: &str) -> Self {
        let id = EventId::of_text(&format!("{} {}", self.key, self.value));
        Envelope::root(id, "/test", full_name, &self.key, Timestamp::default()).write(&mut self.headers);
        self
    }
}

/// What must become of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What it comes to, in minor units, if it is confirmed.
    pub total_minor: i64,
    /// The reason with which it must be cancelled; None where chance decides (a payment that is declined).
    pub must_fail: Option<&'static str>,
    /// Whether somebody asked for its cancellation.
    pub cancellation_asked: bool,
    /// Whether it wants what may have run out.
    pub scarce: bool,
}

/// Makes orders, one after another.
pub struct Orders {
    chance: Seeded,
    name: String,
    number: u64,
}

impl Orders {
    /// `name` goes into every id, so that runs don't meet.
    #[must_use]
    pub fn new(name: &str, seed: u64) -> Self {
        Self { chance: Seeded::new(seed), name: name.to_owned(), number: 0 }
    }

    /// Stock for all of them.
    #[must_use]
    pub fn stock() -> Vec<Command> {
        let skus = WELL_STOCKED.iter().map(|(sku, _)| (*sku, PLENTY)).chain([(SCARCE.0, SCARCE_UNITS)]);
        skus.map(|(sku, quantity)| {
            let value = json!({"type": "ReceiveStock", "sku": sku, "quantity": quantity});
            Command::new("inventory.commands", sku, &value).once("headwater.inventory.ReceiveStock")
        })
        .collect()
    }

    /// The next order: its id, what must become of it, and the commands to send in this order.
    pub fn next_order(&mut self) -> (String, Expected, Vec<Command>) {
        let id = format!("{}-{:06}", self.name, self.number);
        self.number += 1;
        let kind = self.chance.below(100);
        let mut lines = Vec::new();
        let mut expected = Expected { total_minor: 0, must_fail: None, cancellation_asked: false, scarce: false };
        for _ in 0..=self.chance.below(3) {
            let (sku, price) = WELL_STOCKED[usize::try_from(self.chance.below(WELL_STOCKED.len() as u64)).unwrap()];
            lines.push(self.line(sku, price, &mut expected));
        }
        let mut extra = Vec::new();
        let mut confirmation = "automatic";
        match kind {
            0..6 => {
                lines.push(self.line("NO-SUCH-SKU", 100, &mut expected));
                expected.must_fail = Some("unknown_product");
            }
            6..12 => {
                lines.push(self.line(SCARCE.0, SCARCE.1, &mut expected));
                expected.scarce = true;
            }
            12..20 => {
                extra.push(json!({"type": "CancelOrder", "order_id": id, "reason": "changed my mind"}));
                expected.cancellation_asked = true;
            }
            20..26 => {
                confirmation = "manual";
                extra.push(json!({"type": "ConfirmOrder", "order_id": id}));
            }
            26..30 => {
                // A person who is not sure whether it went through.
                extra.push(json!({"type": "PlaceOrder", "order_id": id, "customer_id": "c-2", "currency": "GBP",
                    "items": [{"sku": "71053", "quantity": 1, "unit_price_minor": 1}]}));
            }
            _ => {}
        }
        let customer = format!("c-{}", self.chance.below(50));
        let place = json!({"type": "PlaceOrder", "order_id": id, "customer_id": customer, "currency": "GBP",
            "confirmation": confirmation, "items": lines});
        let commands = std::iter::once(place).chain(extra);
        let commands = commands.map(|value| Command::new("orders.commands", &id, &value)).collect();
        (id, expected, commands)
    }

    fn line(&mut self, sku: &str, price_minor: i64, expected: &mut Expected) -> Value {
        let quantity = i64::try_from(1 + self.chance.below(9)).unwrap();
        expected.total_minor += quantity * price_minor;
        json!({"sku": sku, "quantity": quantity, "unit_price_minor": price_minor})
    }

    /// So many orders at once.
    #[must_use]
    pub fn take(&mut self, count: usize) -> (BTreeMap<String, Expected>, Vec<Command>) {
        let mut expected = BTreeMap::new();
        let mut commands = Vec::new();
        for _ in 0..count {
            let (id, order, sent) = self.next_order();
            expected.insert(id, order);
            commands.extend(sent);
        }
        (expected, commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_orders_and_every_kind_of_them() {
        let made = |seed| {
            let (expected, commands) = Orders::new("o", seed).take(500);
            (expected, commands.into_iter().map(|command| command.value).collect::<Vec<_>>())
        };
        let (expected, commands) = made(1);
        assert_eq!((expected.clone(), commands), made(1));
        assert_ne!(expected, made(2).0);
        let some = |is: fn(&Expected) -> bool| assert!(expected.values().any(is));
        some(|order| order.must_fail.is_some());
        some(|order| order.cancellation_asked);
        some(|order| order.scarce);
        some(|order| !order.scarce && !order.cancellation_asked && order.must_fail.is_none());
    }

    #[test]
    fn totals_follow_from_the_lines() {
        let mut orders = Orders::new("o", 3);
        for _ in 0..100 {
            let (_, expected, commands) = orders.next_order();
            let place: Value = serde_json::from_str(&commands[0].value).unwrap();
            let lines = place["items"].as_array().unwrap().iter();
            let total =
                lines.map(|line| line["quantity"].as_i64().unwrap() * line["unit_price_minor"].as_i64().unwrap());
            assert_eq!(total.sum::<i64>(), expected.total_minor);
        }
    }
}
