//! The small file beside the segments, from which a start goes on instead of reading everything.

use super::aborted::AbortedIndex;
use super::producers::Producer;
use serde::{Deserialize, Serialize};

/// A partition's checkpoint file.
pub(crate) fn checkpoint_path(dir: &str) -> String {
    format!("{dir}/checkpoint")
}

/// Tombstones before `offset` were first compacted at `compacted_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TombstoneMark {
    pub(crate) offset: i64,
    pub(crate) compacted_ms: i64,
}

/// How far compaction has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompactionProgress {
    /// Below this offset each key is there at most once.
    pub(crate) compacted_to: i64,
    /// By offset; each stands for tombstones that wait for `delete.retention.ms`.
    pub(crate) tombstones: Vec<TombstoneMark>,
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Bytes below this offset are on the device and were found good.
    pub(crate) synced_offset: i64,
    /// Producers and transactions are as of this offset; it is at or after `synced_offset`.
    pub(crate) state_offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) producers: Vec<(i64, Producer)>,
    pub(crate) aborted: AbortedIndex,
    pub(crate) compaction: CompactionProgress,
}

impl Checkpoint {
    /// A line with the checksum, then JSON: a person can read it, and a damaged one is not used.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let mut out = format!("{:08x}\n", crc32c::crc32c(&json)).into_bytes();
        out.extend_from_slice(&json);
        Ok(out)
    }

    /// `None` if the bytes are not a whole checkpoint: the log is then read from its start.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (crc, rest) = bytes.split_first_chunk::<8>()?;
        let json = rest.strip_prefix(b"\n")?;
        let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
        if crc != crc32c::crc32c(json) {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}
