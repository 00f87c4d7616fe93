use std::time::Duration;

use headwater_kafka::{
    ConnectionSettings, GroupMetadata, Isolation, OffsetToCommit, Outcome as KafkaOutcome, OutgoingRecord,
    TransactionalProducer, TransactionalProducerSettings,
};
use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_streams::Output;

use crate::Error;

/// For one transactional call. The broker ends a transaction after ten seconds, so waiting longer gains nothing.
const CALL_DEADLINE: Duration = Duration::from_secs(12);
/// A predecessor's transaction may have to time out first.
const INITIALIZE_DEADLINE: Duration = Duration::from_secs(60);

/// Why a transaction did not commit, by what happens next.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing of it counts: abort and rewind.
    Abort(String),
    /// It may count or not: start again from what Kafka holds.
    Unknown(String),
    /// Another producer has taken the transactional id.
    Fenced(String),
    /// The worker can't go on.
    Fatal(Error),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

fn result(outcome: KafkaOutcome) -> Result<(), Outcome> {
    match outcome {
        KafkaOutcome::Done => Ok(()),
        KafkaOutcome::Abortable(error) => Err(Outcome::Abort(error.to_string())),
        KafkaOutcome::Fenced(error) => Err(Outcome::Fenced(error.to_string())),
        // A producer that is unusable is replaced; what it left behind is found out from Kafka.
        KafkaOutcome::Fatal(error) | KafkaOutcome::Unknown(error) => Err(Outcome::Unknown(error.to_string())),
    }
}

struct Open {
    since: Duration,
    epoch: u64,
    bytes: usize,
    /// A record that could not be handed over: the transaction can only be aborted.
    failed: Option<String>,
}

/// The worker's producer and its open transaction, if there is one.
pub(super) struct Transaction {
    connection: ConnectionSettings,
    settings: TransactionalProducerSettings,
    producer: Option<TransactionalProducer>,
    open: Option<Open>,
    fenced_at: Vec<Duration>,
}

impl Transaction {
    pub(super) const fn new(connection: ConnectionSettings, settings: TransactionalProducerSettings) -> Self {
        Self { connection, settings, producer: None, open: None, fenced_at: Vec::new() }
    }

    pub(super) fn id(&self) -> &str {
        &self.settings.transactional_id
    }

