use std::time::Duration;

use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseProducer, BaseRecord};

/// Hands a record to a producer; where its queue is full, that is as fast as it goes.
pub fn send_or_wait<K: ToBytes + ?Sized, V: ToBytes + ?Sized>(
    producer: &BaseProducer,
    mut record: BaseRecord<'_, K, V>,
) {
    while let Err((_, back)) = producer.send(record) {
        record = back;
        producer.poll(Duration::from_millis(1));
    }
}
