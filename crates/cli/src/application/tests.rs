#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_kafka::{OffsetToCommit, TopicPrefix};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::*;

fn partition(topic: &str, number: u32) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), Partition::new(number))
}

fn committed(topic: &str, number: u32, offset: i64, metadata: &str) -> CommittedOffset {
    CommittedOffset {
        partition: partition(topic, number),
        offset: Some(Offset::new(offset).unwrap()),
        metadata: metadata.to_owned(),
    }
}

fn plan(from: &[CommittedOffset], to: &[CommittedOffset]) -> MovePlan {
    let readers = Readers::of(&platform::all().unwrap(), &TopicPrefix::none()).unwrap();
    MovePlan::make("order-views", from, to, &readers)
}

fn commits(offsets: &[OffsetToCommit]) -> Vec<(String, i64, &str)> {
    let told = |commit: &OffsetToCommit| (commit.partition.to_string(), commit.offset.get());
    offsets.iter().map(|commit| (told(commit).0, told(commit).1, commit.metadata.as_str())).collect()
}

#[test]
fn positions_move_and_others_stay() {
    let from = [
        committed("orders.events", 0, 90, "hw1;order-views/views=90;orders/main=100"),
        committed("orders.commands", 0, 7, "hw1;orders/main=7"),
    ];
    let to = [committed("orders.events", 0, 50, "hw1;sagas/tracker=50")];
    let plan = plan(&from, &to);
    let events = partition("orders.events", 0).to_string();
    assert_eq!(commits(&plan.to), [(events.clone(), 50, "hw1;order-views/views=90;sagas/tracker=50")]);
    assert_eq!(commits(&plan.from), [(events, 100, "hw1;orders/main=100")]);
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.emptied.is_empty() && !plan.replaces());
}

#[test]
fn a_partition_that_nobody_reads_any_more_is_forgotten() {
    let plan = plan(&[committed("orders.events", 3, 5, "hw1;order-views/views=5")], &[]);
    assert_eq!(plan.emptied, [partition("orders.events", 3)]);
    assert!(plan.from.is_empty());
}

#[test]
fn a_name_that_only_begins_the_same_is_another_processor() {
    let plan = plan(&[committed("orders.events", 0, 5, "hw1;order-views-2/views=5;order/views=7")], &[]);
    assert_eq!(plan, MovePlan::default());
}

#[test]
fn positions_from_before_are_replaced_knowingly() {
    let from = [committed("orders.events", 0, 90, "hw1;order-views/views=90")];
    assert!(plan(&from, &[committed("orders.events", 0, 10, "hw1;order-views/views=10")]).replaces());
    let again = plan(&from, &[committed("orders.events", 0, 90, "hw1;order-views/views=90")]);
    assert!(!again.replaces(), "a move that broke off is completed by doing it again");
}

#[test]
fn an_offset_that_was_set_by_other_means_moves_too() {
    let plan = plan(&[committed("orders.events", 0, 42, "")], &[]);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].position.get(), 42);
    assert!(plan.from[0].metadata.contains("sagas/tracker=42"), "{:?}", plan.from);
    assert!(!plan.from[0].metadata.contains("order-views"), "{:?}", plan.from);
}
