#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_contracts::inventory::InventoryConfirmed;
use headwater_contracts::orders::{OrderCancellationRequested, OrderCancelled, OrderPaid};
use headwater_contracts::topics::{INVENTORY_EVENTS, ORDERS_EVENTS};
use headwater_event::{Currency, Envelope, Money, OrderId, PaymentId};
use headwater_streams::TestDriver;
use proptest::prelude::*;

use super::{topology, topology_with};
use crate::{Input, Settings};

const EVENTS: &str = "shipping.events";

fn id(order: &str) -> OrderId {
    OrderId::new(order).unwrap()
}

/// Sends the event behind an input.
fn send(driver: &mut TestDriver, order: &str, input: Input) -> Envelope {
    let order_id = id(order);
    let reason = "requested".to_owned();
    let sent = match input {
        Input::StockConfirmed => driver.send(INVENTORY_EVENTS, &InventoryConfirmed { order_id }),
        Input::OrderPaid => {
            let total = Money::new(2_034, Currency::new("GBP").unwrap());
            driver.send(ORDERS_EVENTS, &OrderPaid { order_id, payment_id: PaymentId::new("pay-1").unwrap(), total })
        }
        Input::CancellationRequested => driver.send(ORDERS_EVENTS, &OrderCancellationRequested { order_id, reason }),
        Input::OrderCancelled => {
            driver.send(ORDERS_EVENTS, &OrderCancelled { order_id, reason, detail: String::new() })
        }
        Input::Arrived { .. } | Input::Overdue => panic!("timers are not sent"),
    };
    sent.unwrap()
}

/// What was said, as `Type:order`, and its metadata.
fn said(driver: &TestDriver) -> Vec<(String, Envelope)> {
    let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let outputs = driver.outputs(EVENTS).unwrap();
    outputs.into_iter().map(|o| (format!("{}:{}", short(&o.message_type), o.key), o.envelope.unwrap())).collect()
}

fn words(driver: &TestDriver) -> Vec<String> {
    said(driver).into_iter().map(|(word, _)| word).collect()
}

#[test]
fn specs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/specs");
    headwater_streams::specs::run_dir(&topology().unwrap(), folder).unwrap();
}

#[test]
fn a_delivery_is_caused_by_the_confirmed_stock_and_happened_when_it_was_due() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, "o-1", Input::OrderPaid);
    let confirmed = send(&mut driver, "o-1", Input::StockConfirmed);
    let arrives = driver.now().plus_millis(50);
    driver.advance(49).unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1"]);
    driver.advance(1_000).unwrap();
    let said = said(&driver);
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1", "ShipmentDelivered:o-1"]);
    assert!(said.iter().all(|(_, envelope)| envelope.causation_id == Some(confirmed.id)));
    assert!(said.iter().all(|(_, envelope)| envelope.correlation_id == confirmed.correlation_id));
    let outputs = driver.outputs(EVENTS).unwrap();
    assert_eq!(outputs[0].value["carrier"], "parcel-post");
    assert_eq!(outputs[1].value["delivered_at"], arrives.as_millis());
    assert!(driver.timers().unwrap().is_empty());
}

#[test]
fn a_lost_parcel_fails_when_it_is_overdue() {
    let settings = Settings { lost_per_mille: 1_000, ..Settings::default() };
    let mut driver = TestDriver::new(&topology_with(settings).unwrap()).unwrap();
    send(&mut driver, "o-1", Input::StockConfirmed);
    driver.advance(30 * 60_000 - 1).unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1"]);
    driver.advance(1).unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1", "ShipmentFailed:o-1"]);
}

#[test]
fn a_recall_is_caused_by_the_request_and_stops_the_timers() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, "o-1", Input::OrderPaid);
    send(&mut driver, "o-1", Input::StockConfirmed);
    assert_eq!(driver.timers().unwrap().len(), 2);
    let requested = send(&mut driver, "o-1", Input::CancellationRequested);
    assert!(driver.timers().unwrap().is_empty());
    driver.advance(60 * 60_000).unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1", "ShipmentRecalled:o-1"]);
    assert_eq!(said(&driver)[1].1.causation_id, Some(requested.id));
}

