//! The law: whatever commits, aborts and crashes lie between, the outcome is that of a plain model without them.

use std::collections::BTreeMap;

use headwater_log::Headers;
use headwater_streams::{Context, Failure, Input, Processor, StoreSpec, TestDriver, TimeKind, Timer, Topology};
use proptest::prelude::*;

use crate::messages::CART;

/// Counts by key, says each count, fails on `bad` after having written, and rings a bell by event time.
struct Counter;

impl Processor for Counter {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        let count: u64 = context.get_json("counts", &key)?.unwrap_or(0) + 1;
        context.put_json("counts", &key, &count)?;
        context.send_raw("out", Some(&key), Some(count.to_string().as_bytes()), Headers::new())?;
        context.schedule("bell", &key, context.event_time().plus_millis(5), TimeKind::EventTime)?;
        if input.value() == Some(b"bad") {
            context.delete("counts", &key)?;
            return Err(Failure::process("bad"));
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        context.send_raw("out", Some(&timer.key), Some(b"bell"), Headers::new())
    }
}

fn topology() -> Topology {
    let mut topology = Topology::named("counter");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines");
    main.store(StoreSpec::key_value("counts"));
    main.raw_sink("out", "out");
    main.processor("counter", &["lines"], &["counts"], || Counter);
    topology.build().unwrap()
}

#[derive(Debug, Clone)]
enum Act {
    Line { key: u8, bad: bool, after_ms: i64 },
    Settle,
    Commit,
    Abort,
    Crash,
    Move,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..4_u8, prop::bool::weighted(0.2), 0..4_i64)
            .prop_map(|(key, bad, after_ms)| Act::Line { key, bad, after_ms }),
        3 => Just(Act::Settle),
        2 => Just(Act::Commit),
        1 => Just(Act::Abort),
        1 => Just(Act::Crash),
        1 => Just(Act::Move),
    ];
    prop::collection::vec(act, 1..60)
}

/// What the outputs are without any of it: a list and two maps.
fn model(acts: &[Act]) -> (Vec<(String, String)>, BTreeMap<String, u64>, usize) {
    let (mut out, mut counts, mut dead) = (Vec::new(), BTreeMap::new(), 0);
    let mut bells: BTreeMap<String, i64> = BTreeMap::new();
    let mut time = 0;
    for act in acts {
        let Act::Line { key, bad, after_ms } = act else { continue };
        time += after_ms;
        let key = format!("k{key}");
        if *bad {
            dead += 1;
        } else {
            let count = counts.entry(key.clone()).or_insert(0);
            *count += 1;
            out.push((key.clone(), count.to_string()));
            bells.insert(key, time + 5);
        }
        let mut due: Vec<_> = bells.iter().filter(|(_, due)| **due <= time).map(|(k, due)| (*due, k.clone())).collect();
        due.sort_by_key(|(due, key)| (*due, key.len(), key.clone()));
        for (_, key) in due {
            bells.remove(&key);
            out.push((key, "bell".to_owned()));
        }
    }
    (out, counts, dead)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn commits_aborts_and_crashes_change_nothing(acts in acts()) {
        let mut driver = TestDriver::new(&topology()).unwrap();
        driver.auto_commit(false);
        let mut at = headwater_event::Timestamp::from_millis(0);
        for act in &acts {
            match act {
                Act::Line { key, bad, after_ms } => {
                    at = at.plus_millis(*after_ms);
                    let key = format!("k{key}");
                    let value: &[u8] = if *bad { b"bad" } else { b"good" };
                    driver.append_raw("lines", Some(key.as_bytes()), Some(value), Headers::new(), at).unwrap();
                }
                Act::Settle => driver.settle().unwrap(),
                Act::Commit => driver.commit().unwrap(),
                Act::Abort => driver.abort(),
                Act::Crash => driver.crash().unwrap(),
                Act::Move => driver.crash_without_disk().unwrap(),
            }
        }
        driver.auto_commit(true);
        driver.settle().unwrap();
        driver.commit().unwrap();
        let (out, counts, dead) = model(&acts);
        let actual: Vec<(String, String)> = driver.outputs("out").unwrap().into_iter()
            .map(|r| (r.key, String::from_utf8_lossy(&r.bytes.unwrap()).into_owned())).collect();
        prop_assert_eq!(actual, out);
        let stored: BTreeMap<String, u64> = driver.store("counts").unwrap().entries().into_iter()
            .map(|(key, value)| (String::from_utf8_lossy(&key).into_owned(), serde_json::from_slice(&value).unwrap()))
            .collect();
        prop_assert_eq!(stored, counts);
        prop_assert_eq!(driver.dead_letters("lines").unwrap().len(), dead);
        driver.crash_without_disk().unwrap();
        let restored = driver.store("counts").unwrap().entries().len();
        prop_assert_eq!(restored, model(&acts).1.len());
    }
}

#[test]
fn ids_are_the_same_when_an_aborted_transaction_is_done_again() {
    use crate::cart::topology;
    use crate::messages::*;
    let mut driver = TestDriver::new(&topology()).unwrap();
    let ids = |driver: &TestDriver| -> Vec<_> {
        driver.outputs("cart.events").unwrap().into_iter().map(|r| r.envelope.unwrap().id).collect()
    };
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    let first = ids(&driver);
    let mut again = TestDriver::new(&topology()).unwrap();
    again.auto_commit(false);
    again.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    again.abort();
    again.settle().unwrap();
    again.crash().unwrap();
    again.settle().unwrap();
    assert!(ids(&again).is_empty(), "nothing is visible before the commit");
    again.commit().unwrap();
    assert_eq!(ids(&again), first);
}
