use std::time::Duration;

use headwater_kafka::admin::GroupState;
use headwater_kafka::{
    ErrorKind, GroupProtocol, OffsetToCommit, StartAt, StartOffset, WorkerConsumer, WorkerConsumerSettings, leave_group,
};

use crate::broker::{Member, SOON, Seen, broker, done, name, now, offset, tp, until, write};

#[test]
fn tasks_are_placed_by_their_anchor() {
    let Some(broker) = broker() else { return };
    let (anchor, companion, group) = (broker.topic(4, &[]), broker.topic(4, &[]), name("g"));
    let mut one = broker.member(&group, None);
    one.seen.companions = vec![companion.clone()];
    one.consumer.subscribe(std::slice::from_ref(&anchor)).unwrap();
    until(&mut [&mut one], "all four", |members| members[0].seen.assigned.len() == 4);
    let mut all: Vec<_> = (0..4).flat_map(|number| [tp(&anchor, number), tp(&companion, number)]).collect();
    all.sort();
    let sorted = |mut assignment: Vec<_>| {
        assignment.sort();
        assignment
    };
    assert_eq!(sorted(one.consumer.assignment().unwrap()), all);

    let mut two = broker.member(&group, None);
    two.seen.companions = vec![companion.clone()];
    two.consumer.subscribe(std::slice::from_ref(&anchor)).unwrap();
    until(&mut [&mut one, &mut two], "two each", |members| {
        members.iter().all(|member| member.seen.assigned.len() == 2)
    });
    for member in [&one, &two] {
        let expected = member.seen.assigned.iter().flat_map(|partition| {
            [partition.clone(), headwater_log::TopicPartition::new(companion.clone(), partition.partition)]
        });
        assert_eq!(sorted(member.consumer.assignment().unwrap()), sorted(expected.collect()));
    }

    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &companion, &["for the companion"]);
    done(producer.commit(SOON));
    until(&mut [&mut one, &mut two], "the record", |members| {
        members.iter().map(|member| member.seen.values.len()).sum::<usize>() == 1
    });
    two.consumer.close(&mut two.seen).unwrap();
    assert_eq!(two.seen.revoked.len(), 2);
    until(&mut [&mut one], "all four again", |members| members[0].seen.assigned.len() == 4);
}

#[test]
fn a_static_member_that_leaves_hands_over_at_once_and_one_that_restarts_keeps_its_partitions() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(4, &[]), name("g"));
    let topics = [topic.clone()];
    let (mut one, mut two) = (broker.member(&group, Some("w-1")), broker.member(&group, Some("w-2")));
    one.consumer.subscribe(&topics).unwrap();
    two.consumer.subscribe(&topics).unwrap();
    until(&mut [&mut one, &mut two], "two each", |members| {
        members.iter().all(|member| member.seen.assigned.len() == 2)
    });
    let metadata = two.consumer.group_metadata().unwrap();
    assert_eq!((metadata.group(), metadata.instance()), (group.clone(), Some("w-2".to_owned())));
    assert!(metadata.generation() >= 1 && metadata.is_member());

    let before = two.seen.assigned.clone();
    two.consumer.close(&mut two.seen).unwrap();
    let described = broker.admin.describe_group(&group).unwrap();
    assert_eq!(described.members.len(), 2, "closing a static member leaves it in the group: {described:?}");
    let mut two = broker.member(&group, Some("w-2"));
    two.consumer.subscribe(&topics).unwrap();
    until(&mut [&mut one, &mut two], "its partitions back", |members| members[1].seen.assigned.len() == 2);
    assert_eq!(two.seen.assigned, before);
    assert!(one.seen.revoked.len() <= 2, "the restart moved partitions: {:?}", one.seen.revoked);

    two.consumer.close(&mut two.seen).unwrap();
    let begun = now();
    leave_group(&broker.connection, &group, &["w-2"], SOON).unwrap();
    until(&mut [&mut one], "all four", |members| members[0].seen.assigned.len() == 4);
    assert!(now() - begun < Duration::from_secs(10), "it took {:?}, and the session 30 s", now() - begun);
    leave_group(&broker.connection, &group, &["w-2"], SOON).unwrap();
}

