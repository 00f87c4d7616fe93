use std::time::Duration;

use headwater_kafka::{
    ConnectionSettings, Isolation, Outcome, TransactionalProducer as Client, TransactionalProducerSettings,
};
use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_worker::ports::{OffsetToCommit, OutgoingRecord, TransactionalProducer, Trouble, Written};

use super::consumer::{KafkaCredentials, to_commit};
use crate::Error;
use crate::clock::Clock;
use crate::complaints::Complaints;
use crate::error::from_kafka;

/// A predecessor's transaction may have to time out first.
const INITIALIZE_DEADLINE: Duration = Duration::from_secs(60);

/// A transactional producer on Kafka.
pub(super) struct KafkaProducer {
    connection: ConnectionSettings,
    settings: TransactionalProducerSettings,
    client: Option<Client>,
    clock: Clock,
    complaints: Complaints,
}

impl KafkaProducer {
    pub(super) fn new(connection: ConnectionSettings, settings: TransactionalProducerSettings, clock: Clock) -> Self {
        Self { connection, settings, client: None, clock, complaints: Complaints::default() }
    }

    fn client(&mut self) -> Result<&mut Client, Error> {
        self.client.as_mut().ok_or_else(|| Error::Kafka("there is no producer; the worker starts again".to_owned()))
    }
}

fn result(outcome: Outcome) -> Result<(), Trouble> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Abortable(error) => Err(Trouble::Abort(error.to_string())),
        Outcome::Fenced(error) => Err(Trouble::Fenced(error.to_string())),
        // A producer that is unusable is replaced; what it left behind is found out from Kafka.
        Outcome::Fatal(error) | Outcome::Unknown(error) => Err(Trouble::Unknown(error.to_string())),
    }
}

impl TransactionalProducer for KafkaProducer {
    type Credentials = KafkaCredentials;

    fn renew(&mut self) -> Result<(), Error> {
        self.client = None;
        let mut client = Client::new(&self.connection, &self.settings).map_err(from_kafka)?;
        match client.initialize(INITIALIZE_DEADLINE) {
            Outcome::Done => {
                self.client = Some(client);
                Ok(())
            }
            Outcome::Fenced(error) => Err(Error::Fenced(error.to_string())),
            Outcome::Abortable(error) | Outcome::Fatal(error) | Outcome::Unknown(error) => Err(from_kafka(error)),
        }
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        result(self.client()?.begin())
    }

    fn produce(&mut self, topic: &TopicName, record: &OutgoingRecord<'_>) -> Result<(), Trouble> {
        let client = self.client()?;
        let topic = client.topic(topic).map_err(from_kafka)?;
        let record = headwater_kafka::OutgoingRecord {
            partition: record.partition,
            key: record.key,
            value: record.value,
            headers: record.headers,
            timestamp_ms: record.timestamp_ms,
        };
        client.produce(topic, &record).map_err(|error| Trouble::Abort(error.to_string()))
    }

    fn flush(&mut self, deadline: Duration) -> Result<(), Trouble> {
        result(self.client()?.flush(deadline))
    }

    fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit],
        group: &KafkaCredentials,
        deadline: Duration,
    ) -> Result<(), Trouble> {
        result(self.client()?.send_offsets(&to_commit(offsets), &group.0, deadline))
    }

    fn commit(&mut self, deadline: Duration) -> Result<(), Trouble> {
        result(self.client()?.commit(deadline))
    }

    fn abort(&mut self, deadline: Duration) -> Result<(), Trouble> {
        result(self.client()?.abort(deadline))
    }

    fn renewal_reason(&self) -> Option<String> {
        self.client.as_ref().and_then(Client::renewal_reason).map(|error| error.to_string())
    }

    fn was_early(&self) -> bool {
        self.client.as_ref().is_some_and(Client::was_early)
    }

    fn written(&mut self, partition: &TopicPartition) -> Option<Written> {
        let client = self.client.as_mut()?;
        let topic = client.topic(&partition.topic).ok()?;
        let written = client.written(topic, partition.partition)?;
        Some(Written { first: written.first()?, last: written.last()?, records: written.records() })
    }

    fn ends(
        &mut self,
        partitions: &[TopicPartition],
        deadline: Duration,
    ) -> Result<Option<Vec<(TopicPartition, Offset)>>, Error> {
        match self.client()?.ends(partitions, Isolation::ReadUncommitted, deadline) {
            Ok(ends) => Ok(Some(ends)),
            Err(error) if error.is_retriable() => {
                if let Some(repeated) = self.complaints.repeated(&error.to_string(), self.clock.monotonic()) {
                    tracing::warn!(%error, repeated, "ends of inputs can't be listed now; timers wait");
                }
                Ok(None)
            }
            Err(error) => Err(from_kafka(error)),
        }
    }
}
