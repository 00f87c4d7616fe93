//! Commands with something wrong in them.

use serde_json::{Value, json};

use crate::kind::{Expected, Kind, Sending, dead, good_order, kind, order_with, order_without, reply};

pub fn kinds() -> Vec<Kind> {
    [shapes(), amounts(), names(), moves()].concat()
}

fn shapes() -> Vec<Kind> {
    vec![
        kind("an unknown field", reply("unknown_field", "colour"), |id, _| {
            vec![Sending::order(order_with(id, "/colour", json!("red")))]
        }),
        kind("an unknown field in a line", reply("unknown_field", "items[0].colour"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/colour", json!("red")))]
        }),
        kind("a missing field", reply("missing_field", "customer_id"), |id, _| {
            vec![Sending::order(order_without(id, "customer_id"))]
        }),
        kind("no order id", dead("order_id"), |id, _| vec![Sending::order(order_without(id, "order_id"))]),
        kind("a field given twice", reply("duplicate_field", "customer_id"), |id, _| {
            let order = good_order(id).to_string();
            vec![Sending::order(format!("{{\"customer_id\":\"c-2\",{}", &order[1..]))]
        }),
        kind("a quantity in words", reply("wrong_type", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", json!("six")))]
        }),
        kind("half a unit", reply("wrong_type", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", json!(1.5)))]
        }),
        kind("a null quantity", reply("null_not_allowed", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", Value::Null))]
        }),
        kind("items that are no list", reply("wrong_type", "items"), |id, _| {
            vec![Sending::order(order_with(id, "/items", json!({"sku": "PLENTY"})))]
        }),
        kind("an unknown symbol", reply("unknown_symbol", "confirmation"), |id, _| {
            vec![Sending::order(order_with(id, "/confirmation", json!("perhaps")))]
        }),
        kind("a time that is none", reply("not_a_time", "placed_at"), |id, _| {
            vec![Sending::order(order_with(id, "/placed_at", json!("yesterday")))]
        }),
        kind("a time before time", reply("placed_at_out_of_range", "placed_at"), |id, _| {
            vec![Sending::order(order_with(id, "/placed_at", json!(-1)))]
        }),
        kind("a currency in a line", reply("unknown_field", "items[0].currency"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/currency", json!("EUR")))]
        }),
    ]
}

fn amounts() -> Vec<Kind> {
    vec![
        kind("a negative quantity", reply("quantity_not_positive", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", json!(-3)))]
        }),
        kind("a quantity of nothing", reply("quantity_not_positive", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", json!(0)))]
        }),
        kind("a quantity beyond 64 bits", reply("out_of_range", "items[0].quantity"), |id, _| {
            let order = good_order(id).to_string();
            vec![Sending::order(order.replace("\"quantity\":1", "\"quantity\":99999999999999999999"))]
        }),
        kind("a quantity beyond reason", reply("quantity_too_large", "items[0].quantity"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/quantity", json!(1_000_001)))]
        }),
        kind("a negative price", reply("price_negative", "items[0].unit_price_minor"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/unit_price_minor", json!(-1)))]
        }),
        kind("a total that overflows", reply("total_too_large", "items[0].unit_price_minor"), |id, _| {
            vec![Sending::order(order_with(id, "/items/0/unit_price_minor", json!(i64::MAX)))]
        }),
        kind("no items", reply("no_items", "items"), |id, _| vec![Sending::order(order_with(id, "/items", json!([])))]),
        kind("too many items", reply("too_many_items", "items"), |id, _| {
            let items: Vec<Value> = (0..1_001).map(|n| json!({"sku": format!("s-{n}"), "quantity": 1})).collect();
            vec![Sending::order(order_with(id, "/items", json!(items)))]
        }),
        kind("a catalogue in another currency", Expected::Cancelled { reason: "currency_mismatch" }, |id, _| {
            let order = json!({"type": "PlaceOrder", "order_id": id, "customer_id": "c-1", "currency": "EUR",
                "items": [{"sku": "prod-002", "quantity": 1}]});
            vec![Sending::order(order.to_string())]
        }),
        kind("an unknown SKU, which is no broken input", Expected::Cancelled { reason: "unknown_product" }, |id, _| {
            vec![Sending::order(order_with(id, "/items/0/sku", json!("NO-SUCH-SKU")))]
        }),
    ]
}

fn names() -> Vec<Kind> {
    vec![
        kind("a currency that is none", dead("three capital letters"), |id, _| {
            vec![Sending::order(order_with(id, "/currency", json!("pounds")))]
        }),
        kind("an empty order id", dead("order id"), |_, _| vec![Sending::order(good_order("").to_string())]),
        kind("an order id with a line break", dead("order id"), |id, _| {
            vec![Sending::order(good_order(&format!("{id}\n2")).to_string())]
        }),
        kind("an order id without end", dead("order id"), |id, _| {
            vec![Sending::order(good_order(&format!("{id}{}", "x".repeat(300))).to_string())]
        }),
        kind("a padded customer id", dead("customer id"), |id, _| {
            vec![Sending::order(order_with(id, "/customer_id", json!(" c-1 ")))]
        }),
        kind("an empty SKU", dead("sku"), |id, _| vec![Sending::order(order_with(id, "/items/0/sku", json!("")))]),
    ]
}

fn moves() -> Vec<Kind> {
    vec![
        kind("a confirmation of nothing", Expected::Reply { reason: "unknown_order", field: None }, |id, _| {
            vec![Sending::order(json!({"type": "ConfirmOrder", "order_id": id}).to_string())]
        }),
        kind("a cancellation of nothing", Expected::Reply { reason: "unknown_order", field: None }, |id, _| {
            vec![Sending::order(json!({"type": "CancelOrder", "order_id": id}).to_string())]
        }),
        kind(
            "a reason without end",
            Expected::CancelledAndReply { reason: "reason_too_long", field: Some("reason") },
            |id, _| {
                let cancel = |reason: &str| json!({"type": "CancelOrder", "order_id": id, "reason": reason});
                vec![
                    Sending::order(order_with(id, "/confirmation", json!("manual"))),
                    Sending::order(cancel(&"x".repeat(300)).to_string()),
                    Sending::order(cancel("too dear").to_string()),
                ]
            },
        ),
        kind("two cancellations", Expected::CancelledAndReply { reason: "already_cancelled", field: None }, |id, _| {
            let cancel = || Sending::order(json!({"type": "CancelOrder", "order_id": id}).to_string());
            vec![Sending::order(order_with(id, "/confirmation", json!("manual"))), cancel(), cancel()]
        }),
    ]
}
