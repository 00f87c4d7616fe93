#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::topics::{Declaration, SubjectStrategy};

const HEAD: &str = "version: 1\ndefaults: {partitions: 6, configs: {max.message.bytes: 1000}}\ntopics:\n";

fn check(text: &str, expected: &str) {
    let error = Declaration::parse(text, "topics.yaml").expect_err("it should be refused").to_string();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
}

fn check_topic(topic: &str, expected: &str) {
    check(&format!("{HEAD}{topic}"), expected);
}

#[test]
fn the_projects_own_file_is_valid() {
    let text = include_str!("../../../../../topics.yaml");
    let declaration = Declaration::parse(text, "topics.yaml").expect("it should be valid");
    let events = declaration.topic("orders.events").expect("orders.events is declared");
    assert_eq!(events.partitions, 6);
    assert_eq!(events.configs.get("retention.ms").map(String::as_str), Some("-1"));
    assert_eq!(events.subject_strategy, SubjectStrategy::TopicRecord);
    assert!(events.anchor && events.deletion_protection && events.dead_letters);
}

#[test]
fn every_schema_of_the_projects_own_file_exists() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let declaration = Declaration::parse(include_str!("../../../../../topics.yaml"), "topics.yaml").unwrap();
    for schema in declaration.topics.iter().flat_map(|topic| &topic.schemas) {
        assert!(std::path::Path::new(root).join(schema).is_file(), "{schema} does not exist");
    }
}

#[test]
fn a_dead_letter_topic_has_room_for_the_reason() {
    let text = format!("{HEAD}  - {{name: a, owner: o, dead_letters: true, configs: {{max.message.bytes: 5000}}}}\n");
    let declaration = Declaration::parse(&text, "f").unwrap();
    let all = declaration.expanded(&crate::TopicPrefix::new("staging.").unwrap()).unwrap();
    let names: Vec<_> = all.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["staging.a", "staging.a.dlq"]);
    assert_eq!(all[1].message_bytes_max(), 5000 + 65_536);
    assert_eq!(all[1].configs.get("retention.ms").map(String::as_str), Some("-1"));
}

#[test]
fn config_values_may_be_numbers_booleans_or_text() {
    let text = format!(
        "{HEAD}  - {{name: a, owner: o, configs: {{retention.ms: -1, preallocate: false, min.cleanable.dirty.ratio: 0.5, cleanup.policy: compact}}}}\n"
    );
    let declaration = Declaration::parse(&text, "f").unwrap();
    let configs = &declaration.topics[0].configs;
    let values: Vec<_> = configs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "cleanup.policy=compact",
        "max.message.bytes=1000",
        "min.cleanable.dirty.ratio=0.5",
        "preallocate=false",
        "retention.ms=-1",
    ];
    assert_eq!(values, expected);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    check("version: 2\ntopics: []\n", "topics.yaml:1:10: version 2 is not known");
    check("topics: []\n", "version");
    check_topic("  - {name: a, owner: o, partitons: 3}\n", "topics.yaml:4:");
    check_topic("  - {name: a, owner: o, partitons: 3}\n", "partitons");
    check_topic("  - {name: 'a b', owner: o}\n", "topics.yaml:4:12: topic name \"a b\" is not allowed");
    check_topic("  - {name: a, owner: o, partitions: 0}\n", "cannot have 0 partitions");
    check_topic("  - {name: a, owner: o, replication_factor: 0}\n", "cannot have replication factor 0");
    check_topic("  - {name: a, owner: ''}\n", "topic a needs an owner");
    check_topic("  - {name: a, owner: o, anchor: true}\n", "cannot be an anchor without a domain");
    check_topic("  - {name: a, owner: o}\n  - {name: a, owner: o}\n", "topics.yaml:5:12: topic a is declared twice");
    check_topic("  - {name: a, owner: o, compatibility: SIDEWAYS}\n", "SIDEWAYS");
    check_topic("  - {name: a, owner: o, configs: {retention.ms: [1]}}\n", "topics.yaml:4:");
    check_topic(
        "  - {name: a, owner: o, dead_letters: true}\n  - {name: a.dlq, owner: o}\n",
        "topic a.dlq is declared already by `dead_letters: true` of a",
    );
    check("version: 1\ntopics:\n  - {name: a, owner: o}\n", "topic a has no partitions");
}

#[test]
fn a_domain_has_one_anchor_and_one_partition_count() {
    check_topic("  - {name: a, owner: o, domain: d}\n", "domain d has no anchor");
    check_topic(
        "  - {name: a, owner: o, domain: d, anchor: true}\n  - {name: b, owner: o, domain: d, anchor: true}\n",
        "domain d has several anchors (a, b)",
    );
    check_topic(
        "  - {name: a, owner: o, domain: d, anchor: true}\n  - {name: b, owner: o, domain: d, partitions: 3}\n",
        "give them the same count",
    );
}
