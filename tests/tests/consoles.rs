//! Orders typed into Kafka's own console producer and into kcat end once each, as Kafka's own console consumer and kcat
//! read them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_tests::console::{KafkaTools, kcat};
use headwater_tests::ended::Ended;
use headwater_tests::headwater::{Headwater, Place, place_order, receive_stock};
use headwater_tests::platform::Platform;

const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const PATIENCE: Duration = Duration::from_secs(60);
const EACH_WAY: usize = 10;

#[test]
fn typed_orders_end_on_apache_kafka() {
    let Some(tools) = KafkaTools::find("consoles") else { return };
    let Some(platform) = Platform::apache_kafka("consoles") else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("a", folder.path());
    let mut process = Headwater::run_all(&platform, &place, &[], &folder.path().join("run.log"));
    process.wait_healthy(&format!("{}/health", place.url()), PATIENCE);
    typed_orders_end_once(&tools, &platform, &mut process);
    process.signal_and_wait("INT", Duration::from_secs(30));
    platform.remove();
}

#[test]
fn typed_orders_end_on_headwater_dev() {
    let Some(tools) = KafkaTools::find("consoles on dev") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut process, ports) = Headwater::dev(&folder.path().join("dev"), None, &[], &folder.path().join("dev.log"));
    typed_orders_end_once(&tools, &Platform::of_dev(&ports), &mut process);
}

fn typed_orders_end_once(tools: &KafkaTools, platform: &Platform, process: &mut Headwater) {
    let ended = Ended::follow(platform);
    let (stock, commands) = (platform.topic("inventory.commands"), platform.topic("orders.commands"));
    let server = ["--bootstrap-server", platform.bootstrap.as_str(), "--topic"];
    let produce = |topic: &str, more: &[&str], lines: &str| {
        let arguments = [&server[..], &[topic], more].concat();
        let _prompt = tools.run(PRODUCER, &arguments, lines);
    };
    produce(&stock, &[], &format!("{}\n", receive_stock("84029E", 10_000)));
    // Stock that was typed is there once an order gets it: unkeyed commands of two topics have no mutual order.
    wait_for_stock(platform, &ended, tools, &commands);

    let keyed = ["--property", "parse.key=true", "--property", "key.separator=|"];
    let mut typed = BTreeSet::new();
    let mut lines = |name: &str, key: bool| {
        let orders = (0..EACH_WAY).map(|number| format!("{name}-{number}"));
        let text: Vec<String> = orders
            .map(|order| {
                // One in ten wants what does not exist: it ends too, cancelled.
                let sku = if order.ends_with("-7") { "NO-SUCH-SKU" } else { "84029E" };
                let line = place_order(&order, sku, 2);
                let line = if key { format!("{order}|{line}\n") } else { format!("{line}\n") };
                typed.insert(order);
                line
            })
            .collect();
        text.concat()
    };
    let (with_keys, without_keys) = (lines("console-keyed", true), lines("console-plain", false));
    produce(&commands, &keyed, &with_keys);
    produce(&commands, &[], &without_keys);
    let kcat_arguments = |more: &[&'static str]| [&["-P", "-b", &platform.bootstrap, "-t", &commands], more].concat();
    if kcat(&["-L", "-b", &platform.bootstrap], "").is_some() {
        let (with_keys, without_keys) = (lines("kcat-keyed", true), lines("kcat-plain", false));
        let _nothing = kcat(&kcat_arguments(&["-K|"]), &with_keys);
        let _nothing = kcat(&kcat_arguments(&[]), &without_keys);
    }
    ended.wait_for_all(&typed, PATIENCE, || process.check().unwrap()).unwrap();

    let events = platform.topic("orders.events");
    let read = [
        "--from-beginning",
        "--isolation-level",
        "read_committed",
        "--timeout-ms",
        "6000",
        "--property",
        "print.headers=true",
        "--property",
        "print.key=true",
        "--property",
        "print.value=false",
    ];
    let seen = tools.run(CONSUMER, &[&server[..], &[&events], &read].concat(), "");
    each_ends_once("Kafka's console consumer", &typed, &seen);
    let arguments = [
        "-C",
        "-b",
        &platform.bootstrap,
        "-t",
        &events,
        "-o",
        "beginning",
        "-e",
        "-q",
        "-X",
        "isolation.level=read_committed",
        "-f",
        "%h\t%k\n",
    ];
    if let Some(seen) = kcat(&arguments, "") {
        each_ends_once("kcat", &typed, &seen);
    }
}

/// Types orders until one is delivered.
fn wait_for_stock(platform: &Platform, ended: &Ended, tools: &KafkaTools, commands: &str) {
    let order = "first".to_owned();
    let server = ["--bootstrap-server", platform.bootstrap.as_str(), "--topic", commands];
    let _prompt = tools.run(PRODUCER, &server, &format!("{}\n", place_order(&order, "84029E", 1)));
    ended.wait_for_all(&BTreeSet::from([order]), PATIENCE, || {}).unwrap();
}

/// Lines of headers and key: each order has one end, and only those that can't be had are cancelled for that.
fn each_ends_once(reader: &str, typed: &BTreeSet<String>, lines: &str) {
    let mut ends: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines.lines() {
        let Some((headers, key)) = line.rsplit_once('\t') else { continue };
        for end in ["OrderDelivered", "OrderCancelled"] {
            if headers.contains(&format!("headwater.orders.{end}")) {
                ends.entry(key).or_default().push(end);
            }
        }
    }
    for order in typed {
        let found = ends.get(order.as_str()).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found.len(), 1, "{reader}: order {order} ended as {found:?}\n{lines}");
        if order.ends_with("-7") {
            assert_eq!(found, ["OrderCancelled"], "{reader}: order {order}");
        }
    }
    let delivered = typed.iter().filter(|order| ends[order.as_str()] == ["OrderDelivered"]).count();
    assert!(delivered > typed.len() / 2, "{reader}: only {delivered} of {} were delivered", typed.len());
    println!("{reader}: {} orders, {delivered} of them delivered, each ended once", typed.len());
}
