//! The header of a record batch, magic v2, read and patched in place.
//!
//! Source: Kafka's protocol guide, "Record Batch". The checksum covers what follows it, so base
//! offset and leader epoch can be rewritten without touching it.

use crate::{Error, ErrorKind};
use bytes::{Bytes, BytesMut};

/// Bytes of a header; the records follow.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes before those that the length field counts: base offset and the length itself.
pub(crate) const FRAME_BYTES: usize = 12;
const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
/// Where the checksummed bytes begin.
const CHECKED_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
const RECORD_COUNT_AT: usize = 57;

const COMPRESSION: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// The fields of a batch's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    /// The whole batch with its frame.
    pub(crate) size_bytes: usize,
    pub(crate) crc: u32,
    pub(crate) attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp_ms: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) record_count: i32,
}

impl BatchHeader {
    /// Reads a header; the records need not be there yet.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.get(MAGIC_AT) {
            Some(2) => {}
            Some(magic @ (0 | 1)) => {
                return Err(Error::new(
                    ErrorKind::UnsupportedForMessageFormat,
                    format!("message format v{magic} is not kept here: send magic v2"),
                ));
            }
            Some(magic) => return Err(corrupt(format!("unknown magic {magic}"))),
            None => return Err(corrupt("a batch ends within its header")),
        }
        let length = i32::from_be_bytes(field(bytes, 8)?);
        let size_bytes = usize::try_from(length).ok().and_then(|length| length.checked_add(FRAME_BYTES));
        let Some(size_bytes) = size_bytes.filter(|size| *size >= HEADER_BYTES) else {
            return Err(corrupt(format!("a batch length of {length}")));
        };
        Ok(Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)?),
            size_bytes,
            crc: u32::from_be_bytes(field(bytes, CRC_AT)?),
            attributes: i16::from_be_bytes(field(bytes, CHECKED_AT)?),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)?),
            base_timestamp_ms: i64::from_be_bytes(field(bytes, 27)?),
            max_timestamp_ms: i64::from_be_bytes(field(bytes, MAX_TIMESTAMP_AT)?),
            producer_id: i64::from_be_bytes(field(bytes, 43)?),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)?),
            base_sequence: i32::from_be_bytes(field(bytes, 53)?),
            record_count: i32::from_be_bytes(field(bytes, RECORD_COUNT_AT)?),
        })
    }

    /// Reads the header of a stored batch: its offsets must make sense too.
    pub(crate) fn read_stored(bytes: &[u8]) -> Result<Self, Error> {
        let header = Self::read(bytes)?;
        let last = header.base_offset.checked_add(i64::from(header.last_offset_delta));
        if header.base_offset < 0 || header.last_offset_delta < 0 || last.is_none_or(|last| last == i64::MAX) {
            return Err(corrupt("a batch with impossible offsets"));
        }
        Ok(header)
    }

    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    pub(crate) fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub(crate) fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON != 0
    }

    pub(crate) fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// The sequence of the last record; sequences go on with 0 after `i32::MAX`.
    pub(crate) fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 { -1 } else { sequence_plus(self.base_sequence, self.last_offset_delta) }
    }
}

/// A sequence number `steps` later, in Kafka's wrapping count of 31 bits.
pub(crate) fn sequence_plus(sequence: i32, steps: i32) -> i32 {
    sequence.wrapping_add(steps) & i32::MAX
}

/// Whether the batch's bytes are those that its producer summed up.
pub(crate) fn checksum_holds(header: &BatchHeader, batch: &[u8]) -> bool {
    batch.get(CHECKED_AT..header.size_bytes).is_some_and(|checked| crc32c::crc32c(checked) == header.crc)
}

/// The records of a whole batch, compressed as they are.
pub(crate) fn body<'a>(header: &BatchHeader, batch: &'a [u8]) -> &'a [u8] {
    batch.get(HEADER_BYTES..header.size_bytes).unwrap_or_default()
}

/// Gives a batch its place; the checksum stays right.
pub(crate) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    put(batch, 0, &base_offset.to_be_bytes());
    put(batch, LEADER_EPOCH_AT, &leader_epoch.to_be_bytes());
}

/// Writes the broker's time over the producer's.
pub(crate) fn stamp_log_append_time(batch: &mut [u8], header: &BatchHeader, now_ms: i64) {
    put(batch, CHECKED_AT, &(header.attributes | LOG_APPEND_TIME).to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, &now_ms.to_be_bytes());
    seal(batch);
}

