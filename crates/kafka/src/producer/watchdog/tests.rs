#![allow(unsafe_code, reason = "librdkafka's mock cluster is driven from here")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use crate::producer::librdkafka::LibrdkafkaProducer;
use crate::producer::mock_cluster::Cluster;
use crate::{GroupMetadata, OffsetToCommit, Outcome, OutgoingRecord, TransactionalProducerSettings};

const GROUP: &str = "group";
const WAIT: Duration = Duration::from_secs(5);

fn transact(producer: &mut LibrdkafkaProducer, topic: &TopicName, offset: i64) -> Outcome {
    assert!(matches!(producer.begin(), Outcome::Done));
    let handle = producer.topic(topic).unwrap();
    let record = OutgoingRecord { value: Some(b"value"), ..OutgoingRecord::default() };
    producer.produce(handle, &record, WAIT).unwrap();
    let partition = TopicPartition::new(topic.clone(), Partition::new(0));
    let offsets = [OffsetToCommit { partition, offset: Offset::new(offset).unwrap(), metadata: String::new() }];
    let group = GroupMetadata::forged(GROUP, 1, "member", None).unwrap();
    producer.send_offsets(&offsets, &group, WAIT)
}

/// Asks for the cluster's metadata, from which the client learns, too.
fn brokers_known_to(producer: &LibrdkafkaProducer) -> i32 {
    let mut found = std::ptr::null();
    // SAFETY: the client is alive; what is found is ours to destroy.
    unsafe {
        let client = producer.sender.client().as_ptr();
        sys::rd_kafka_metadata(client, 1, std::ptr::null_mut(), &raw mut found, 5_000);
        let Some(metadata) = found.as_ref() else { return 0 };
        let brokers = metadata.broker_cnt;
        sys::rd_kafka_metadata_destroy(found);
        brokers
    }
}

/// Without the watchdog the second call never returns.
#[test]
fn positions_find_the_coordinator_that_took_over_from_a_broker_that_is_gone() {
    let cluster = Cluster::new();
    let topic = TopicName::new("topic").unwrap();
    cluster.create(&topic);
    cluster.set_coordinator("transaction", "worker", 1);
    cluster.set_coordinator("group", GROUP, 2);
    let settings = TransactionalProducerSettings::new("worker");
    let mut producer = LibrdkafkaProducer::new(&cluster.connection(), &settings).unwrap();
    assert!(matches!(producer.initialize(WAIT), Outcome::Done));
    assert!(matches!(transact(&mut producer, &topic, 1), Outcome::Done));
    assert!(matches!(producer.commit(WAIT), Outcome::Done));

    cluster.set_coordinator("group", GROUP, 3);
    cluster.lose(2);
    let learned = (0..100).any(|_| brokers_known_to(&producer) == 2);
    assert!(learned, "the producer does not learn that the broker is gone");
    let (done, waited) = sync_channel(1);
    let second = std::thread::spawn(move || {
        let outcome = transact(&mut producer, &topic, 2);
        done.send(()).unwrap();
        (outcome, producer)
    });
    waited.recv_timeout(Duration::from_secs(20)).expect("the call is stuck");
    let (outcome, _producer) = second.join().unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}