#[test]
fn a_member_that_was_removed_has_lost_its_partitions() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(2, &[]), name("g"));
    let mut member = broker.member(&group, Some("w-1"));
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut member], "both", |members| members[0].seen.assigned.len() == 2);
    leave_group(&broker.connection, &group, &["w-1"], SOON).unwrap();
    until(&mut [&mut member], "the loss", |members| members[0].seen.lost.len() == 2);
    assert!(member.seen.revoked.is_empty());
    until(&mut [&mut member], "both again", |members| members[0].seen.assigned.len() == 2);
}

#[test]
fn two_consumers_with_one_instance_id_are_not_both_served() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(1, &[]), name("g"));
    let mut older = broker.member(&group, Some("w-1"));
    older.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut older], "the assignment", |members| members[0].seen.assigned.len() == 1);
    let mut newer = broker.member(&group, Some("w-1"));
    newer.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    let begun = now();
    let error = loop {
        assert!(now() - begun < SOON * 2, "the older consumer was not fenced in time");
        newer.poll();
        match older.consumer.poll(Duration::from_millis(50), 10, &mut older.seen) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error:?}");
}

#[test]
fn a_rebalance_at_the_end_of_partitions_skips_nothing() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(6, &[]), name("g"));
    let mut producer = broker.producer(&name("x"));
    let mut one = broker.member(&group, None);
    one.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut one], "all ends", |members| members[0].seen.ends.len() >= 6);
    let mut two = broker.member(&group, None);
    two.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut one, &mut two], "three each", |members| {
        members.iter().all(|member| member.seen.assigned.len() == 3)
    });
    done(producer.begin());
    let handle = producer.topic(&topic).unwrap();
    for number in 0..6 {
        let partition = Some(headwater_log::Partition::new(number));
        let record = headwater_kafka::OutgoingRecord { partition, value: Some(b"first"), ..Default::default() };
        producer.produce(handle, &record).unwrap();
    }
    done(producer.commit(SOON));
    until(&mut [&mut one, &mut two], "the first record of each partition", |members| {
        members.iter().map(|member| member.seen.values.len()).sum::<usize>() == 6
    });
}

#[test]
fn a_seek_leaves_nothing_of_the_old_position() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(1, &[]), name("g"));
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    let values: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    write(&mut producer, &topic, &values.iter().map(String::as_str).collect::<Vec<_>>());
    done(producer.commit(SOON));
    let mut member = broker.member(&group, None);
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    let begun = now();
    while member.seen.values.len() < 10 {
        assert!(now() - begun < SOON, "no records in time");
        member.consumer.poll(Duration::from_millis(50), 10, &mut member.seen).unwrap();
    }
    member.seen.values.clear();
    let back = StartAt { partition: tp(&topic, 0), offset: StartOffset::At(offset(3)) };
    assert!(member.consumer.seek(&[back], SOON).unwrap().is_empty());
    until(&mut [&mut member], "all records", |members| members[0].seen.values.len() >= 497);
    assert_eq!(member.seen.values, values[3..]);
    until(&mut [&mut member], "the end", |members| !members[0].seen.ends.is_empty());
    assert_eq!(member.seen.ends.last(), Some(&(tp(&topic, 0), offset(501))), "the marker counts");
}

#[test]
fn a_paused_partition_rests_until_it_is_resumed() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(1, &[]), name("g"));
    let mut member = broker.member(&group, None);
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut member], "the assignment", |members| members[0].seen.assigned.len() == 1);
    member.consumer.pause(&[tp(&topic, 0)]).unwrap();
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &topic, &["a"]);
    done(producer.commit(SOON));
    for _ in 0..10 {
        member.poll();
    }
    assert!(member.seen.values.is_empty());
    member.consumer.resume(&[tp(&topic, 0)]).unwrap();
    until(&mut [&mut member], "the record", |members| members[0].seen.values == ["a"]);
}

