#![allow(clippy::unwrap_used)]
use super::*;

fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), Partition::new(partition))
}

#[test]
fn what_was_put_in_is_found_by_borrowed_name_in_any_order() {
    let mut map = PartitionMap::default();
    for topic in ["a", "b"] {
        for partition in 0..3 {
            map.insert(at(topic, partition), format!("{topic}{partition}"));
        }
    }
    for (topic, partition) in [("b", 2), ("a", 0), ("a", 0), ("b", 0), ("a", 2)] {
        let found = map.find_mut(topic, Partition::new(partition)).cloned();
        assert_eq!(found, Some(format!("{topic}{partition}")));
    }
    assert_eq!(map.find("c", Partition::new(0)), None);
    assert_eq!(map.find("a", Partition::new(3)), None);
}

#[test]
fn a_removed_partition_is_not_found_though_it_was_the_last_one_found() {
    let mut map = PartitionMap::default();
    let place = map.insert(at("a", 1), 1);
    assert_eq!(map.find("a", Partition::new(1)), Some(place));
    assert_eq!(map.remove(&at("a", 1)), Some(1));
    assert_eq!(map.find("a", Partition::new(1)), None);
    assert!(map.is_empty());
    assert_eq!(map.insert(at("b", 0), 2), place, "its place is free again");
    assert_eq!(map.find("a", Partition::new(1)), None);
    assert_eq!(map.get(&at("b", 0)), Some(&2));
}

#[test]
fn putting_in_twice_replaces() {
    let mut map = PartitionMap::default();
    let place = map.insert(at("a", 0), 1);
    assert_eq!(map.insert(at("a", 0), 2), place);
    assert_eq!(map.iter().count(), 1);
    assert_eq!(map.get(&at("a", 0)), Some(&2));
}
