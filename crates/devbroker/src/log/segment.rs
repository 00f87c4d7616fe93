//! One file of a partition's log, with its index in memory.

use super::batch::{BatchHeader, HEADER_BYTES};
use super::index::{INTERVAL_BYTES, IndexEntry, IndexFile};
use crate::storage::{Storage, StorageFile};
use crate::{Error, ErrorKind};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// What a scan reads at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// "No timestamp" in a batch's header.
pub(crate) const NO_TIMESTAMP: i64 = -1;

/// A segment: batches with offsets from `base_offset` up to `next_offset`.
#[derive(Debug)]
pub(crate) struct Segment {
    storage: Arc<dyn Storage>,
    path: String,
    /// Opened when first used, so that a thousand idle partitions hold no files open.
    file: OnceLock<Arc<dyn StorageFile>>,
    pub(crate) base_offset: i64,
    pub(crate) next_offset: i64,
    pub(crate) size_bytes: u64,
    /// -1 without any timestamp.
    pub(crate) max_timestamp_ms: i64,
    /// When its first batch came.
    pub(crate) created_ms: i64,
    pub(crate) entries: Vec<IndexEntry>,
}

/// The path of a segment's file: the base offset in twenty digits, as Kafka names it.
pub(crate) fn log_path(dir: &str, base_offset: i64) -> String {
    format!("{dir}/{base_offset:020}.log")
}

fn index_path(log_path: &str) -> String {
    format!("{}.index", log_path.strip_suffix(".log").unwrap_or(log_path))
}

impl Segment {
    /// A segment without any batch; the file is made with the first append, or by `file`.
    pub(crate) fn empty(storage: Arc<dyn Storage>, path: String, base_offset: i64, now_ms: i64) -> Self {
        Self {
            storage,
            path,
            file: OnceLock::new(),
            base_offset,
            next_offset: base_offset,
            size_bytes: 0,
            max_timestamp_ms: NO_TIMESTAMP,
            created_ms: now_ms,
            entries: Vec::new(),
        }
    }

