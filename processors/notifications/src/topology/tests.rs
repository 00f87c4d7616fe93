#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use headwater_contracts::orders::{
    Confirmation, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped,
};
use headwater_contracts::topics::ORDERS_EVENTS;
use headwater_event::{Currency, CustomerId, Envelope, Money, OrderId, ShipmentId, Timestamp};
use headwater_streams::TestDriver;
use proptest::prelude::*;

use super::topology;
use crate::{Delivery, Template};

const EVENTS: &str = "notifications.events";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Created,
    News(Template),
}

fn send(driver: &mut TestDriver, event: Event) -> Envelope {
    let order_id = OrderId::new("o-1").unwrap();
    let customer_id = CustomerId::new("c-1").unwrap();
    let currency = Currency::new("GBP").unwrap();
    let sent = match event {
        Event::Created => {
            let (items, placed_at) = (vec![], Timestamp::from_millis(0));
            let confirmation = Confirmation::Automatic;
            let created =
                OrderCreated { order_id, customer_id, currency, items, confirmation, placed_at, time_limits: None };
            driver.send(ORDERS_EVENTS, &created)
        }
        Event::News(Template::OrderConfirmed) => {
            let total = Money::new(2_034, currency);
            driver.send(ORDERS_EVENTS, &OrderConfirmed { order_id, customer_id, total, items: vec![] })
        }
        Event::News(Template::OrderShipped) => {
            driver.send(ORDERS_EVENTS, &OrderShipped { order_id, shipment_id: ShipmentId::new("ship-1").unwrap() })
        }
        Event::News(Template::OrderDelivered) => {
            driver.send(ORDERS_EVENTS, &OrderDelivered { order_id, delivered_at: Timestamp::from_millis(0) })
        }
        Event::News(Template::OrderCancelled) => {
            let (reason, detail) = ("requested".to_owned(), String::new());
            driver.send(ORDERS_EVENTS, &OrderCancelled { order_id, reason, detail })
        }
    };
    sent.unwrap()
}

fn sent() -> Vec<u8> {
    serde_json::to_vec(&Delivery::Sent { channel: "email".to_owned() }).unwrap()
}

fn keys(driver: &TestDriver) -> Vec<String> {
    driver.open_calls().into_iter().map(|open| open.call.idempotency_key).collect()
}

fn templates(driver: &TestDriver) -> Vec<String> {
    let outputs = driver.outputs(EVENTS).unwrap();
    outputs.iter().map(|output| output.value["template"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn specs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/specs");
    headwater_streams::specs::run_dir(&topology().unwrap(), folder).unwrap();
}

#[test]
fn a_customer_hears_of_each_step_in_order_and_each_message_names_its_cause() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, Event::Created);
    let confirmed = send(&mut driver, Event::News(Template::OrderConfirmed));
    send(&mut driver, Event::News(Template::OrderShipped));
    assert_eq!(keys(&driver), ["notify/o-1/order_confirmed"], "one after another");
    driver.complete_call("notify/o-1/order_confirmed", Ok(sent())).unwrap();
    driver.complete_call("notify/o-1/order_shipped", Ok(sent())).unwrap();
    send(&mut driver, Event::News(Template::OrderDelivered));
    driver.complete_call("notify/o-1/order_delivered", Ok(sent())).unwrap();
    assert_eq!(templates(&driver), ["order_confirmed", "order_shipped", "order_delivered"]);
    let first = &driver.outputs(EVENTS).unwrap()[0];
    assert_eq!((first.value["channel"].as_str(), first.value["customer_id"].as_str()), (Some("email"), Some("c-1")));
    assert_eq!(first.envelope.as_ref().unwrap().causation_id, Some(confirmed.id));
}

#[test]
fn an_order_that_is_cancelled_at_once_is_told_to_the_customer_who_created_it() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, Event::Created);
    send(&mut driver, Event::News(Template::OrderCancelled));
    driver.complete_call("notify/o-1/order_cancelled", Ok(sent())).unwrap();
    assert_eq!(templates(&driver), ["order_cancelled"]);
}

#[test]
fn a_message_that_is_refused_is_not_said_to_be_sent_and_later_ones_go_on() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, Event::News(Template::OrderConfirmed));
    send(&mut driver, Event::News(Template::OrderShipped));
    driver.complete_call("notify/o-1/order_confirmed", Err("no_address".to_owned())).unwrap();
    driver.complete_call("notify/o-1/order_shipped", Ok(sent())).unwrap();
    assert_eq!(templates(&driver), ["order_shipped"]);
}

#[test]
fn a_crash_between_call_and_answer_asks_again_with_the_same_key() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    send(&mut driver, Event::News(Template::OrderConfirmed));
    driver.crash_without_disk().unwrap();
    driver.settle().unwrap();
    assert_eq!(keys(&driver), ["notify/o-1/order_confirmed"]);
    driver.complete_call("notify/o-1/order_confirmed", Ok(sent())).unwrap();
    assert_eq!((keys(&driver), templates(&driver)), (vec![], vec!["order_confirmed".to_owned()]));
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Send(Event),
    Answer,
    Commit,
    Abort,
    Crash,
    CrashWithoutDisk,
}

fn news() -> impl Strategy<Value = Event> {
    let templates =
        [Template::OrderConfirmed, Template::OrderShipped, Template::OrderDelivered, Template::OrderCancelled];
    prop_oneof![Just(Event::Created), proptest::sample::select(templates.to_vec()).prop_map(Event::News)]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => news().prop_map(Move::Send),
        4 => Just(Move::Answer),
        3 => Just(Move::Commit),
        1 => Just(Move::Abort),
        1 => Just(Move::Crash),
        1 => Just(Move::CrashWithoutDisk),
    ];
    proptest::collection::vec(one, 0..50)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn crashes_aborts_and_repeats_send_each_message_exactly_once(moves in moves()) {
        let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
        driver.auto_commit(false);
        let mut events = vec![];
        for step in moves {
            match step {
                Move::Send(event) => { events.push(event); send(&mut driver, event); }
                Move::Answer => if let Some(key) = keys(&driver).first() {
                    driver.complete_call(key, Ok(sent())).unwrap();
                },
                Move::Commit => driver.commit().unwrap(),
                Move::Abort => { driver.abort(); driver.settle().unwrap(); }
                Move::Crash => { driver.crash().unwrap(); driver.settle().unwrap(); }
                Move::CrashWithoutDisk => { driver.crash_without_disk().unwrap(); driver.settle().unwrap(); }
            }
        }
        driver.auto_commit(true);
        driver.on_call(Box::new(|_| Some(Ok(sent()))));
        driver.settle().unwrap();
        driver.commit().unwrap();
        driver.settle().unwrap();

        let knows_whom = |event: &Event| matches!(event, Event::Created | Event::News(Template::OrderConfirmed));
        let known_from = events.iter().position(knows_whom).unwrap_or(events.len());
        let mut expected = BTreeMap::new();
        for event in &events[known_from..] {
            if let Event::News(template) = event {
                expected.insert(template.as_str().to_owned(), 1);
            }
        }
        let mut actual = BTreeMap::new();
        for template in templates(&driver) {
            *actual.entry(template).or_insert(0) += 1;
        }
        prop_assert_eq!(actual, expected);
        prop_assert!(driver.open_calls().is_empty());
    }
}
