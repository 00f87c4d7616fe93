#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::data;
use super::*;

#[test]
fn prices_are_pence() {
    let check = |text: &str, expected: Option<i64>| assert_eq!(pence(text), expected, "{text}");
    check("3.39", Some(339));
    check("0.00", Some(0));
    check("18", Some(1800));
    check("1.5", Some(150));
    check("13541.33", Some(1_354_133));
    check("-5.00", Some(-500));
    check("0.001", None);
    check("1.-5", None);
    check("free", None);
}

#[test]
fn a_guest_orders_where_the_shop_knew_nobody() {
    let line = r#"{"invoice":"1","customer":null,"country":"","ordered_at":"2010-12-01T08:26:00Z",
        "items":[{"sku":"84029E","description":"HEART","quantity":6,"unit_price":"3.39"}]}"#;
    let invoices = data::invoices(&line.replace('\n', ""), None).unwrap();
    let order: serde_json::Value = serde_json::from_str(&place_order(&invoices[0]).unwrap()).unwrap();
    assert_eq!(order["customer_id"], "guest");
    assert_eq!(order["placed_at"], 1_291_191_960_000_i64);
    assert_eq!(order["items"][0], json!({"sku": "84029E", "quantity": 6, "unit_price_minor": 339}));
}

#[test]
fn every_sku_that_is_asked_for_is_received_sold_out_or_a_fee() {
    let invoices = data::invoices(&data::text().unwrap(), None).unwrap();
    assert_eq!(invoices.len(), 7_919);
    let stock = stock(&invoices);
    let asked: std::collections::BTreeSet<&str> = invoices
        .iter()
        .flat_map(|invoice| &invoice.items)
        .filter(|item| item.quantity > 0)
        .map(|item| item.sku.as_str())
        .collect();
    for sku in &asked {
        let places = [stock.received.contains_key(*sku), stock.sold_out.contains_key(*sku), FEES.contains(sku)];
        assert_eq!(places.iter().filter(|is_there| **is_there).count(), 1, "{sku}");
    }
    assert_eq!(stock.received.len() + stock.sold_out.len() + FEES.len(), asked.len());
    assert_eq!(stock.sold_out.len(), (asked.len() - FEES.len()) / SOLD_OUT_EACH);
    assert!(stock.received.values().all(|units| *units > 0));
}
