#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::topics::render_text;

/// A cluster by text: `name partitions [own.config=value …]`; every topic has Kafka's defaults besides.
fn cluster(lines: &[&str]) -> Actual {
    let topics = lines
        .iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = TopicName::new(words.next().unwrap()).unwrap();
            let partitions = words.next().unwrap().parse().unwrap();
            let own_configs: BTreeMap<_, _> = words
                .map(|word| word.split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let mut configs = BTreeMap::from([
                ("cleanup.policy".to_owned(), "delete".to_owned()),
                ("retention.ms".to_owned(), "604800000".to_owned()),
                ("max.message.bytes".to_owned(), "1048588".to_owned()),
            ]);
            configs.extend(own_configs.clone());
            ActualTopic { name, partitions, replication_factor: 1, own_configs, configs }
        })
        .collect();
    Actual { cluster_id: "c-1".to_owned(), topics }
}

fn declared(topics: &str) -> Declaration {
    Declaration::parse(&format!("version: 1\ndefaults: {{partitions: 6}}\ntopics:\n{topics}"), "topics.yaml").unwrap()
}

fn options(allow_delete: bool, prefix: &str) -> PlanOptions {
    PlanOptions { allow_delete, prefix: TopicPrefix::new(prefix).unwrap() }
}

/// Plans, and compares the plan as people read it, line by line and without the summary; `!` lines are notes.
fn check(topics: &str, actual: &[&str], options: &PlanOptions, expected: &[&str]) {
    let text = match plan(&declared(topics), &cluster(actual), options) {
        Ok(plan) => render_text(&plan, false),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused);
            error.to_string().lines().map(|line| format!("refused: {line}\n")).collect::<String>() + "\n"
        }
    };
    let lines: Vec<_> = text.lines().collect();
    let lines = &lines[..lines.len() - 1];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line:?} does not say {expected:?} in\n{text}");
    }
}

#[test]
fn a_topic_that_is_as_declared_needs_nothing() {
    check(
        "  - {name: a, owner: o, configs: {retention.ms: -1, cleanup.policy: 'compact,delete'}}\n",
        &["a 6 retention.ms=-1 cleanup.policy=delete,compact"],
        &options(false, ""),
        &[],
    );
}

#[test]
fn a_value_that_is_the_brokers_default_anyway_is_no_change() {
    check("  - {name: a, owner: o, configs: {max.message.bytes: 1048588}}\n", &["a 6"], &options(false, ""), &[]);
}

#[test]
fn a_missing_topic_is_created_with_its_dead_letters() {
    check(
        "  - {name: a, owner: o, dead_letters: true, configs: {max.message.bytes: 1000}}\n",
        &[],
        &options(false, ""),
        &[
            "+ topic a (6 partitions, replication factor the broker's default)",
            "max.message.bytes = 1000",
            "+ topic a.dlq (6 partitions",
            "cleanup.policy = delete",
            "max.message.bytes = 66536",
            "retention.ms = -1",
        ],
    );
}

#[test]
fn partitions_are_added_with_a_warning_and_never_taken_away() {
    check(
        "  - {name: a, owner: o, key: id}\n",
        &["a 3"],
        &options(false, ""),
        &["~ topic a: partitions 3 -> 6", "! topic a is keyed by id"],
    );
    check(
        "  - {name: a, owner: o}\n",
        &["a 9"],
        &options(true, ""),
        &["refused: topic a has 9 partitions, and 6 are declared: Kafka can't take partitions away, so declare 9"],
    );
}

#[test]
fn configs_are_set_and_those_nobody_declared_are_reset() {
    check(
        "  - {name: a, owner: o, configs: {retention.ms: 1000}}\n",
        &["a 6 segment.bytes=14 follower.replication.throttled.replicas=0:1"],
        &options(false, ""),
        &["~ topic a", "retention.ms: 604800000 -> 1000", "segment.bytes: 14 -> (the broker's default)"],
    );
}

#[test]
fn replication_is_only_reported() {
    check(
        "  - {name: a, owner: o, replication_factor: 3}\n",
        &["a 6"],
        &options(false, ""),
        &["! topic a has replication factor 1, and 3 is declared"],
    );
}

#[test]
fn undeclared_topics_of_the_name_space_are_deleted_only_when_allowed() {
    let topics = "  - {name: shop.a, owner: o}\n";
    let actual = ["shop.a 6", "shop.old 2", "elsewhere 1", "_schemas 1", "shop.x-changelog 6"];
    check(topics, &actual, &options(false, ""), &["! topic shop.old is not declared"]);
    check(topics, &actual, &options(true, ""), &["- topic shop.old (2 partitions and all their records)"]);
}

#[test]
fn an_undeclared_topic_that_keeps_for_ever_is_protected() {
    let actual = ["shop.a 6", "shop.events 6 retention.ms=-1"];
    check(
        "  - {name: shop.a, owner: o}\n",
        &actual,
        &options(true, ""),
        &["refused: topic shop.events is not declared and keeps its records for ever"],
    );
    let retired = "  - {name: shop.a, owner: o}\n  - {name: shop.events, owner: o, absent: true}\n";
    check(retired, &actual, &options(true, ""), &["- topic shop.events"]);
    check(retired, &actual, &options(false, ""), &["! topic shop.events is declared absent: use --allow-delete"]);
}

#[test]
fn a_protected_topic_is_never_deleted() {
    check(
        "  - {name: a, owner: o, absent: true, deletion_protection: true}\n",
        &["a 6"],
        &options(true, ""),
        &["refused: topic a is declared absent and is protected"],
    );
}

#[test]
fn a_prefix_keeps_installations_apart() {
    let topics = "  - {name: shop.a, owner: o}\n";
    let actual = ["shop.a 6", "shop.old 1", "staging.shop.old 1"];
    check(
        topics,
        &actual,
        &options(true, "staging."),
        &["+ topic staging.shop.a (6 partitions", "- topic staging.shop.old"],
    );
}

#[test]
fn all_refusals_are_told_at_once() {
    check(
        "  - {name: a, owner: o}\n  - {name: b, owner: o}\n",
        &["a 9", "b 7"],
        &options(false, ""),
        &["refused: topic a has 9", "refused: topic b has 7"],
    );
}

#[test]
fn another_cluster_is_refused() {
    let declaration = Declaration::parse("version: 1\ncluster_id: prod\ntopics: []\n", "f").unwrap();
    let error = plan(&declaration, &cluster(&[]), &options(false, "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("this file is for cluster prod, and this is cluster c-1"), "{error}");
}

#[test]
fn empty_and_drifted_are_two_questions() {
    let plan_of =
        |actual: &[&str]| plan(&declared("  - {name: s.a, owner: o}\n"), &cluster(actual), &options(false, ""));
    let same = plan_of(&["s.a 6"]).unwrap();
    assert!(same.is_empty() && !same.has_drifted());
    let stray = plan_of(&["s.a 6", "s.b 1"]).unwrap();
    assert!(stray.is_empty() && stray.has_drifted());
    let missing = plan_of(&[]).unwrap();
    assert!(!missing.is_empty() && missing.has_drifted());
}