    pub(crate) fn file(&self) -> Result<&Arc<dyn StorageFile>, Error> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = self.storage.open(&self.path)?;
        Ok(self.file.get_or_init(|| file))
    }

    /// Takes over what the index file says as far as it can be trusted: whole if it describes the
    /// file and nothing beyond `trusted_offset`, else only entries up to there.
    pub(crate) fn restore(&mut self, file_size_bytes: u64, trusted_offset: i64) -> Result<(), Error> {
        let Some(index) = self.storage.read(&index_path(&self.path))?.and_then(|bytes| IndexFile::decode(&bytes))
        else {
            return Ok(());
        };
        self.created_ms = index.created_ms;
        if index.size_bytes == file_size_bytes
            && index.next_offset <= trusted_offset
            && index.next_offset >= self.base_offset
        {
            self.size_bytes = index.size_bytes;
            self.next_offset = index.next_offset;
            self.max_timestamp_ms = index.max_timestamp_ms;
            self.entries = index.entries;
            return Ok(());
        }
        let trusted = |entry: &IndexEntry| {
            self.base_offset.saturating_add(entry.relative_offset.into()) <= trusted_offset
                && u64::from(entry.position) <= file_size_bytes
        };
        let mut entries = index.entries;
        let keep = entries.iter().take_while(|entry| trusted(entry)).count();
        entries.truncate(keep);
        // The last entry is where the scan goes on; the scan notes it again.
        if let Some(last) = entries.pop() {
            self.size_bytes = last.position.into();
            self.next_offset = self.base_offset.saturating_add(last.relative_offset.into());
            self.max_timestamp_ms = last.max_before_ms;
            self.entries = entries;
        }
        Ok(())
    }

    pub(crate) fn save_index(&self, durable: bool) -> Result<(), Error> {
        let index = IndexFile {
            size_bytes: self.size_bytes,
            next_offset: self.next_offset,
            max_timestamp_ms: self.max_timestamp_ms,
            created_ms: self.created_ms,
            entries: self.entries.clone(),
        };
        self.storage.replace(&index_path(&self.path), &index.encode(), durable)
    }

    /// Counts in a batch that lies at the end of the file.
    pub(crate) fn note(&mut self, header: &BatchHeader) {
        let since = self.entries.last().map_or(u64::MAX, |last| self.size_bytes - u64::from(last.position));
        if since >= INTERVAL_BYTES
            && let (Ok(relative_offset), Ok(position)) =
                (u32::try_from(header.base_offset - self.base_offset), u32::try_from(self.size_bytes))
        {
            self.entries.push(IndexEntry { relative_offset, position, max_before_ms: self.max_timestamp_ms });
        }
        self.size_bytes += header.size_bytes as u64;
        self.next_offset = header.next_offset();
        self.max_timestamp_ms = self.max_timestamp_ms.max(header.max_timestamp_ms);
    }

    /// Whether batches of so many bytes up to this offset still fit the index's numbers.
    pub(crate) fn has_room(&self, bytes: usize, next_offset: i64) -> bool {
        next_offset.saturating_sub(self.base_offset) <= i64::from(i32::MAX)
            && self.size_bytes + bytes as u64 <= i32::MAX as u64
    }

    /// Cuts the file back to what was counted in.
    pub(crate) fn cut_tail(&self) -> Result<(), Error> {
        self.file()?.truncate(self.size_bytes)
    }

    /// Where to start looking for an offset: at or before its batch.
    pub(crate) fn position_before_offset(&self, offset: i64) -> u64 {
        let relative = offset.saturating_sub(self.base_offset);
        let after = self.entries.partition_point(|entry| i64::from(entry.relative_offset) <= relative);
        self.entry_position(after)
    }

    /// Where to start looking for the first batch with this timestamp or a later one.
    pub(crate) fn position_before_time(&self, timestamp_ms: i64) -> u64 {
        let after = self.entries.partition_point(|entry| entry.max_before_ms < timestamp_ms);
        self.entry_position(after)
    }

    fn entry_position(&self, after: usize) -> u64 {
        after.checked_sub(1).and_then(|at| self.entries.get(at)).map_or(0, |entry| entry.position.into())
    }

    /// Whole batches from the one that holds `offset` or the next one, ending before `bound`;
    /// about `max_bytes`, but at least one batch. Empty if there is none in this segment.
    pub(crate) fn read(&self, offset: i64, bound: i64, max_bytes: usize) -> Result<Bytes, Error> {
        let mut position = self.position_before_offset(offset);
        let mut wanted = max_bytes.saturating_add(2 * INTERVAL_BYTES as usize).max(HEADER_BYTES);
        while position < self.size_bytes {
            let chunk = self.chunk(position, wanted)?;
            match select(&chunk, offset, bound, max_bytes).map_err(|e| self.contradiction(position, &e))? {
                Selection::Found { from, to } => return Ok(chunk.slice(from..to)),
                Selection::End => return Ok(Bytes::new()),
                Selection::ReadFrom { skip, bytes } => {
                    position += skip as u64;
                    if position.saturating_add(bytes as u64) > self.size_bytes {
                        return Err(self.contradiction(position, "a batch reaches over the end"));
                    }
                    wanted = wanted.max(bytes);
                }
            }
        }
        Ok(Bytes::new())
    }

    fn chunk(&self, position: u64, wanted: usize) -> Result<Bytes, Error> {
        let left = usize::try_from(self.size_bytes.saturating_sub(position)).unwrap_or(usize::MAX);
        let chunk = self.file()?.read_at(position, wanted.min(left))?;
        if chunk.len() < wanted.min(left) {
            return Err(self.contradiction(position, "the file is shorter than it was"));
        }
        Ok(chunk)
    }

    /// The batches from `position` on, up to `end_position`.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn scan(&self, position: u64, end_position: u64) -> Result<Scan, Error> {
        Ok(Scan { file: Arc::clone(self.file()?), position, end_position, chunk: Bytes::new() })
    }

    /// An error that says where this segment is damaged.
    pub(crate) fn contradiction(&self, position: u64, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::CorruptStorage, format!("{} is damaged near byte {position}: {what}", self.path))
    }

    /// Removes its files.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        self.storage.remove(&self.path)?;
        self.storage.remove(&index_path(&self.path))
    }

    /// Gives the file another name.
    pub(crate) fn rename(&mut self, path: String) -> Result<(), Error> {
        self.file()?;
        self.storage.rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }
}

