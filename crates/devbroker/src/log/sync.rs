//! Checkpoints: putting bytes on the device, and noting how far that went.

use super::PartitionLog;
use super::checkpoint::{Checkpoint, checkpoint_path};
use crate::storage::StorageFile;
use crate::{Error, ErrorKind};
use std::sync::Arc;

/// Files that wait for the device. The slow part, [`sync`](Self::sync), needs no lock on the log.
#[derive(Debug)]
pub struct PendingSync {
    files: Vec<Arc<dyn StorageFile>>,
    offset: i64,
}

impl PendingSync {
    /// Waits until the device has the bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn sync(&self) -> Result<(), Error> {
        self.files.iter().try_for_each(|file| file.sync())
    }
}

impl PartitionLog {
    /// The first of three steps of a checkpoint that hold up nobody: call this, then
    /// [`PendingSync::sync`] without the lock, then [`finish_sync`](Self::finish_sync).
    /// `None` if nothing changed since the last one.
    ///
    /// # Errors
    /// `Io`.
    pub fn begin_sync(&self) -> Result<Option<PendingSync>, Error> {
        if !self.unsaved {
            return Ok(None);
        }
        let unsynced =
            self.segments().filter(|segment| segment.next_offset > self.synced_offset && segment.size_bytes > 0);
        let files = unsynced.map(|segment| segment.file().cloned()).collect::<Result<_, _>>()?;
        Ok(Some(PendingSync { files, offset: self.high_watermark() }))
    }

    /// The last step: notes what is on the device, so that the next open need not check it.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish_sync(&mut self, synced: &PendingSync) -> Result<(), Error> {
        self.synced_offset = self.synced_offset.max(synced.offset.min(self.high_watermark()));
        self.active.save_index(false)?;
        self.save(false)?;
        self.unsaved = self.high_watermark() > synced.offset;
        Ok(())
    }

    /// All three steps at once, for a clean stop: the next open has nothing to check. The log
    /// stays usable. Does nothing if nothing changed since the last one.
    ///
    /// # Errors
    /// `Io`.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let Some(pending) = self.begin_sync()? else { return Ok(()) };
        pending.sync()?;
        self.finish_sync(&pending)
    }

    /// Writes the checkpoint file as things stand.
    pub(super) fn save(&self, durable: bool) -> Result<(), Error> {
        let checkpoint = Checkpoint {
            synced_offset: self.synced_offset,
            state_offset: self.high_watermark(),
            log_start_offset: self.log_start_offset,
            producers: self.producers.entries().map(|(id, producer)| (id, producer.clone())).collect(),
            aborted: self.aborted.clone(),
            compaction: self.progress.clone(),
        };
        let bytes = checkpoint
            .encode()
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write the checkpoint of {}: {e}", self.dir)))?;
        self.storage.replace(&checkpoint_path(&self.dir), &bytes, durable)
    }
}
