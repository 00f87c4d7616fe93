#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;

fn order() -> OrderView {
    serde_json::from_value(json!({
        "order_id": "o-1", "customer_id": "c-1", "status": "cancelled", "payment_status": "refunded",
        "inventory_status": "released", "currency": "GBP", "total_minor": 2034,
        "items": [{"sku": "84029E", "quantity": 6, "unit_price_minor": 339}, {"sku": "x", "quantity": 1}],
        "created_at": 0, "updated_at": 1000, "cancellation_reason": "requested"
    }))
    .unwrap()
}

#[test]
fn a_list_has_a_line_for_each_order() {
    let text = table(&[order()]).render(None);
    let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        words,
        ["o-1", "c-1", "cancelled", "refunded", "released", "2034", "GBP", "1970-01-01T00:00:00.000Z", "requested"]
    );
}

#[test]
fn one_order_shows_its_lines_and_why_it_was_cancelled() {
    let text = describe(&order());
    for expected in ["order          o-1", "cancelled for  requested", "84029E  6", "the catalogue's"] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(!text.contains("shipment id"), "{text}");
}

#[test]
fn filters_become_parameters() {
    let arguments = ListArgs {
        customer: Some("c-1".to_owned()),
        status: None,
        from: Some("2026-01-01".to_owned()),
        to: None,
        limit: 5,
        offset: 0,
        api: ApiArgs::default(),
        output: OutputArgs::default(),
    };
    let expected = [("customer_id", "c-1"), ("date_from", "2026-01-01"), ("limit", "5"), ("offset", "0")];
    assert_eq!(parameters(&arguments), expected.map(|(name, value)| (name, value.to_owned())));
}
