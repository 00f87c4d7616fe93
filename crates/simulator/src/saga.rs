//! The order saga: orders, inventory, payments and shipping as one application, with customers who change their minds and
//! a provider and a carrier that sometimes refuse.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::Headers;
use headwater_payments::{Answer, Request};
use headwater_schema::wire;
use headwater_streams::{CallToStart, Error, LocalSchemas, Schemas, Topology};
use serde_json::Value;

use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::work::{Incoming, Work};

const SKUS: [&str; 3] = ["laptop", "mouse", "keyboard"];

/// The application and its model.
pub(crate) struct Saga {
    schemas: Arc<LocalSchemas>,
    orders: u64,
}

impl Saga {
    pub(crate) fn new(orders: u64) -> Self {
        Self { schemas: Arc::new(LocalSchemas::new()), orders }
    }

    fn read(&self, cluster: &Cluster, topic: &str) -> Vec<Seen> {
        let logs = cluster.topic(topic).flat_map(|(_, log)| log.committed());
        let seen = |record: &crate::cluster::log::Written| {
            let name = record.headers.last_text("ce_type").unwrap_or_default();
            let framed = wire::decode(record.value.as_deref().unwrap_or_default()).ok();
            let value = framed.and_then(|(id, body)| self.schemas.writer(id).ok()?.decode_value(body).ok());
            Seen {
                event: name.rsplit('.').next().unwrap_or_default().to_owned(),
                key: String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned(),
                value: value.unwrap_or(Value::Null),
            }
        };
        logs.map(|(_, record)| seen(record)).collect()
    }
}

struct Seen {
    event: String,
    key: String,
    value: Value,
}

fn command(topic: &'static str, key: &str, text: String) -> Incoming {
    Incoming {
        topic,
        key: key.as_bytes().to_vec(),
        value: Some(text.into_bytes()),
        headers: Headers::new(),
        lurks: false,
    }
}

