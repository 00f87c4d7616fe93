//! Compaction, in bounded steps: of each key only the newest record stays.
//!
//! A pass first maps each key of the new part of the log to its last offset, then copies the
//! segments, leaving out what a later record replaced, aborted records, and tombstones and markers
//! that have served. Offsets stay; a segment is replaced at once. Sources: Kafka's log cleaner,
//! KIP-58 (lag), KIP-534 (tombstones stay for `delete.retention.ms` after they were first compacted).

use super::PartitionLog;
use super::batch;
use super::checkpoint::TombstoneMark;
use super::recovery::{swap_path, unfinished_path};
use super::retained::{Keeper, Kept};
use super::segment::{Scanned, Segment, log_path};
use super::types::Maintained;
use super::{codec, record::records};
use crate::Error;
use bytes::BytesMut;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// What the map of keys may take; beyond it a pass ends earlier in the log.
const MAP_BYTES_MAX: usize = 64 << 20;
/// What an entry takes besides its key, about.
const MAP_ENTRY_BYTES: usize = 48;
/// Copied batches are written in pieces of about this size.
const WRITE_BYTES: usize = 256 * 1024;
/// So many groups of tombstones are told apart.
const TOMBSTONE_MARKS_MAX: usize = 32;

/// A pass under way.
#[derive(Debug)]
pub(crate) struct Compaction {
    /// What is not before it stays as it is.
    end_offset: i64,
    /// The log's end when the pass began.
    log_end_offset: i64,
    /// Tombstones before it have waited long enough.
    droppable_before: i64,
    latest: HashMap<Box<[u8]>, i64>,
    map_bytes: usize,
    /// A tombstone stayed that no mark stands for yet.
    has_new_tombstones: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Reading keys, from this offset on.
    Map { next_offset: i64 },
    /// Copying segments, from this base offset on.
    Copy { next_base: i64, copy: Option<Copy> },
}

/// Some neighbouring segments that become one.
#[derive(Debug)]
struct Copy {
    output: Segment,
    /// The end of the last of them.
    end_offset: i64,
    /// Where reading goes on.
    source_base: i64,
    source_position: u64,
}

/// Whether a step got through with what it was at.
enum Progress {
    Paused,
    Done,
}

impl PartitionLog {
    pub(super) fn compact_step(
        &mut self,
        now_ms: i64,
        budget_bytes: usize,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        if !self.config.cleanup_policy.compact {
            return self.abandon_compaction();
        }
        let mut compaction = match self.compaction.take() {
            Some(compaction) => compaction,
            None => match self.plan_compaction(now_ms) {
                Some(planned) => {
                    // Producers are never rebuilt from batches that compaction went over.
                    self.save(false)?;
                    planned
                }
                None => return Ok(()),
            },
        };
        let mut budget = budget_bytes.max(1);
        match self.advance(&mut compaction, &mut budget)? {
            Progress::Paused => {
                self.compaction = Some(compaction);
                done.more = true;
            }
            Progress::Done => {
                self.note_compacted(&compaction, now_ms)?;
                done.compacted = true;
            }
        }
        Ok(())
    }

    /// Ends a pass under way; what it has replaced so far is good.
    pub(super) fn abandon_compaction(&mut self) -> Result<(), Error> {
        if let Some(Compaction { phase: Phase::Copy { copy: Some(copy), .. }, .. }) = self.compaction.take() {
            copy.output.remove()?;
        }
        Ok(())
    }

    /// A pass, if there is enough to do.
    fn plan_compaction(&self, now_ms: i64) -> Option<Compaction> {
        let compacted_to = self.progress.compacted_to;
        let undecided = self.first_undecided_offset();
        let youngest_ms = now_ms.saturating_sub(self.config.min_compaction_lag_ms);
        let is_due = |segment: &&Segment| {
            segment.next_offset <= compacted_to
                || segment.next_offset <= undecided
                    && (self.config.min_compaction_lag_ms <= 0 || segment.max_timestamp_ms <= youngest_ms)
        };
        let is_old = |since_ms: i64| {
            self.config.max_compaction_lag_ms.is_some_and(|max_ms| now_ms.saturating_sub(since_ms) >= max_ms)
        };
        let (mut clean_bytes, mut dirty_bytes, mut is_overdue) = (0, 0, false);
        let mut end_offset = compacted_to;
        for segment in self.sealed.iter().take_while(is_due) {
            let clean = match compacted_to {
                to if segment.next_offset <= to => segment.size_bytes,
                to if segment.base_offset < to => segment.position_before_offset(to),
                _ => 0,
            };
            clean_bytes += clean;
            dirty_bytes += segment.size_bytes - clean;
            is_overdue |= clean < segment.size_bytes && is_old(segment.created_ms);
            end_offset = end_offset.max(segment.next_offset);
        }
        let waited =
            |mark: &&TombstoneMark| now_ms.saturating_sub(mark.compacted_ms) >= self.config.delete_retention_ms;
        let droppable_before = self.progress.tombstones.iter().filter(waited).map(|mark| mark.offset).max();
        #[allow(clippy::cast_precision_loss, reason = "a share of sizes needs no more precision")]
        let is_dirty = dirty_bytes > 0
            && (is_overdue
                || dirty_bytes as f64 / (clean_bytes + dirty_bytes) as f64 > self.config.min_cleanable_dirty_ratio);
        if !is_dirty && droppable_before.is_none() {
            return None;
        }
        Some(Compaction {
            end_offset,
            log_end_offset: self.high_watermark(),
            droppable_before: droppable_before.unwrap_or(0),
            latest: HashMap::new(),
            map_bytes: 0,
            has_new_tombstones: false,
            phase: Phase::Map { next_offset: compacted_to.max(self.log_start_offset) },
        })
    }

