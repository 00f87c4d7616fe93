use std::sync::Arc;

use headwater_worker::ports::{SnapshotRead, SnapshotReader, SnapshotWanted};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};

use crate::{Depot, Error, Manifest, Refusal, judge};

/// So many snapshots are looked at: two are kept, and more only for as long as the older ones are being removed.
const CANDIDATES_MAX: usize = 4;

/// Who is told of a snapshot that can't be used though it should.
pub type Refused = Arc<dyn Fn() + Send + Sync>;

/// Reads the best snapshot of a task in the background. Of its parts, one waits to be taken and one is on its way; the
/// first is read when whoever asks comes back after having been told of it.
pub struct Reader {
    read: mpsc::Receiver<SnapshotRead>,
    go_on: Arc<Notify>,
    has_offered: bool,
}

impl Reader {
    /// Begins to look for one.
    #[must_use]
    pub fn start(handle: &Handle, depot: Depot, wanted: SnapshotWanted, refused: Refused) -> Self {
        let (sender, read) = mpsc::channel(1);
        let go_on = Arc::new(Notify::new());
        let reading = Reading { depot, wanted, refused, sender, go_on: Arc::clone(&go_on) };
        handle.spawn(async move {
            // Whoever asked may not want it any more.
            let _unwanted = reading.run().await;
        });
        Self { read, go_on, has_offered: false }
    }
}

impl SnapshotReader for Reader {
    fn next(&mut self) -> SnapshotRead {
        if std::mem::take(&mut self.has_offered) {
            self.go_on.notify_one();
        }
        match self.read.try_recv() {
            Ok(read) => {
                self.has_offered = matches!(read, SnapshotRead::Begin(_));
                read
            }
            Err(mpsc::error::TryRecvError::Empty) => SnapshotRead::NotYet,
            Err(mpsc::error::TryRecvError::Disconnected) => SnapshotRead::None,
        }
    }
}

/// Nobody wants it any more.
struct Unwanted;

struct Reading {
    depot: Depot,
    wanted: SnapshotWanted,
    refused: Refused,
    sender: mpsc::Sender<SnapshotRead>,
    go_on: Arc<Notify>,
}

impl Reading {
    async fn run(&self) -> Result<(), Unwanted> {
        for manifest in self.usable().await {
            self.say(SnapshotRead::Begin(manifest.meta())).await?;
            tokio::select! {
                () = self.go_on.notified() => {}
                () = self.sender.closed() => return Err(Unwanted),
            }
            let end = match self.read(&manifest).await? {
                Ok(()) => {
                    let (task, offset) = (&self.wanted.task, manifest.offset);
                    tracing::info!(task, snapshot = %manifest.id(), offset, "the store begins at a snapshot");
                    return self.say(SnapshotRead::End).await;
                }
                Err(error) => {
                    self.refuse(&manifest.id(), &error);
                    SnapshotRead::Broken
                }
            };
            self.say(end).await?;
        }
        self.say(SnapshotRead::None).await
    }

    async fn say(&self, read: SnapshotRead) -> Result<(), Unwanted> {
        self.sender.send(read).await.map_err(|_| Unwanted)
    }

    async fn read(&self, manifest: &Manifest) -> Result<Result<(), Error>, Unwanted> {
        let id = manifest.id();
        for part in &manifest.parts {
            match self.depot.part(&manifest.task, &id, part).await {
                Ok(entries) => self.say(SnapshotRead::Entries(entries)).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    fn refuse(&self, id: &dyn std::fmt::Display, why: &dyn std::fmt::Display) {
        tracing::warn!(task = self.wanted.task, snapshot = %id, %why, "a snapshot can't be used");
        (self.refused)();
    }

    /// The snapshots that may be used, the best first.
    async fn usable(&self) -> Vec<Manifest> {
        let task = &self.wanted.task;
        let found = match self.depot.find(task).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(task, %error, "snapshots can't be looked for; the store is restored without");
                (self.refused)();
                return Vec::new();
            }
        };
        let mut usable = Vec::new();
        for id in found.whole.iter().rev().take(CANDIDATES_MAX) {
            let manifest = match self.depot.manifest(task, id).await {
                Ok(manifest) => manifest,
                // Removed since it was listed.
                Err(Error::Absent(_)) => continue,
                Err(error) => {
                    self.refuse(id, &error);
                    continue;
                }
            };
            match judge(&manifest, self.depot.application(), &self.wanted) {
                Ok(()) => usable.push(manifest),
                Err(Refusal::SparesTooLittle) => tracing::debug!(task, snapshot = %id, "a snapshot spares too little"),
                Err(why) => self.refuse(id, &why),
            }
        }
        usable.sort_by_key(|manifest| std::cmp::Reverse(manifest.offset));
        usable
    }
}