    /// Destroys the producer and makes a new one under the same id, which fences what the old one has in flight.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.open = None;
        self.producer = None;
        let mut producer = TransactionalProducer::new(&self.connection, &self.settings).map_err(Error::from_kafka)?;
        match producer.initialize(INITIALIZE_DEADLINE) {
            KafkaOutcome::Done => {
                self.producer = Some(producer);
                Ok(())
            }
            KafkaOutcome::Fenced(error) => Err(Error::Fenced(error.to_string())),
            KafkaOutcome::Abortable(error) | KafkaOutcome::Fatal(error) | KafkaOutcome::Unknown(error) => {
                Err(Error::from_kafka(error))
            }
        }
    }

    fn producer(&mut self) -> Result<&mut TransactionalProducer, Error> {
        self.producer.as_mut().ok_or_else(|| Error::Kafka("there is no producer; the worker starts again".to_owned()))
    }

    /// Begins a transaction unless one is open.
    pub(super) fn ensure_open(&mut self, now: Duration, epoch: u64) -> Result<(), Error> {
        if self.open.is_some() {
            return Ok(());
        }
        let failed = match self.producer()?.begin() {
            KafkaOutcome::Done => None,
            other => other.error().map(ToString::to_string),
        };
        self.open = Some(Open { since: now, epoch, bytes: 0, failed });
        Ok(())
    }

    /// How long the transaction has been open; None when there is none.
    pub(super) fn open_for(&self, now: Duration) -> Option<Duration> {
        self.open.as_ref().map(|open| now.saturating_sub(open.since))
    }

    /// The assignment under which the open transaction began.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.epoch)
    }

    /// Bytes produced in the open transaction.
    pub(super) fn produced_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.bytes)
    }

    /// Hands an output to the producer. A refusal makes the transaction one that can only be aborted.
    pub(super) fn produce(&mut self, topic: &TopicName, output: &Output) -> Result<(), Error> {
        let record = OutgoingRecord {
            partition: output.partition,
            key: output.key.as_deref(),
            value: output.value.as_deref(),
            headers: Some(&output.headers),
            timestamp_ms: Some(output.timestamp.as_millis()),
        };
        self.hand_over(topic, &record)
    }

    /// Writes one change of a store: null deletes.
    pub(super) fn produce_change(
        &mut self,
        changelog: &TopicPartition,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        let record =
            OutgoingRecord { partition: Some(changelog.partition), key: Some(key), value, ..OutgoingRecord::default() };
        self.hand_over(&changelog.topic, &record)
    }

    fn hand_over(&mut self, topic: &TopicName, record: &OutgoingRecord<'_>) -> Result<(), Error> {
        let producer = self.producer()?;
        let handle = producer.topic(topic).map_err(Error::from_kafka)?;
        let produced = producer.produce(handle, record);
        if let Some(open) = &mut self.open {
            open.bytes += record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
            if let Err(error) = produced {
                open.failed.get_or_insert_with(|| error.to_string());
            }
        }
        Ok(())
    }

    /// Waits until every record is acknowledged.
    pub(super) fn flush(&mut self) -> Result<(), Outcome> {
        if let Some(failed) = self.open.as_ref().and_then(|open| open.failed.clone()) {
            return Err(Outcome::Abort(failed));
        }
        result(self.producer()?.flush(CALL_DEADLINE))
    }

    /// Adds positions to the transaction.
    pub(super) fn send_offsets(&mut self, offsets: &[OffsetToCommit], group: &GroupMetadata) -> Result<(), Outcome> {
        result(self.producer()?.send_offsets(offsets, group, CALL_DEADLINE))
    }

    /// Commits on Kafka.
    pub(super) fn commit(&mut self) -> Result<(), Outcome> {
        result(self.producer()?.commit(CALL_DEADLINE))
    }

    /// Aborts on Kafka.
    pub(super) fn abort(&mut self) -> Result<(), Outcome> {
        result(self.producer()?.abort(CALL_DEADLINE))
    }

    /// The transaction has ended, and its outcome is known. After trouble with a connection a late twin of a request
    /// could still hit the next transaction, so the producer is replaced first.
    pub(super) fn closed(&mut self) -> Result<(), Error> {
        self.open = None;
        match self.producer.as_ref().and_then(TransactionalProducer::renewal_reason) {
            None => Ok(()),
            Some(error) => {
                tracing::info!(%error, "connection trouble during the last transaction; making a new producer");
                self.renew()
            }
        }
    }

    /// The last offset that this transaction wrote to a partition.
    pub(super) fn last_offset(&mut self, partition: &TopicPartition) -> Option<Offset> {
        let producer = self.producer.as_mut()?;
        let handle = producer.topic(&partition.topic).ok()?;
        producer.last_offset(handle, partition.partition)
    }

    /// Where partitions end now, open transactions included. None while that can't be told.
    ///
    /// # Errors
    /// [`Error::Kafka`] when asking again can't help.
    pub(super) fn ends(
        &mut self,
        partitions: &[TopicPartition],
        deadline: Duration,
    ) -> Result<Option<Vec<(TopicPartition, Offset)>>, Error> {
        match self.producer()?.ends(partitions, Isolation::ReadUncommitted, deadline) {
            Ok(ends) => Ok(Some(ends)),
            Err(error) if error.is_retriable() => {
                tracing::warn!(%error, "ends of inputs can't be listed now; timers wait");
                Ok(None)
            }
            Err(error) => Err(Error::from_kafka(error)),
        }
    }

    /// Takes note of a fencing, and says whether there were too many of late.
    pub(super) fn fenced_too_often(&mut self, now: Duration, within: Duration, max: usize) -> bool {
        self.fenced_at.retain(|at| now.saturating_sub(*at) < within);
        self.fenced_at.push(now);
        self.fenced_at.len() > max
    }
}
