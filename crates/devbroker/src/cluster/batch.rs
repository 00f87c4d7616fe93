//! Record batches (magic 2) that the broker writes and reads itself.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::records::{Record, RecordBatchDecoder};

use super::partition::Partition;
use crate::log::Isolation;
use crate::{Error, ErrorKind};

/// One record of an internal log: a key, and a value or a tombstone.
pub(crate) type KeyValue = (Bytes, Option<Bytes>);

const TRANSACTIONAL: i16 = 1 << 4;
/// Bytes of the header from the leader epoch on: what the length field does not count is before it.
const CRC_POSITION: usize = 17;
const LENGTH_POSITION: usize = 8;

/// The producer on whose behalf a transactional batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchProducer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    /// The first record's sequence number in this partition.
    pub(crate) sequence: i32,
}

const NO_PRODUCER: BatchProducer = BatchProducer { id: -1, epoch: -1, sequence: -1 };

/// Encodes a batch; with a producer it is transactional.
pub(crate) fn encode_batch(records: &[KeyValue], timestamp_ms: i64, producer: Option<BatchProducer>) -> Bytes {
    let BatchProducer { id: producer_id, epoch: producer_epoch, sequence } = producer.unwrap_or(NO_PRODUCER);
    let count = records.len() as i32;
    let mut out = BytesMut::with_capacity(128 + records.iter().map(record_size_hint).sum::<usize>());
    out.put_i64(0);
    out.put_i32(0);
    out.put_i32(0);
    out.put_i8(2);
    out.put_u32(0);
    out.put_i16(if producer.is_some() { TRANSACTIONAL } else { 0 });
    out.put_i32(count - 1);
    out.put_i64(timestamp_ms);
    out.put_i64(timestamp_ms);
    out.put_i64(producer_id);
    out.put_i16(producer_epoch);
    out.put_i32(sequence);
    out.put_i32(count);
    let mut body = BytesMut::new();
    for (delta, (key, value)) in records.iter().enumerate() {
        body.clear();
        body.put_i8(0);
        put_varint(&mut body, 0);
        put_varint(&mut body, delta as i64);
        put_varint(&mut body, key.len() as i64);
        body.extend_from_slice(key);
        match value {
            Some(value) => {
                put_varint(&mut body, value.len() as i64);
                body.extend_from_slice(value);
            }
            None => put_varint(&mut body, -1),
        }
        put_varint(&mut body, 0);
        put_varint(&mut out, body.len() as i64);
        out.extend_from_slice(&body);
    }
    let length = (out.len() - LENGTH_POSITION - 4) as i32;
    out[LENGTH_POSITION..LENGTH_POSITION + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&out[CRC_POSITION + 4..]);
    out[CRC_POSITION..CRC_POSITION + 4].copy_from_slice(&crc.to_be_bytes());
    out.freeze()
}

fn record_size_hint((key, value): &KeyValue) -> usize {
    key.len() + value.as_ref().map_or(0, Bytes::len) + 16
}

fn put_varint(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

/// What a control record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Abort,
    Commit,
}

/// Reads the marker from a control record's key; `None` for kinds that are none of ours.
pub(crate) fn marker_of(record: &Record) -> Option<Marker> {
    match record.key.as_deref()? {
        [_, _, 0, 0, ..] => Some(Marker::Abort),
        [_, _, 0, 1, ..] => Some(Marker::Commit),
        _ => None,
    }
}

const REPLAY_BYTES: usize = 4 * 1024 * 1024;

/// Reads an internal log from its start to its end.
pub(crate) fn replay(partition: &Partition, mut each: impl FnMut(Record)) -> Result<(), Error> {
    let (mut position, end) = partition.bounds();
    while position < end {
        let fetched = partition.read_raw(position, REPLAY_BYTES, Isolation::ReadUncommitted)?;
        if fetched.records.is_empty() {
            return Ok(());
        }
        let mut records = fetched.records;
        let before = position;
        while !records.is_empty() {
            let set = RecordBatchDecoder::decode(&mut records).map_err(|error| {
                Error::new(ErrorKind::CorruptStorage, format!("an internal log cannot be read: {error}"))
            })?;
            for record in set.records {
                if record.offset >= position {
                    position = record.offset + 1;
                    each(record);
                }
            }
        }
        // A compacted batch may have lost all of its records: step over it.
        position = position.max(before + 1);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
