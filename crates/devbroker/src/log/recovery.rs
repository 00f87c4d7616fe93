//! Opening: from the checkpoint where there is one, checking only what came after it.

use super::PartitionLog;
use super::aborted::AbortedIndex;
use super::batch;
use super::checkpoint::{Checkpoint, CompactionProgress, checkpoint_path};
use super::config::LogConfig;
use super::producers::Producers;
use super::segment::{Segment, log_path};
use super::tail::Tail;
use super::types::Recovery;
use crate::storage::Storage;
use crate::{Error, ErrorKind};
use std::sync::Arc;

impl PartitionLog {
    /// Opens the log in `dir`, or makes it. What came after the last checkpoint is checked, and a
    /// torn tail is cut; [`recovery`](Self::recovery) tells. No file is written before it is needed.
    ///
    /// # Errors
    /// Of kind `Io`.
    pub fn open(storage: Arc<dyn Storage>, dir: &str, config: LogConfig, now_ms: i64) -> Result<Self, Error> {
        finish_interrupted(storage.as_ref(), dir)?;
        let checkpoint = storage.read(&checkpoint_path(dir))?.and_then(|bytes| Checkpoint::decode(&bytes));
        let mut recovery = Recovery::default();
        let is_superseded = checkpoint.is_some();
        if let Some(checkpoint) = checkpoint {
            let state_offset = checkpoint.state_offset;
            let log = Self::load(
                Arc::clone(&storage),
                dir,
                config.clone(),
                checkpoint,
                std::mem::take(&mut recovery),
                now_ms,
            )?;
            if log.high_watermark() >= state_offset {
                return Ok(log);
            }
            // The device lost what the checkpoint tells of: believe the batches alone.
            recovery = log.recovery;
        }
        let nothing = Checkpoint {
            synced_offset: 0,
            state_offset: 0,
            log_start_offset: 0,
            producers: Vec::new(),
            aborted: AbortedIndex::default(),
            compaction: CompactionProgress::default(),
        };
        let log = Self::load(storage, dir, config, nothing, recovery, now_ms)?;
        if is_superseded {
            // It must not be believed next time, when the log may have grown beyond it.
            log.save(true)?;
        }
        Ok(log)
    }

    fn load(
        storage: Arc<dyn Storage>,
        dir: &str,
        config: LogConfig,
        checkpoint: Checkpoint,
        recovery: Recovery,
        now_ms: i64,
    ) -> Result<Self, Error> {
        let active = Segment::empty(Arc::clone(&storage), log_path(dir, 0), 0, now_ms);
        let mut log = Self {
            storage,
            dir: dir.to_owned(),
            config,
            sealed: Vec::new(),
            active,
            log_start_offset: 0,
            producers: Producers::from_entries(checkpoint.producers),
            aborted: checkpoint.aborted,
            tail: Tail::default(),
            progress: checkpoint.compaction,
            compaction: None,
            synced_offset: checkpoint.synced_offset,
            unsaved: false,
            recovery,
            broken: false,
        };
        log.load_segments(checkpoint.state_offset, now_ms)?;
        let first = log.segments().next().map_or(0, |segment| segment.base_offset);
        log.log_start_offset = checkpoint.log_start_offset.min(log.high_watermark()).max(first);
        log.synced_offset = log.synced_offset.min(log.high_watermark());
        log.unsaved = log.recovery.checked_bytes > 0 || log.recovery.truncated_bytes > 0;
        Ok(log)
    }

