#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use headwater_contracts::orders::{OrderCancelled, OrderConfirmed};
use headwater_contracts::topics::ORDERS_EVENTS;
use headwater_event::{Currency, CustomerId, Envelope, Money, OrderId};
use headwater_streams::{DriverOptions, Limits, TestDriver};
use proptest::prelude::*;

use super::{STEP, topology, topology_with};
use crate::{Answer, Payment, Profile, Request, Settings, payment_id};

const EVENTS: &str = "payments.events";

fn id(order: &str) -> OrderId {
    OrderId::new(order).unwrap()
}

fn confirm(driver: &mut TestDriver, order: &str) -> Envelope {
    let total = Money::new(2_034, Currency::new("GBP").unwrap());
    let customer_id = CustomerId::new("c-1").unwrap();
    driver.send(ORDERS_EVENTS, &OrderConfirmed { order_id: id(order), customer_id, total, items: vec![] }).unwrap()
}

fn cancel(driver: &mut TestDriver, order: &str) -> Envelope {
    let cancelled = OrderCancelled { order_id: id(order), reason: "requested".to_owned(), detail: String::new() };
    driver.send(ORDERS_EVENTS, &cancelled).unwrap()
}

fn bytes(answer: &Answer) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap()
}

fn keys(driver: &TestDriver) -> Vec<String> {
    driver.open_calls().into_iter().map(|open| open.call.idempotency_key).collect()
}

/// What was said, as `Type:order`, and what it says it was caused by.
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
fn a_call_starts_only_after_the_commit_that_stored_it() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    driver.auto_commit(false);
    confirm(&mut driver, "o-1");
    assert!(keys(&driver).is_empty());
    driver.abort();
    driver.settle().unwrap();
    assert!(keys(&driver).is_empty());
    driver.commit().unwrap();
    assert_eq!(keys(&driver), ["charge/o-1"]);
    assert_eq!(driver.open_calls()[0].call.step, STEP);
    let request: Request = serde_json::from_slice(&driver.open_calls()[0].call.request).unwrap();
    assert!(matches!(request, Request::Charge { amount, .. } if amount.minor == 2_034), "{request:?}");
}

#[test]
fn a_payment_is_caused_by_the_confirmation_and_belongs_to_its_order() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    let confirmed = confirm(&mut driver, "o-1");
    driver.complete_call("charge/o-1", Ok(bytes(&Answer::Done))).unwrap();
    let said = said(&driver);
    let [(word, envelope)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(word, "PaymentProcessed:o-1");
    assert_eq!(envelope.causation_id, Some(confirmed.id));
    assert_eq!(envelope.correlation_id, confirmed.correlation_id);
    let value = &driver.outputs(EVENTS).unwrap()[0].value;
    assert_eq!(value["payment_id"], payment_id(&id("o-1")).unwrap().as_str());
    assert_eq!(value["amount"]["minor"], 2_034);
}

#[test]
fn a_refund_waits_behind_its_charge_and_is_caused_by_the_cancellation() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    confirm(&mut driver, "o-1");
    let cancelled = cancel(&mut driver, "o-1");
    assert_eq!(keys(&driver), ["charge/o-1"]);
    driver.complete_call("charge/o-1", Ok(bytes(&Answer::Done))).unwrap();
    let refund = format!("refund/{}/1", payment_id(&id("o-1")).unwrap());
    assert_eq!(keys(&driver), std::slice::from_ref(&refund));
    driver.complete_call(&refund, Ok(bytes(&Answer::Done))).unwrap();
    let said = said(&driver);
    assert_eq!(words(&driver), ["PaymentProcessed:o-1", "PaymentRefunded:o-1"]);
    assert_eq!(said[1].1.causation_id, Some(cancelled.id));
}

#[test]
fn a_crash_makes_the_call_again_with_the_same_key() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    confirm(&mut driver, "o-1");
    driver.crash().unwrap();
    driver.settle().unwrap();
    assert_eq!(keys(&driver), ["charge/o-1"]);
    driver.crash_without_disk().unwrap();
    driver.settle().unwrap();
    assert_eq!(keys(&driver), ["charge/o-1"]);
    driver.complete_call("charge/o-1", Ok(bytes(&Answer::Done))).unwrap();
    driver.crash_without_disk().unwrap();
    driver.settle().unwrap();
    assert_eq!((keys(&driver), words(&driver)), (vec![], vec!["PaymentProcessed:o-1".to_owned()]));
}

#[test]
fn a_refund_that_is_refused_is_tried_again_after_a_wait_and_its_failure_is_caused_by_the_cancellation() {
    let settings = Settings { refund_tries_max: 2, refund_backoff_ms: 500 };
    let mut driver = TestDriver::new(&topology_with(settings).unwrap()).unwrap();
    confirm(&mut driver, "o-1");
    driver.complete_call("charge/o-1", Ok(bytes(&Answer::Done))).unwrap();
    let cancelled = cancel(&mut driver, "o-1");
    let refund = |tries: u32| format!("refund/{}/{tries}", payment_id(&id("o-1")).unwrap());
    let refused = || Ok(bytes(&Answer::Refused { reason: "closed".to_owned() }));
    driver.complete_call(&refund(1), refused()).unwrap();
    driver.advance(499).unwrap();
    assert!(keys(&driver).is_empty());
    driver.advance(1).unwrap();
    assert_eq!(keys(&driver), [refund(2)]);
    driver.complete_call(&refund(2), refused()).unwrap();
    assert_eq!(words(&driver), ["PaymentProcessed:o-1", "RefundFailed:o-1"]);
    assert_eq!(said(&driver)[1].1.causation_id, Some(cancelled.id));
}