/// One in so many keys, always the same.
fn is_one_in(key: &str, times: u64) -> bool {
    let sum = key.bytes().fold(17_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    sum.is_multiple_of(times)
}

impl Work for Saga {
    fn topologies(&self) -> Result<Vec<Topology>, Error> {
        let shipping = headwater_shipping::Settings {
            failed_per_mille: 100,
            recall_refused_per_mille: 400,
            delivery_ms: 700,
            ..headwater_shipping::Settings::default()
        };
        Ok(vec![
            headwater_orders::topology()?,
            headwater_inventory::topology()?,
            headwater_payments::topology()?,
            headwater_shipping::topology_with(shipping)?,
        ])
    }

    fn partitions(&self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(1)
    }

    fn schemas(&self) -> Arc<dyn Schemas> {
        Arc::<LocalSchemas>::clone(&self.schemas)
    }

    fn incoming(&self, chance: &mut Chance, _at: Timestamp) -> Vec<Incoming> {
        let mut all = Vec::new();
        for sku in SKUS {
            let units = 15 + chance.between(0, 40);
            all.push(command(
                "inventory.commands",
                sku,
                format!(r#"{{"type":"ReceiveStock","sku":"{sku}","quantity":{units}}}"#),
            ));
        }
        for number in 0..self.orders {
            let order = format!("o-{number}");
            let items: Vec<String> = (0..chance.between(1, 3))
                .map(|_| {
                    let (sku, quantity) = (SKUS[chance.between(0, 3) as usize], chance.between(1, 4));
                    format!(r#"{{"sku":"{sku}","quantity":{quantity},"unit_price_minor":55}}"#)
                })
                .collect();
            let items = items.join(",");
            all.push(command(
                "orders.commands",
                &order,
                format!(
                    r#"{{"type":"PlaceOrder","order_id":"{order}","customer_id":"c-1","currency":"GBP","items":[{items}]}}"#
                ),
            ));
            if chance.once_in(4) {
                let earlier = format!("o-{}", chance.between(0, number + 1));
                let text = format!(r#"{{"type":"CancelOrder","order_id":"{earlier}"}}"#);
                all.push(command("orders.commands", &earlier, text));
            }
        }
        all
    }

    fn answer(&self, call: &CallToStart) -> Vec<u8> {
        let refused = Answer::Refused { reason: "no_funds".to_owned() };
        let answer = match serde_json::from_slice::<Request>(&call.request) {
            Ok(Request::Charge { .. }) if is_one_in(&call.idempotency_key, 6) => refused,
            _ => Answer::Done,
        };
        serde_json::to_vec(&answer).unwrap_or_default()
    }

    fn is_aborted_input_harmless(&self) -> bool {
        false
    }

    fn records(&self) -> usize {
        SKUS.len() + self.orders as usize
    }

    fn may_be_cut(&self) -> bool {
        false
    }

    fn judge(&self, cluster: &Cluster) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut events: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
        for context in ["orders", "inventory", "payments", "shipping"] {
            for seen in self.read(cluster, &format!("{context}.events")) {
                events.entry((seen.key, seen.event)).or_default().push(seen.value);
            }
        }
        for number in 0..self.orders {
            let order = format!("o-{number}");
            let count = |event: &str| events.get(&(order.clone(), event.to_owned())).map_or(0, Vec::len);
            let (delivered, cancelled) = (count("OrderDelivered"), count("OrderCancelled"));
            let charged = count("PaymentProcessed");
            let mut expect = |holds: bool, what: &str| {
                if !holds {
                    wrong.push(format!("order {order}: {what}"));
                }
            };
            expect(count("OrderCreated") == 1, "not created once");
            expect(delivered + cancelled == 1, "has not ended once");
            expect(count("InventoryReleased") == cancelled, "released and cancelled are not the same");
            expect(charged + count("PaymentFailed") <= 1, "charged more than once");
            expect(count("OrderConfirmed") == charged + count("PaymentFailed"), "a charge is not answered");
            expect(count("OrderPaid") <= charged, "paid without a payment");
            let back = count("PaymentRefunded") + count("RefundFailed");
            expect(back == cancelled * charged, "not paid back what was charged, once");
            let amount = |event: &str, field: &str| {
                let value = events.get(&(order.clone(), event.to_owned())).and_then(|all| all.first());
                value.and_then(|value| value.get(field)).cloned()
            };
            if charged > 0 {
                expect(amount("PaymentProcessed", "amount") == amount("OrderConfirmed", "total"), "another amount");
            }
        }
        let mut sold: BTreeMap<String, i64> = BTreeMap::new();
        for ((order, event), values) in &events {
            let is_delivered = events.contains_key(&(order.clone(), "OrderDelivered".to_owned()));
            let items = values.first().and_then(|value| value.get("items")).and_then(Value::as_array);
            for item in items.into_iter().flatten().filter(|_| event == "OrderConfirmed" && is_delivered) {
                let sku = item.get("sku").and_then(Value::as_str).unwrap_or_default();
                *sold.entry(sku.to_owned()).or_default() += item.get("quantity").and_then(Value::as_i64).unwrap_or(0);
            }
        }
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for seen in self.read(cluster, "inventory.products") {
            let units = |field: &str| seen.value.get(field).and_then(Value::as_i64).unwrap_or(i64::MIN / 8);
            if units("received") + units("adjusted") != units("on_hand") + units("reserved") + units("confirmed") {
                wrong.push(format!("stock of {}: units came from nowhere: {}", seen.key, seen.value));
            }
            last.insert(seen.key, seen.value);
        }
        for sku in SKUS {
            let Some(product) = last.get(sku) else {
                wrong.push(format!("stock of {sku} is not known"));
                continue;
            };
            let units = |field: &str| product.get(field).and_then(Value::as_i64);
            if units("reserved") != Some(0) || units("confirmed") != Some(sold.get(sku).copied().unwrap_or(0)) {
                wrong.push(format!("stock of {sku} is held or was confirmed for nobody: {product}"));
            }
        }
        for topic in ["orders.commands.dlq", "inventory.commands.dlq", "orders.events.dlq", "inventory.events.dlq"] {
            if !self.read(cluster, topic).is_empty() {
                wrong.push(format!("{topic} has dead letters"));
            }
        }
        wrong
    }
}