/// A copy without the transactional flag: what is decided needs no marker any more.
pub(crate) fn without_transaction(batch: &[u8], header: &BatchHeader) -> Bytes {
    let mut copy = BytesMut::from(batch);
    put(&mut copy, CHECKED_AT, &(header.attributes & !TRANSACTIONAL).to_be_bytes());
    seal(&mut copy);
    copy.freeze()
}

/// A copy of the batch that carries `body` with `record_count` records instead of its own. The
/// offsets that it spans stay the same; it is outside of any transaction.
pub(crate) fn with_records(
    batch: &[u8],
    header: &BatchHeader,
    body: &[u8],
    record_count: i32,
    max_timestamp_ms: i64,
) -> Bytes {
    let mut copy = BytesMut::with_capacity(HEADER_BYTES + body.len());
    copy.extend_from_slice(batch.get(..HEADER_BYTES).unwrap_or_default());
    copy.extend_from_slice(body);
    let length = i32::try_from(copy.len() - FRAME_BYTES).unwrap_or(i32::MAX);
    put(&mut copy, 8, &length.to_be_bytes());
    put(&mut copy, CHECKED_AT, &(header.attributes & !TRANSACTIONAL).to_be_bytes());
    put(&mut copy, MAX_TIMESTAMP_AT, &max_timestamp_ms.to_be_bytes());
    put(&mut copy, RECORD_COUNT_AT, &record_count.to_be_bytes());
    seal(&mut copy);
    copy.freeze()
}

/// A control batch: the COMMIT or ABORT marker of a transaction.
pub(crate) fn marker(
    base_offset: i64,
    leader_epoch: i32,
    producer_id: i64,
    producer_epoch: i16,
    commit: bool,
    coordinator_epoch: i32,
    now_ms: i64,
) -> Bytes {
    // One record: length 16, no attributes, deltas 0, a key of 4 bytes and a value of 6, no headers;
    // lengths are zigzag varints.
    let mut record = Vec::with_capacity(17);
    record.extend_from_slice(&[32, 0, 0, 0, 8, 0, 0, 0, u8::from(commit), 12, 0, 0]);
    record.extend_from_slice(&coordinator_epoch.to_be_bytes());
    record.push(0);
    let mut batch = BytesMut::zeroed(HEADER_BYTES);
    batch.extend_from_slice(&record);
    let length = i32::try_from(batch.len() - FRAME_BYTES).unwrap_or(i32::MAX);
    place(&mut batch, base_offset, leader_epoch);
    put(&mut batch, 8, &length.to_be_bytes());
    put(&mut batch, MAGIC_AT, &[2]);
    put(&mut batch, CHECKED_AT, &(TRANSACTIONAL | CONTROL).to_be_bytes());
    put(&mut batch, 27, &now_ms.to_be_bytes());
    put(&mut batch, MAX_TIMESTAMP_AT, &now_ms.to_be_bytes());
    put(&mut batch, 43, &producer_id.to_be_bytes());
    put(&mut batch, 51, &producer_epoch.to_be_bytes());
    put(&mut batch, 53, &(-1_i32).to_be_bytes());
    put(&mut batch, RECORD_COUNT_AT, &1_i32.to_be_bytes());
    seal(&mut batch);
    batch.freeze()
}

/// What a control batch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) commit: bool,
    pub(crate) coordinator_epoch: i32,
}

/// Reads the marker of a control batch; `None` if it is another kind of control record.
pub(crate) fn read_marker(header: &BatchHeader, batch: &[u8]) -> Option<Marker> {
    let record = super::record::records(body(header, batch)).next()?.ok()?;
    let (key, value) = (record.key?, record.value?);
    let commit = match i16::from_be_bytes(field(key, 2).ok()?) {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(Marker { commit, coordinator_epoch: i32::from_be_bytes(field(value, 2).ok()?) })
}

/// Sums the batch up anew.
fn seal(batch: &mut [u8]) {
    let crc = crc32c::crc32c(batch.get(CHECKED_AT..).unwrap_or_default());
    put(batch, CRC_AT, &crc.to_be_bytes());
}

fn put(batch: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = batch.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or_else(|| corrupt("a batch ends within its header"))
}

/// An error that blames the bytes of a batch.
pub(crate) fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CorruptMessage, message)
}
