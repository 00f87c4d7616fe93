//! `headwater replay orders` puts the state of orders right from what orders published: as it was, so that what comes next
//! is answered as it would have been.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_tests::deadline::wait_for;
use headwater_tests::headwater::{Headwater, Place, run};
use headwater_tests::load::{Command, Orders, WELL_STOCKED, send_all};
use headwater_tests::metrics::wait_until_quiet;
use headwater_tests::platform::Platform;
use headwater_tests::reader::{RawRecord, TopicReader};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);
const CHANGELOG: &str = "orders-main-changelog";
/// First bytes of keys in a changelog: timers by due time, timers by name, the orders themselves.
const REBUILT: [u8; 3] = [0, 1, 16];
const TIMERS: u8 = 0;

/// A partition of the changelog, a key and its value.
type Change = (i32, Vec<u8>, Option<Vec<u8>>);

/// Something that runs all processors, and can be started again on what it left.
struct World {
    platform: Platform,
    url: String,
    /// How the tool finds it once it is stopped.
    tool: Vec<String>,
    start: Box<dyn Fn() -> Headwater>,
}

type State = BTreeMap<Vec<u8>, (i32, Vec<u8>)>;

impl World {
    /// The committed state of orders, by key, with its partition.
    fn state(&self) -> State {
        let mut state = State::new();
        for RawRecord { partition, key, value, .. } in TopicReader::new(&self.platform).read_raw(CHANGELOG).unwrap() {
            let key = key.unwrap();
            if !REBUILT.contains(&key[0]) {
                continue;
            }
            match value {
                Some(value) => state.insert(key, (partition, value)),
                None => state.remove(&key),
            };
        }
        state
    }

    /// Writes over state, as a defect or a person might.
    fn damage(&self, writes: &[Change]) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.platform.bootstrap).create().unwrap();
        let topic = self.platform.topic(CHANGELOG);
        for (partition, key, value) in writes {
            let mut record = BaseRecord::<'_, [u8], [u8]>::to(&topic).partition(*partition).key(key);
            if let Some(value) = value {
                record = record.payload(value);
            }
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    fn replay(&self, processor: &str, more: &[&str], code: i32, says: &[&str]) {
        let tool: Vec<&str> = self.tool.iter().map(String::as_str).collect();
        let (found, output, errors) = run(&[&["replay", processor], &tool[..], more].concat(), &[], "");
        let text = format!("{output}{errors}");
        assert_eq!(found, code, "{processor} {more:?}: {text}");
        for says in says {
            assert!(text.contains(says), "{processor} {more:?} does not say {says}: {text}");
        }
    }

    fn get(&self, path: &str) -> Value {
        let answer = reqwest::blocking::get(format!("{}{path}", self.url)).unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().unwrap()
    }

    fn saga(&self, order: &str) -> Value {
        self.get(&format!("/api/v1/sagas/{order}"))
    }

    fn send(&self, order: &str, command: &Value) {
        send_all(&self.platform, &[Command::new("orders.commands", order, command)]);
    }

    fn place(&self, order: &str, confirmation: &str) {
        let (sku, price) = WELL_STOCKED[0];
        let items = json!([{"sku": sku, "quantity": 1, "unit_price_minor": price}]);
        self.send(
            order,
            &json!({"type": "PlaceOrder", "order_id": order, "customer_id": "c-1", "currency": "GBP",
                    "confirmation": confirmation, "items": items}),
        );
    }

    fn events(&self, order: &str) -> Vec<String> {
        let events = TopicReader::new(&self.platform).read("orders.events").unwrap();
        events.iter().filter(|event| event.key == order).map(|event| event.kind().to_owned()).collect()
    }

    fn wait_for_events(&self, order: &str, last: &[&str]) {
        wait_for(&format!("{order} has {last:?}"), PATIENCE, || {
            let events = self.events(order);
            events.last().filter(|event| last.contains(&event.as_str())).map(drop).ok_or_else(|| format!("{events:?}"))
        });
    }
}

fn version_of(state: &State, order: &str) -> i64 {
    let key = [&[16], order.as_bytes()].concat();
    serde_json::from_slice::<Value>(&state[&key].1).unwrap()["version"].as_i64().unwrap()
}

/// The state without what a timer that was lost can't know again: all of its cause but the id.
fn comparable(state: &State) -> State {
    let mut state = state.clone();
    state.iter_mut().filter(|(key, _)| key[0] == TIMERS).for_each(|(_, (_, value))| value.clear());
    state
}

