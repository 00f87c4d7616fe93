//! The law: an order is the fold of what it published, so that `orders.events` alone rebuilds state, versions and timers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::Headers;
use headwater_streams::{DriverOptions, Error, TestDriver};
use proptest::prelude::*;

const ORDERS: &str = "orders";

#[derive(Debug, Clone)]
enum Act {
    Place { order: u8, is_manual: bool, is_priced: bool },
    Command { order: u8, kind: &'static str, expected_version: Option<u8> },
    Event { order: u8, topic: &'static str, kind: &'static str },
    Wait { minutes: u8 },
    Commit,
    Abort,
    Crash,
    Rebuild,
}

const EVENTS: [(&str, &str); 11] = [
    ("inventory.events", "InventoryReserved"),
    ("inventory.events", "InventoryReserved"),
    ("inventory.events", "InventoryReservationFailed"),
    ("inventory.events", "InventoryConfirmationFailed"),
    ("inventory.events", "ReservationExpiryDue"),
    ("payments.events", "PaymentProcessed"),
    ("payments.events", "PaymentFailed"),
    ("shipping.events", "ShipmentDispatched"),
    ("shipping.events", "ShipmentDelivered"),
    ("shipping.events", "ShipmentRecalled"),
    ("shipping.events", "RecallRefused"),
];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let order = 0..5_u8;
    let act = prop_oneof![
        5 => (order.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(order, is_manual, is_priced)| Act::Place { order, is_manual, is_priced }),
        3 => (order.clone(), prop::sample::select(vec!["ConfirmOrder", "CancelOrder"]), prop::option::weighted(0.2, 0..4_u8))
            .prop_map(|(order, kind, expected_version)| Act::Command { order, kind, expected_version }),
        10 => (order, prop::sample::select(EVENTS.to_vec()))
            .prop_map(|(order, (topic, kind))| Act::Event { order, topic, kind }),
        2 => (1..25_u8).prop_map(|minutes| Act::Wait { minutes }),
        3 => Just(Act::Commit),
        1 => Just(Act::Abort),
        1 => Just(Act::Crash),
        1 => Just(Act::Rebuild),
    ];
    prop::collection::vec(act, 1..80)
}

