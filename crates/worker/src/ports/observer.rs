use std::time::Duration;

use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Counters, TaskId};

/// What a worker tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The worker's number.
    pub worker: usize,
    /// Names of its tasks that work.
    pub running: Vec<String>,
    /// Names of its tasks that are being restored.
    pub restoring: Vec<String>,
    /// Whether it is a member of its group with an assignment.
    pub joined: bool,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEnd {
    /// It counts.
    Committed,
    /// Nothing of it counts.
    Aborted,
    /// That had to be found out from Kafka.
    Unknown,
}

impl TransactionEnd {
    /// As a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Unknown => "unknown",
        }
    }
}

/// Who watches a worker: metrics, queries, members. None of it changes what the worker does.
pub trait Observer<S> {
    /// The group moved anchors' partitions: assigned, revoked or lost.
    fn rebalanced(&self, kind: &'static str, partitions: usize);

    /// A task's steps counted this; `behind` is from the newest record's timestamp to now, where records were processed.
    fn stepped(&self, processor: &str, counters: &Counters, behind: Option<Duration>);

    /// Records were handed to the producer.
    fn produced(&self, records: u64);

    /// A transaction has ended.
    fn transaction_ended(&self, how: TransactionEnd);

    /// A commit took so long on Kafka.
    fn commit_took(&self, cost: Duration);

    /// A partition's offset was committed.
    fn committed_at(&self, partition: &TopicPartition, offset: Offset);

    /// A partition's committed position lies so many records behind its end.
    fn lags_by(&self, partition: &TopicPartition, records: i64);

    /// A partition is no longer read here.
    fn forget_partition(&self, partition: &TopicPartition);

    /// A task works; its committed state may be read.
    fn task_ready(&self, task: &TaskId, store: &S);

    /// A task works no longer.
    fn task_left(&self, task: &TaskId);

    /// What the worker holds has changed.
    fn report(&self, report: Report);
}

/// Who watches a restorer.
pub trait RestoreObserver {
    /// Changelog records were replayed.
    fn restored(&self, records: u64);

    /// A task's changelog has so many records left to replay.
    fn remaining(&self, task: &str, records: i64);

    /// A task's restore has ended at a moment; `rebuilt` when its store was made anew.
    fn ended(&self, task: &str, at: Timestamp, rebuilt: bool);

    /// A task's restore was given up; its worker will ask again.
    fn failed(&self, _task: &str) {}

    /// Entries of a snapshot were brought into a task's store.
    fn loaded(&self, _task: &str, _entries: u64) {}

    /// A task's store has been loaded from a snapshot, or, when that did not work out, will be restored without one.
    fn load_ended(&self, _task: &str, _is_loaded: bool) {}

    /// Changelog records were brought into stores that are kept warm.
    fn standby_read(&self, _records: u64) {}

    /// A standby's store is so many records behind its changelog's end.
    fn standby_lags_by(&self, _task: &str, _records: i64, _has_caught_up: bool) {}

    /// A task is not kept warm here any more, or not just now.
    fn standby_left(&self, _task: &str) {}
}
