//! Record batches (format v2, KIP-98), written as records come.

use headwater_log::Headers;

/// Bytes before the first record.
const HEADER_BYTES: usize = 61;
/// Where the checksum's part begins: with the attributes.
const CHECKED_FROM: usize = 21;
const CHECKSUM_AT: usize = 17;
/// The length counts what follows it.
const LENGTH_END: usize = 12;
const MAGIC: u8 = 2;
const IS_TRANSACTIONAL: i16 = 0x10;
const NO_LEADER_EPOCH: i32 = -1;

/// Who writes a batch, and which one of theirs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) producer_id: i64,
    pub(super) epoch: i16,
    /// The number of the first record among those of this producer in the partition; wraps behind `i32::MAX`.
    pub(super) sequence: i32,
}

/// A batch that takes records. Its buffer is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct BatchBuilder {
    bytes: Vec<u8>,
    records: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl BatchBuilder {
    /// One that writes into a buffer, whatever that held.
    pub(super) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes, ..Self::default() }
    }

    pub(super) const fn records(&self) -> i32 {
        self.records
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a record; `timestamp_ms` is its CreateTime.
    pub(super) fn push(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<&Headers>,
        timestamp_ms: i64,
    ) {
        if self.is_empty() {
            self.bytes.resize(HEADER_BYTES, 0);
            (self.base_timestamp_ms, self.max_timestamp_ms) = (timestamp_ms, timestamp_ms);
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        let timestamp_delta = timestamp_ms.wrapping_sub(self.base_timestamp_ms);
        let offset_delta = i64::from(self.records);
        let header_count = headers.map_or(0, Headers::len);
        let header_bytes: usize = headers
            .map_or(0, |headers| headers.iter_bytes().map(|(name, value)| sized(Some(name)) + sized(value)).sum());
        let length = 1
            + varint_bytes(timestamp_delta)
            + varint_bytes(offset_delta)
            + sized(key)
            + sized(value)
            + varint_bytes(header_count as i64)
            + header_bytes;
        let bytes = &mut self.bytes;
        bytes.reserve(length + 5);
        put_varint(bytes, length as i64);
        bytes.push(0);
        put_varint(bytes, timestamp_delta);
        put_varint(bytes, offset_delta);
        put_sized(bytes, key);
        put_sized(bytes, value);
        put_varint(bytes, header_count as i64);
        for (name, value) in headers.into_iter().flat_map(Headers::iter_bytes) {
            put_sized(bytes, Some(name));
            put_sized(bytes, value);
        }
        self.records += 1;
    }

    /// The whole batch.
    pub(super) fn finish(self, author: Author) -> Vec<u8> {
        let mut bytes = self.bytes;
        let length = i32::try_from(bytes.len() - LENGTH_END).unwrap_or(i32::MAX);
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(0_i64.to_be_bytes());
        header.extend(length.to_be_bytes());
        header.extend(NO_LEADER_EPOCH.to_be_bytes());
        header.push(MAGIC);
        header.extend(0_u32.to_be_bytes());
        header.extend(IS_TRANSACTIONAL.to_be_bytes());
        header.extend((self.records - 1).to_be_bytes());
        header.extend(self.base_timestamp_ms.to_be_bytes());
        header.extend(self.max_timestamp_ms.to_be_bytes());
        header.extend(author.producer_id.to_be_bytes());
        header.extend(author.epoch.to_be_bytes());
        header.extend(author.sequence.to_be_bytes());
        header.extend(self.records.to_be_bytes());
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        let checksum = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn varint_bytes(number: i64) -> usize {
    let bits = 64 - (zigzag(number) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn put_varint(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = zigzag(number);
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// What a nullable byte string takes with its length.
fn sized(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_bytes(bytes.len() as i64) + bytes.len())
}

fn put_sized(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(into, bytes.len() as i64);
            into.extend_from_slice(bytes);
        }
        None => put_varint(into, -1),
    }
}

#[cfg(test)]
mod tests;
