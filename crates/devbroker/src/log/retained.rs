//! What compaction keeps of a batch.

use super::aborted::AbortedIndex;
use super::batch::{self, BatchHeader};
use super::codec;
use super::record::records;
use super::segment::{NO_TIMESTAMP, Scanned};
use crate::Error;
use bytes::Bytes;
use std::collections::HashMap;

/// What a pass knows.
#[derive(Debug)]
pub(crate) struct Keeper<'a> {
    pub(crate) latest: &'a HashMap<Box<[u8]>, i64>,
    pub(crate) aborted: &'a AbortedIndex,
    pub(crate) log_start_offset: i64,
    pub(crate) end_offset: i64,
    pub(crate) log_end_offset: i64,
    pub(crate) droppable_before: i64,
}

/// A batch, or what is left of it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Bytes,
    pub(crate) last_tombstone: Option<i64>,
}

impl Keeper<'_> {
    /// What stays of a batch; `None` if nothing does.
    ///
    /// # Errors
    /// `Io` if what is left can't be compressed again.
    pub(crate) fn keep(&self, batch: &Scanned) -> Result<Option<Kept>, Error> {
        let header = &batch.header;
        if header.base_offset >= self.end_offset {
            return Ok(Some(unchanged(batch)));
        }
        if header.last_offset() < self.log_start_offset {
            return Ok(None);
        }
        // Whoever reads up to the log's end must get there: its last batch stays, whatever it is.
        let is_last = header.next_offset() >= self.log_end_offset;
        if header.is_control() {
            // An abort marker goes after the index entry that it ends: an entry without its
            // marker would hide later records. A commit marker tells nobody anything any more.
            let is_needed = match batch::read_marker(header, &batch.bytes) {
                Some(marker) => !marker.commit && self.aborted.has_marker(header.base_offset),
                None => true,
            };
            return Ok((is_needed || is_last).then(|| unchanged(batch)));
        }
        if header.is_transactional() && self.aborted.covers(header.producer_id, header.base_offset) {
            return Ok(None);
        }
        self.keep_records(batch, is_last)
    }

    fn keep_records(&self, batch: &Scanned, is_last: bool) -> Result<Option<Kept>, Error> {
        let header = &batch.header;
        let Ok(body) = codec::decompress(header.compression(), batch::body(header, &batch.bytes)) else {
            return kept_whole(batch, None);
        };
        let mut left = Vec::new();
        let (mut seen, mut count) = (0, 0);
        let mut max_timestamp_ms = NO_TIMESTAMP;
        let mut last_tombstone = None;
        for record in records(&body) {
            let Ok(record) = record else { return kept_whole(batch, None) };
            seen += 1;
            let offset = header.base_offset.saturating_add(i64::from(record.offset_delta));
            let is_latest = record.key.is_some_and(|key| self.latest.get(key).is_none_or(|latest| offset >= *latest));
            let is_tombstone = record.value.is_none();
            let has_served = is_tombstone && offset < self.droppable_before;
            if !is_latest || has_served && !(is_last && offset == header.last_offset()) {
                continue;
            }
            if is_tombstone {
                last_tombstone = Some(offset);
            }
            count += 1;
            max_timestamp_ms = max_timestamp_ms.max(header.base_timestamp_ms.saturating_add(record.timestamp_delta_ms));
            left.extend_from_slice(record.bytes);
        }
        if count == 0 {
            return Ok(None);
        }
        if count == seen {
            return kept_whole(batch, last_tombstone);
        }
        if header.is_log_append_time() {
            max_timestamp_ms = header.max_timestamp_ms;
        }
        let folded = codec::compress(header.compression(), &left)?;
        let bytes = batch::with_records(&batch.bytes, header, &folded, count, max_timestamp_ms);
        Ok(Some(Kept { header: BatchHeader::read(&bytes)?, bytes, last_tombstone }))
    }
}

fn unchanged(batch: &Scanned) -> Kept {
    Kept { header: batch.header, bytes: batch.bytes.clone(), last_tombstone: None }
}

/// All records of a batch that is decided: it needs no transaction any more.
fn kept_whole(batch: &Scanned, last_tombstone: Option<i64>) -> Result<Option<Kept>, Error> {
    if !batch.header.is_transactional() {
        return Ok(Some(Kept { last_tombstone, ..unchanged(batch) }));
    }
    let bytes = batch::without_transaction(&batch.bytes, &batch.header);
    Ok(Some(Kept { header: BatchHeader::read(&bytes)?, bytes, last_tombstone }))
}
