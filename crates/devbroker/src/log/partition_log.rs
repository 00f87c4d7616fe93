//! One partition: its state, and what can be told from it at once.

use super::aborted::{Aborted, AbortedIndex};
use super::batch::{BatchHeader, Marker};
use super::checkpoint::CompactionProgress;
use super::compaction::Compaction;
use super::config::LogConfig;
use super::producers::Producers;
use super::segment::{Segment, log_path};
use super::tail::Tail;
use super::types::{ProducerInfo, Recovery};
use crate::storage::Storage;
use crate::{Error, ErrorKind};
use std::sync::Arc;

/// A partition's log: segments, producers, transactions. One owner, one lock around it.
#[derive(Debug)]
pub struct PartitionLog {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) dir: String,
    pub(super) config: LogConfig,
    /// The segments before the active one, by base offset.
    pub(super) sealed: Vec<Segment>,
    /// The one that is appended to.
    pub(super) active: Segment,
    pub(super) log_start_offset: i64,
    pub(super) producers: Producers,
    pub(super) aborted: AbortedIndex,
    pub(super) tail: Tail,
    pub(super) progress: CompactionProgress,
    pub(super) compaction: Option<Compaction>,
    /// Everything below it is on the device.
    pub(super) synced_offset: i64,
    /// Something is not in the checkpoint file yet.
    pub(super) unsaved: bool,
    pub(super) recovery: Recovery,
    /// A write failed and could not be taken back: nothing more is written until the next open.
    pub(super) broken: bool,
}

impl PartitionLog {
    /// The only leader epoch that this broker gives, in every batch and answer.
    pub const LEADER_EPOCH: i32 = 0;

    /// What `open` had to check and repair.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Offset of the first record that may be read.
    #[must_use]
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// Offset after the last record: one node, so it is the log's end too.
    #[must_use]
    pub fn high_watermark(&self) -> i64 {
        self.active.next_offset
    }

    /// Offset of the first record of the oldest open transaction, or the high watermark.
    #[must_use]
    pub fn last_stable_offset(&self) -> i64 {
        self.first_undecided_offset().max(self.log_start_offset)
    }

    pub(super) fn first_undecided_offset(&self) -> i64 {
        self.producers.first_open_offset().unwrap_or(self.active.next_offset)
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments().map(|segment| segment.size_bytes).sum()
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

    /// The producers that the log knows, by id.
    #[must_use]
    pub fn active_producers(&self) -> Vec<ProducerInfo> {
        self.producers.describe()
    }

    /// Whether this producer has a transaction open here.
    #[must_use]
    pub fn has_open_transaction(&self, producer_id: i64) -> bool {
        self.producers.has_open_transaction(producer_id)
    }

    /// Removes the partition with all its files.
    ///
    /// # Errors
    /// `Io`.
    pub fn delete(self) -> Result<(), Error> {
        self.storage.remove_dir(&self.dir)
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.sealed.iter().chain(std::iter::once(&self.active))
    }

    /// The segments from the one that may hold `offset` on.
    pub(super) fn segments_from(&self, offset: i64) -> impl Iterator<Item = &Segment> {
        let skip = self.sealed.partition_point(|segment| segment.next_offset <= offset);
        self.segments().skip(skip)
    }

    /// Seals the active segment and begins another. Its file is made at once, for its name keeps
    /// the log's end even when all that was before it is gone.
    pub(super) fn roll(&mut self, now_ms: i64) -> Result<(), Error> {
        self.active.save_index(false)?;
        let base_offset = self.active.next_offset;
        let next = Segment::empty(Arc::clone(&self.storage), log_path(&self.dir, base_offset), base_offset, now_ms);
        next.file()?;
        self.sealed.push(std::mem::replace(&mut self.active, next));
        self.unsaved = true;
        Ok(())
    }

    /// Counts in a marker that is in the log now.
    pub(super) fn note_marker(&mut self, header: &BatchHeader, marker: Marker, now_ms: i64) {
        let started = self.producers.ended(header.producer_id, header.producer_epoch, marker.coordinator_epoch, now_ms);
        if let Some(first_offset) = started
            && !marker.commit
        {
            self.aborted.push(Aborted {
                producer_id: header.producer_id,
                first_offset,
                last_offset: header.base_offset,
                last_stable_offset: self.producers.first_open_offset().unwrap_or(header.next_offset()),
            });
        }
    }

    /// Refuses when an earlier failure left the end of the file unknown.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::new(
                ErrorKind::CorruptStorage,
                format!("{} takes no more writes after one failed half-way: free the disk and start again", self.dir),
            ));
        }
        Ok(())
    }
}
