use headwater_log::Headers;
use headwater_streams::{
    Context, DriverOptions, Failure, FailureKind, Input, Limits, Policy, Processor, TestDriver, Topology,
};

use crate::messages::CART;

/// Fails on values that say from when on they may pass, in seconds since the start: `x@5`; `x@never` never passes.
struct Gate;

const START_MS: i64 = 1_700_000_000_000;

impl Processor for Gate {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(input.value().unwrap_or_default()).into_owned();
        let opens = text.split_once('@').map_or(0, |(_, at)| at.parse().unwrap_or(i64::MAX / 2_000));
        if context.now().as_millis() - START_MS < opens * 1_000 {
            return Err(Failure::retriable("closed"));
        }
        context.send_raw("out", input.key(), Some(text.as_bytes()), input.headers().clone())
    }
}

fn driver(attempts: u32, parked_records_max: usize) -> TestDriver {
    let mut topology = Topology::named("gate");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines").policy(FailureKind::Process, Policy::ParkKey { attempts, backoff_ms: 1_000 });
    main.raw_sink("out", "out");
    main.processor("gate", &["lines"], &[], || Gate);
    let limits = Limits { parked_records_max, ..Limits::default() };
    let start = headwater_event::Timestamp::from_millis(START_MS);
    TestDriver::with(&[&topology.build().unwrap()], &DriverOptions { limits, start, ..DriverOptions::default() })
        .unwrap()
}

fn line(driver: &mut TestDriver, key: &str, value: &str) {
    let mut headers = Headers::new();
    headers.push("h", value);
    driver.send_raw("lines", Some(key.as_bytes()), Some(value.as_bytes()), headers).unwrap();
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
fn a_parked_key_keeps_its_order_and_others_go_on() {
    let mut driver = driver(10, 100);
    line(&mut driver, "a", "a1@3");
    line(&mut driver, "a", "a2");
    line(&mut driver, "b", "b1");
    line(&mut driver, "a", "a3");
    assert_eq!(out(&driver), ["b1"]);
    driver.crash_without_disk().unwrap();
    driver.advance(10_000).unwrap();
    assert_eq!(out(&driver), ["b1", "a1@3", "a2", "a3"]);
    let headers = &driver.outputs("out").unwrap()[1].headers;
    assert_eq!(headers.last_text("h"), Some("a1@3"), "headers are kept too");
    line(&mut driver, "a", "a4");
    assert_eq!(out(&driver).len(), 5, "the key is free again");
}

#[test]
fn a_parked_record_ends_in_dead_letters_and_the_next_of_its_key_goes_on() {
    let mut driver = driver(3, 100);
    line(&mut driver, "a", "a1@never");
    line(&mut driver, "a", "a2");
    driver.advance(60_000).unwrap();
    assert_eq!(out(&driver), ["a2"]);
    let dead = driver.dead_letters("lines").unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].bytes.as_deref(), Some(b"a1@never".as_slice()));
    assert_eq!(dead[0].headers.last_text("__streams.errors.offset"), Some("0"));
}

#[test]
fn at_the_bound_the_task_waits_and_nothing_is_lost() {
    let mut driver = driver(10, 2);
    for value in ["a1@5", "a2", "a3", "a4"] {
        line(&mut driver, "a", value);
    }
    line(&mut driver, "b", "b1");
    assert!(out(&driver).is_empty());
    driver.advance(120_000).unwrap();
    assert_eq!(out(&driver), ["a1@5", "a2", "a3", "a4", "b1"]);
}

#[test]
fn aborts_do_not_lose_what_is_parked() {
    let mut driver = driver(10, 100);
    driver.auto_commit(false);
    line(&mut driver, "a", "a1@2");
    line(&mut driver, "a", "a2");
    driver.abort();
    driver.settle().unwrap();
    driver.commit().unwrap();
    driver.advance(5_000).unwrap();
    driver.abort();
    driver.advance(5_000).unwrap();
    driver.commit().unwrap();
    assert_eq!(out(&driver), ["a1@2", "a2"]);
}
