//! Consumer groups of the classic protocol.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{consumer, poll, producer, send_values, topic, until};
use crate::target::Target;

fn partitions_of(member: &BaseConsumer) -> BTreeSet<i32> {
    member.assignment().unwrap().elements().iter().map(|element| element.partition()).collect()
}

/// Polls all members until together they hold each of the partitions once, and each holds its share.
fn shared(target: &Target, members: &[BaseConsumer], partitions: usize) {
    until(target, &format!("{} members to share {partitions} partitions", members.len()), || {
        let mut held = Vec::new();
        for member in members {
            poll(member);
            held.push(partitions_of(member));
        }
        let all: BTreeSet<i32> = held.iter().flatten().copied().collect();
        let fair = held.iter().all(|own| own.len() == partitions / members.len());
        fair && all.len() == partitions
    });
}

fn members_come_and_go(target: &Target, strategy: &str) {
    let topic = topic(target, "shared", 6, &[]);
    let group = target.unique("group");
    let join = || {
        let member = consumer(target, &group, &[("partition.assignment.strategy", strategy)]);
        member.subscribe(&[topic.as_str()]).unwrap();
        member
    };
    let mut members = vec![join()];
    shared(target, &members, 6);
    members.push(join());
    members.push(join());
    shared(target, &members, 6);
    members.pop();
    shared(target, &members, 6);
    members.remove(0);
    shared(target, &members, 6);
}

pub fn three_eager_members_share_the_partitions(target: &Target) {
    members_come_and_go(target, "range");
}

pub fn three_cooperative_members_share_the_partitions(target: &Target) {
    members_come_and_go(target, "cooperative-sticky");
}

pub fn a_static_member_that_restarts_keeps_its_partitions(target: &Target) {
    let topic = topic(target, "static", 4, &[]);
    let group = target.unique("group");
    let join = |instance: &str| {
        let settings = [
            ("group.instance.id", instance),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", "30000"),
        ];
        let member = consumer(target, &group, &settings);
        member.subscribe(&[topic.as_str()]).unwrap();
        member
    };
    let mut members = vec![join("one"), join("two")];
    shared(target, &members, 4);
    let (one, two) = (partitions_of(&members[0]), partitions_of(&members[1]));
    // A static member does not leave when it closes: its partitions wait for it.
    drop(members.remove(0));
    members.insert(0, join("one"));
    until(target, "the restarted member's partitions", || {
        poll(&members[0]);
        poll(&members[1]);
        assert_eq!(partitions_of(&members[1]), two, "the other member must not be disturbed");
        partitions_of(&members[0]) == one
    });
}

pub fn an_older_twin_of_a_static_member_is_fenced(target: &Target) {
    let topic = topic(target, "twin", 1, &[]);
    let group = target.unique("group");
    let join = || {
        let member = consumer(target, &group, &[("group.instance.id", "twin")]);
        member.subscribe(&[topic.as_str()]).unwrap();
        member
    };
    let older = join();
    until(target, "the older twin's partition", || {
        poll(&older);
        partitions_of(&older).len() == 1
    });
    let newer = join();
    let mut fenced = false;
    until(target, "the fencing", || {
        poll(&newer);
        poll(&older);
        fenced |= older.client().fatal_error().is_some();
        fenced && partitions_of(&newer).len() == 1
    });
}

pub fn committed_offsets_keep_their_metadata(target: &Target) {
    let topic = topic(target, "committed", 2, &[]);
    send_values(target, &producer(target, &[]), &topic, 1, &["a", "b"]);
    let group = target.unique("group");
    let member = consumer(target, &group, &[]);
    let mut positions = TopicPartitionList::new();
    positions.add_partition_offset(&topic, 1, Offset::Offset(2)).unwrap();
    for mut element in positions.elements() {
        element.set_metadata("hw1;orders=2");
    }
    member.commit(&positions, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&topic, 0);
    asked.add_partition(&topic, 1);
    let probe = consumer(target, &group, &[]);
    let committed = probe.committed_offsets(asked, Duration::from_secs(20)).unwrap();
    assert_eq!(committed.find_partition(&topic, 0).unwrap().offset(), Offset::Invalid);
    let found = committed.find_partition(&topic, 1).unwrap();
    assert_eq!((found.offset(), found.metadata()), (Offset::Offset(2), "hw1;orders=2"));
}