    fn load_segments(&mut self, state_offset: i64, now_ms: i64) -> Result<(), Error> {
        let mut bases: Vec<i64> = self
            .storage
            .list_files(&self.dir)?
            .iter()
            .filter_map(|name| name.strip_suffix(".log").filter(|base| base.len() == 20)?.parse().ok())
            .collect();
        bases.sort_unstable();
        let mut loaded: Vec<Segment> = Vec::with_capacity(bases.len());
        for base_offset in bases {
            let path = log_path(&self.dir, base_offset);
            let mut segment = Segment::empty(Arc::clone(&self.storage), path.clone(), base_offset, now_ms);
            let size_bytes = self.storage.open(&path)?.size_bytes()?;
            let expected = loaded.last().map_or(base_offset, |last| last.next_offset);
            if self.recovery.reason.is_empty() && base_offset < expected {
                self.recovery.reason = format!("{path} begins before the end of the segment before it");
            }
            if !self.recovery.reason.is_empty() {
                // What follows a cut can't be told from what was lost with it.
                self.recovery.truncated_bytes += size_bytes;
                segment.remove()?;
                continue;
            }
            self.load_segment(&mut segment, size_bytes, state_offset, now_ms)?;
            loaded.push(segment);
        }
        if let Some(active) = loaded.pop() {
            self.active = active;
        }
        // Where compaction took a segment's last records, the next one's name tells its end.
        let ends: Vec<i64> =
            loaded.iter().skip(1).map(|next| next.base_offset).chain([self.active.base_offset]).collect();
        for (segment, end) in loaded.iter_mut().zip(ends) {
            segment.next_offset = end;
        }
        self.sealed = loaded;
        Ok(())
    }

    /// Reads a segment from where its index can be trusted, and cuts it where it goes wrong.
    fn load_segment(
        &mut self,
        segment: &mut Segment,
        size_bytes: u64,
        state_offset: i64,
        now_ms: i64,
    ) -> Result<(), Error> {
        segment.restore(size_bytes, self.synced_offset)?;
        let mut scan = segment.scan(segment.size_bytes, size_bytes)?;
        loop {
            let found = match scan.next_batch() {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Io => return Err(e),
                Err(e) => return self.cut(segment, size_bytes, &e.to_string()),
            };
            let header = found.header;
            if header.base_offset < segment.next_offset {
                return self.cut(segment, size_bytes, "an offset goes back");
            }
            if header.base_offset >= self.synced_offset {
                self.recovery.checked_bytes += header.size_bytes as u64;
                if !batch::checksum_holds(&header, &found.bytes) {
                    return self.cut(segment, size_bytes, "a batch does not match its checksum");
                }
            }
            if !segment.has_room(header.size_bytes, header.next_offset()) {
                return self.cut(segment, size_bytes, "a segment is larger than any may be");
            }
            segment.note(&header);
            if header.base_offset < state_offset || !header.has_producer() {
                continue;
            }
            if !header.is_control() {
                self.producers.written(&header, header.base_offset, now_ms);
            } else if let Some(marker) = batch::read_marker(&header, &found.bytes) {
                self.note_marker(&header, marker, now_ms);
            }
        }
    }

    fn cut(&mut self, segment: &Segment, size_bytes: u64, why: &str) -> Result<(), Error> {
        self.recovery.truncated_bytes += size_bytes.saturating_sub(segment.size_bytes);
        self.recovery.reason = format!(
            "{} was cut at byte {} of {size_bytes}, offset {}: {why}",
            log_path(&self.dir, segment.base_offset),
            segment.size_bytes,
            segment.next_offset
        );
        segment.cut_tail()
    }
}

/// The name of a segment that compaction has finished: it stands for the offsets `base..end`.
pub(crate) fn swap_path(dir: &str, base_offset: i64, end_offset: i64) -> String {
    format!("{dir}/{base_offset:020}-{end_offset:020}.swap")
}

/// The name of a segment that compaction is writing.
pub(crate) fn unfinished_path(dir: &str, base_offset: i64) -> String {
    format!("{dir}/{base_offset:020}.compacting")
}

/// Completes or undoes what a stop cut short.
fn finish_interrupted(storage: &dyn Storage, dir: &str) -> Result<(), Error> {
    let names = storage.list_files(dir)?;
    for name in &names {
        if name.ends_with(".compacting") || name.ends_with(".new") {
            storage.remove(&format!("{dir}/{name}"))?;
        }
    }
    for name in &names {
        let Some(range) = name.strip_suffix(".swap").and_then(|range| range.split_once('-')) else { continue };
        let (Ok(base), Ok(end)) = (range.0.parse::<i64>(), range.1.parse::<i64>()) else { continue };
        for other in &names {
            let Some((offset, "log" | "index")) = other.split_once('.') else { continue };
            if offset.parse::<i64>().is_ok_and(|offset| (base..end).contains(&offset)) {
                storage.remove(&format!("{dir}/{other}"))?;
            }
        }
        storage.rename(&format!("{dir}/{name}"), &log_path(dir, base))?;
    }
    Ok(())
}
