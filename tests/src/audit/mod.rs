//! The audit: reads every topic of the saga as a stranger would, and says what was lost, doubled or left open.

mod books;
mod totals;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use books::Books;
pub use views::latest;

use crate::load::Expected;
use crate::platform::Platform;
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
    /// Records that were read.
    pub records: usize,
    /// What the delivered orders brought in, in minor units; only where it is known what was sent.
    pub revenue_minor: i64,
    /// Everything that must not be.
    pub wrong: Vec<String>,
}

impl Findings {
    /// Fails a test unless nothing is wrong and nothing is open.
    pub fn assert_clean(&self) {
        assert!(self.is_clean(), "{self}");
    }

    /// Whether nothing is wrong and nothing is open.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.wrong.is_empty() && self.open.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, delivered, cancelled, open, records, wrong, .. } = self;
        write!(
            f,
            "{created} orders created, {delivered} delivered, {cancelled} cancelled, {} open; {records} records, {} findings",
            open.len(),
            wrong.len()
        )?;
        for finding in wrong.iter().take(50) {
            write!(f, "\n  {finding}")?;
        }
        Ok(())
    }
}

/// Reads all topics of a platform and checks everything that can be known of orders that were sent as [`Expected`].
///
/// # Errors
/// When the topics can't be read.
pub fn audit_load(platform: &Platform, sent: &BTreeMap<String, Expected>) -> Result<Findings, String> {
    let mut reader = TopicReader::new(platform);
    let story = Story::read(&mut reader)?;
    let ids = sent.keys().cloned().collect();
    let mut findings = story.check(&ids);
    findings.revenue_minor = totals::check(sent, &story.events, &mut findings);
    Ok(findings)
}

/// Reads all topics and checks them; `sent` are the ids of the orders that must have been created, each once.
///
/// # Errors
/// When the topics can't be read.
pub fn audit(reader: &mut TopicReader, sent: &BTreeSet<String>) -> Result<Findings, String> {
    Ok(Story::read(reader)?.check(sent))
}

/// Everything that the topics say.
struct Story {
    events: Vec<Seen>,
    products: Vec<Seen>,
    replies: Vec<Seen>,
    sagas: Vec<Seen>,
    views: Vec<Seen>,
}

impl Story {
    fn read(reader: &mut TopicReader) -> Result<Self, String> {
        let mut events = Vec::new();
        for topic in EVENT_TOPICS {
            events.extend(reader.read(topic)?);
        }
        Ok(Self {
            events,
            products: reader.read("inventory.products")?,
            replies: reader.read("orders.replies")?,
            sagas: reader.read("sagas.views")?,
            views: reader.read("orders.views")?,
        })
    }

    fn check(&self, sent: &BTreeSet<String>) -> Findings {
        let Self { events, products, replies, sagas, views } = self;
        let mut findings = check(sent, events, products, replies);
        views::check(events, sagas, views, &mut findings);
        findings.records = [events, products, replies, sagas, views].iter().map(|records| records.len()).sum();
        findings
    }
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
