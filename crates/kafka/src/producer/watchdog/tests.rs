#![allow(unsafe_code, reason = "librdkafka's mock cluster is driven from here")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::CStr;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use crate::native::{Client, NativeConfig, c_string};
use crate::{
    ConnectionSettings, GroupMetadata, OffsetToCommit, Outcome, OutgoingRecord, TransactionalProducer,
    TransactionalProducerSettings,
};

const GROUP: &str = "group";
const WAIT: Duration = Duration::from_secs(5);

/// librdkafka's own cluster of three, which can lose a broker for good.
struct Cluster(Client);

impl Cluster {
    fn new() -> Self {
        let mut config = NativeConfig::new();
        config.set("test.mock.num.brokers", "3").unwrap();
        Self(Client::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config, Box::new(())).unwrap())
    }

    fn raw(&self) -> *mut sys::rd_kafka_mock_cluster_t {
        // SAFETY: the client is alive, and made with a mock cluster.
        unsafe { sys::rd_kafka_handle_mock_cluster(self.0.as_ptr()) }
    }

    fn connection(&self) -> ConnectionSettings {
        // SAFETY: the text lives as long as the cluster.
        let brokers = unsafe { CStr::from_ptr(sys::rd_kafka_mock_cluster_bootstraps(self.raw())) };
        ConnectionSettings::new(brokers.to_str().unwrap())
            .with_property("topic.metadata.refresh.interval.ms", "100")
            .unwrap()
    }

    fn set_coordinator(&self, kind: &str, key: &str, broker: i32) {
        let (kind, key) = (c_string("kind", kind).unwrap(), c_string("key", key).unwrap());
        // SAFETY: the cluster and the texts are alive.
        unsafe { sys::rd_kafka_mock_coordinator_set(self.raw(), kind.as_ptr(), key.as_ptr(), broker) };
    }

    /// The topic has one partition, led by broker 1.
    fn create(&self, topic: &TopicName) {
        let topic = c_string("topic", topic.as_str()).unwrap();
        // SAFETY: as above.
        unsafe {
            sys::rd_kafka_mock_topic_create(self.raw(), topic.as_ptr(), 1, 1);
            sys::rd_kafka_mock_partition_set_leader(self.raw(), topic.as_ptr(), 0, 1);
        }
    }

    fn lose(&self, broker: i32) {
        // SAFETY: as above.
        unsafe { sys::rd_kafka_mock_broker_decommission(self.raw(), broker) };
    }
}

fn transact(producer: &mut TransactionalProducer, topic: &TopicName, offset: i64) -> Outcome {
    assert!(matches!(producer.begin(), Outcome::Done));
    let handle = producer.topic(topic).unwrap();
    let record = OutgoingRecord { value: Some(b"value"), ..OutgoingRecord::default() };
    producer.produce(handle, &record).unwrap();
    let partition = TopicPartition::new(topic.clone(), Partition::new(0));
    let offsets = [OffsetToCommit { partition, offset: Offset::new(offset).unwrap(), metadata: String::new() }];
    let group = GroupMetadata::forged(GROUP, 1, "member", None).unwrap();
    producer.send_offsets(&offsets, &group, WAIT)
}

/// Asks for the cluster's metadata, from which the client learns, too.
fn brokers_known_to(producer: &TransactionalProducer) -> i32 {
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
    let mut producer = TransactionalProducer::new(&cluster.connection(), &settings).unwrap();
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
