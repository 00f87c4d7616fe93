use std::time::Duration;

use headwater_log::{Headers, Offset, Partition, TopicName, TopicPartition};

use super::consumer::OffsetToCommit;
use crate::Error;

/// A record to be produced; the producer copies all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutgoingRecord<'a> {
    /// Which partition; None leaves it to murmur2 of the key, and unkeyed records to chance.
    pub partition: Option<Partition>,
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null: a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: Option<&'a Headers>,
    /// Milliseconds since 1970 UTC; None is now.
    pub timestamp_ms: Option<i64>,
}

/// What a transaction wrote to one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The first offset.
    pub first: Offset,
    /// The last offset.
    pub last: Offset,
    /// How many records the broker has acknowledged, those included whose place it did not tell.
    pub records: u64,
}

impl Written {
    /// The same number of records from the same place on, for a bug on purpose.
    pub(crate) fn as_if_without_gap(self) -> Self {
        let last = self.first.get().saturating_add_unsigned(self.records.saturating_sub(1));
        Self { last: Offset::new(last).unwrap_or(self.last), ..self }
    }

    /// Whether the records lie one behind another, with nothing of anybody else's in between, each in a place that is
    /// known.
    #[must_use]
    pub fn is_without_gap(&self) -> bool {
        let span = self.last.get().checked_sub(self.first.get()).and_then(|span| span.checked_add(1));
        span.and_then(|span| u64::try_from(span).ok()) == Some(self.records)
    }
}

/// Why a transactional call is not done, by what happens next.
#[derive(Debug)]
pub enum Trouble {
    /// Nothing of the transaction counts: abort and rewind.
    Abort(String),
    /// It may count or not: start again from what Kafka holds.
    Unknown(String),
    /// Another producer has taken the transactional id.
    Fenced(String),
    /// The worker can't go on.
    Fatal(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

/// A transactional producer under one id (KIP-98, KIP-447). It is made without a connection: `renew` comes first.
pub trait TransactionalProducer {
    /// The group member's credentials that go with offsets.
    type Credentials;

    /// Destroys what there is, makes a new producer under the same id, and initialises it: older producers of the id are
    /// fenced with all they have in flight, and their open transaction is aborted.
    ///
    /// # Errors
    /// [`Error::Fenced`], [`Error::Kafka`], [`Error::Configuration`].
    fn renew(&mut self) -> Result<(), Error>;

    /// Begins a transaction. It costs nothing until something is produced.
    ///
    /// # Errors
    /// By what happens next.
    fn begin(&mut self) -> Result<(), Trouble>;

    /// Copies a record into the queue.
    ///
    /// # Errors
    /// By what happens next.
    fn produce(&mut self, topic: &TopicName, record: &OutgoingRecord<'_>) -> Result<(), Trouble>;

    /// Waits until every record is acknowledged.
    ///
    /// # Errors
    /// By what happens next.
    fn flush(&mut self, deadline: Duration) -> Result<(), Trouble>;

    /// Adds consumed positions to the transaction, checked against the group's generation.
    ///
    /// # Errors
    /// By what happens next.
    fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit],
        group: &Self::Credentials,
        deadline: Duration,
    ) -> Result<(), Trouble>;

    /// Commits.
    ///
    /// # Errors
    /// By what happens next.
    fn commit(&mut self, deadline: Duration) -> Result<(), Trouble>;

    /// Aborts. Only when this is done may anyone rewind.
    ///
    /// # Errors
    /// By what happens next.
    fn abort(&mut self, deadline: Duration) -> Result<(), Trouble>;

    /// Why this producer should be renewed before its next transaction: trouble with a connection, after which a late
    /// twin of a request could hit that transaction, or a record that was rejected.
    fn renewal_reason(&self) -> Option<String>;

    /// Whether this transaction registered its partitions before the markers of the one before it were written, so that
    /// the broker put it off; complete after a flush.
    fn was_early(&self) -> bool;

    /// What this transaction wrote to a partition; complete after a flush. None for nothing, or for no known place.
    fn written(&mut self, partition: &TopicPartition) -> Option<Written>;

    /// Where partitions end now, open transactions included; None while that can't be told.
    ///
    /// # Errors
    /// [`Error::Kafka`] when asking again can't help.
    fn ends(
        &mut self,
        partitions: &[TopicPartition],
        deadline: Duration,
    ) -> Result<Option<Vec<(TopicPartition, Offset)>>, Error>;
}
