#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_kafka::TopicPrefix;
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::plan::RebuildPlan;
use crate::platform;
use crate::records::Ends;

fn plan(prefix: &TopicPrefix) -> RebuildPlan {
    let tasks = vec!["orders/main/0".to_owned()];
    RebuildPlan::of(&platform::named("orders").unwrap(), "headwater", prefix, tasks).unwrap()
}

#[test]
fn the_plan_says_what_is_folded_and_what_is_kept() {
    let mut plan = plan(&TopicPrefix::none());
    let at = |offset| Offset::new(offset).unwrap();
    let partition = TopicPartition::new(TopicName::new("orders.events").unwrap(), Partition::new(0));
    plan.measure(&[(partition, Ends { beginning: at(2), end: at(100) })].into());
    assert_eq!((plan.partitions, plan.records), (1, 98));
    let text = plan.describe();
    for expected in
        ["folded", "orders.events", "98 offsets", "orders-main-changelog", "orders, timers", "kept", "wiped"]
    {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}

#[test]
fn topics_of_an_installation_have_its_prefix() {
    let plan = plan(&TopicPrefix::new("test.").unwrap());
    assert_eq!((plan.events.as_str(), plan.changelog.as_str()), ("test.orders.events", "test.orders-main-changelog"));
}

#[test]
fn a_processor_that_keeps_what_no_event_holds_has_no_plan() {
    for name in ["payments", "shipping", "inventory", "notifications", "order-views"] {
        let topology = platform::named(name).unwrap();
        assert!(RebuildPlan::of(&topology, "headwater", &TopicPrefix::none(), Vec::new()).is_err(), "{name}");
    }
}
