//! What became of orders against what was sent: totals to the penny, and the ends that had to be.

use std::collections::BTreeMap;

use super::Findings;
use crate::load::{Expected, SCARCE};
use crate::reader::Seen;

/// What was charged for the orders that were delivered, in minor units.
pub fn check(sent: &BTreeMap<String, Expected>, events: &[Seen], findings: &mut Findings) -> i64 {
    let mut revenue = 0;
    let mut of_order: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.topic != "inventory.stock-events") {
        of_order.entry(event.key.as_str()).or_default().push(event);
    }
    for (order, expected) in sent {
        let events = of_order.get(order.as_str()).map(Vec::as_slice).unwrap_or_default();
        let find = |kind: &str| events.iter().find(|event| event.kind() == kind);
        let mut wrong = |what: String| findings.wrong.push(format!("order {order}: {what}"));
        let minor = |event: &Seen, field: &str| event.value[field]["minor"].as_i64().unwrap_or(-1);
        for (kind, field) in [("OrderConfirmed", "total"), ("OrderPaid", "total"), ("PaymentProcessed", "amount")] {
            if let Some(event) = find(kind)
                && minor(event, field) != expected.total_minor
            {
                wrong(format!("{kind} says {} and it comes to {}", minor(event, field), expected.total_minor));
            }
        }
        if find("OrderDelivered").is_some() {
            revenue += expected.total_minor;
            if let Some(reason) = expected.must_fail {
                wrong(format!("was delivered and had to fail: {reason}"));
            }
        }
        if let Some(cancelled) = find("OrderCancelled") {
            let reason = cancelled.text("reason");
            let may = match reason {
                "payment_declined" => find("PaymentFailed").is_some(),
                "out_of_stock" => expected.scarce,
                "changed my mind" => expected.cancellation_asked,
                "shipment_failed" => find("ShipmentFailed").is_some(),
                other => expected.must_fail == Some(other),
            };
            if !may {
                wrong(format!("was cancelled for {reason}: {}", cancelled.text("detail")));
            }
        }
    }
    let sold_out = events.iter().filter(|event| event.kind() == "OrderConfirmed").any(|event| {
        event.value["items"].as_array().into_iter().flatten().any(|item| item["sku"].as_str() == Some(SCARCE.0))
    });
    let wanted = sent.values().filter(|order| order.scarce).count();
    if wanted > 20 && !sold_out {
        findings.wrong.push(format!("{wanted} orders wanted {}, and none got it", SCARCE.0));
    }
    revenue
}
