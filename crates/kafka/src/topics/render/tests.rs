#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::TopicName;

use super::*;
use crate::topics::{Compatibility, ConfigDifference, SchemaChange, SchemaSubject};

fn example() -> Plan {
    let topic = |name: &str| TopicName::new(name).unwrap();
    let difference = ConfigDifference {
        name: "retention.ms".to_owned(),
        before: Some("1".to_owned()),
        after: Some("-1".to_owned()),
    };
    let subject = SchemaSubject {
        subject: "c-value".to_owned(),
        topic: topic("c"),
        schemas: vec!["x.avsc".to_owned(), "y.avsc".to_owned()],
        compatibility: Compatibility::BackwardTransitive,
    };
    Plan {
        cluster_id: "c-1".to_owned(),
        changes: vec![
            TopicChange::AlterConfigs { topic: topic("b"), configs: vec![difference] },
            TopicChange::Delete { topic: topic("d"), partitions: 2 },
        ],
        schemas: vec![SchemaChange { subject, is_first: true }],
        notes: vec![],
    }
}

#[test]
fn a_plan_reads_like_a_plan() {
    let expected = "\
~ topic b
    retention.ms: 1 -> -1
- topic d (2 partitions and all their records)
+ subject c-value (first version, BACKWARD_TRANSITIVE)
    x.avsc + y.avsc
Plan for cluster c-1: 0 to create, 1 to change, 1 to delete, 1 schemas to register.
";
    assert_eq!(render_text(&example(), false), expected);
}

#[test]
fn colours_are_only_colours() {
    let coloured = render_text(&example(), true);
    assert!(coloured.contains("\x1b[31m- topic d"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render_text(&example(), false));
}

#[test]
fn json_names_the_action_of_each_change() {
    let json: serde_json::Value = serde_json::from_str(&render_json(&example()).unwrap()).unwrap();
    assert_eq!(json["changes"][0]["action"], "alter_configs");
    assert_eq!(json["changes"][1]["action"], "delete");
    assert_eq!(json["schemas"][0]["subject"], "c-value");
    assert_eq!(json["schemas"][0]["is_first"], true);
}

#[test]
fn no_change_says_so() {
    let plan = Plan { cluster_id: "c-1".to_owned(), ..Plan::default() };
    assert_eq!(render_text(&plan, false), "No changes: cluster c-1 is as declared.\n");
}
