//! Broken Avro, and records of a size that nobody expects.

use serde_json::json;

use crate::kind::{Expected, Kind, Schemas, Sending, dead, kind};

pub fn kinds(schemas: &Schemas) -> Vec<Kind> {
    let kinds = vec![
        kind("an unknown schema id", dead("schema"), |id, schemas| {
            let mut value = schemas.order(id);
            value[1..5].copy_from_slice(&0x7fff_fff0_u32.to_be_bytes());
            vec![Sending::order(value)]
        }),
        kind("truncated Avro", dead(""), |id, schemas| {
            let value = schemas.order(id);
            vec![Sending::order(&value[..value.len() - 3])]
        }),
        kind("Avro cut off within the id", dead("id"), |id, schemas| vec![Sending::order(&schemas.order(id)[..10])]),
        kind("Avro and then more", dead(""), |id, schemas| {
            vec![Sending::order([schemas.order(id), b"more".to_vec()].concat())]
        }),
        kind("a frame and nothing in it", dead(""), |id, schemas| vec![Sending::order(&schemas.order(id)[..5])]),
        kind("a frame cut off", dead(""), |id, schemas| vec![Sending::order(&schemas.order(id)[..3])]),
        kind("Avro of a branch that is not there", dead(""), |id, schemas| {
            let mut value = schemas.order(id);
            value[5] = 0x12;
            vec![Sending::order(value)]
        }),
        kind("a text that claims to be endless", dead(""), |id, schemas| {
            let mut value = schemas.order(id)[..6].to_vec();
            value.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, b'x']);
            vec![Sending::order(value)]
        }),
        kind("Avro with an id that is no text", dead("UTF-8"), |id, schemas| {
            let mut value = schemas.order(id);
            value[7] = 0xff;
            vec![Sending::order(value)]
        }),
        kind("an event on a command topic", dead("no command"), |id, schemas| vec![Sending::order(schemas.event(id))]),
        kind("an Avro type against the header", dead("ce_type"), |id, schemas| {
            vec![Sending::order(schemas.order(id)).header("ce_type", "headwater.orders.CancelOrder")]
        }),
        kind(
            "a negative quantity in Avro",
            crate::kind::reply("quantity_not_positive", "items[0].quantity"),
            |id, schemas| {
                let order = json!({"order_id": id, "customer_id": "c-1", "currency": "GBP", "confirmation": "automatic",
                "items": [{"sku": "PLENTY", "quantity": -1, "unit_price_minor": 100}], "placed_at": null});
                vec![Sending::order(schemas.command("headwater.orders.PlaceOrder", &order))]
            },
        ),
        kind("a good order in Avro, which is no broken input", Expected::Delivered, |id, schemas| {
            vec![Sending::order(schemas.order(id))]
        }),
        kind("as large as the topic takes", dead("not JSON"), |_, _| vec![Sending::order(noise(1_040_000))]),
        kind("larger than the dead-letter topic takes", Expected::Reference { says: "not JSON" }, |_, _| {
            vec![Sending { compressed: true, ..Sending::order("x".repeat(3 << 20)) }]
        }),
        kind("headers larger than anything", dead("not JSON"), |_, _| {
            vec![Sending::order("hello").header("note", "n".repeat(500_000))]
        }),
        kind("text among the events", dead(""), |id, _| vec![Sending::order("hello").on("orders.events").key(id)]),
        kind("a truncated event", dead(""), |id, schemas| {
            let event = schemas.event(id);
            vec![
                Sending::order(&event[..event.len() - 4])
                    .on("orders.events")
                    .key(id)
                    .header("ce_specversion", "1.0")
                    .header("ce_id", format!("event-{id}"))
                    .header("ce_source", "/stranger")
                    .header("ce_type", "headwater.orders.OrderCreated")
                    .header("ce_subject", id)
                    .header("ce_time", "2026-01-01T00:00:00Z"),
            ]
        }),
    ];
    kinds.into_iter().map(|kind| Kind { schemas: schemas.clone(), ..kind }).collect()
}

/// Text that does not compress, and is no JSON.
fn noise(bytes: usize) -> Vec<u8> {
    let mut chance = headwater_tests::seeded::Seeded::new(1);
    (0..bytes).map(|_| b'a' + u8::try_from(chance.below(26)).unwrap()).collect()
}
