use std::collections::BTreeMap;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use super::consumer::{FetchedRecord, Next, StartAt};
use crate::{Error, RestoreJob, RestoreResult};

/// A worker's way to the restorer of its process, and back.
pub trait Restores<S> {
    /// Asks for a restore; one under way for the same task is superseded.
    ///
    /// # Errors
    /// [`Error::State`] when the restorer is gone.
    fn submit(&mut self, job: RestoreJob<S>) -> Result<(), Error>;

    /// Says that a task has left this worker, which writes to its store no more: whoever keeps it warm may go on.
    fn release(&mut self, _task: &str, _changelog: &TopicPartition, _epoch: u64) {}

    /// The next restore that has ended.
    fn next(&mut self) -> Option<RestoreResult>;
}

/// Reads changelogs, and topics that are tables, read_committed, outside of any group.
pub trait ChangelogReader {
    /// First offset and read_uncommitted high watermark of partitions. One that does not exist is left out.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error>;

    /// Reads another partition besides.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn add(&mut self, start: &StartAt) -> Result<(), Error>;

    /// Stops reading a partition.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error>;

    /// Hands over up to `records_max` committed records, waiting up to `wait` for the first of anything.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn poll<H: ChangelogHandler>(&mut self, wait: Duration, records_max: usize, handler: &mut H) -> Result<(), Error>;

    /// The offset of what comes next, transaction markers and gaps passed over once they are known to end there; None
    /// before anything was read.
    ///
    /// # Errors
    /// [`Error::Kafka`].
    fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error>;

    /// Where a partition that is read ends, open transactions included, as the brokers said last; None before they did.
    fn cached_end(&self, _partition: &TopicPartition) -> Option<Offset> {
        None
    }
}

/// What is done with a changelog's records.
pub trait ChangelogHandler {
    /// A record, to be used or copied before this returns.
    fn record<R: FetchedRecord>(&mut self, record: &R) -> Next;
}