    fn advance(&mut self, compaction: &mut Compaction, budget: &mut usize) -> Result<Progress, Error> {
        if let Phase::Map { mut next_offset } = compaction.phase {
            let progress = self.map_keys(compaction, &mut next_offset, budget)?;
            compaction.phase = Phase::Map { next_offset };
            if let Progress::Paused = progress {
                return Ok(Progress::Paused);
            }
            compaction.phase = Phase::Copy { next_base: 0, copy: None };
        }
        loop {
            let Phase::Copy { next_base, copy } = &mut compaction.phase else { return Ok(Progress::Done) };
            let mut copying = match copy.take() {
                Some(copying) => copying,
                None => match self.begin_copy(*next_base, compaction.end_offset)? {
                    Some(copying) => copying,
                    None => return Ok(Progress::Done),
                },
            };
            let next = copying.end_offset;
            if let Progress::Paused = self.copy_some(compaction, &mut copying, budget)? {
                compaction.phase = Phase::Copy { next_base: copying.output.base_offset, copy: Some(copying) };
                return Ok(Progress::Paused);
            }
            self.replace(copying)?;
            compaction.phase = Phase::Copy { next_base: next, copy: None };
        }
    }

    fn map_keys(
        &self,
        compaction: &mut Compaction,
        next_offset: &mut i64,
        budget: &mut usize,
    ) -> Result<Progress, Error> {
        while *next_offset < compaction.end_offset {
            let at = self.sealed.partition_point(|segment| segment.next_offset <= *next_offset);
            let Some(segment) = self.sealed.get(at) else { break };
            let start = segment.position_before_offset(*next_offset);
            let mut scan = segment.scan(start, segment.size_bytes)?;
            while let Some(batch) = scan.next_batch().map_err(|e| segment.contradiction(start, &e))? {
                if batch.header.last_offset() < *next_offset {
                    continue;
                }
                if *budget == 0 {
                    return Ok(Progress::Paused);
                }
                *budget = budget.saturating_sub(batch.header.size_bytes);
                *next_offset = batch.header.next_offset();
                self.map_batch(compaction, &batch);
                if compaction.map_bytes > MAP_BYTES_MAX {
                    compaction.end_offset = *next_offset;
                    return Ok(Progress::Done);
                }
            }
            *next_offset = segment.next_offset;
        }
        Ok(Progress::Done)
    }

    fn map_batch(&self, compaction: &mut Compaction, batch: &Scanned) {
        let header = &batch.header;
        if header.is_control()
            || header.is_transactional() && self.aborted.covers(header.producer_id, header.base_offset)
        {
            return;
        }
        // A body that can't be read stays as it is, so nothing is lost by not knowing its keys.
        let Ok(body) = codec::decompress(header.compression(), batch::body(header, &batch.bytes)) else { return };
        for record in records(&body).map_while(Result::ok) {
            let offset = header.base_offset.saturating_add(i64::from(record.offset_delta));
            let Some(key) = record.key else { continue };
            match compaction.latest.get_mut(key) {
                Some(latest) => *latest = offset,
                None => {
                    compaction.map_bytes += key.len() + MAP_ENTRY_BYTES;
                    compaction.latest.insert(key.into(), offset);
                }
            }
        }
    }

