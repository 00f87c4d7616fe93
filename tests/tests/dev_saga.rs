//! `headwater dev` as a newcomer meets it: an order typed as JSON goes all the way, and is still there after a restart.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use headwater_tests::deadline::wait_for;
use headwater_tests::headwater::{Headwater, Ports};
use headwater_tests::platform::Platform;
use headwater_tests::reader::TopicReader;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(30);

/// Sends commands as a console producer does: no key, no headers, no schema.
fn type_in(ports: &Ports, topic: &str, lines: &[Value]) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", ports.bootstrap()).create().unwrap();
    for line in lines {
        let line = line.to_string();
        producer.send(BaseRecord::<(), str>::to(topic).payload(&line)).unwrap();
    }
    producer.flush(DEADLINE).unwrap();
}

fn order(id: &str, sku: &str, quantity: i64) -> Value {
    json!({"type": "PlaceOrder", "order_id": id, "customer_id": "c-1", "currency": "GBP",
        "items": [{"sku": sku, "quantity": quantity}]})
}

fn get(ports: &Ports, path: &str) -> (u16, Value) {
    let answer = reqwest::blocking::get(ports.url(path)).unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().unwrap()).unwrap())
}

/// Waits until the API shows an order in a state, and gives the document.
fn shown(ports: &Ports, id: &str, status: &str) -> Value {
    wait_for(&format!("order {id} is {status}"), DEADLINE, || {
        let (code, order) = get(ports, &format!("/api/v1/orders/{id}"));
        if code == 200 && order["status"] == status { Ok(order) } else { Err(order.to_string()) }
    })
}

#[test]
fn an_order_typed_as_json_is_delivered_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let (dev, ports) = Headwater::dev(&data, None, &["--payment-profile", "none"], &log);

    let (_, laptop) = get(&ports, "/api/v1/inventory/products/prod-001");
    assert_eq!((&laptop["name"], &laptop["on_hand"]), (&json!("Laptop"), &json!(100)));

    type_in(
        &ports,
        "orders.commands",
        &[order("o-1", "prod-002", 2), order("o-2", "no-such-sku", 1), order("o-3", "prod-003", -1)],
    );
    let delivered = shown(&ports, "o-1", "delivered");
    assert_eq!(delivered["total_minor"], 5998);
    assert_eq!(
        (&delivered["payment_status"], &delivered["inventory_status"]),
        (&json!("completed"), &json!("confirmed"))
    );
    let cancelled = shown(&ports, "o-2", "cancelled");
    assert_eq!(cancelled["cancellation_reason"], "unknown_product");

    // The log says what the view says, once.
    let mut reader = TopicReader::new(&Platform::of_dev(&ports));
    let events = reader.read("orders.events").unwrap();
    let kinds = |id: &str| -> Vec<&str> { events.iter().filter(|e| e.key == id).map(|event| event.kind()).collect() };
    assert_eq!(kinds("o-1"), ["OrderCreated", "OrderConfirmed", "OrderPaid", "OrderShipped", "OrderDelivered"]);
    assert_eq!(kinds("o-2"), ["OrderCreated", "OrderCancelled"]);
    assert_eq!(kinds("o-3"), [""; 0]);
    let replies = reader.read("orders.replies").unwrap();
    let refused: Vec<_> = replies.iter().map(|reply| (reply.key.as_str(), reply.text("field"))).collect();
    assert_eq!(refused, [("o-3", "items[0].quantity")]);

    wait_for("the saga has ended", DEADLINE, || {
        let (_, saga) = get(&ports, "/api/v1/sagas/o-1");
        if saga["state"] == "completed" { Ok(()) } else { Err(saga.to_string()) }
    });
    let (_, revenue) = get(&ports, "/api/v1/analytics/orders/revenue-by-day");
    assert_eq!((&revenue["days"][0]["orders"], &revenue["days"][0]["total_minor"]), (&json!(1), &json!(5998)));

    dev.signal_and_wait("TERM", DEADLINE);
    assert!(!data.join("ports.json").exists(), "what has stopped listens nowhere");
    let (dev, ports) = Headwater::dev(&data, None, &["--payment-profile", "none"], &log);
    assert_eq!(get(&ports, "/api/v1/orders/o-1"), (200, delivered));
    let (_, list) = get(&ports, "/api/v1/orders?customer_id=c-1&limit=1");
    assert_eq!((&list["total"], list["orders"].as_array().unwrap().len()), (&json!(2), 1));
    let (_, mouse) = get(&ports, "/api/v1/inventory/products/prod-002");
    assert_eq!(
        (&mouse["received"], &mouse["confirmed"], &mouse["on_hand"]),
        (&json!(500), &json!(2), &json!(498)),
        "products are not received again at the second start"
    );
    type_in(&ports, "orders.commands", &[order("o-4", "prod-002", 1)]);
    shown(&ports, "o-4", "delivered");
    let (code, problem) = get(&ports, "/api/v1/orders/o-3");
    assert_eq!((code, problem["title"].as_str()), (404, Some("not found")));
    dev.signal_and_wait("INT", DEADLINE);
}
