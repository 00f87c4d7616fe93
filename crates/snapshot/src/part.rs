use headwater_worker::ports::SortedEntries;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Entries are gathered up to about so many bytes before they are packed. Readers hold a few parts in memory.
pub const PART_BYTES: usize = 4 << 20;
/// More than that is in no part, unless somebody wants to fill a reader's memory: one entry, of the largest that brokers
/// are told to take.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// zstd's own default is 3: a third smaller at three times the CPU.
const LEVEL: i32 = 1;

/// One object of a snapshot: sorted entries, packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name beside the snapshot's other parts.
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// CRC-32C of these.
    pub crc32c: u32,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of these, unpacked.
    pub unpacked_bytes: u64,
}

impl Part {
    /// The name of a part by its place.
    fn name_of(place: usize) -> String {
        format!("{place:06}.part")
    }

    /// Whether what it says can be; why not.
    pub(crate) fn check(&self, place: usize) -> Result<(), String> {
        if self.name != Self::name_of(place) {
            return Err(format!("its part {place} has the name {}", self.name.escape_debug()));
        }
        // What is packed may be larger than before, by little.
        if self.unpacked_bytes > UNPACKED_BYTES_MAX || self.bytes > UNPACKED_BYTES_MAX + (1 << 20) {
            return Err(format!("part {} is too large", self.name));
        }
        Ok(())
    }
}

/// Packs entries as the part at a place.
///
/// # Errors
/// [`Error::Damaged`] for more than a part may hold.
pub fn pack(place: usize, entries: &SortedEntries) -> Result<(Part, Vec<u8>), Error> {
    let packed = zstd::bulk::compress(entries.bytes(), LEVEL)
        .map_err(|error| Error::Damaged(format!("a snapshot's part can't be packed: {error}")))?;
    let part = Part {
        name: Part::name_of(place),
        bytes: packed.len() as u64,
        crc32c: crc32c::crc32c(&packed),
        entries: entries.count(),
        unpacked_bytes: entries.bytes().len() as u64,
    };
    part.check(place).map_err(Error::Damaged)?;
    Ok((part, packed))
}

/// Unpacks a part, and compares it with what its manifest says.
///
/// # Errors
/// [`Error::Damaged`].
pub fn unpack(part: &Part, packed: &[u8]) -> Result<SortedEntries, Error> {
    let damaged = |why: &dyn std::fmt::Display| Error::Damaged(format!("part {} is damaged: {why}", part.name));
    if packed.len() as u64 != part.bytes {
        return Err(damaged(&format_args!("{} bytes, and not {}", packed.len(), part.bytes)));
    }
    if crc32c::crc32c(packed) != part.crc32c {
        return Err(damaged(&"its checksum is another"));
    }
    let capacity = part.unpacked_bytes.min(UNPACKED_BYTES_MAX);
    let capacity = usize::try_from(capacity).map_err(|error| damaged(&error))?;
    let bytes = zstd::bulk::decompress(packed, capacity).map_err(|error| damaged(&error))?;
    if bytes.len() != capacity {
        return Err(damaged(&format_args!("{} bytes unpacked, and not {capacity}", bytes.len())));
    }
    let entries = SortedEntries::parse(bytes).map_err(|error| damaged(&error))?;
    if entries.count() != part.entries {
        return Err(damaged(&format_args!("{} entries, and not {}", entries.count(), part.entries)));
    }
    Ok(entries)
}
