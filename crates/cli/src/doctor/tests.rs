#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use headwater_kafka::admin::{Operation, PartitionDescription, TopicDescription, TopicId};
use headwater_kafka::topics::{Plan, TopicChange};
use headwater_kafka::{ConnectionSettings, TopicPrefix};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::*;
use crate::records::Ends;

fn topic(id: u128, leader: Option<i32>, replicas: &[i32], operations: &[Operation]) -> TopicDescription {
    TopicDescription {
        name: TopicName::new("orders.events").unwrap(),
        id: TopicId(id),
        is_internal: false,
        partitions: vec![PartitionDescription {
            partition: Partition::new(0),
            leader,
            replicas: replicas.to_vec(),
            in_sync: replicas.to_vec(),
        }],
        operations: operations.to_vec(),
    }
}

#[test]
fn every_finding_is_told_with_what_to_do() {
    let good = [topic(1, Some(1), &[1, 2], &[Operation::All])];
    let check = |finding: Finding, status: Status, word: &str| {
        assert_eq!(finding.status, status, "{finding:?}");
        assert!(finding.message.contains(word), "{finding:?}");
        assert_eq!(finding.remedy.is_some(), status != Status::Ok, "{finding:?}");
    };
    check(checks::topic_ids(&good), Status::Ok, "ids");
    check(checks::topic_ids(&[topic(0, None, &[], &[])]), Status::Problem, "orders.events");
    check(checks::leaders(&good), Status::Ok, "leader");
    check(checks::leaders(&[topic(1, None, &[1], &[])]), Status::Problem, "orders.events");
    check(checks::replicas(&good, 3), Status::Ok, "copies");
    check(checks::replicas(&[topic(1, Some(1), &[1], &[])], 3), Status::Warning, "orders.events");
    check(checks::replicas(&[topic(1, Some(1), &[1], &[])], 1), Status::Ok, "development");
    check(checks::topic_permissions(&good), Status::Ok, "read and written");
    check(checks::topic_permissions(&[topic(1, Some(1), &[1], &[])]), Status::Ok, "read and written");
    check(checks::topic_permissions(&[topic(1, Some(1), &[1], &[Operation::Read])]), Status::Problem, "may not write");
    check(checks::topic_permissions(&[topic(1, Some(1), &[1], &[Operation::Write])]), Status::Problem, "may not read");
    check(checks::cluster_permissions(&[]), Status::Ok, "does not say");
    check(checks::cluster_permissions(&[Operation::Create]), Status::Ok, "created");
    check(checks::cluster_permissions(&[Operation::Describe]), Status::Warning, "may not create");
    check(checks::applications(&[]), Status::Warning, "none");
    check(checks::applications(&["headwater (1 worker)".to_owned()]), Status::Ok, "headwater");
}

#[test]
fn a_cluster_that_is_not_as_declared_is_a_problem() {
    assert_eq!(checks::topics(Ok(Plan::default())).status, Status::Ok);
    let delete = TopicChange::Delete { topic: TopicName::new("t").unwrap(), partitions: 1 };
    let finding = checks::topics(Ok(Plan { changes: vec![delete], ..Plan::default() }));
    assert_eq!((finding.status, finding.message.as_str()), (Status::Problem, "1 change pending"));
    assert_eq!(checks::topics(Err(headwater_kafka::Error::invalid("x"))).status, Status::Problem);
}

#[test]
fn missing_schemas_are_named() {
    let wanted = checks::wanted_subjects(&TopicPrefix::new("p.").unwrap());
    assert!(wanted.contains(&"p.orders.commands-value".to_owned()), "{wanted:?}");
    assert_eq!(checks::schemas(&wanted, &wanted).status, Status::Ok);
    let finding = checks::schemas(&wanted, &wanted[1..]);
    assert_eq!(finding.status, Status::Problem);
    assert!(finding.message.contains(&wanted[0]), "{finding:?}");
    assert!(checks::schemas(&wanted, &[]).message.contains("more"));
}

#[test]
fn dead_letters_and_plaintext_are_worth_knowing() {
    let at = |offset| Offset::new(offset).unwrap();
    let partition = TopicPartition::new(TopicName::new("orders.commands.dlq").unwrap(), Partition::new(0));
    let of =
        |end| checks::dead_letters(&BTreeMap::from([(partition.clone(), Ends { beginning: at(3), end: at(end) })]));
    assert_eq!(of(3).status, Status::Ok);
    assert_eq!(of(4).status, Status::Warning);
    let protection = |servers: &str| checks::protection(&ConnectionSettings::new(servers)).status;
    assert_eq!(protection("localhost:9092,127.0.0.1:9093"), Status::Ok);
    assert_eq!(protection("localhost:9092,kafka:9092"), Status::Warning);
}
