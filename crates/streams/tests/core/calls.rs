use headwater_log::Headers;
use headwater_streams::{
    Call, CallResult, Context, DriverOptions, Failure, Input, Limits, Processor, TestDriver, Topology,
};

use crate::messages::CART;

/// Charges once for each line, ordered by key, and says the answer.
struct Charger;

impl Processor for Charger {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let idempotency_key = String::from_utf8_lossy(input.value().unwrap_or_default()).into_owned();
        let ordering_key = input.key().unwrap_or_default();
        context.call(Call { step: "charge", ordering_key, idempotency_key, request: b"5".to_vec() })?;
        if input.value() == Some(b"bad") { Err(Failure::process("bad")) } else { Ok(()) }
    }

    fn on_call_result(&mut self, result: &CallResult, context: &mut Context<'_>) -> Result<(), Failure> {
        let text = format!("{} {:?}", result.idempotency_key, result.outcome.as_ref().map(|a| a.len()));
        context.send_raw("out", Some(&result.ordering_key), Some(text.as_bytes()), Headers::new())
    }
}

fn driver(in_flight: usize) -> TestDriver {
    let mut topology = Topology::named("charger");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines");
    main.raw_sink("out", "out");
    main.processor("charger", &["lines"], &[], || Charger);
    let limits = Limits { calls_in_flight_max: in_flight, ..Limits::default() };
    TestDriver::with(&[&topology.build().unwrap()], &DriverOptions { limits, ..DriverOptions::default() }).unwrap()
}

fn line(driver: &mut TestDriver, key: &str, value: &str) {
    driver.send_raw("lines", Some(key.as_bytes()), Some(value.as_bytes()), Headers::new()).unwrap();
}

fn open(driver: &TestDriver) -> Vec<String> {
    driver.open_calls().into_iter().map(|open| open.call.idempotency_key).collect()
}

fn out(driver: &TestDriver) -> Vec<String> {
    driver
        .outputs("out")
        .unwrap()
        .iter()
        .map(|r| String::from_utf8_lossy(r.bytes.as_ref().unwrap()).into_owned())
        .collect()
}

#[test]
fn a_call_starts_only_after_its_transaction_has_committed() {
    let mut driver = driver(10);
    driver.auto_commit(false);
    line(&mut driver, "a", "a1");
    assert!(open(&driver).is_empty());
    driver.abort();
    assert!(open(&driver).is_empty(), "an aborted transaction makes no call");
    driver.settle().unwrap();
    assert!(open(&driver).is_empty());
    driver.commit().unwrap();
    assert_eq!(open(&driver), ["a1"]);
}

#[test]
fn calls_of_one_key_go_one_after_another_and_others_beside_them_up_to_the_bound() {
    let mut driver = driver(2);
    for (key, value) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("c", "c1")] {
        line(&mut driver, key, value);
    }
    assert_eq!(open(&driver), ["a1", "b1"]);
    driver.complete_call("b1", Ok(vec![1])).unwrap();
    assert_eq!(open(&driver), ["a1", "c1"]);
    driver.complete_call("a1", Err("no".to_owned())).unwrap();
    assert_eq!(open(&driver), ["c1", "a2"]);
    assert_eq!(out(&driver), ["b1 Ok(1)", "a1 Err(\"no\")"]);
}

#[test]
fn a_pending_call_survives_crashes_with_its_idempotency_key() {
    let mut driver = driver(10);
    line(&mut driver, "a", "a1");
    line(&mut driver, "a", "a2");
    driver.crash().unwrap();
    assert_eq!(open(&driver), ["a1"]);
    driver.crash_without_disk().unwrap();
    assert_eq!(open(&driver), ["a1"]);
    driver.complete_call("a1", Ok(vec![])).unwrap();
    driver.crash_without_disk().unwrap();
    assert_eq!(open(&driver), ["a2"], "what was answered is not called again");
}

#[test]
fn an_answer_whose_transaction_aborts_is_processed_again() {
    let mut driver = driver(10);
    line(&mut driver, "a", "a1");
    line(&mut driver, "a", "a2");
    driver.auto_commit(false);
    driver.complete_call("a1", Ok(vec![7])).unwrap();
    driver.abort();
    assert!(open(&driver).is_empty(), "the next of the key waits for the commit");
    driver.settle().unwrap();
    driver.commit().unwrap();
    assert_eq!(out(&driver), ["a1 Ok(1)"]);
    assert_eq!(open(&driver), ["a2"]);
}

#[test]
fn an_answer_to_a_call_that_is_not_known_is_ignored_and_a_failed_input_makes_no_call() {
    let mut driver = driver(10);
    line(&mut driver, "a", "bad");
    assert!(open(&driver).is_empty());
    assert_eq!(driver.dead_letters("lines").unwrap().len(), 1);
    line(&mut driver, "a", "a1");
    let open = driver.open_calls();
    driver.crash().unwrap();
    driver.offer_call_result(&open[0].task, CallResult::answer(open[0].call.id, b"x".to_vec())).unwrap();
    driver.offer_call_result(&open[0].task, CallResult::answer(open[0].call.id, b"x".to_vec())).unwrap();
    assert_eq!(out(&driver).len(), 1);
    assert_eq!(driver.counters().unknown_call_results, 1);
}
