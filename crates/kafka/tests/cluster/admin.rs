use std::collections::BTreeMap;

use headwater_kafka::admin::{ConfigChange, ConfigSource, NewTopic, OffsetAt, Operation};
use headwater_kafka::{Admin, ConnectionSettings, ErrorKind, Isolation, OutgoingRecord, Producer, ProducerSettings};
use headwater_log::{Partition, TopicName};

use crate::broker::{SOON, broker, name, offset, tp};

#[test]
fn a_topic_is_created_described_grown_and_deleted() {
    let Some(broker) = broker() else { return };
    let topic = NewTopic {
        name: TopicName::new(&name("t")).unwrap(),
        partitions: 2,
        replication_factor: 1,
        configs: BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]),
    };
    let one = std::slice::from_ref(&topic);
    assert!(broker.admin.try_create_topics(one).unwrap()[0].1.is_ok());
    assert_eq!(broker.admin.describe_topic(&topic.name).unwrap(), None, "trying creates nothing");
    assert!(broker.admin.create_topics(one).unwrap()[0].1.is_ok());
    let again = broker.admin.create_topics(one).unwrap();
    assert_eq!(again[0].1.as_ref().unwrap_err().kind(), ErrorKind::Exists);

    let described = broker.admin.describe_topic(&topic.name).unwrap().unwrap();
    assert_eq!((described.partitions.len(), described.partitions[0].replicas.len()), (2, 1));
    assert!(described.id.0 != 0 && !described.is_internal);
    assert!(described.operations.contains(&Operation::Write), "{described:?}");
    assert!(broker.admin.create_partitions(&[(topic.name.clone(), 5)]).unwrap()[0].1.is_ok());
    assert_eq!(broker.admin.describe_topic(&topic.name).unwrap().unwrap().partitions.len(), 5);
    let fewer = broker.admin.create_partitions(&[(topic.name.clone(), 3)]).unwrap();
    assert_eq!(fewer[0].1.as_ref().unwrap_err().kind(), ErrorKind::Invalid, "{fewer:?}");
    assert!(broker.admin.list_topics().unwrap().contains(&topic.name));

    assert!(broker.admin.delete_topics(std::slice::from_ref(&topic.name)).unwrap()[0].1.is_ok());
    assert_eq!(broker.admin.describe_topic(&topic.name).unwrap(), None);
    assert!(broker.admin.create_topics(one).unwrap()[0].1.is_ok());
    let reborn = broker.admin.describe_topic(&topic.name).unwrap().unwrap();
    assert_ne!(reborn.id, described.id, "a name that is used again is another topic");
}

#[test]
fn configs_are_set_one_by_one_and_reset() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[("retention.ms", "1000"), ("segment.bytes", "1048576")]);
    let read = || {
        let all = broker.admin.describe_configs(std::slice::from_ref(&topic)).unwrap();
        let entry = |wanted: &str| {
            let entry = all[0].1.iter().find(|entry| entry.name == wanted).unwrap();
            (entry.value.clone().unwrap(), entry.source)
        };
        (entry("retention.ms"), entry("segment.bytes"))
    };
    let ours = |value: &str| (value.to_owned(), ConfigSource::Topic);
    assert_eq!(read(), (ours("1000"), ours("1048576")));
    let set = ConfigChange::Set { name: "retention.ms".to_owned(), value: "2000".to_owned() };
    broker.admin.alter_configs(&[(topic.clone(), vec![set])]).unwrap();
    assert_eq!(read(), (ours("2000"), ours("1048576")), "the other config stays");
    let reset = ConfigChange::Reset { name: "segment.bytes".to_owned() };
    broker.admin.alter_configs(&[(topic.clone(), vec![reset])]).unwrap();
    assert_ne!(read().1.1, ConfigSource::Topic);
    let bad = ConfigChange::Set { name: "retention.ms".to_owned(), value: "soon".to_owned() };
    let error = broker.admin.alter_configs(&[(topic.clone(), vec![bad])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains(topic.as_str()), "{error}");
}

#[test]
fn offsets_are_found_by_place_and_time_and_records_deleted() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = Producer::new(&broker.connection, &ProducerSettings::default()).unwrap();
    let handle = producer.topic(&topic).unwrap();
    let base_ms = 1_700_000_000_000;
    for (token, late_ms) in [(0, 0), (1, 5_000), (2, 1_000), (3, 2_000)] {
        let timestamp_ms = Some(base_ms + late_ms);
        let record = OutgoingRecord { partition: Some(Partition::new(0)), timestamp_ms, ..Default::default() };
        producer.produce(handle, &record, token).unwrap();
        producer.flush(SOON).unwrap();
    }
    let at = |at| {
        let listed = broker.admin.list_offsets(&[(tp(&topic, 0), at)], Isolation::ReadUncommitted).unwrap();
        listed[0].offset
    };
    assert_eq!(at(OffsetAt::Beginning), Some(offset(0)));
    assert_eq!(at(OffsetAt::End), Some(offset(4)));
    assert_eq!(at(OffsetAt::Time(base_ms + 500)), Some(offset(1)));
    assert_eq!(at(OffsetAt::Time(base_ms + 9_000)), None);
    assert_eq!(at(OffsetAt::LargestTimestamp), Some(offset(1)));
    let deleted = broker.admin.delete_records(&[(tp(&topic, 0), offset(3))]).unwrap();
    assert_eq!(deleted, [(tp(&topic, 0), offset(3))]);
    assert_eq!(at(OffsetAt::Beginning), Some(offset(3)));
    let missing = TopicName::new(&name("missing")).unwrap();
    let error = broker.admin.list_offsets(&[(tp(&missing, 0), OffsetAt::End)], Isolation::ReadCommitted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

#[test]
fn a_cluster_tells_who_it_is() {
    let Some(broker) = broker() else { return };
    let cluster = broker.admin.describe_cluster().unwrap();
    assert!(!cluster.cluster_id.is_empty() && !cluster.brokers.is_empty() && cluster.controller.is_some());
    assert!(cluster.operations.contains(&Operation::Create), "{cluster:?}");
    match broker.admin.describe_acls() {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}"),
    }
}

#[test]
fn without_a_broker_a_call_ends_by_its_deadline() {
    let admin = Admin::new(&ConnectionSettings::new("127.0.0.1:1"), std::time::Duration::from_millis(300)).unwrap();
    let error = admin.describe_cluster().unwrap_err();
    assert!(error.is_retriable(), "{error:?}");
}
