use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headwater_kafka::admin::NewTopic;
use headwater_kafka::{
    Admin, ConnectionSettings, Isolation, LogReader, LogReaderSettings, OutgoingRecord, Producer, ProducerSettings,
    StartAt, StartOffset, TopicHandle,
};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use headwater_schema::registry::{ReplayEach, SchemaLog};
use headwater_schema::{Error, ErrorKind};

use super::SCHEMAS_TOPIC;

const CALL_DEADLINE: Duration = Duration::from_secs(15);
const REPLAY_DEADLINE: Duration = Duration::from_secs(60);

/// The registry's records in one partition of a compacted topic.
pub struct TopicLog {
    connection: ConnectionSettings,
    partition: TopicPartition,
    /// Made at the first write: most starts find every schema registered.
    producer: Mutex<Option<(Producer, TopicHandle)>>,
}

impl TopicLog {
    /// The log of a cluster; the topic is made where it is missing.
    pub fn open(connection: ConnectionSettings) -> Result<Self, crate::Error> {
        let topic = TopicName::new(SCHEMAS_TOPIC)?;
        let admin = Admin::new(&connection, CALL_DEADLINE)?;
        if admin.describe_topic(&topic)?.is_none() {
            let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
            let wanted = NewTopic { name: topic.clone(), partitions: 1, replication_factor: -1, configs };
            for (_, outcome) in admin.create_topics(&[wanted])? {
                match outcome {
                    Err(error) if error.kind() != headwater_kafka::ErrorKind::Exists => return Err(error.into()),
                    _ => {}
                }
            }
        }
        let partition = TopicPartition::new(topic, Partition::new(0));
        Ok(Self { connection, partition, producer: Mutex::new(None) })
    }

    fn make_producer(&self) -> Result<(Producer, TopicHandle), headwater_kafka::Error> {
        let settings = ProducerSettings { linger_ms: 0, ..ProducerSettings::default() };
        let mut producer = Producer::new(&self.connection, &settings)?;
        let topic = producer.topic(&self.partition.topic)?;
        Ok((producer, topic))
    }

    fn write(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), headwater_kafka::Error> {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut producer, topic) = match slot.take() {
            Some(kept) => kept,
            None => self.make_producer()?,
        };
        let record =
            OutgoingRecord { partition: Some(Partition::new(0)), key: Some(key), value, ..OutgoingRecord::default() };
        producer.produce(topic, &record, 0)?;
        let deliveries = producer.flush(CALL_DEADLINE)?;
        for delivery in deliveries {
            delivery.result?;
        }
        // A producer that failed is not kept: what it still has in flight must not be taken for a later record.
        *slot = Some((producer, topic));
        Ok(())
    }
}

impl SchemaLog for TopicLog {
    fn append(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        self.write(key, value).map_err(unavailable)
    }

    fn replay(&self, each: &mut ReplayEach<'_>) -> Result<(), Error> {
        let settings = LogReaderSettings {
            isolation: Isolation::ReadUncommitted,
            group_id: "headwater-schema-registry".to_owned(),
            ..LogReaderSettings::default()
        };
        let mut reader = LogReader::new(&self.connection, &settings).map_err(unavailable)?;
        let ends = reader
            .handle()
            .ends(std::slice::from_ref(&self.partition), Isolation::ReadUncommitted, CALL_DEADLINE)
            .map_err(unavailable)?;
        let targets: Vec<(TopicPartition, Offset)> = ends.into_iter().filter(|(_, end)| *end > Offset::ZERO).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let start = StartAt { partition: self.partition.clone(), offset: StartOffset::Beginning };
        reader.assign(&[start]).map_err(unavailable)?;
        let mut failed = None;
        reader
            .read_until(&targets, REPLAY_DEADLINE, |record| {
                if failed.is_none()
                    && let Some(key) = record.key()
                    && let Err(error) = each(key, record.value())
                {
                    failed = Some(error);
                }
            })
            .map_err(unavailable)?;
        failed.map_or(Ok(()), Err)
    }
}

fn unavailable(error: headwater_kafka::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("topic {SCHEMAS_TOPIC}: {error}"))
}