#[test]
fn after_an_outage_a_waiting_cancellation_is_read_before_a_parcel_arrives() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, "o-1", Input::OrderPaid);
    send(&mut driver, "o-1", Input::StockConfirmed);
    // What is staged while nothing commits is lost with the crash; the clock goes on.
    driver.auto_commit(false);
    send(&mut driver, "o-1", Input::CancellationRequested);
    driver.advance(1_000).unwrap();
    driver.crash().unwrap();
    driver.auto_commit(true);
    driver.settle().unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1", "ShipmentRecalled:o-1"]);
}

#[test]
fn a_parcel_on_its_way_survives_the_loss_of_a_machine() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, "o-1", Input::StockConfirmed);
    driver.crash_without_disk().unwrap();
    driver.advance(50).unwrap();
    assert_eq!(words(&driver), ["ShipmentDispatched:o-1", "ShipmentDelivered:o-1"]);
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Next,
    Commit,
    Abort,
    Crash,
    CrashWithoutDisk,
    Wait(i64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        5 => Just(Move::Next),
        3 => Just(Move::Commit),
        1 => Just(Move::Abort),
        1 => Just(Move::Crash),
        1 => Just(Move::CrashWithoutDisk),
        2 => (1_i64..80).prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 0..40)
}

fn events() -> impl Strategy<Value = Vec<(usize, Input)>> {
    let input = prop_oneof![
        3 => Just(Input::StockConfirmed),
        2 => Just(Input::OrderPaid),
        1 => Just(Input::CancellationRequested),
        1 => Just(Input::OrderCancelled),
    ];
    proptest::collection::vec((0_usize..3, input), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn crashes_aborts_and_repeats_ship_once_and_never_what_was_cancelled(moves in moves(), events in events()) {
        let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
        driver.auto_commit(false);
        let mut seen = 0;
        for step in moves {
            match step {
                Move::Next => if let Some((order, input)) = events.get(seen) {
                    seen += 1;
                    // Timestamps grow, so that both topics are taken in this order also when they are read again.
                    driver.advance(1).unwrap();
                    send(&mut driver, &format!("o-{order}"), *input);
                },
                Move::Commit => driver.commit().unwrap(),
                Move::Abort => { driver.abort(); driver.settle().unwrap(); }
                Move::Crash => { driver.crash().unwrap(); driver.settle().unwrap(); }
                Move::CrashWithoutDisk => { driver.crash_without_disk().unwrap(); driver.settle().unwrap(); }
                Move::Wait(ms) => driver.advance(ms).unwrap(),
            }
        }
        driver.auto_commit(true);
        driver.settle().unwrap();
        driver.commit().unwrap();
        for (order, input) in &events[seen.min(events.len())..] {
            driver.advance(1).unwrap();
            send(&mut driver, &format!("o-{order}"), *input);
        }
        driver.advance(60 * 60_000).unwrap();
        driver.commit().unwrap();
        prop_assert!(driver.timers().unwrap().is_empty());

        for number in 0..3 {
            let order = format!("o-{number}");
            let count = |what: &str| words(&driver).iter().filter(|word| **word == format!("{what}:{order}")).count();
            let (dispatched, delivered) = (count("ShipmentDispatched"), count("ShipmentDelivered"));
            let (recalled, refused) = (count("ShipmentRecalled"), count("RecallRefused"));
            prop_assert!(dispatched <= 1 && delivered <= dispatched && recalled + refused <= 1, "{:?}", words(&driver));
            let inputs: Vec<Input> = events.iter().filter(|(n, _)| *n == number).map(|(_, input)| *input).collect();
            let stops = |input: &Input| matches!(input, Input::CancellationRequested | Input::OrderCancelled);
            if !inputs.iter().any(stops) {
                let confirmed = usize::from(inputs.contains(&Input::StockConfirmed));
                prop_assert_eq!((dispatched, delivered, recalled), (confirmed, confirmed, 0));
            }
            let stopped_first = inputs.iter().position(stops).is_some_and(|stop| {
                !inputs[..stop].contains(&Input::StockConfirmed)
            });
            if stopped_first {
                prop_assert_eq!(dispatched, 0);
            }
            if dispatched == 1 {
                prop_assert_eq!(delivered + recalled, 1, "one end: {:?}", words(&driver));
            }
        }
    }
}
