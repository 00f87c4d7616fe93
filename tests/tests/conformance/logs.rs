//! Topics and what admin clients do with them.

use std::time::Duration;

use rdkafka::admin::{AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::Consumer;
use rdkafka::producer::BaseRecord;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::clients::{
    admin, admin_options, delivered, make_topic, payloads, poll, producer, read, reader, send, send_values, topic,
    until, wait,
};
use crate::target::Target;

pub fn offsets_are_found_by_time(target: &Target) {
    let topic = topic(target, "times", 1, &[("retention.ms", "-1")]);
    let producer = producer(target, &[]);
    let start_ms = 1_700_000_000_000_i64;
    for number in 0..100_i64 {
        send(&producer, BaseRecord::to(&topic).partition(0).payload("x").timestamp(start_ms + number * 1000));
        if number % 10 == 9 {
            delivered(target, &producer);
        }
    }
    let reader = reader(target, &topic, 1, &[]);
    let at = |time_ms: i64| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&topic, 0, Offset::Offset(time_ms)).unwrap();
        let found = reader.offsets_for_times(asked, Duration::from_secs(20)).unwrap();
        found.find_partition(&topic, 0).unwrap().offset()
    };
    assert_eq!(at(start_ms), Offset::Offset(0));
    assert_eq!(at(start_ms - 5000), Offset::Offset(0));
    assert_eq!(at(start_ms + 41_500), Offset::Offset(42));
    assert_eq!(at(start_ms + 99_000), Offset::Offset(99));
    assert_eq!(at(start_ms + 99_001), Offset::End);
}

pub fn compaction_keeps_the_last_record_of_each_key(target: &Target) {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "100"),
    ];
    let topic = topic(target, "compact", 1, &settings);
    let producer = producer(target, &[]);
    for round in 0..3 {
        for key in 0..10 {
            let (key, value) = (format!("k{key}"), format!("v{round}"));
            send(&producer, BaseRecord::to(&topic).partition(0).key(key.as_str()).payload(value.as_str()));
        }
        delivered(target, &producer);
    }
    until(target, "compaction", || {
        // A record closes the old segment once its time is over; the newest segment is never compacted.
        send(&producer, BaseRecord::to(&topic).partition(0).key("clock").payload("tick"));
        delivered(target, &producer);
        let reader = reader(target, &topic, 1, &[("enable.partition.eof", "true")]);
        let mut values = Vec::new();
        while let Some(message) = reader.poll(target.patience) {
            match message {
                Ok(message) if message.key() != Some(b"clock") => {
                    values.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let newest = values.iter().filter(|value| *value == "v2").count();
        assert_eq!(newest, 10, "the last value of a key is gone: {values:?}");
        values.len() == 10
    });
}

pub fn partitions_can_be_added(target: &Target) {
    let topic = topic(target, "grow", 1, &[]);
    let producer = producer(target, &[("topic.metadata.refresh.interval.ms", "200")]);
    send_values(target, &producer, &topic, 0, &["before"]);
    let results = wait(admin(target).create_partitions([&NewPartitions::new(&topic, 4)], &admin_options())).unwrap();
    assert_eq!(results, vec![Ok(topic.clone())]);
    let probe = reader(target, &topic, 1, &[]);
    until(target, "four partitions", || {
        let metadata = probe.fetch_metadata(Some(&topic), Duration::from_secs(10)).unwrap();
        metadata.topics()[0].partitions().len() == 4
    });
    let fresh = crate::clients::producer(target, &[]);
    send_values(target, &fresh, &topic, 3, &["after"]);
    let mut values = payloads(&read(target, &reader(target, &topic, 4, &[]), 2));
    values.sort();
    assert_eq!(values, ["after", "before"]);
    let fewer = wait(admin(target).create_partitions([&NewPartitions::new(&topic, 2)], &admin_options())).unwrap();
    assert!(fewer[0].is_err(), "partitions cannot become fewer");
}

pub fn deleted_records_are_gone(target: &Target) {
    let topic = topic(target, "trim", 1, &[]);
    let producer = producer(target, &[]);
    send_values(target, &producer, &topic, 0, &["a", "b", "c", "d"]);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&topic, 0, Offset::Offset(3)).unwrap();
    let deleted = wait(admin(target).delete_records(&before, &admin_options())).unwrap();
    assert_eq!(deleted.find_partition(&topic, 0).unwrap().offset(), Offset::Offset(3));
    let reader = reader(target, &topic, 1, &[]);
    assert_eq!(reader.fetch_watermarks(&topic, 0, Duration::from_secs(10)).unwrap(), (3, 4));
    assert_eq!(payloads(&read(target, &reader, 1)), ["d"]);
}

pub fn a_topic_made_anew_is_empty(target: &Target) {
    let name = topic(target, "anew", 2, &[]);
    let first = producer(target, &[]);
    send_values(target, &first, &name, 0, &["old"]);
    wait(admin(target).delete_topics(&[&name], &admin_options())).unwrap()[0].as_ref().unwrap();
    let probe = reader(target, &target.unique("none"), 1, &[]);
    until(target, "the topic to be gone", || {
        let metadata = probe.fetch_metadata(None, Duration::from_secs(10)).unwrap();
        metadata.topics().iter().all(|topic| topic.name() != name)
    });
    make_topic(target, &name, 1, &[]);
    let second = producer(target, &[]);
    send_values(target, &second, &name, 0, &["new"]);
    let messages = read(target, &reader(target, &name, 1, &[]), 1);
    assert_eq!((messages[0].offset(), payloads(&messages)), (0, vec!["new".to_owned()]));
}

pub fn settings_can_be_changed_and_read(target: &Target) {
    let topic = topic(target, "settings", 1, &[("retention.ms", "1234567")]);
    let admin = admin(target);
    let read = |name: &str| {
        let described = wait(admin.describe_configs(&[ResourceSpecifier::Topic(&topic)], &admin_options())).unwrap();
        let resource = described.into_iter().next().unwrap().unwrap();
        resource.get(name).and_then(|entry| entry.value.clone())
    };
    assert_eq!(read("retention.ms").as_deref(), Some("1234567"));
    assert_eq!(read("cleanup.policy").as_deref(), Some("delete"));
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("cleanup.policy", "compact");
    wait(admin.alter_configs([&change], &admin_options())).unwrap()[0].as_ref().unwrap();
    until(target, "the new settings", || read("cleanup.policy").as_deref() == Some("compact"));
    // AlterConfigs replaces everything that was set.
    assert_eq!(read("retention.ms").as_deref(), Some("604800000"));
    // A change that holds something unknown changes nothing (rdkafka does not pass on the error of one resource).
    let unknown = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("no.such.setting", "1");
    let _ = wait(admin.alter_configs([&unknown], &admin_options())).unwrap();
    assert_eq!(read("cleanup.policy").as_deref(), Some("compact"));
    // A topic that is compacted takes no record without a key.
    let producer = crate::clients::producer(target, &[]);
    send(&producer, BaseRecord::to(&topic).partition(0).payload("no key"));
    rdkafka::producer::Producer::flush(&producer, target.patience).unwrap();
    let results = std::mem::take(&mut *rdkafka::producer::Producer::context(&producer).0.lock().unwrap());
    assert!(results[0].is_err(), "{results:?}");
    assert!(poll(&reader(target, &topic, 1, &[])).is_none());
}
