use std::time::Duration;

use headwater_log::{Headers, Offset, Partition, TopicName, TopicPartition};

use crate::Error;

/// Where fetching of a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOffset {
    /// At this offset, or the next one that still exists.
    At(Offset),
    /// At the first record that exists.
    Beginning,
}

/// A partition to fetch, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartAt {
    /// Which partition.
    pub partition: TopicPartition,
    /// From where.
    pub offset: StartOffset,
}

/// A position to commit: the offset of the next record to process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset of the next record to process.
    pub offset: Offset,
    /// Free text that is kept with the offset.
    pub metadata: String,
}

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset of the next record to process; None when nothing was committed, or it has expired.
    pub offset: Option<Offset>,
    /// The text that was committed with it; empty when there was none.
    pub metadata: String,
}

/// A fetched record, read where the client has it.
pub trait FetchedRecord {
    /// The topic's name on the cluster.
    fn topic(&self) -> &str;
    /// The partition.
    fn partition(&self) -> Partition;
    /// The offset.
    fn offset(&self) -> Offset;
    /// Milliseconds since 1970 UTC; -1 when the record has no timestamp.
    fn timestamp_ms(&self) -> i64;
    /// The key, or null.
    fn key(&self) -> Option<&[u8]>;
    /// The value, or null: a tombstone.
    fn value(&self) -> Option<&[u8]>;
    /// The headers, copied.
    fn owned_headers(&self) -> Headers;
}

/// Whether a poll goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With the next record that is there.
    Continue,
    /// Returns after this record; the others stay queued for the next poll.
    Stop,
}

/// What a poll has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polled {
    /// How many records were given to the handler.
    pub records: usize,
    /// Whether all that had been fetched was taken: there was no record left, and the handler did not stop.
    pub drained: bool,
}

/// A member's credentials as of now, sent with a transaction's offsets (KIP-447).
pub trait GroupCredentials {
    /// The group's name.
    fn group(&self) -> String;
    /// The group's generation; below 0 while the member is in none.
    fn generation(&self) -> i32;
    /// Whether the broker can check a commit by it: a generation, and a member in it.
    fn is_member(&self) -> bool;
}

/// What can be asked of a group's member besides polling.
pub trait GroupMember {
    /// Its credentials.
    type Credentials: GroupCredentials;

    /// What the group has committed, stable offsets only: waits while a transaction that commits one of them is open.
    ///
    /// # Errors
    /// [`Error::Kafka`] when no answer came in time.
    fn committed(&self, partitions: &[TopicPartition], deadline: Duration) -> Result<Vec<CommittedOffset>, Error>;

    /// Commits offsets outside of any transaction, and waits for the answer.
    ///
    /// # Errors
    /// [`Error::Kafka`] when the group has moved on or can't be reached.
    fn commit(&self, offsets: &[OffsetToCommit]) -> Result<(), Error>;

    /// Fetches from other offsets, and answers with those that could not be sought and why. When this returns, no record
    /// of an older position comes any more from the others.
    ///
    /// # Errors
    /// When nothing was sought, or not in time.
    fn seek(&self, starts: &[StartAt], deadline: Duration) -> Result<Vec<(TopicPartition, String)>, Error>;

    /// Stops handing out records of partitions. What was fetched ahead is thrown away.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error>;

    /// Hands out records of paused partitions again.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error>;

    /// The high watermark as the last fetch answered it; None before that.
    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset>;

    /// This member's credentials as of now.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the consumer has no group.
    fn credentials(&self) -> Result<Self::Credentials, Error>;

    /// Whether the assignment was lost: others may own it already.
    fn assignment_is_lost(&self) -> bool;
}

/// What a poll does with what it finds; called on the polling thread only, inside `poll` or `close`.
///
/// The rebalance calls answer with what to fetch or to stop fetching. They may name other partitions than the group
/// handed out: a task's other inputs are placed by its anchor so.
pub trait ConsumerHandler<M: GroupMember> {
    /// A record, to be used or copied before this returns.
    fn record<R: FetchedRecord>(&mut self, record: &R) -> Next;

    /// The end of a partition was reached (its last stable offset); `position` is the offset of whatever comes next,
    /// transaction markers and gaps passed over.
    fn end(&mut self, partition: &TopicPartition, position: Offset);

    /// The group gave these partitions in addition: what to start fetching, and from where.
    fn assigned(&mut self, partitions: &[TopicPartition], member: &M) -> Vec<StartAt>;

    /// The group takes these partitions away once this returns. Answers with what to stop fetching.
    fn revoked(&mut self, partitions: &[TopicPartition], member: &M) -> Vec<TopicPartition>;

    /// The partitions were taken away already and others may own them. Answers with what to stop fetching.
    fn lost(&mut self, partitions: &[TopicPartition], member: &M) -> Vec<TopicPartition>;
}

/// One member of a group. It never commits by itself and never chooses an offset by itself.
pub trait GroupConsumer {
    /// What can be asked besides polling.
    type Member: GroupMember;

    /// What can be asked besides polling.
    fn member(&self) -> &Self::Member;

    /// Joins the group for these topics: the anchors.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an empty list.
    fn subscribe(&mut self, topics: &[TopicName]) -> Result<(), Error>;

    /// Serves rebalances and hands over up to `records_max` records, waiting up to `wait` for the first, or until the
    /// result of a call has come.
    ///
    /// In each partition records come in order and without a gap from where it was assigned or sought; after a rebalance some
    /// may come again.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another client uses the same instance id; [`Error::Kafka`] when the consumer is unusable.
    /// What passes by itself is told to whoever watches the client, not here.
    fn poll<H: ConsumerHandler<Self::Member>>(
        &mut self,
        wait: Duration,
        records_max: usize,
        handler: &mut H,
    ) -> Result<Polled, Error>;

    /// Ends the membership: the handler is asked to give back what is left.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn close<H: ConsumerHandler<Self::Member>>(self, handler: &mut H) -> Result<(), Error>;
}
