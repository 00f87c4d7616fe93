//! The sparse index of one segment, by offset and by time, and its file.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// About one entry for so many bytes of log (Kafka's `index.interval.bytes`).
pub(crate) const INTERVAL_BYTES: u64 = 4096;
const MAGIC: u64 = 0x4857_494e_4445_5831; // "HWINDEX1"
const ENTRY_BYTES: usize = 16;

/// A batch that a search may start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Base offset of the batch, relative to the segment's.
    pub(crate) relative_offset: u32,
    /// Where the batch begins in the file.
    pub(crate) position: u32,
    /// The largest timestamp of all batches before it, so entries are sorted by it too.
    pub(crate) max_before_ms: i64,
}

/// What the file keeps about a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub(crate) size_bytes: u64,
    pub(crate) next_offset: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) created_ms: i64,
    pub(crate) entries: Vec<IndexEntry>,
}

impl IndexFile {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(48 + self.entries.len() * ENTRY_BYTES);
        out.put_u64(MAGIC);
        out.put_u64(self.size_bytes);
        out.put_i64(self.next_offset);
        out.put_i64(self.max_timestamp_ms);
        out.put_i64(self.created_ms);
        for entry in &self.entries {
            out.put_u32(entry.relative_offset);
            out.put_u32(entry.position);
            out.put_i64(entry.max_before_ms);
        }
        let crc = crc32c::crc32c(&out);
        out.put_u32(crc);
        out.freeze()
    }

    /// `None` if the bytes are not a whole index: it is then built again from the log.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut body, crc) = bytes.split_last_chunk::<4>()?;
        if u32::from_be_bytes(*crc) != crc32c::crc32c(body) || body.try_get_u64().ok()? != MAGIC {
            return None;
        }
        let size_bytes = body.try_get_u64().ok()?;
        let next_offset = body.try_get_i64().ok()?;
        let max_timestamp_ms = body.try_get_i64().ok()?;
        let created_ms = body.try_get_i64().ok()?;
        let mut entries = Vec::with_capacity(body.len() / ENTRY_BYTES);
        while !body.is_empty() {
            entries.push(IndexEntry {
                relative_offset: body.try_get_u32().ok()?,
                position: body.try_get_u32().ok()?,
                max_before_ms: body.try_get_i64().ok()?,
            });
        }
        Some(Self { size_bytes, next_offset, max_timestamp_ms, created_ms, entries })
    }
}
