//! Writing: what a batch must be, where it goes, and the markers that end transactions.

use super::PartitionLog;
use super::batch::{self, BatchHeader, Marker, corrupt};
use super::codec;
use super::config::{LogConfig, TimestampType};
use super::producers::Verdict;
use super::record::records;
use super::segment::NO_TIMESTAMP;
use super::types::Appended;
use crate::{Error, ErrorKind};
use bytes::{Bytes, BytesMut};

impl PartitionLog {
    /// Appends the record batches of a produce request, all or none: one write to the page cache.
    /// Only base offset and leader epoch are rewritten (under `LogAppendTime` the time too).
    /// A batch with a producer id must come alone. A repeat of one of a producer's last five
    /// batches is not written again: its first offsets come back with `duplicate` set.
    ///
    /// # Errors
    /// `CorruptMessage`, `InvalidRecord`, `InvalidTimestamp`, `MessageTooLarge`,
    /// `UnsupportedForMessageFormat`, `UnsupportedCompressionType`, `OutOfOrderSequence`, `InvalidProducerEpoch`,
    /// `InvalidTxnState`, `Io`.
    pub fn append(&mut self, batches: Bytes, now_ms: i64) -> Result<Appended, Error> {
        let headers = check(&batches, self.config.max_message_bytes, self.config.cleanup_policy.compact)?;
        if self.config.timestamp_type == TimestampType::CreateTime {
            headers.iter().try_for_each(|header| check_time(header, &self.config, now_ms))?;
        }
        self.append_checked(&batches, headers, now_ms)
    }

    /// Appends batches that this broker made itself (offsets of groups, transaction metadata):
    /// as [`append`](Self::append), but neither `max.message.bytes` nor the clock bounds it.
    ///
    /// # Errors
    /// As `append`.
    pub fn append_internal(&mut self, batches: Bytes, now_ms: i64) -> Result<Appended, Error> {
        let headers = check(&batches, usize::MAX, self.config.cleanup_policy.compact)?;
        self.append_checked(&batches, headers, now_ms)
    }

    fn append_checked(
        &mut self,
        batches: &[u8],
        mut headers: Vec<BatchHeader>,
        now_ms: i64,
    ) -> Result<Appended, Error> {
        self.check_writable()?;
        let log_append_time_ms = match self.config.timestamp_type {
            TimestampType::CreateTime => -1,
            TimestampType::LogAppendTime => now_ms,
        };
        if headers.iter().any(BatchHeader::has_producer) {
            let [header] = headers.as_slice() else {
                return Err(invalid("a batch with a producer id must come alone in its partition"));
            };
            if let Verdict::Duplicate(written) = self.producers.judge(header)? {
                return Ok(Appended {
                    base_offset: written.base_offset,
                    last_offset: written.last_offset,
                    log_append_time_ms,
                    duplicate: true,
                });
            }
        }
        let base_offset = self.active.next_offset;
        let mut placed = BytesMut::from(batches);
        let (mut next_offset, mut at) = (base_offset, 0);
        for header in &mut headers {
            let end = at + header.size_bytes;
            let Some(batch) = placed.get_mut(at..end) else { return Err(corrupt("a batch ends too early")) };
            batch::place(batch, next_offset, Self::LEADER_EPOCH);
            header.base_offset = next_offset;
            if self.config.timestamp_type == TimestampType::LogAppendTime {
                batch::stamp_log_append_time(batch, header, now_ms);
                header.max_timestamp_ms = now_ms;
            }
            next_offset = header.next_offset();
            at = end;
        }
        self.write(placed.freeze(), &headers, now_ms)?;
        for header in headers.iter().filter(|header| header.has_producer()) {
            self.producers.written(header, header.base_offset, now_ms);
        }
        Ok(Appended { base_offset, last_offset: next_offset - 1, log_append_time_ms, duplicate: false })
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
        self.check_writable()?;
        if producer_id < 0 || producer_epoch < 0 {
            return Err(invalid("a marker needs the id and epoch of a producer"));
        }
        self.producers.judge_marker(producer_id, producer_epoch, coordinator_epoch)?;
        let offset = self.active.next_offset;
        let bytes =
            batch::marker(offset, Self::LEADER_EPOCH, producer_id, producer_epoch, commit, coordinator_epoch, now_ms);
        let header = BatchHeader::read(&bytes)?;
        self.write(bytes, &[header], now_ms)?;
        self.note_marker(&header, Marker { commit, coordinator_epoch }, now_ms);
        Ok(offset)
    }

