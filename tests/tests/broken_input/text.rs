//! What is no command at all, or no command that is known.

use serde_json::json;

use crate::kind::{Expected, Kind, Sending, dead, good_order, kind, order_with, reply};

pub fn kinds() -> Vec<Kind> {
    vec![
        kind("not JSON", dead("not JSON"), |_, _| vec![Sending::order("hello")]),
        kind("JSON cut off", dead("not JSON"), |id, _| {
            let order = good_order(id).to_string();
            vec![Sending::order(&order.as_bytes()[..order.len() - 5])]
        }),
        kind("JSON and then more", dead("not JSON"), |id, _| vec![Sending::order(format!("{} x", good_order(id)))]),
        kind("an array", dead("no command"), |_, _| vec![Sending::order("[1, 2]")]),
        kind("a number", dead("no command"), |_, _| vec![Sending::order("42")]),
        kind("an empty value", dead("empty"), |_, _| vec![Sending::order("")]),
        kind("a null value", dead("null"), |id, _| vec![Sending { value: None, ..Sending::order("") }.key(id)]),
        kind("bad UTF-8", dead("not UTF-8"), |_, _| vec![Sending::order([0xff, 0xfe, 0x41])]),
        kind("bad UTF-8 within an order", dead("not UTF-8"), |id, _| {
            let mut order = good_order(id).to_string().into_bytes();
            let at = order.windows(3).position(|bytes| bytes == b"c-1").unwrap();
            order[at] = 0xc3;
            vec![Sending::order(order)]
        }),
        kind("nested too deep", dead("nested deeper"), |id, _| {
            let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
            vec![Sending::order(format!("{{\"type\":\"PlaceOrder\",\"order_id\":\"{id}\",\"items\":{deep}}}"))]
        }),
        kind("no type", reply("missing_type", "type"), |id, _| {
            let mut order = good_order(id);
            order.as_object_mut().unwrap().shift_remove("type");
            vec![Sending::order(order.to_string())]
        }),
        kind("an unknown command", reply("unknown_command", "type"), |id, _| {
            vec![Sending::order(order_with(id, "/type", json!("DestroyOrder")))]
        }),
        kind("a type that is a number", reply("wrong_type", "type"), |id, _| {
            vec![Sending::order(order_with(id, "/type", json!(7)))]
        }),
        kind("a type given twice", reply("duplicate_field", "type"), |id, _| {
            let order = good_order(id).to_string();
            vec![Sending::order(format!("{{\"type\":\"CancelOrder\",{}", &order[1..]))]
        }),
        kind("a command of another topic", reply("unknown_command", "type"), |id, _| {
            vec![Sending::order(json!({"type": "ReceiveStock", "order_id": id, "quantity": 3}).to_string())]
        }),
        kind("a key against the payload", reply("key_mismatch", ""), |id, _| {
            vec![Sending::order(good_order(id).to_string()).key("somebody-else")]
        }),
        kind("a key that is no text", reply("key_mismatch", ""), |id, _| {
            vec![Sending::order(good_order(id).to_string()).key("\u{0}\u{7}")]
        }),
        kind("no key, on the wrong partition", Expected::Delivered, |id, _| {
            vec![Sending::order(good_order(id).to_string()).place(crate::kind::Place::Wrong)]
        }),
        kind("its own key, on the wrong partition", Expected::Delivered, |id, _| {
            vec![Sending::order(good_order(id).to_string()).key(id).place(crate::kind::Place::Wrong)]
        }),
        kind("a header against the payload's type", reply("type_contradicted", "type"), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("ce_type", "headwater.orders.CancelOrder")]
        }),
        kind("a header with an unknown type", reply("unknown_command", ""), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("ce_type", "headwater.orders.DestroyOrder")]
        }),
        kind("an id header without a type header", dead("ce_type"), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("ce_id", "7")]
        }),
        kind("an id header that is no text", dead("ce_id"), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("ce_id", [0xff_u8, 0x00])]
        }),
        kind("a time header that is no time", dead("ce_time"), |id, _| {
            vec![with_envelope(Sending::order(good_order(id).to_string()), id).header("ce_time", "tomorrow")]
        }),
        kind("an expected version that is no number", dead("expected-version"), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("expected-version", "many")]
        }),
        kind("an expected version that is not reached", reply("version_conflict", ""), |id, _| {
            vec![Sending::order(good_order(id).to_string()).header("expected-version", "7")]
        }),
        kind("a duplicate id", Expected::Delivered, |id, _| {
            let order = with_envelope(Sending::order(good_order(id).to_string()), id);
            vec![order.clone(), order.clone(), order]
        }),
        kind("a duplicate order", Expected::DeliveredAndReply { reason: "already_exists" }, |id, _| {
            vec![Sending::order(good_order(id).to_string()), Sending::order(good_order(id).to_string())]
        }),
    ]
}

/// The headers that a system sends along.
fn with_envelope(sending: Sending, id: &str) -> Sending {
    sending
        .header("ce_specversion", "1.0")
        .header("ce_id", format!("command-{id}"))
        .header("ce_source", "/test")
        .header("ce_type", "headwater.orders.PlaceOrder")
        .header("ce_subject", id)
}
