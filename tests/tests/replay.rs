//! `headwater replay order-views` gives the documents and the answers that were there before, byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headwater_tests::ended::Ended;
use headwater_tests::headwater::{Headwater, Place, run};
use headwater_tests::load::{Orders, send_all};
use headwater_tests::metrics::wait_until_quiet;
use headwater_tests::platform::Platform;
use headwater_tests::reader::TopicReader;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const PATIENCE: Duration = Duration::from_secs(90);
const ORDERS: usize = 150;

/// What anybody can see of the orders.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The last document of each key in the compacted topic.
    documents: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Answers by path.
    answers: BTreeMap<String, String>,
}

fn look(platform: &Platform, url: &str) -> Seen {
    let mut documents = BTreeMap::new();
    for record in TopicReader::new(platform).read_raw("orders.views").unwrap() {
        let key = record.key.unwrap();
        match record.value {
            Some(value) => documents.insert(key, value),
            None => documents.remove(&key),
        };
    }
    let paths = [
        "/api/v1/orders?limit=1000",
        "/api/v1/orders?status=cancelled&limit=1000",
        "/api/v1/orders?customer_id=c-7",
        "/api/v1/analytics/orders/status-distribution",
        "/api/v1/analytics/orders/revenue-by-day",
    ];
    let get = |path: &str| {
        let answer = reqwest::blocking::get(format!("{url}{path}")).unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().unwrap()
    };
    let answers = paths.iter().map(|path| ((*path).to_owned(), get(path))).collect();
    Seen { documents, answers }
}

/// Sends orders, waits until they have ended, and looks.
fn fill(platform: &Platform, url: &str, process: &mut Headwater) -> Seen {
    let ended = Ended::follow(platform);
    let (orders, commands) = Orders::new("replay", 5).take(ORDERS);
    send_all(platform, &Orders::stock());
    send_all(platform, &commands);
    ended.wait_for_all(&orders.into_keys().collect(), PATIENCE, || process.check().unwrap()).unwrap();
    wait_until_quiet(url, PATIENCE, || process.check().unwrap());
    let seen = look(platform, url);
    assert_eq!(seen.documents.len(), ORDERS);
    seen
}

fn assert_same(before: &Seen, after: &Seen) {
    assert_eq!(before.documents.keys().collect::<Vec<_>>(), after.documents.keys().collect::<Vec<_>>());
    for (key, document) in &before.documents {
        assert_eq!(document, &after.documents[key], "document of {}", String::from_utf8_lossy(key));
    }
    assert_eq!(before.answers, after.answers);
}

/// Runs the tool: it must end so, and say that.
fn replay(arguments: &[&str], code: i32, says: &str) {
    let (found, output, errors) = run(&[&["replay", "order-views"], arguments].concat(), &[], "");
    let text = format!("{output}{errors}");
    assert_eq!(found, code, "{arguments:?}: {text}");
    assert!(text.contains(says), "{arguments:?} says: {text}");
}

#[test]
fn a_replay_on_apache_kafka_gives_the_same_bytes() {
    let Some(platform) = Platform::apache_kafka("replay") else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("a", folder.path());
    let log = folder.path().join("run.log");
    let start = || {
        let mut process = Headwater::run_all(&platform, &place, &[], &log);
        process.wait_healthy(&format!("{}/health", place.url()), PATIENCE);
        process
    };
    let mut process = start();
    let before = fill(&platform, &place.url(), &mut process);
    let records = records_of_views(&platform);
    let state = place.state_dir.to_string_lossy().into_owned();
    let tool = [
        "--application",
        &platform.application,
        "-b",
        &platform.bootstrap,
        "--registry",
        &platform.registry_url,
        "--topic-prefix",
        &platform.prefix,
        "--state-dir",
        &state,
    ];
    let for_good = [&tool[..], &["--yes"]].concat();
    replay(&for_good, 1, "is running");
    process.signal_and_wait("INT", Duration::from_secs(30));
    replay(&tool, 0, "nothing was changed");
    assert_eq!(records_of_views(&platform), records, "a plan changes nothing");
    // What is only left where it was would show now.
    let lost = before.documents.keys().next().unwrap();
    remove_document(&platform, lost);
    replay(&for_good, 0, "is rebuilt");
    let mut process = start();
    wait_until_quiet(&place.url(), PATIENCE, || process.check().unwrap());
    assert_same(&before, &look(&platform, &place.url()));
    process.signal_and_wait("INT", Duration::from_secs(30));
    platform.remove();
}

#[test]
fn a_replay_on_the_data_of_headwater_dev_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("dev"), folder.path().join("dev.log"));
    let (mut process, ports) = Headwater::dev(&data, None, &[], &log);
    let before = fill(&Platform::of_dev(&ports), &ports.url(""), &mut process);
    process.signal_and_wait("INT", Duration::from_secs(30));
    replay(&["--data-dir", &text(&data), "--yes"], 0, "is rebuilt");
    let (mut process, ports) = Headwater::dev(&data, Some(&ports), &[], &log);
    wait_until_quiet(&ports.url(""), PATIENCE, || process.check().unwrap());
    assert_same(&before, &look(&Platform::of_dev(&ports), &ports.url("")));
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Writes a tombstone, as somebody might by mistake.
fn remove_document(platform: &Platform, key: &[u8]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &platform.bootstrap)
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let topic = platform.topic("orders.views");
    producer.send(BaseRecord::<'_, [u8], [u8]>::to(&topic).key(key)).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    let documents = TopicReader::new(platform).read_raw("orders.views").unwrap();
    let last = documents.iter().rfind(|record| record.key.as_deref() == Some(key)).unwrap();
    assert_eq!(last.value, None, "the document is gone");
}

fn records_of_views(platform: &Platform) -> usize {
    TopicReader::new(platform).read_raw("orders.views").unwrap().len()
}
