#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::topics::{PlanOptions, plan};

fn actual(name: &str, partitions: u32, configs: &[(&str, &str)]) -> ActualTopic {
    let configs: BTreeMap<_, _> =
        configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ActualTopic {
        name: TopicName::new(name).unwrap(),
        partitions,
        replication_factor: 1,
        own_configs: configs.clone(),
        configs,
    }
}

fn cluster(topics: Vec<ActualTopic>) -> Actual {
    Actual { cluster_id: "c-1".to_owned(), topics }
}

#[test]
fn what_is_imported_plans_no_change() {
    let cluster = cluster(vec![
        actual("a.events", 6, &[("retention.ms", "-1"), ("max.message.bytes", "1000")]),
        actual(
            "a.events.dlq",
            6,
            &[("cleanup.policy", "delete"), ("max.message.bytes", "66536"), ("retention.ms", "-1")],
        ),
        actual("b", 1, &[]),
        actual("_schemas", 1, &[]),
        actual("p-s-changelog", 1, &[]),
    ]);
    let yaml = import(&cluster, &TopicPrefix::none()).unwrap();
    let declared = Declaration::parse(&yaml, "imported").unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let names: Vec<_> = declared.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["a.events", "b"]);
    assert!(declared.topics[0].dead_letters);
    let plan = plan(&declared, &cluster, &PlanOptions::default()).unwrap();
    assert!(!plan.has_drifted(), "{plan:?}");
}

#[test]
fn only_the_installations_own_topics_are_imported_and_listed() {
    let cluster = cluster(vec![actual("staging.a", 2, &[("retention.ms", "5")]), actual("a", 1, &[])]);
    let prefix = TopicPrefix::new("staging.").unwrap();
    let declared = Declaration::parse(&import(&cluster, &prefix).unwrap(), "imported").unwrap();
    assert_eq!(declared.topics.len(), 1);
    assert_eq!(declared.topics[0].name.as_str(), "a");
    let listed = list(&declared, &cluster, &prefix).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].retention_ms), ("staging.a", Some(5)));
}

#[test]
fn a_list_shows_what_is_declared_and_missing_and_what_exists_undeclared() {
    let declared = Declaration::parse("version: 1\ntopics:\n  - {name: a, owner: me, partitions: 1}\n", "f").unwrap();
    let listed = list(&declared, &cluster(vec![actual("b", 3, &[])]), &TopicPrefix::none()).unwrap();
    let lines: Vec<_> = listed.iter().map(|line| (line.name.as_str(), line.is_declared, line.partitions)).collect();
    assert_eq!(lines, [("a", true, None), ("b", false, Some(3))]);
}
