//! Housekeeping: closing old segments, retention by time and size, deletion on demand.

use super::PartitionLog;
use super::segment::Segment;
use super::types::Maintained;
use crate::{Error, ErrorKind};

impl PartitionLog {
    /// One bounded step of housekeeping: close an old segment, retention, compaction, forgetting
    /// silent producers. Reads at most about `budget_bytes`; `more` asks for another step.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`; the log stays as it was.
    pub fn maintain(&mut self, now_ms: i64, budget_bytes: usize) -> Result<Maintained, Error> {
        self.check_writable()?;
        let mut done = Maintained::default();
        // Whoever reads from an idle partition may as well ask the page cache.
        self.tail.clear();
        let max_age_ms = match self.config.max_compaction_lag_ms {
            Some(max_ms) if self.config.cleanup_policy.compact => max_ms.min(self.config.segment_ms),
            _ => self.config.segment_ms,
        };
        if self.active.size_bytes > 0 && now_ms.saturating_sub(self.active.created_ms) >= max_age_ms {
            self.roll(now_ms)?;
        }
        if self.config.cleanup_policy.delete {
            done.segments_deleted = self.delete_expired(now_ms)?;
        }
        self.compact_step(now_ms, budget_bytes, &mut done)?;
        if self.producers.forget_silent(now_ms, self.config.producer_id_expiration_ms) {
            self.unsaved = true;
        }
        Ok(done)
    }

    fn delete_expired(&mut self, now_ms: i64) -> Result<usize, Error> {
        // Nothing goes while it is undecided whether it counts.
        let decided_offset = self.first_undecided_offset();
        let retention_ms = self.config.retention_ms;
        let is_expired = |segment: &Segment| {
            let newest_ms = if segment.max_timestamp_ms < 0 { segment.created_ms } else { segment.max_timestamp_ms };
            retention_ms.is_some_and(|retention_ms| now_ms.saturating_sub(newest_ms) > retention_ms)
        };
        if self.active.size_bytes > 0
            && self.active.next_offset <= decided_offset
            && is_expired(&self.active)
            && self.sealed.iter().all(is_expired)
        {
            self.roll(now_ms)?;
        }
        let mut left_bytes = self.size_bytes();
        let mut expired = 0;
        for segment in self.sealed.iter().take_while(|segment| segment.next_offset <= decided_offset) {
            let rest_bytes = left_bytes - segment.size_bytes;
            let is_too_much = self.config.retention_bytes.is_some_and(|retained| rest_bytes >= retained);
            if !is_too_much && !is_expired(segment) {
                break;
            }
            left_bytes = rest_bytes;
            expired += 1;
        }
        if expired > 0 {
            let start = self.sealed.get(expired).unwrap_or(&self.active).base_offset;
            self.move_start(start)?;
        }
        Ok(expired)
    }

    /// Removes the records before `offset` (-1: before the high watermark), at once and for good;
    /// returns the new start offset. Before the present start nothing happens.
    ///
    /// # Errors
    /// `OffsetOutOfRange` above the high watermark, `Io`.
    pub fn delete_records_before(&mut self, offset: i64) -> Result<i64, Error> {
        self.check_writable()?;
        let high_watermark = self.high_watermark();
        let offset = if offset == -1 { high_watermark } else { offset };
        if !(0..=high_watermark).contains(&offset) {
            return Err(Error::new(
                ErrorKind::OffsetOutOfRange,
                format!("records can be deleted up to {high_watermark}, not up to {offset}"),
            ));
        }
        if offset > self.log_start_offset {
            if offset == high_watermark && self.active.size_bytes > 0 {
                // The new segment counts its age from its first batch.
                self.roll(self.active.created_ms)?;
            }
            self.move_start(offset)?;
        }
        Ok(self.log_start_offset)
    }

    /// Moves the start: first it is written down, then what lies wholly before it is removed.
    fn move_start(&mut self, offset: i64) -> Result<(), Error> {
        self.abandon_compaction()?;
        self.log_start_offset = self.log_start_offset.max(offset);
        self.aborted.forget_before(self.log_start_offset);
        self.save(false)?;
        let gone = self.sealed.partition_point(|segment| segment.next_offset <= self.log_start_offset);
        for segment in self.sealed.drain(..gone) {
            segment.remove()?;
        }
        Ok(())
    }
}