enum Selection {
    Found {
        from: usize,
        to: usize,
    },
    End,
    /// Nothing whole in this chunk: go on `skip` bytes later, with at least `bytes`.
    ReadFrom {
        skip: usize,
        bytes: usize,
    },
}

/// Finds the bytes of a chunk that answer a read. The chunk begins with a batch.
fn select(chunk: &[u8], offset: i64, bound: i64, max_bytes: usize) -> Result<Selection, Error> {
    let mut at = 0;
    let mut from = None;
    loop {
        let rest = chunk.get(at..).unwrap_or_default();
        if rest.len() < HEADER_BYTES {
            return Ok(match from {
                Some(from) => Selection::Found { from, to: at },
                None => Selection::ReadFrom { skip: at, bytes: if rest.is_empty() { 0 } else { HEADER_BYTES } },
            });
        }
        let header = BatchHeader::read_stored(rest)?;
        let whole = header.size_bytes <= rest.len();
        match from {
            None if header.base_offset >= bound => return Ok(Selection::End),
            None if header.last_offset() >= offset => {
                if !whole {
                    return Ok(Selection::ReadFrom { skip: at, bytes: header.size_bytes });
                }
                from = Some(at);
            }
            None => {}
            Some(from) if !whole || header.base_offset >= bound || at - from + header.size_bytes > max_bytes => {
                return Ok(Selection::Found { from, to: at });
            }
            Some(_) => {}
        }
        at = at.saturating_add(header.size_bytes);
        // A batch before the offset may end beyond this chunk: go on after it.
        if from.is_none() && at > chunk.len() {
            return Ok(Selection::ReadFrom { skip: at, bytes: 0 });
        }
    }
}

/// As [`Segment::read`], on batches that are in memory; also whether it went up to their end.
pub(crate) fn select_in(batches: &Bytes, offset: i64, bound: i64, max_bytes: usize) -> Result<(Bytes, bool), Error> {
    Ok(match select(batches, offset, bound, max_bytes)? {
        Selection::Found { from, to } => (batches.slice(from..to), to == batches.len()),
        Selection::End | Selection::ReadFrom { .. } => (Bytes::new(), false),
    })
}

/// A batch found by a scan.
#[derive(Debug, Clone)]
pub(crate) struct Scanned {
    pub(crate) position: u64,
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Bytes,
}

/// Reads a segment batch by batch, in chunks.
#[derive(Debug)]
pub(crate) struct Scan {
    file: Arc<dyn StorageFile>,
    position: u64,
    end_position: u64,
    chunk: Bytes,
}

impl Scan {
    /// The next batch; `None` at the end. `CorruptMessage` if the bytes are no batch.
    pub(crate) fn next_batch(&mut self) -> Result<Option<Scanned>, Error> {
        let left = self.end_position.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_BYTES as u64 {
            return Err(super::batch::corrupt("the file ends within a header"));
        }
        self.fill(HEADER_BYTES)?;
        let header = BatchHeader::read_stored(&self.chunk)?;
        if header.size_bytes as u64 > left {
            return Err(super::batch::corrupt("the file ends within a batch"));
        }
        self.fill(header.size_bytes)?;
        if self.chunk.len() < header.size_bytes {
            return Err(super::batch::corrupt("the file is shorter than it was"));
        }
        let scanned = Scanned { position: self.position, header, bytes: self.chunk.split_to(header.size_bytes) };
        self.position += header.size_bytes as u64;
        Ok(Some(scanned))
    }

    fn fill(&mut self, bytes: usize) -> Result<(), Error> {
        if self.chunk.len() < bytes {
            let left = usize::try_from(self.end_position - self.position).unwrap_or(usize::MAX);
            self.chunk = self.file.read_at(self.position, bytes.max(CHUNK_BYTES).min(left))?;
        }
        Ok(())
    }
}
