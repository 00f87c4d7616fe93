use std::time::Duration;

use headwater_worker::ports::SortedEntries;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::{Depot, Error, Manifest, PART_BYTES, pack};

/// What was written is removed within so long, or stays.
const REMOVE_WITHIN: Duration = Duration::from_secs(2);

/// A snapshot that is being written: entries go in, in their order, and at the end the manifest. Of one that is dropped
/// before, parts may stay, which nobody reads.
pub struct Taking<'d> {
    depot: &'d Depot,
    handle: Handle,
    stopped: watch::Receiver<bool>,
    manifest: Manifest,
    entries: SortedEntries,
}

impl<'d> Taking<'d> {
    /// Begins one, of which the manifest says whose it is; it is written on the handle's runtime, until it is stopped.
    #[must_use]
    pub fn begin(depot: &'d Depot, handle: Handle, stopped: watch::Receiver<bool>, manifest: Manifest) -> Self {
        let manifest = Manifest { parts: Vec::new(), ..manifest };
        Self { depot, handle, stopped, manifest, entries: SortedEntries::default() }
    }

    /// Adds an entry; its key begins with the store's number. Whether a part was written with it.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        self.entries.push(key, value).map_err(|error| Error::Damaged(error.to_string()))?;
        if self.entries.bytes().len() < PART_BYTES {
            return Ok(false);
        }
        self.write_part()?;
        Ok(true)
    }

    fn write_part(&mut self) -> Result<(), Error> {
        let (part, bytes) = pack(self.manifest.parts.len(), &self.entries)?;
        self.entries.clear();
        let id = self.manifest.id();
        // Named before it is written: who gives up removes it too.
        self.manifest.parts.push(part.clone());
        let put = self.depot.put_part(&self.manifest.task, &id, &part, bytes);
        self.handle.block_on(unless_stopped(&mut self.stopped, put))
    }

    /// Writes what is left, and the manifest.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub fn finish(mut self) -> Result<Manifest, Error> {
        if self.entries.count() > 0
            && let Err(error) = self.write_part()
        {
            self.give_up();
            return Err(error);
        }
        let put = self.depot.put_manifest(&self.manifest);
        // After an error it may be there all the same: then its parts have to be.
        self.handle.block_on(unless_stopped(&mut self.stopped, put))?;
        Ok(self.manifest)
    }

    /// Removes what was written.
    pub fn give_up(self) {
        let Manifest { task, parts, .. } = &self.manifest;
        let id = self.manifest.id();
        let removed = self
            .handle
            .block_on(async { tokio::time::timeout(REMOVE_WITHIN, self.depot.remove_parts(task, &id, parts)).await });
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(task, snapshot = %id, "parts of a snapshot that was given up stay where they are");
        }
    }
}

/// What is asked of a place, or an error as soon as it is stopped.
async fn unless_stopped(
    stopped: &mut watch::Receiver<bool>,
    asked: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    tokio::select! {
        biased;
        Ok(_) = stopped.wait_for(|stopped| *stopped) => Err(Error::Place("it is stopped".to_owned())),
        asked = asked => asked,
    }
}
