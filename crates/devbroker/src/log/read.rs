//! Reading: by offset, by time.

use super::PartitionLog;
use super::batch::{self, BatchHeader};
use super::codec;
use super::record::records;
use super::segment::{NO_TIMESTAMP, Scanned};
use super::types::{Fetched, Isolation, TimedOffset};
use crate::{Error, ErrorKind};
use bytes::Bytes;

impl PartitionLog {
    /// Reads whole batches from the one that holds `offset`, or the next one, up to `max_bytes`;
    /// always at least one batch if there is one below the bound of `isolation`.
    /// `offset` may be the high watermark: then nothing is read.
    ///
    /// # Errors
    /// `OffsetOutOfRange`, `CorruptStorage`, `Io`.
    pub fn read(&self, offset: i64, max_bytes: usize, isolation: Isolation) -> Result<Fetched, Error> {
        let high_watermark = self.high_watermark();
        if offset < self.log_start_offset || offset > high_watermark {
            return Err(Error::new(
                ErrorKind::OffsetOutOfRange,
                format!("offset {offset} is not within {}..={high_watermark}", self.log_start_offset),
            ));
        }
        let last_stable_offset = self.last_stable_offset();
        let bound = match isolation {
            Isolation::ReadUncommitted => high_watermark,
            Isolation::ReadCommitted => last_stable_offset,
        };
        let records = if offset < bound { self.read_bytes(offset, bound, max_bytes)? } else { Bytes::new() };
        let aborted = match isolation {
            Isolation::ReadCommitted if !records.is_empty() => {
                self.aborted.overlapping(offset, next_offset_of(&records)?)
            }
            _ => Vec::new(),
        };
        Ok(Fetched { records, high_watermark, last_stable_offset, log_start_offset: self.log_start_offset, aborted })
    }

    fn read_bytes(&self, offset: i64, bound: i64, max_bytes: usize) -> Result<Bytes, Error> {
        if let Some(batches) = self.tail.read(offset, bound, max_bytes)? {
            return Ok(batches);
        }
        for segment in self.segments_from(offset) {
            let batches = segment.read(offset, bound, max_bytes)?;
            if !batches.is_empty() || segment.next_offset >= bound {
                return Ok(batches);
            }
        }
        Ok(Bytes::new())
    }

    /// The first record with this timestamp or a later one; `None` if there is none.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`.
    pub fn offset_for_time(&self, timestamp_ms: i64) -> Result<Option<TimedOffset>, Error> {
        // Records without a timestamp have -1, and nobody asks for those.
        let timestamp_ms = timestamp_ms.max(NO_TIMESTAMP + 1);
        for segment in self.segments_from(self.log_start_offset) {
            if segment.max_timestamp_ms < timestamp_ms {
                continue;
            }
            let mut scan = segment.scan(segment.position_before_time(timestamp_ms), segment.size_bytes)?;
            while let Some(batch) = scan.next_batch().map_err(|e| segment.contradiction(0, &e))? {
                if batch.header.max_timestamp_ms < timestamp_ms || batch.header.last_offset() < self.log_start_offset {
                    continue;
                }
                if let Some(found) = first_record_from(&batch, timestamp_ms, self.log_start_offset) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp; `None` in an empty log.
    ///
    /// # Errors
    /// `CorruptStorage`, `Io`.
    pub fn max_timestamp(&self) -> Result<Option<TimedOffset>, Error> {
        let mut largest = self.segments_from(self.log_start_offset).map(|segment| segment.max_timestamp_ms).max();
        // The largest may belong to records before the log's start, whose segment is still here.
        while let Some(timestamp_ms) = largest.filter(|largest| *largest > NO_TIMESTAMP) {
            if let Some(found) = self.offset_for_time(timestamp_ms)? {
                return Ok(Some(found));
            }
            largest = self.largest_timestamp_below(timestamp_ms)?;
        }
        Ok(None)
    }

    /// The largest timestamp below `limit_ms` of the batches from the log's start on.
    fn largest_timestamp_below(&self, limit_ms: i64) -> Result<Option<i64>, Error> {
        let mut largest = None;
        for segment in self.segments_from(self.log_start_offset) {
            if segment.base_offset >= self.log_start_offset && segment.max_timestamp_ms < limit_ms {
                largest = largest.max(Some(segment.max_timestamp_ms));
                continue;
            }
            let start = segment.position_before_offset(self.log_start_offset);
            let mut scan = segment.scan(start, segment.size_bytes)?;
            while let Some(batch) = scan.next_batch().map_err(|e| segment.contradiction(start, &e))? {
                if batch.header.last_offset() < self.log_start_offset {
                    continue;
                }
                let times = each_record(&batch, self.log_start_offset).into_iter().map(|timed| timed.timestamp_ms);
                largest = largest.max(times.filter(|time| *time < limit_ms).max());
            }
        }
        Ok(largest)
    }
}

fn next_offset_of(batches: &[u8]) -> Result<i64, Error> {
    let (mut at, mut next_offset) = (0, 0);
    while let Some(rest) = batches.get(at..).filter(|rest| !rest.is_empty()) {
        let header = BatchHeader::read_stored(rest)?;
        next_offset = header.next_offset();
        at += header.size_bytes;
    }
    Ok(next_offset)
}

/// The first record of a batch that is late enough and not before the log's start.
fn first_record_from(batch: &Scanned, timestamp_ms: i64, log_start_offset: i64) -> Option<TimedOffset> {
    each_record(batch, log_start_offset).into_iter().find(|found| found.timestamp_ms >= timestamp_ms)
}

/// Offset and time of each record that may be read. A body that can't be read counts as one record
/// at its batch's start, with the time that the header claims: a search then goes on from there.
fn each_record(batch: &Scanned, log_start_offset: i64) -> Vec<TimedOffset> {
    let header = &batch.header;
    let unreadable = || {
        vec![TimedOffset { offset: header.base_offset.max(log_start_offset), timestamp_ms: header.max_timestamp_ms }]
    };
    let Ok(body) = codec::decompress(header.compression(), batch::body(header, &batch.bytes)) else {
        return unreadable();
    };
    let timed = records(&body).map(|record| {
        record.map(|record| TimedOffset {
            offset: header.base_offset.saturating_add(i64::from(record.offset_delta)),
            timestamp_ms: if header.is_log_append_time() {
                header.max_timestamp_ms
            } else {
                header.base_timestamp_ms.saturating_add(record.timestamp_delta_ms)
            },
        })
    });
    match timed.collect::<Result<Vec<_>, _>>() {
        Ok(mut timed) => {
            timed.retain(|timed| timed.offset >= log_start_offset);
            timed
        }
        Err(_) => unreadable(),
    }
}
