use headwater_log::{Offset, TopicPartition};

use super::handle::ConsumerHandle;
use super::record::Record;
use crate::{Error, StartAt};

/// Whether a poll goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With the next record that is there.
    Continue,
    /// Returns after this record; the others stay queued for the next poll.
    Stop,
}

/// What a poll does with what it finds; called on the polling thread only, inside `poll` or `close`.
///
/// The rebalance calls answer with what to fetch or to stop fetching. They may name other partitions than the group
/// handed out: a task's other inputs are placed by its anchor so. Anything that blocks in them must end well before
/// `max.poll.interval.ms`.
pub trait ConsumerHandler {
    /// A record, to be used or copied before this returns. After a rebalance, records of partitions that stay may come a
    /// second time.
    fn record(&mut self, record: &Record<'_>) -> Next;

    /// The end of a partition was reached (its last stable offset under read_committed); `position` is the offset of
    /// whatever comes next, transaction markers and gaps passed over.
    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        let _ = (partition, position);
    }

    /// The group gave these partitions (in addition, as the protocol is cooperative): what to start fetching, and from
    /// where. May be empty.
    fn assigned(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<StartAt>;

    /// The group takes these partitions away once this returns: commit first. Answers with what to stop fetching.
    fn revoked(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition>;

    /// The partitions were taken away already and others may own them: abort. Answers with what to stop fetching.
    fn lost(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition>;
}

/// What a poll has found.
#[derive(Debug, Default)]
pub struct Polled {
    /// How many records were given to the handler.
    pub records: usize,
    /// Whether all that had been fetched was taken: there was no record left, and the handler did not stop.
    pub drained: bool,
    /// What librdkafka reported besides: brokers out of reach, partitions that can't be fetched. It goes on trying;
    /// look at the kinds.
    pub errors: Vec<Error>,
}