    /// The next neighbouring segments that together are no larger than one may be.
    fn begin_copy(&self, next_base: i64, end_offset: i64) -> Result<Option<Copy>, Error> {
        let start = self.sealed.partition_point(|segment| segment.base_offset < next_base);
        let mut group: Option<(Range<i64>, u64, i64)> = None;
        for segment in self.sealed.iter().skip(start).take_while(|segment| segment.base_offset < end_offset) {
            let (range, bytes, created_ms) = match group.take() {
                None => (segment.base_offset..segment.next_offset, segment.size_bytes, segment.created_ms),
                Some((range, bytes, created_ms)) => {
                    let joined = bytes + segment.size_bytes;
                    if joined > self.config.segment_bytes || segment.next_offset - range.start > i64::from(i32::MAX) {
                        group = Some((range, bytes, created_ms));
                        break;
                    }
                    (range.start..segment.next_offset, joined, segment.created_ms)
                }
            };
            group = Some((range, bytes, created_ms));
        }
        let Some((range, _, created_ms)) = group else { return Ok(None) };
        let path = unfinished_path(&self.dir, range.start);
        self.storage.remove(&path)?;
        let output = Segment::empty(Arc::clone(&self.storage), path, range.start, created_ms);
        Ok(Some(Copy { output, end_offset: range.end, source_base: range.start, source_position: 0 }))
    }

    fn copy_some(&self, compaction: &mut Compaction, copy: &mut Copy, budget: &mut usize) -> Result<Progress, Error> {
        let newly_mapped_from = self.progress.tombstones.last().map_or(0, |mark| mark.offset);
        let keeper = Keeper {
            latest: &compaction.latest,
            aborted: &self.aborted,
            log_start_offset: self.log_start_offset,
            end_offset: compaction.end_offset,
            log_end_offset: compaction.log_end_offset,
            droppable_before: compaction.droppable_before,
        };
        let start = self.sealed.partition_point(|segment| segment.base_offset < copy.source_base);
        for source in self.sealed.iter().skip(start).take_while(|source| source.base_offset < copy.end_offset) {
            if source.base_offset != copy.source_base {
                copy.source_base = source.base_offset;
                copy.source_position = 0;
            }
            let mut pending = BytesMut::new();
            let mut scan = source.scan(copy.source_position, source.size_bytes)?;
            loop {
                if *budget == 0 || pending.len() >= WRITE_BYTES {
                    copy.output.file()?.append(&pending)?;
                    pending.clear();
                }
                if *budget == 0 {
                    return Ok(Progress::Paused);
                }
                let Some(batch) = scan.next_batch().map_err(|e| source.contradiction(copy.source_position, &e))? else {
                    break;
                };
                *budget = budget.saturating_sub(batch.header.size_bytes);
                copy.source_position = batch.position + batch.header.size_bytes as u64;
                if let Some(Kept { bytes, header, last_tombstone }) = keeper.keep(&batch)? {
                    compaction.has_new_tombstones |= last_tombstone.is_some_and(|offset| offset >= newly_mapped_from);
                    copy.output.note(&header);
                    pending.extend_from_slice(&bytes);
                }
            }
            copy.output.file()?.append(&pending)?;
        }
        Ok(Progress::Done)
    }

    /// Puts the copy in the place of what it was made from. Once it bears its `.swap` name, an
    /// interrupted replacement is completed by the next open.
    fn replace(&mut self, mut copy: Copy) -> Result<(), Error> {
        copy.output.file()?.sync()?;
        let base_offset = copy.output.base_offset;
        copy.output.rename(swap_path(&self.dir, base_offset, copy.end_offset))?;
        copy.output.next_offset = copy.end_offset;
        let from = self.sealed.partition_point(|segment| segment.base_offset < base_offset);
        let to = self.sealed.partition_point(|segment| segment.base_offset < copy.end_offset);
        let replaced: Vec<Segment> = self.sealed.splice(from..to, [copy.output]).collect();
        for segment in replaced {
            segment.remove()?;
        }
        if let Some(output) = self.sealed.get_mut(from) {
            output.rename(log_path(&self.dir, base_offset))?;
            output.save_index(false)?;
        }
        Ok(())
    }

    fn note_compacted(&mut self, compaction: &Compaction, now_ms: i64) -> Result<(), Error> {
        let progress = &mut self.progress;
        progress.compacted_to = progress.compacted_to.max(compaction.end_offset);
        progress.tombstones.retain(|mark| mark.offset > compaction.droppable_before);
        if compaction.has_new_tombstones {
            progress.tombstones.push(TombstoneMark { offset: compaction.end_offset, compacted_ms: now_ms });
        }
        if progress.tombstones.len() > TOMBSTONE_MARKS_MAX {
            // The next mark stands for its tombstones too: they go later, never too early.
            progress.tombstones.remove(0);
        }
        // Their records are gone; their markers follow with the next pass.
        self.aborted.forget_before(compaction.end_offset);
        self.save(false)
    }
}
