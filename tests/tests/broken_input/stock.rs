//! Broken commands to the inventory.

use serde_json::{Value, json};

use crate::kind::{Kind, Sending, dead, kind, reply};

fn stock(value: &Value) -> Vec<Sending> {
    vec![Sending::order(value.to_string()).on("inventory.commands")]
}

pub fn kinds() -> Vec<Kind> {
    vec![
        kind("stock that is not JSON", dead("not JSON"), |_, _| {
            vec![Sending::order("six of them").on("inventory.commands")]
        }),
        kind("stock in words", reply("wrong_type", "quantity"), |sku, _| {
            stock(&json!({"type": "ReceiveStock", "sku": sku, "quantity": "six"}))
        }),
        kind("less than no stock", reply("quantity_not_positive", "quantity"), |sku, _| {
            stock(&json!({"type": "ReceiveStock", "sku": sku, "quantity": -6}))
        }),
        kind("more stock than there can be", reply("quantity_too_large", "quantity"), |sku, _| {
            stock(&json!({"type": "ReceiveStock", "sku": sku, "quantity": i64::MAX}))
        }),
        kind("an adjustment of nothing", reply("unknown_product", "sku"), |sku, _| {
            stock(&json!({"type": "AdjustStock", "sku": sku, "quantity": -1, "reason": "broken"}))
        }),
        kind("a negative price of a product", reply("price_negative", "price.minor"), |sku, _| {
            stock(
                &json!({"type": "DefineProduct", "sku": sku, "name": "Mug", "price": {"minor": -5, "currency": "GBP"}}),
            )
        }),
        kind("a price with pence after a point", reply("wrong_type", "price.minor"), |sku, _| {
            stock(
                &json!({"type": "DefineProduct", "sku": sku, "name": "Mug", "price": {"minor": 3.39, "currency": "GBP"}}),
            )
        }),
        kind("a product without a name", reply("name_empty", "name"), |sku, _| {
            stock(
                &json!({"type": "DefineProduct", "sku": sku, "name": " ", "price": {"minor": 339, "currency": "GBP"}}),
            )
        }),
        kind("an order among the stock", reply("unknown_command", "type"), |sku, _| {
            stock(&json!({"type": "PlaceOrder", "sku": sku}))
        }),
    ]
}