    /// Writes batches that have their places, to the file or not at all.
    fn write(&mut self, batches: Bytes, headers: &[BatchHeader], now_ms: i64) -> Result<(), Error> {
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else { return Ok(()) };
        if self.active.size_bytes == 0 {
            self.active.created_ms = now_ms;
        } else if self.active.size_bytes + batches.len() as u64 > self.config.segment_bytes
            || !self.active.has_room(batches.len(), last.next_offset())
        {
            self.roll(now_ms)?;
        }
        if let Err(failed) = self.active.file()?.append(&batches) {
            // Part of it may be there: a reader or the next append must not run into it.
            self.broken = self.active.cut_tail().is_err();
            return Err(failed);
        }
        for header in headers {
            self.active.note(header);
        }
        self.tail.push(first.base_offset, last.next_offset(), batches);
        self.unsaved = true;
        Ok(())
    }
}

/// Checks all that can be said of batches without knowing the log.
fn check(batches: &[u8], max_bytes: usize, compacted: bool) -> Result<Vec<BatchHeader>, Error> {
    let mut headers = Vec::with_capacity(1);
    let mut rest = batches;
    while !rest.is_empty() {
        let header = BatchHeader::read(rest)?;
        let Some((batch, after)) = rest.split_at_checked(header.size_bytes) else {
            return Err(corrupt(format!("a batch of {} bytes where {} are left", header.size_bytes, rest.len())));
        };
        check_batch(&header, batch, max_bytes, compacted)?;
        headers.push(header);
        rest = after;
    }
    if headers.is_empty() {
        return Err(invalid("no record batch in the request"));
    }
    Ok(headers)
}

fn check_batch(header: &BatchHeader, batch: &[u8], max_bytes: usize, compacted: bool) -> Result<(), Error> {
    if header.size_bytes > max_bytes {
        return Err(Error::new(
            ErrorKind::MessageTooLarge,
            format!("a batch of {} bytes is above max.message.bytes={max_bytes}", header.size_bytes),
        ));
    }
    if !batch::checksum_holds(header, batch) {
        return Err(corrupt("a batch does not match its checksum"));
    }
    if !codec::is_known(header.compression()) {
        return Err(Error::new(
            ErrorKind::UnsupportedCompressionType,
            format!("unknown codec number {}", header.compression()),
        ));
    }
    if header.is_control() || header.has_delete_horizon() {
        return Err(invalid("a producer may not write control batches"));
    }
    if header.is_log_append_time() {
        return Err(invalid("a producer may not claim the broker's append time"));
    }
    if header.record_count < 1 || header.last_offset_delta != header.record_count - 1 {
        return Err(invalid(format!(
            "a batch of {} records with a last offset delta of {}",
            header.record_count, header.last_offset_delta
        )));
    }
    if header.has_producer() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(invalid("a batch with a producer id needs an epoch and a sequence"));
    }
    if header.is_transactional() && !header.has_producer() {
        return Err(invalid("a transactional batch needs a producer id"));
    }
    // Compressed bodies pass through unread, unless each record needs a key.
    if header.compression() == 0 || compacted {
        check_records(header, batch, compacted)?;
    }
    Ok(())
}

/// A time far off would keep its segment for ever, or have it deleted at once.
fn check_time(header: &BatchHeader, config: &LogConfig, now_ms: i64) -> Result<(), Error> {
    let too_far = |off_ms: i64, max_ms: Option<i64>| max_ms.is_some_and(|max_ms| off_ms > max_ms);
    let has_time = header.base_timestamp_ms != NO_TIMESTAMP;
    if too_far(header.max_timestamp_ms.saturating_sub(now_ms), config.timestamp_after_max_ms)
        || has_time && too_far(now_ms.saturating_sub(header.base_timestamp_ms), config.timestamp_before_max_ms)
    {
        return Err(Error::new(
            ErrorKind::InvalidTimestamp,
            format!(
                "timestamps {} to {} are further from {now_ms} than message.timestamp.before.max.ms or \
                 message.timestamp.after.max.ms allows",
                header.base_timestamp_ms, header.max_timestamp_ms
            ),
        ));
    }
    Ok(())
}

fn check_records(header: &BatchHeader, batch: &[u8], compacted: bool) -> Result<(), Error> {
    let body = codec::decompress(header.compression(), batch::body(header, batch))?;
    let mut expected_delta = 0;
    for record in records(&body) {
        let record = record?;
        if record.offset_delta != expected_delta {
            return Err(invalid(format!("offset delta {} where {expected_delta} is next", record.offset_delta)));
        }
        if compacted && record.key.is_none() {
            return Err(invalid("a compacted topic takes no record without a key"));
        }
        expected_delta += 1;
    }
    if expected_delta != header.record_count {
        return Err(invalid(format!("{expected_delta} records in a batch that claims {}", header.record_count)));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRecord, message)
}
