use std::time::Duration;

use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_streams::Output;

use crate::Error;
use crate::ports::{OffsetToCommit, OutgoingRecord, TransactionalProducer, Trouble, Written};

/// For one transactional call. The broker ends a transaction after ten seconds, so waiting longer gains nothing.
const CALL_DEADLINE: Duration = Duration::from_secs(12);

/// For a look at where partitions end.
const ENDS_DEADLINE: Duration = Duration::from_secs(5);

struct Open {
    since: Duration,
    epoch: u64,
    bytes: usize,
    /// A record that could not be handed over: the transaction can only be aborted.
    failed: Option<String>,
}

/// The worker's producer and its open transaction, if there is one.
pub(crate) struct Transaction<T> {
    producer: T,
    open: Option<Open>,
    fenced_at: Vec<Duration>,
}

impl<T: TransactionalProducer> Transaction<T> {
    pub(crate) const fn new(producer: T) -> Self {
        Self { producer, open: None, fenced_at: Vec::new() }
    }

    /// Destroys the producer and makes a new one under the same id, which fences what the old one has in flight.
    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        self.open = None;
        self.producer.renew()
    }

    /// Begins a transaction unless one is open.
    pub(crate) fn ensure_open(&mut self, now: Duration, epoch: u64) -> Result<(), Error> {
        if self.open.is_some() {
            return Ok(());
        }
        let failed = match self.producer.begin() {
            Ok(()) => None,
            Err(Trouble::Fatal(error)) => return Err(error),
            Err(Trouble::Abort(why) | Trouble::Unknown(why) | Trouble::Fenced(why)) => Some(why),
        };
        self.open = Some(Open { since: now, epoch, bytes: 0, failed });
        Ok(())
    }

    /// How long the transaction has been open; None when there is none.
    pub(crate) fn open_for(&self, now: Duration) -> Option<Duration> {
        self.open.as_ref().map(|open| now.saturating_sub(open.since))
    }

    /// The assignment under which the open transaction began.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.epoch)
    }

    /// Bytes produced in the open transaction.
    pub(crate) fn produced_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.bytes)
    }

    /// Hands an output to the producer. A refusal makes the transaction one that can only be aborted.
    pub(crate) fn produce(&mut self, topic: &TopicName, output: &Output) -> Result<(), Error> {
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
    pub(crate) fn produce_change(
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
        let produced = self.producer.produce(topic, record);
        let Some(open) = &mut self.open else { return Ok(()) };
        open.bytes += record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        match produced {
            Ok(()) => Ok(()),
            Err(Trouble::Fatal(error)) => Err(error),
            Err(Trouble::Abort(why) | Trouble::Unknown(why) | Trouble::Fenced(why)) => {
                open.failed.get_or_insert(why);
                Ok(())
            }
        }
    }

    /// Waits until every record is acknowledged.
    pub(crate) fn flush(&mut self) -> Result<(), Trouble> {
        if let Some(failed) = self.open.as_ref().and_then(|open| open.failed.clone()) {
            return Err(Trouble::Abort(failed));
        }
        self.producer.flush(CALL_DEADLINE)
    }

    /// Adds positions to the transaction.
    pub(crate) fn send_offsets(&mut self, offsets: &[OffsetToCommit], group: &T::Credentials) -> Result<(), Trouble> {
        self.producer.send_offsets(offsets, group, CALL_DEADLINE)
    }

    /// Commits on Kafka.
    pub(crate) fn commit(&mut self) -> Result<(), Trouble> {
        self.producer.commit(CALL_DEADLINE)
    }

    /// Aborts on Kafka.
    pub(crate) fn abort(&mut self) -> Result<(), Trouble> {
        self.producer.abort(CALL_DEADLINE)
    }

    /// The transaction has ended, and its outcome is known. After trouble with a connection a late twin of a request
    /// could still hit the next transaction, so the producer is replaced first.
    pub(crate) fn closed(&mut self) -> Result<(), Error> {
        self.open = None;
        match self.producer.renewal_reason() {
            None => Ok(()),
            Some(why) => {
                tracing::info!(%why, "trouble during the last transaction; making a new producer");
                self.renew()
            }
        }
    }

    /// Whether the open transaction was put off, once it is flushed: the markers of the last one were not written yet.
    pub(crate) fn was_early(&self) -> bool {
        self.producer.was_early()
    }

    /// What the open transaction wrote to a partition, once it is flushed.
    pub(crate) fn written(&mut self, partition: &TopicPartition) -> Option<Written> {
        self.producer.written(partition)
    }

    /// Where partitions end now, open transactions included. None while that can't be told.
    ///
    /// # Errors
    /// [`Error::Kafka`] when asking again can't help.
    pub(crate) fn ends(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Option<Vec<(TopicPartition, Offset)>>, Error> {
        self.producer.ends(partitions, ENDS_DEADLINE)
    }

    /// Takes note of a fencing, and says whether there were too many of late.
    pub(crate) fn fenced_too_often(&mut self, now: Duration, within: Duration, max: usize) -> bool {
        self.fenced_at.retain(|at| now.saturating_sub(*at) < within);
        self.fenced_at.push(now);
        self.fenced_at.len() > max
    }
}
