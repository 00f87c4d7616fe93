//! The audit: reads every topic of the saga as a stranger would, and says what was lost, doubled or left open.

mod books;

use std::collections::{BTreeMap, BTreeSet};

pub use books::Books;

use crate::reader::{Seen, TopicReader};

/// The topics whose records tell the whole story.
pub const EVENT_TOPICS: [&str; 7] = [
    "orders.events",
    "inventory.events",
    "inventory.stock-replies",
    "inventory.stock-events",
    "payments.events",
    "shipping.events",
    "notifications.events",
];

/// What the audit found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Orders that were created.
    pub created: usize,
    /// Orders that ended in `OrderDelivered`.
    pub delivered: usize,
    /// Orders that ended in `OrderCancelled`.
    pub cancelled: usize,
    /// Orders without an end.
    pub open: BTreeSet<String>,
    /// Everything that must not be.
    pub wrong: Vec<String>,
}

/// Reads all topics and checks them; `sent` are the ids of the orders that must have been created, each once.
///
/// # Errors
/// When the topics can't be read.
pub fn audit(reader: &mut TopicReader, sent: &BTreeSet<String>) -> Result<Findings, String> {
    let mut events = Vec::new();
    for topic in EVENT_TOPICS {
        events.extend(reader.read(topic)?);
    }
    let products = reader.read("inventory.products")?;
    let rejected = reader.read("orders.replies")?;
    Ok(check(sent, &events, &products, &rejected))
}

/// The checks themselves, on records.
#[must_use]
pub fn check(sent: &BTreeSet<String>, events: &[Seen], products: &[Seen], rejected: &[Seen]) -> Findings {
    let mut findings = Findings::default();
    ids_are_unique(events, &mut findings);
    let mut orders: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.topic != "inventory.stock-events") {
        orders.entry(event.key.as_str()).or_default().push(event);
    }
    for (order, events) in &orders {
        one_life(order, events, &mut findings);
    }
    let refused: BTreeSet<&str> = rejected.iter().map(|reply| reply.key.as_str()).collect();
    for order in sent {
        if !orders.contains_key(order.as_str()) && !refused.contains(order.as_str()) {
            findings.wrong.push(format!("order {order} was sent and is nowhere"));
        }
    }
    Books::of(events, products).check(&mut findings);
    findings
}

/// No event twice: an id names one record in its topic.
fn ids_are_unique(events: &[Seen], findings: &mut Findings) {
    let mut known: BTreeMap<(String, String), &Seen> = BTreeMap::new();
    for event in events {
        let Some(envelope) = &event.envelope else {
            findings.wrong.push(format!("{}[{}]@{} has no envelope", event.topic, event.partition, event.offset));
            continue;
        };
        if let Some(first) = known.insert((event.topic.clone(), envelope.id.to_string()), event) {
            findings.wrong.push(format!(
                "{} {} of {} is there twice: [{}]@{} and [{}]@{}",
                event.topic,
                event.kind(),
                event.key,
                first.partition,
                first.offset,
                event.partition,
                event.offset
            ));
        }
    }
}

/// One creation, one end, one charge for what was paid, one refund for what was charged and cancelled.
fn one_life(order: &str, events: &[&Seen], findings: &mut Findings) {
    let count = |kind: &str| events.iter().filter(|event| event.kind() == kind).count();
    let mut wrong = |what: String| findings.wrong.push(format!("order {order}: {what}"));
    for once in [
        "OrderCreated",
        "OrderConfirmed",
        "OrderPaid",
        "OrderShipped",
        "OrderDelivered",
        "OrderCancelled",
        "InventoryReserved",
        "InventoryReservationFailed",
        "InventoryConfirmed",
        "InventoryReleased",
        "PaymentProcessed",
        "PaymentFailed",
        "PaymentRefunded",
        "ShipmentDispatched",
        "ShipmentDelivered",
    ] {
        if count(once) > 1 {
            wrong(format!("{} times {once}", count(once)));
        }
    }
    if count("OrderCreated") != 1 {
        wrong(format!("{} times OrderCreated", count("OrderCreated")));
    }
    let ends = count("OrderDelivered") + count("OrderCancelled");
    if ends > 1 {
        wrong(format!("{ends} ends"));
    }
    if count("OrderPaid") == 1 && count("PaymentProcessed") != 1 {
        wrong("is paid without a payment".to_owned());
    }
    if count("OrderDelivered") == 1 && count("OrderPaid") != 1 {
        wrong("is delivered and not paid".to_owned());
    }
    if count("OrderCancelled") == 1 && count("PaymentProcessed") == 1 && count("PaymentRefunded") != 1 {
        wrong("is cancelled and charged, and not refunded".to_owned());
    }
    if count("PaymentRefunded") == 1 && count("PaymentProcessed") != 1 {
        wrong("is refunded and was not charged".to_owned());
    }
    findings.created += count("OrderCreated");
    findings.delivered += count("OrderDelivered");
    findings.cancelled += count("OrderCancelled");
    if ends == 0 {
        findings.open.insert(order.to_owned());
    }
}

#[cfg(test)]
mod tests;
