//! What goes in and out of a [`PartitionLog`](super::PartitionLog).

use bytes::Bytes;

/// Where an append ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset of the last record.
    pub last_offset: i64,
    /// The broker's time under `LogAppendTime`, else -1, as a produce response has it.
    pub log_append_time_ms: i64,
    /// The batch was there already; the offsets are those of the first time.
    pub duplicate: bool,
}

/// `isolation.level` of a fetch or an offset query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    ReadUncommitted,
    /// Everything below the last stable offset, with the list of what was aborted.
    ReadCommitted,
}

/// An aborted transaction as a fetch response names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// The producer whose records are to be skipped …
    pub producer_id: i64,
    /// … from this offset until its abort marker.
    pub first_offset: i64,
}

/// An answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Whole batches; the first may begin before the offset that was asked for. Empty at the end.
    pub records: Bytes,
    /// Offset after the last record.
    pub high_watermark: i64,
    /// Offset of the first record of the oldest open transaction, or the high watermark.
    pub last_stable_offset: i64,
    /// Offset of the first record that may be read.
    pub log_start_offset: i64,
    /// What was aborted within `records`, by first offset; empty for `ReadUncommitted`.
    pub aborted: Vec<AbortedTransaction>,
}

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOffset {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in milliseconds.
    pub timestamp_ms: i64,
}

/// What the log knows of one producer, in the shape of `DescribeProducers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerInfo {
    /// The producer's id.
    pub producer_id: i64,
    /// Its newest epoch.
    pub producer_epoch: i16,
    /// Its last sequence number; -1 if there is none in this epoch.
    pub last_sequence: i32,
    /// When it last wrote, in milliseconds.
    pub last_timestamp_ms: i64,
    /// The epoch of the coordinator that wrote its last marker; -1 without one.
    pub coordinator_epoch: i32,
    /// Where its open transaction began; `None` if none is open.
    pub transaction_start_offset: Option<i64>,
}

/// What one call of [`maintain`](super::PartitionLog::maintain) did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Segments removed by retention.
    pub segments_deleted: usize,
    /// A compaction reached its end.
    pub compacted: bool,
    /// There is more to do now: call again soon.
    pub more: bool,
}

/// What [`open`](super::PartitionLog::open) had to repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes whose checksums were verified: those after the last checkpoint.
    pub checked_bytes: u64,
    /// Bytes cut off as a torn tail, 0 if there was none.
    pub truncated_bytes: u64,
    /// Why they were cut; empty if there was nothing to cut.
    pub reason: String,
}
