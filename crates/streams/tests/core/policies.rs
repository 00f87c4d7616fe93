use headwater_log::Headers;
use headwater_streams::{
    Context, DriverOptions, Failure, FailureKind, Input, Otherwise, Policy, Processor, StoreSpec, TestDriver, Topology,
};

use crate::messages::CART;

/// Fails as the value says, after having staged a write and an output: `once` fails once for each key.
struct Fragile;

impl Processor for Fragile {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        let value = input.value().unwrap_or_default().to_vec();
        context.put("seen", &key, &value)?;
        context.send_raw("out", Some(&key), Some(&value), Headers::new())?;
        match value.as_slice() {
            b"never" => Err(Failure::process("never")),
            b"later" => Err(Failure::retriable("not now")),
            b"after-2s" if context.now().as_millis() % 1_000_000 < 2_000 => Err(Failure::retriable("not yet")),
            b"large" => context.send_raw("out", None, Some(&[0; 3_000]), Headers::new()),
            _ => Ok(()),
        }
    }
}

fn driver(edge: FailureKind, policy: Policy) -> TestDriver {
    let mut topology = Topology::named("fragile");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines").policy(edge, policy);
    main.store(StoreSpec::key_value("seen"));
    main.raw_sink("out", "out");
    main.processor("fragile", &["lines"], &["seen"], || Fragile);
    let start = headwater_event::Timestamp::from_millis(1_700_000_000_000);
    let options = DriverOptions { record_bytes_max: 2_000, start, ..DriverOptions::default() };
    TestDriver::with(&[&topology.build().unwrap()], &options).unwrap()
}

fn line(driver: &mut TestDriver, key: &str, value: &str) {
    driver.send_raw("lines", Some(key.as_bytes()), Some(value.as_bytes()), Headers::new()).unwrap();
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
fn a_failing_input_leaves_no_trace_but_its_dead_letter() {
    let mut driver = driver(FailureKind::Process, Policy::DeadLetter);
    let mut headers = Headers::new();
    headers.push("h", "1");
    driver.send_raw("lines", Some(b"a"), Some(b"never"), headers).unwrap();
    line(&mut driver, "b", "fine");
    assert_eq!(out(&driver), ["fine"]);
    assert_eq!(driver.store("seen").unwrap().get(b"a"), None);
    let dead = &driver.dead_letters("lines").unwrap()[0];
    assert_eq!((dead.key.as_str(), dead.bytes.as_deref()), ("a", Some(b"never".as_slice())));
    assert_eq!(dead.headers.last_text("h"), Some("1"));
    for (name, value) in
        [("exception", "headwater.process"), ("message", "never"), ("topic", "lines"), ("partition", "0")]
    {
        assert_eq!(dead.headers.last_text(&format!("__streams.errors.{name}")), Some(value), "{name}");
    }
}

#[test]
fn an_output_too_large_is_a_failure_of_its_input() {
    let mut driver = driver(FailureKind::Produce, Policy::DeadLetter);
    line(&mut driver, "a", "large");
    line(&mut driver, "a", "fine");
    assert_eq!(out(&driver), ["fine"]);
    let dead = driver.dead_letters("lines").unwrap();
    assert!(dead[0].headers.last_text("__streams.errors.message").unwrap().contains("larger than out takes"));
}

#[test]
fn what_is_too_large_even_for_dead_letters_leaves_a_reference() {
    let mut driver = driver(FailureKind::Process, Policy::DeadLetter);
    let mut headers = Headers::new();
    headers.push("filler", vec![b'x'; 100_000]);
    driver.send_raw("lines", Some(b"a"), Some(b"never"), headers).unwrap();
    let dead = &driver.dead_letters("lines").unwrap()[0];
    assert_eq!(dead.value["offset"], 0);
    assert_eq!(dead.value["topic"], "lines");
    assert!(dead.value["size_bytes"].as_u64().unwrap() > 100_000);
    assert_eq!(dead.value["value_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(dead.value["reason"], "process: never");
}

#[test]
fn skip_drops_and_counts() {
    let mut driver = driver(FailureKind::Process, Policy::Skip);
    line(&mut driver, "a", "never");
    line(&mut driver, "a", "fine");
    assert_eq!((out(&driver).len(), driver.counters().skipped), (1, 1));
    assert!(driver.dead_letters("lines").unwrap().is_empty());
}

#[test]
fn a_retry_holds_the_task_until_it_succeeds_or_is_used_up() {
    let policy = Policy::Retry { attempts: 3, backoff_ms: 1_000, otherwise: Otherwise::DeadLetter };
    let mut driver = driver(FailureKind::Process, policy);
    line(&mut driver, "a", "after-2s");
    line(&mut driver, "b", "fine");
    assert!(out(&driver).is_empty());
    driver.advance(3_000).unwrap();
    assert_eq!(out(&driver), ["after-2s", "fine"]);
    line(&mut driver, "a", "later");
    line(&mut driver, "b", "fine");
    driver.advance(6_999).unwrap();
    assert_eq!(out(&driver).len(), 2);
    driver.advance(1).unwrap();
    assert_eq!((out(&driver).len(), driver.dead_letters("lines").unwrap().len()), (3, 1));
    line(&mut driver, "a", "never");
    assert_eq!(driver.dead_letters("lines").unwrap().len(), 2, "what can't be mended is not retried");
}

#[test]
fn stop_stops_and_names_the_record() {
    let mut driver = driver(FailureKind::Process, Policy::Stop);
    line(&mut driver, "a", "fine");
    let error = driver.send_raw("lines", Some(b"a"), Some(b"never"), Headers::new()).unwrap_err();
    assert!(error.to_string().contains("lines[0]@1"), "{error}");
    assert_eq!(out(&driver), ["fine"]);
    assert!(driver.settle().is_err(), "it stays stopped");
}

#[test]
fn late_records_are_dropped_and_counted() {
    let mut topology = Topology::named("late");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines").grace(1_000);
    main.store(StoreSpec::key_value("seen"));
    main.raw_sink("out", "out");
    main.processor("fragile", &["lines"], &["seen"], || Fragile);
    let mut driver = TestDriver::new(&topology.build().unwrap()).unwrap();
    for (at, value) in [(10_000, "first"), (9_000, "in grace"), (8_999, "late")] {
        let at = headwater_event::Timestamp::from_millis(at);
        driver.append_raw("lines", Some(b"a"), Some(value.as_bytes()), Headers::new(), at).unwrap();
    }
    driver.settle().unwrap();
    assert_eq!((out(&driver), driver.counters().late), (vec!["first".to_owned(), "in grace".to_owned()], 1));
}
