//! The views against the events: the tracker's judgement, and the documents that people see.

use std::collections::BTreeMap;

use super::Findings;
use crate::reader::Seen;

/// The last document of each key.
#[must_use]
pub fn latest(records: &[Seen]) -> BTreeMap<&str, &Seen> {
    records.iter().map(|record| (record.key.as_str(), record)).collect()
}

/// Every order has a saga that ended well in the tracker's eyes, and a document that says how.
pub fn check(events: &[Seen], sagas: &[Seen], orders: &[Seen], findings: &mut Findings) {
    let (sagas, orders) = (latest(sagas), latest(orders));
    let of_orders = || events.iter().filter(|event| event.topic == "orders.events");
    let ends: BTreeMap<&str, &str> = of_orders()
        .filter_map(|event| match event.kind() {
            "OrderDelivered" => Some((event.key.as_str(), "delivered")),
            "OrderCancelled" => Some((event.key.as_str(), "cancelled")),
            _ => None,
        })
        .collect();
    for created in of_orders().filter(|event| event.kind() == "OrderCreated") {
        let order = created.key.as_str();
        let Some(end) = ends.get(order) else { continue };
        match sagas.get(order) {
            None => findings.wrong.push(format!("order {order} has ended and no saga was tracked")),
            Some(saga) => {
                let state = saga.text("state");
                let expected = if *end == "delivered" { "completed" } else { "compensated" };
                if state != expected || saga.value["ended_at"].is_null() {
                    findings.wrong.push(format!("order {order} is {end} and its saga is {state}, not {expected}"));
                }
                if saga.value["anomalies"].as_array().is_none_or(|anomalies| !anomalies.is_empty()) {
                    findings.wrong.push(format!("order {order}: the tracker flags {}", saga.value["anomalies"]));
                }
            }
        }
        match orders.get(order) {
            None => findings.wrong.push(format!("order {order} has ended and there is no document of it")),
            Some(view) if view.text("status") != *end => {
                findings.wrong.push(format!("order {order} is {end} and its document says {}", view.text("status")));
            }
            Some(_) => {}
        }
    }
    for order in orders.keys().filter(|order| !ends.contains_key(*order) && findings.open.is_empty()) {
        findings.wrong.push(format!("order {order} has a document and no end"));
    }
}