#[test]
fn a_poll_that_waits_can_be_woken() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(1, &[]), name("g"));
    let mut member = broker.member(&group, None);
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut member], "the end of the empty partition", |members| !members[0].seen.ends.is_empty());
    let handle = member.consumer.handle().clone();
    let (waiting, started) = std::sync::mpsc::channel();
    let waker = std::thread::spawn(move || {
        started.recv().unwrap();
        handle.wake();
    });
    waiting.send(()).unwrap();
    let begun = now();
    member.consumer.poll(SOON, 10, &mut member.seen).unwrap();
    assert!(now() - begun < SOON / 3, "it waited for {:?}", now() - begun);
    waker.join().unwrap();
}

#[test]
fn the_brokers_own_protocol_places_by_anchor_too() {
    let Some(broker) = broker() else { return };
    let (anchor, companion, group) = (broker.topic(2, &[]), broker.topic(2, &[]), name("g"));
    let settings = WorkerConsumerSettings { protocol: GroupProtocol::Consumer, ..WorkerConsumerSettings::new(&group) };
    let mut member =
        Member { consumer: WorkerConsumer::new(&broker.connection, &settings).unwrap(), seen: Seen::default() };
    member.seen.companions = vec![companion];
    member.consumer.subscribe(std::slice::from_ref(&anchor)).unwrap();
    until(&mut [&mut member], "both", |members| members[0].seen.assigned.len() == 2);
    assert_eq!(member.consumer.assignment().unwrap().len(), 4);
    assert!(member.consumer.group_metadata().unwrap().is_member());
    member.consumer.close(&mut member.seen).unwrap();
    assert_eq!(member.seen.revoked.len(), 2);
}

#[test]
#[should_panic(expected = "the handler fails")]
fn a_panic_of_the_handler_passes_through_librdkafka() {
    let Some(broker) = broker() else { panic!("the handler fails (not really: skipped)") };
    let (topic, group) = (broker.topic(1, &[]), name("g"));
    let mut member = broker.member(&group, None);
    member.seen.panics = true;
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut member], "the assignment", |_| false);
}

#[test]
fn offsets_and_groups_are_administered() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(2, &[]), name("g"));
    let mut member = broker.member(&group, None);
    member.consumer.subscribe(std::slice::from_ref(&topic)).unwrap();
    until(&mut [&mut member], "both", |members| members[0].seen.assigned.len() == 2);
    let commit = |partition, number, metadata: &str| OffsetToCommit {
        partition: tp(&topic, partition),
        offset: offset(number),
        metadata: metadata.to_owned(),
    };
    member.consumer.commit(&[commit(0, 5, "five"), commit(1, 6, "")]).unwrap();
    let described = broker.admin.describe_group(&group).unwrap();
    assert_eq!((described.state, described.assignor.as_str()), (GroupState::Stable, "cooperative-sticky"));
    assert_eq!(described.members.len(), 1);
    assert_eq!(described.members[0].assignment.len(), 2);
    assert!(described.coordinator.is_some());
    let error = broker.admin.alter_group_offsets(&group, &[commit(0, 1, "")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rebalanced, "a group with members keeps its offsets: {error:?}");

    member.consumer.close(&mut member.seen).unwrap();
    broker.admin.alter_group_offsets(&group, &[commit(0, 1, "one")]).unwrap();
    broker.admin.delete_group_offsets(&group, &[tp(&topic, 1)]).unwrap();
    let listed = broker.admin.list_group_offsets(&group, None, true).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((listed[0].offset, listed[0].metadata.as_str()), (Some(offset(1)), "one"));
    let none = broker.admin.list_group_offsets(&group, Some(&[tp(&topic, 1)]), true).unwrap();
    assert_eq!(none[0].offset, None);
    let groups = broker.admin.list_groups().unwrap();
    assert!(groups.iter().any(|listing| listing.group == group && listing.state == GroupState::Empty), "{groups:?}");
    broker.admin.delete_groups(&[&group]).unwrap();
    assert!(!broker.admin.list_groups().unwrap().iter().any(|listing| listing.group == group));
}