#[test]
fn what_the_runtime_refuses_is_a_refusal_and_what_nobody_can_read_stops_the_task() {
    let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
    confirm(&mut driver, "o-1");
    confirm(&mut driver, "o-2");
    driver.complete_call("charge/o-1", Err("provider_gone".to_owned())).unwrap();
    assert_eq!(driver.outputs(EVENTS).unwrap()[0].value["reason"], "provider_gone");
    let error = driver.complete_call("charge/o-2", Ok(b"nonsense".to_vec())).unwrap_err();
    assert!(error.to_string().contains("can't be read"), "{error}");
}

#[test]
fn thousands_of_slow_charges_are_under_way_at_once() {
    let limits = Limits { calls_in_flight_max: 4_000, ..Limits::default() };
    let options = DriverOptions { limits, ..DriverOptions::default() };
    let topology = topology().unwrap();
    let mut driver = TestDriver::with(&[&topology], &options).unwrap();
    for order in 0..3_000 {
        confirm(&mut driver, &format!("o-{order}"));
    }
    assert_eq!(driver.open_calls().len(), 3_000);
    driver.on_call(Box::new(|call| Some(Ok(bytes(&Profile::SLOW.answer(&call.idempotency_key))))));
    driver.settle().unwrap();
    let refused = words(&driver).iter().filter(|word| word.starts_with("PaymentFailed")).count();
    assert_eq!(words(&driver).len(), 3_000);
    assert!(refused.abs_diff(300) < 75, "{refused}");
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Next,
    Repeat(usize),
    Answer(usize),
    Commit,
    Abort,
    Crash,
    CrashWithoutDisk,
    Wait,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => Just(Move::Next),
        1 => any::<usize>().prop_map(Move::Repeat),
        4 => any::<usize>().prop_map(Move::Answer),
        3 => Just(Move::Commit),
        1 => Just(Move::Abort),
        1 => Just(Move::Crash),
        1 => Just(Move::CrashWithoutDisk),
        1 => Just(Move::Wait),
    ];
    proptest::collection::vec(one, 0..50)
}

/// A provider's books: each key has one effect.
#[derive(Default)]
struct Books(BTreeMap<String, Answer>);

impl Books {
    fn answer(&mut self, key: &str, profile: Profile) -> Vec<u8> {
        bytes(self.0.entry(key.to_owned()).or_insert_with(|| profile.answer(key)))
    }

    fn done(&self, prefix: &str) -> usize {
        self.0.iter().filter(|(key, answer)| key.starts_with(prefix) && **answer == Answer::Done).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn crashes_aborts_and_repeats_move_no_money_twice(
        moves in moves(),
        events in proptest::collection::vec((0_usize..3, any::<bool>()), 0..6),
        refused_per_mille in prop_oneof![Just(0), Just(400)],
    ) {
        let profile = Profile { refused_per_mille, ..Profile::NONE };
        let send = |driver: &mut TestDriver, (order, is_cancellation): (usize, bool)| {
            let order = format!("o-{order}");
            if is_cancellation { cancel(driver, &order) } else { confirm(driver, &order) };
        };
        let mut driver = TestDriver::new(&topology().unwrap()).unwrap();
        driver.auto_commit(false);
        let mut books = Books::default();
        let mut seen = 0;
        for step in moves {
            match step {
                Move::Next => if let Some(event) = events.get(seen) { seen += 1; send(&mut driver, *event); },
                Move::Repeat(at) if seen > 0 => send(&mut driver, events[at % seen]),
                Move::Answer(at) => {
                    let open = keys(&driver);
                    if !open.is_empty() {
                        let key = &open[at % open.len()];
                        driver.complete_call(key, Ok(books.answer(key, profile))).unwrap();
                    }
                }
                Move::Commit => driver.commit().unwrap(),
                Move::Abort => { driver.abort(); driver.settle().unwrap(); }
                Move::Crash => { driver.crash().unwrap(); driver.settle().unwrap(); }
                Move::CrashWithoutDisk => { driver.crash_without_disk().unwrap(); driver.settle().unwrap(); }
                Move::Wait => driver.advance(700).unwrap(),
                Move::Repeat(_) => {}
            }
        }
        driver.auto_commit(true);
        for event in &events[seen.min(events.len())..] { send(&mut driver, *event); }
        for _ in 0..200 {
            driver.settle().unwrap();
            driver.commit().unwrap();
            match keys(&driver).first() {
                Some(key) => driver.complete_call(key, Ok(books.answer(key, profile))).unwrap(),
                None => driver.advance(600_000).unwrap(),
            }
        }
        for order in 0..3 {
            let order = format!("o-{order}");
            let count = |what: &str| words(&driver).iter().filter(|word| **word == format!("{what}:{order}")).count();
            let charged = books.done(&format!("charge/{order}"));
            let refunded = books.done(&format!("refund/{}/", payment_id(&id(&order)).unwrap()));
            prop_assert_eq!(count("PaymentProcessed"), charged);
            prop_assert_eq!(count("PaymentRefunded"), refunded.min(charged));
            prop_assert!(charged <= 1 && count("PaymentProcessed") + count("PaymentFailed") <= 1);
            let of_order = || events.iter().filter(|(n, _)| format!("o-{n}") == order);
            let cancelled = of_order().any(|(_, is_cancellation)| *is_cancellation);
            let barred = of_order().next().is_some_and(|(_, is_cancellation)| *is_cancellation);
            prop_assert_eq!(count("PaymentRefunded") + count("RefundFailed"), usize::from(cancelled) * charged);
            prop_assert!(!barred || charged == 0, "charged after its cancellation");
            let state: Option<Payment> = driver.store("payments").unwrap().get_json(order.as_bytes());
            prop_assert!(!matches!(state, Some(Payment::Charging { .. } | Payment::Refunding { .. })), "{:?}", state);
        }
    }
}
