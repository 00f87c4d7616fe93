//! One partition.

use super::{
    Appended, Fetched, Isolation, LogConfig, Maintained, ProducerInfo, Recovery, TimedOffset,
};
use crate::storage::Storage;
use crate::{Error, ErrorKind};
use bytes::Bytes;
use std::sync::Arc;

/// A partition's log: segments, producers, transactions. One owner, one lock around it.
#[derive(Debug)]
pub struct PartitionLog {
    _storage: Arc<dyn Storage>,
    config: LogConfig,
    recovery: Recovery,
}

fn later<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Io, "not built yet"))
}

impl PartitionLog {
    /// The only leader epoch that this broker gives, in every batch and answer.
    pub const LEADER_EPOCH: i32 = 0;

    /// Opens the log in `dir`, or makes it. What came after the last checkpoint is checked, and a
    /// torn tail is cut; [`recovery`](Self::recovery) tells. No file is written before it is needed.
    ///
    /// # Errors
    /// Of kind `Io` or `CorruptStorage`.
    pub fn open(storage: Arc<dyn Storage>, dir: &str, config: LogConfig, now_ms: i64) -> Result<Self, Error> {
        let _ = (dir, now_ms);
        Ok(Self { _storage: storage, config, recovery: Recovery::default() })
    }

    /// What `open` had to check and repair.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Appends the record batches of a produce request, all or none: one write to the page cache.
    /// Only base offset and leader epoch are rewritten (under `LogAppendTime` the time too).
    /// A batch with a producer id must come alone. A repeat of one of a producer's last five
    /// batches is not written again: its first offsets come back with `duplicate` set.
    ///
    /// # Errors
    /// `CorruptMessage`, `InvalidRecord`, `MessageTooLarge`, `UnsupportedForMessageFormat`,
    /// `UnsupportedCompressionType`, `OutOfOrderSequence`, `InvalidProducerEpoch`,
    /// `InvalidTxnState`, `Io`.
    pub fn append(&mut self, batches: Bytes, now_ms: i64) -> Result<Appended, Error> {
        let _ = (batches, now_ms);
        later()
    }

    /// Appends batches that this broker made itself (offsets of groups, transaction metadata):
    /// as [`append`](Self::append), but `max.message.bytes` does not bound it.
    ///
    /// # Errors
    /// As `append`.
    pub fn append_internal(&mut self, batches: Bytes, now_ms: i64) -> Result<Appended, Error> {
        let _ = (batches, now_ms);
        later()
    }

    /// Ends a producer's transaction here with a COMMIT or ABORT marker, and returns the
    /// marker's offset. A marker without an open transaction is written too, as Kafka does.
    ///
    /// # Errors
    /// `InvalidProducerEpoch` if the producer has a newer epoch, `TransactionCoordinatorFenced` if
    /// a newer coordinator wrote a marker for it, `Io`.
    pub fn append_marker(
        &mut self,
        producer_id: i64,
        producer_epoch: i16,
        commit: bool,
        coordinator_epoch: i32,
        now_ms: i64,
    ) -> Result<i64, Error> {
        let _ = (producer_id, producer_epoch, commit, coordinator_epoch, now_ms);
        later()
    }

    /// Reads whole batches from the one that holds `offset`, or the next one, up to `max_bytes`;
    /// always at least one batch if there is one below the bound of `isolation`.
    /// `offset` may be the high watermark: then nothing is read.
    ///
    /// # Errors
    /// `OffsetOutOfRange`, `CorruptStorage`, `Io`.
    pub fn read(&self, offset: i64, max_bytes: usize, isolation: Isolation) -> Result<Fetched, Error> {
        let _ = (offset, max_bytes, isolation);
        later()
    }

    /// Offset of the first record that may be read.
    #[must_use]
    pub fn log_start_offset(&self) -> i64 {
        0
    }

    /// Offset after the last record: one node, so it is the log's end too.
    #[must_use]
    pub fn high_watermark(&self) -> i64 {
        0
    }

    /// Offset of the first record of the oldest open transaction, or the high watermark.
    #[must_use]
    pub fn last_stable_offset(&self) -> i64 {
        0
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        0
    }

    /// The first record with this timestamp or a later one; `None` if there is none.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`.
    pub fn offset_for_time(&self, timestamp_ms: i64) -> Result<Option<TimedOffset>, Error> {
        let _ = timestamp_ms;
        later()
    }

    /// The first record with the largest timestamp; `None` in an empty log.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`.
    pub fn max_timestamp(&self) -> Result<Option<TimedOffset>, Error> {
        later()
    }

    /// Removes the records before `offset` (-1: before the high watermark), at once and for good;
    /// returns the new start offset. Before the present start nothing happens.
    ///
    /// # Errors
    /// `OffsetOutOfRange` above the high watermark, `Io`.
    pub fn delete_records_before(&mut self, offset: i64) -> Result<i64, Error> {
        let _ = offset;
        later()
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// New settings, in force from the next call.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// One bounded step of housekeeping: close an old segment, retention, compaction, forgetting
    /// silent producers, checkpoint. Reads at most about `budget_bytes`; `more` asks for another.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`; the log stays as it was.
    pub fn maintain(&mut self, now_ms: i64, budget_bytes: usize) -> Result<Maintained, Error> {
        let _ = (now_ms, budget_bytes);
        later()
    }

    /// The producers that the log knows, by id.
    #[must_use]
    pub fn active_producers(&self) -> Vec<ProducerInfo> {
        Vec::new()
    }

    /// Whether this producer has a transaction open here.
    #[must_use]
    pub fn has_open_transaction(&self, producer_id: i64) -> bool {
        let _ = producer_id;
        false
    }

    /// Syncs and writes a checkpoint, so that the next open has nothing to check. The log stays
    /// usable. Does nothing if nothing changed since the last one.
    ///
    /// # Errors
    /// `Io`.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        later()
    }

    /// Removes the partition with all its files.
    ///
    /// # Errors
    /// `Io`.
    pub fn delete(self) -> Result<(), Error> {
        later()
    }
}
