#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use headwater_log::TopicName;
use rdkafka_sys::rd_kafka_resp_err_t as Code;

use super::API_KEY;
use crate::producer::librdkafka::LibrdkafkaProducer;
use crate::producer::mock_cluster::Cluster;
use crate::{Outcome, OutgoingRecord, TransactionalProducerSettings};

const WAIT: Duration = Duration::from_secs(5);

fn was_early(producer: &mut LibrdkafkaProducer, topic: &TopicName) -> bool {
    assert!(matches!(producer.begin(), Outcome::Done));
    let handle = producer.topic(topic).unwrap();
    producer.produce(handle, &OutgoingRecord { value: Some(b"value"), ..OutgoingRecord::default() }, WAIT).unwrap();
    assert!(matches!(producer.flush(WAIT), Outcome::Done));
    let was_early = producer.was_early();
    assert!(matches!(producer.commit(WAIT), Outcome::Done));
    was_early
}

#[test]
fn a_transaction_is_early_when_its_partitions_were_refused_at_first() {
    let cluster = Cluster::new();
    let topic = TopicName::new("topic").unwrap();
    cluster.create(&topic);
    let settings = TransactionalProducerSettings::new("worker");
    let mut producer = LibrdkafkaProducer::new(&cluster.connection(), &settings).unwrap();
    assert!(matches!(producer.initialize(WAIT), Outcome::Done));
    assert!(!was_early(&mut producer, &topic));
    // On a busy machine librdkafka's timer may be too late to be told from another request.
    let seen = (0..20).any(|_| {
        cluster.refuse_once(API_KEY, Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
        was_early(&mut producer, &topic)
    });
    assert!(seen);
    assert!(!was_early(&mut producer, &topic), "what was seen is kept for one transaction only");
}
