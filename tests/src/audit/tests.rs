use headwater_event::{Envelope, EventId, Timestamp};
use headwater_log::Headers;
use serde_json::json;

use super::*;

fn seen(topic: &str, key: &str, kind: &str, value: serde_json::Value, number: i64) -> Seen {
    let envelope = Envelope::root(
        EventId::of_text(&format!("{topic}{key}{kind}{number}")),
        "/t",
        format!("headwater.x.{kind}"),
        key,
        Timestamp::default(),
    );
    Seen {
        topic: topic.to_owned(),
        partition: 0,
        offset: number,
        timestamp_ms: 0,
        key: key.to_owned(),
        value,
        envelope: Some(envelope),
        headers: Headers::new(),
    }
}

fn good_life() -> (Vec<Seen>, Vec<Seen>) {
    let items = json!({"items": [{"sku": "s", "quantity": 3}]});
    let events = vec![
        seen("orders.events", "o-1", "OrderCreated", json!({}), 0),
        seen("orders.events", "o-1", "OrderConfirmed", items, 1),
        seen("payments.events", "o-1", "PaymentProcessed", json!({}), 2),
        seen("orders.events", "o-1", "OrderPaid", json!({}), 3),
        seen("orders.events", "o-1", "OrderDelivered", json!({}), 4),
        seen("inventory.stock-events", "s", "StockReceived", json!({"quantity": 10}), 5),
    ];
    let view = json!({"received": 10, "adjusted": 0, "on_hand": 7, "reserved": 0, "confirmed": 3});
    (events, vec![seen("inventory.products", "s", "ProductView", view, 0)])
}

fn wrong(events: &[Seen], products: &[Seen]) -> Vec<String> {
    let sent = BTreeSet::from(["o-1".to_owned()]);
    check(&sent, events, products, &[]).wrong
}

#[test]
fn a_good_life_has_no_findings() {
    let (events, products) = good_life();
    assert_eq!(wrong(&events, &products), Vec::<String>::new());
}

#[test]
fn what_is_lost_or_doubled_is_found() {
    let (events, products) = good_life();
    let without = |kind: &str| events.iter().filter(|e| e.kind() != kind).cloned().collect::<Vec<_>>();
    let with = |extra: Seen| events.iter().cloned().chain([extra]).collect::<Vec<_>>();
    let cases = [
        (Vec::new(), "is nowhere"),
        (without("PaymentProcessed"), "is paid without a payment"),
        (without("OrderCreated"), "0 times OrderCreated"),
        (without("StockReceived"), "the events say 0"),
        (with(events[4].clone()), "is there twice"),
        (with(seen("orders.events", "o-1", "OrderDelivered", json!({}), 9)), "2 times OrderDelivered"),
        (with(seen("orders.events", "o-1", "OrderCancelled", json!({}), 9)), "2 ends"),
        (with(seen("payments.events", "o-1", "PaymentProcessed", json!({}), 9)), "2 times PaymentProcessed"),
    ];
    for (records, expected) in cases {
        let found = wrong(&records, &products);
        assert!(found.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn stock_that_does_not_add_up_is_found() {
    let (events, _) = good_life();
    for (view, expected) in [
        (json!({"received": 10, "adjusted": 0, "on_hand": 6, "reserved": 0, "confirmed": 3}), "is not on hand"),
        (json!({"received": 10, "adjusted": 0, "on_hand": 6, "reserved": 1, "confirmed": 3}), "still reserved"),
        (
            json!({"received": 10, "adjusted": 0, "on_hand": 4, "reserved": 0, "confirmed": 6}),
            "6 confirmed and 3 delivered",
        ),
    ] {
        let found = wrong(&events, &[seen("inventory.products", "s", "ProductView", view, 0)]);
        assert!(found.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
    }
}