fn check(world: &World) {
    let mut process = (world.start)();
    send_all(&world.platform, &Orders::stock());
    world.place("o-done", "automatic");
    world.wait_for_events("o-done", &["OrderDelivered", "OrderCancelled"]);
    let held = ["o-confirmed", "o-cancelled", "o-waiting"];
    for order in held {
        world.place(order, "manual");
        world.wait_for_events(order, &["OrderStockHeld"]);
    }
    wait_until_quiet(&world.url, PATIENCE, || process.check().unwrap());
    let before = world.state();
    let sagas: Vec<Value> = ["o-done"].iter().chain(&held).map(|order| world.saga(order)).collect();
    assert_eq!(version_of(&before, "o-waiting"), 2, "created, held");
    assert!(before.keys().filter(|key| key[0] == TIMERS).count() >= 2 * held.len(), "they have time-outs");
    let published = TopicReader::new(&world.platform).read_raw("orders.events").unwrap().len();
    world.replay(
        "orders",
        &["--yes"],
        1,
        &[if world.platform.prefix.is_empty() { "stop `headwater dev`" } else { "is running" }],
    );

    // Half of the state is lost, timers and all; one order is not what it was, and one never was.
    let lost = before.iter().filter(|(key, _)| !key.ends_with(b"o-waiting"));
    let mut damage: Vec<_> = lost.map(|(key, (partition, _))| (*partition, key.clone(), None)).collect();
    let (waiting, (partition, _)) = before.iter().find(|(key, _)| key.ends_with(b"o-waiting") && key[0] == 16).unwrap();
    let nonsense = br#"{"version":9,"state":{"state":"delivered"}}"#.to_vec();
    damage.push((*partition, waiting.clone(), Some(nonsense.clone())));
    damage.push((*partition, b"\x10o-ghost".to_vec(), Some(nonsense)));
    world.damage(&damage);
    let damaged = world.state();
    process.signal_and_wait("INT", Duration::from_secs(30));

    world.replay("orders", &[], 0, &["orders.events", CHANGELOG, "input positions", "nothing was changed"]);
    world.replay("payments", &[], 1, &["payments can't be replayed", "charges and refunds"]);
    world.replay("orders", &["--yes"], 0, &["orders is rebuilt", &format!("{} keys put right", damage.len())]);
    world.replay("orders", &["--yes"], 0, &["orders is rebuilt", "0 keys put right"]);

    let mut process = (world.start)();
    wait_until_quiet(&world.url, PATIENCE, || process.check().unwrap());
    let after = world.state();
    assert_ne!(comparable(&before), comparable(&damaged));
    assert_eq!(comparable(&before), comparable(&after));
    let records = TopicReader::new(&world.platform).read_raw("orders.events").unwrap();
    assert_eq!(records.len(), published, "a rebuild publishes nothing and carries out no command again");
    let same: Vec<Value> = ["o-done"].iter().chain(&held).map(|order| world.saga(order)).collect();
    assert_eq!(sagas, same);

    world.send("o-confirmed", &json!({"type": "ConfirmOrder", "order_id": "o-confirmed"}));
    world.send("o-cancelled", &json!({"type": "CancelOrder", "order_id": "o-cancelled", "reason": "changed_my_mind"}));
    world.place("o-done", "automatic");
    world.wait_for_events("o-confirmed", &["OrderDelivered", "OrderCancelled"]);
    world.wait_for_events("o-cancelled", &["OrderCancelled"]);
    // Whether its payment is declined follows from its id: it is not.
    let paid = ["OrderCreated", "OrderStockHeld", "OrderConfirmed", "OrderPaid"];
    assert_eq!(world.events("o-confirmed")[..4], paid.map(str::to_owned));
    assert_eq!(world.events("o-cancelled"), ["OrderCreated", "OrderStockHeld", "OrderCancelled"]);
    wait_for("the second placement is rejected", PATIENCE, || {
        let replies = TopicReader::new(&world.platform).read("orders.replies")?;
        let reply = replies.iter().find(|reply| reply.key == "o-done");
        reply.filter(|reply| reply.text("reason").contains("already_exists")).map(drop).ok_or("no reply".to_owned())
    });
    wait_until_quiet(&world.url, PATIENCE, || process.check().unwrap());
    for order in ["o-done", "o-confirmed", "o-cancelled", "o-waiting"] {
        assert_eq!(world.saga(order)["anomalies"], json!([]), "{order}");
    }
    process.signal_and_wait("INT", Duration::from_secs(30));
}

#[test]
fn orders_rebuilt_on_the_data_of_headwater_dev_go_on_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("dev"), folder.path().join("dev.log"));
    // The first start finds free ports; the world keeps them.
    let (process, ports) = Headwater::dev(&data, None, &[], &log);
    process.signal_and_wait("INT", Duration::from_secs(30));
    let tool = vec!["--data-dir".to_owned(), data.to_string_lossy().into_owned()];
    let (platform, url) = (Platform::of_dev(&ports), ports.url(""));
    let start = Box::new(move || Headwater::dev(&data, Some(&ports), &[], &log).0);
    check(&World { platform, url, tool, start });
}

#[test]
fn orders_rebuilt_on_apache_kafka_go_on_as_before() {
    let Some(platform) = Platform::apache_kafka("replay-orders") else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("a", folder.path());
    let log = folder.path().join("run.log");
    let state = place.state_dir.to_string_lossy().into_owned();
    let Platform { bootstrap, registry_url, prefix, application } = platform.clone();
    let tool: Vec<String> = [
        ("--application", application),
        ("-b", bootstrap),
        ("--registry", registry_url),
        ("--topic-prefix", prefix),
        ("--state-dir", state),
    ]
    .into_iter()
    .flat_map(|(option, value)| [option.to_owned(), value])
    .collect();
    let (url, on) = (place.url(), platform.clone());
    let start = Box::new(move || {
        let mut process = Headwater::run_all(&on, &place, &[], &log);
        process.wait_healthy(&format!("{}/health", place.url()), PATIENCE);
        process
    });
    check(&World { platform: platform.clone(), url, tool, start });
    platform.remove();
}