fn act(driver: &mut TestDriver, act: &Act) -> Result<(), Error> {
    match act {
        Act::Place { order, is_manual, is_priced } => {
            let confirmation = if *is_manual { "manual" } else { "automatic" };
            let price = if *is_priced { r#","unit_price_minor":5"# } else { "" };
            send_command(
                driver,
                *order,
                "PlaceOrder",
                None,
                &format!(
                    r#","customer_id":"c-1","currency":"GBP","confirmation":"{confirmation}","items":[{{"sku":"a","quantity":2{price}}}]"#
                ),
            )
        }
        Act::Command { order, kind, expected_version } => send_command(driver, *order, kind, *expected_version, ""),
        Act::Event { order, topic, kind } => send_event(driver, *order, topic, kind),
        Act::Wait { minutes } => driver.advance(i64::from(*minutes) * 60_000),
        Act::Commit => driver.commit(),
        Act::Abort => {
            driver.abort();
            driver.settle()
        }
        Act::Crash => driver.crash().and_then(|()| driver.settle()),
        Act::Rebuild => driver.commit().and_then(|()| driver.rebuild(ORDERS)).map(drop),
    }
}

fn send_command(
    driver: &mut TestDriver,
    order: u8,
    kind: &str,
    expected_version: Option<u8>,
    rest: &str,
) -> Result<(), Error> {
    let mut headers = Headers::new();
    if let Some(version) = expected_version {
        headers.push("expected-version", version.to_string());
    }
    let text = format!(r#"{{"type":"{kind}","order_id":"o-{order}"{rest}}}"#);
    driver.send_raw("orders.commands", Some(format!("o-{order}").as_bytes()), Some(text.as_bytes()), headers)
}

fn send_event(driver: &mut TestDriver, order: u8, topic: &str, kind: &str) -> Result<(), Error> {
    use headwater_contracts::{inventory::*, payments::*, shared::PricedLine, shipping::*, topics};
    use headwater_event::{Currency, Money, OrderId, PaymentId, ShipmentId, Sku, Timestamp};
    let order_id = OrderId::new(&format!("o-{order}")).unwrap();
    let (payment_id, shipment_id) = (PaymentId::new("p-1").unwrap(), ShipmentId::new("s-1").unwrap());
    let money = Money::new(500, Currency::new("GBP").unwrap());
    let reason = "because".to_owned();
    assert!(EVENTS.contains(&(topic, kind)));
    let (inventory, payments, shipping) = (topics::INVENTORY_EVENTS, topics::PAYMENTS_EVENTS, topics::SHIPPING_EVENTS);
    let sent = match kind {
        "InventoryReserved" => {
            let items = vec![PricedLine { sku: Sku::new("a").unwrap(), quantity: 2, unit_price_minor: 250 }];
            driver.send(inventory, &InventoryReserved { order_id, items, total: money })
        }
        "InventoryReservationFailed" => {
            driver.send(inventory, &InventoryReservationFailed { order_id, reason, rejected: Vec::new() })
        }
        "InventoryConfirmationFailed" => driver.send(inventory, &InventoryConfirmationFailed { order_id, reason }),
        "ReservationExpiryDue" => driver.send(inventory, &ReservationExpiryDue { order_id }),
        "PaymentProcessed" => driver.send(payments, &PaymentProcessed { order_id, payment_id, amount: money }),
        "PaymentFailed" => driver.send(payments, &PaymentFailed { order_id, payment_id, reason }),
        "ShipmentDispatched" => {
            driver.send(shipping, &ShipmentDispatched { order_id, shipment_id, carrier: "post".to_owned() })
        }
        "ShipmentDelivered" => {
            let delivered_at = Timestamp::from_millis(9);
            driver.send(shipping, &ShipmentDelivered { order_id, shipment_id, delivered_at })
        }
        "ShipmentRecalled" => driver.send(shipping, &ShipmentRecalled { order_id, shipment_id: None }),
        _ => driver.send(shipping, &RecallRefused { order_id, shipment_id, reason }),
    };
    sent.map(drop)
}

fn driver(partitions: u32) -> TestDriver {
    let topology = headwater_orders::topology().unwrap();
    TestDriver::with(&[&topology], &DriverOptions { partitions, ..DriverOptions::default() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_orders_published_is_what_orders_knows(acts in acts()) {
        let mut driver = driver(3);
        driver.auto_commit(false);
        for one in &acts {
            act(&mut driver, one).unwrap();
        }
        driver.auto_commit(true);
        driver.settle().unwrap();
        driver.commit().unwrap();
        let (state, timers) = (driver.store(ORDERS).unwrap().entries(), driver.timers().unwrap());
        prop_assert_eq!(driver.rebuild(ORDERS).unwrap(), 0, "nothing is to be corrected");
        driver.lose_state(ORDERS).unwrap();
        driver.rebuild(ORDERS).unwrap();
        prop_assert_eq!(driver.store(ORDERS).unwrap().entries(), state);
        prop_assert_eq!(driver.timers().unwrap(), timers);
    }
}

/// Two worlds, of which one loses its state and rebuilds it in the middle: they must say the same to the byte.
fn check(before: &[Act], after: &[Act], expected: &[&str]) {
    let run = |is_rebuilt: bool| {
        let mut driver = driver(1);
        before.iter().for_each(|one| act(&mut driver, one).unwrap());
        if is_rebuilt {
            driver.lose_state(ORDERS).unwrap();
            assert!(driver.rebuild(ORDERS).unwrap() > 0);
        }
        after.iter().for_each(|one| act(&mut driver, one).unwrap());
        let said = |topic: &str| driver.outputs(topic).unwrap().into_iter().map(|r| (r.key, r.envelope, r.value));
        (said("orders.events").collect::<Vec<_>>(), said("orders.replies").collect::<Vec<_>>())
    };
    let (events, replies) = run(true);
    let types = events.iter().filter_map(|(_, envelope, _)| envelope.as_ref().map(|e| e.message_type.as_str()));
    let types: Vec<&str> = types.map(|name| name.trim_start_matches("headwater.orders.")).collect();
    assert_eq!(types, expected);
    assert_eq!((events, replies), run(false));
}

fn place(is_manual: bool) -> Act {
    Act::Place { order: 1, is_manual, is_priced: true }
}

fn command(kind: &'static str, expected_version: Option<u8>) -> Act {
    Act::Command { order: 1, kind, expected_version }
}

fn event(kind: &'static str) -> Act {
    let (topic, kind) = EVENTS.into_iter().find(|(_, known)| *known == kind).unwrap();
    Act::Event { order: 1, topic, kind }
}

#[test]
fn a_rebuilt_order_whose_stock_is_held_is_confirmed_at_its_version() {
    check(
        &[place(true), event("InventoryReserved")],
        &[command("ConfirmOrder", Some(1)), command("ConfirmOrder", Some(2)), event("PaymentProcessed")],
        &["OrderCreated", "OrderStockHeld", "OrderConfirmed", "OrderPaid"],
    );
}

#[test]
fn a_rebuilt_order_remembers_that_it_was_confirmed_early() {
    check(
        &[place(true), command("ConfirmOrder", None)],
        &[event("InventoryReserved")],
        &["OrderCreated", "OrderConfirmationRequested", "OrderConfirmed"],
    );
}

#[test]
fn a_rebuilt_order_is_cancelled_as_it_would_have_been() {
    check(
        &[place(false), event("InventoryReserved")],
        &[command("CancelOrder", None), event("PaymentProcessed"), command("CancelOrder", None)],
        &["OrderCreated", "OrderConfirmed", "OrderCancellationRequested", "OrderCancelled"],
    );
}

#[test]
fn the_time_outs_of_a_rebuilt_order_pass_when_they_would_have() {
    let wait = |minutes| Act::Wait { minutes };
    check(
        &[place(true), wait(5), event("InventoryReserved")],
        &[wait(24), command("PlaceOrder", None), wait(2)],
        &["OrderCreated", "OrderStockHeld", "OrderCancelled"],
    );
    check(&[place(false), wait(9)], &[wait(2)], &["OrderCreated", "OrderCancelled"]);
    check(
        &[place(false), event("InventoryReserved")],
        &[wait(14), wait(2)],
        &["OrderCreated", "OrderConfirmed", "OrderCancelled"],
    );
}

#[test]
fn an_order_keeps_the_limits_it_was_placed_under_through_a_rebuild() {
    let limits = headwater_orders::TimeLimits { reservation_ms: 60_000, ..headwater_orders::TimeLimits::default() };
    let topology = headwater_orders::topology_with(limits).unwrap();
    let mut driver = TestDriver::new(&topology).unwrap();
    act(&mut driver, &place(false)).unwrap();
    let timers = driver.timers().unwrap();
    driver.lose_state(ORDERS).unwrap();
    driver.rebuild(ORDERS).unwrap();
    assert_eq!(driver.timers().unwrap(), timers);
    act(&mut driver, &Act::Wait { minutes: 2 }).unwrap();
    assert_eq!(driver.outputs("orders.events").unwrap().len(), 2);
}
