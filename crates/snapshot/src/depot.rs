use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_worker::ports::SortedEntries;

use crate::names::checked;
use crate::{Error, Manifest, Part, Place, SnapshotId, unpack};

/// Objects that are manifests end so.
const MANIFEST: &str = ".json";
/// A manifest of a million parts, which is of terabytes, is smaller.
const MANIFEST_BYTES_MAX: u64 = 256 << 20;
/// Whoever takes longer over a snapshot is taken for dead.
const ABANDONED_AFTER_MS: i64 = 24 * 3_600_000;

/// Where the snapshots of one application lie: `APPLICATION/TASK/ID.json` is a manifest, and `APPLICATION/TASK/ID/` has
/// its parts.
#[derive(Debug, Clone)]
pub struct Depot {
    place: Place,
    application: Arc<str>,
}

/// What lies there of a task; the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// With a manifest.
    pub whole: Vec<SnapshotId>,
    /// Parts without a manifest: being written just now, or left by whoever was killed over them.
    pub unfinished: Vec<SnapshotId>,
}

impl Found {
    /// Those that were begun a day ago and never finished.
    pub fn abandoned(&self, now: Timestamp) -> impl Iterator<Item = &SnapshotId> {
        self.unfinished.iter().filter(move |id| now.since_ms(id.taken_at) >= ABANDONED_AFTER_MS)
    }
}

impl Depot {
    /// An application's.
    ///
    /// # Errors
    /// [`Error::Configuration`] for an application whose name can't be a folder's.
    pub fn new(place: Place, application: &str) -> Result<Self, Error> {
        checked("application", application)?;
        Ok(Self { place, application: application.into() })
    }

    /// The application.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The place where it lies.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    fn folder(&self, task: &str) -> Result<String, Error> {
        checked("task", task)?;
        Ok(format!("{}/{task}", self.application))
    }

    fn part_name(&self, task: &str, id: &SnapshotId, part: &str) -> Result<String, Error> {
        Ok(format!("{}/{id}/{part}", self.folder(task)?))
    }

    fn manifest_name(&self, task: &str, id: &SnapshotId) -> Result<String, Error> {
        Ok(format!("{}/{id}{MANIFEST}", self.folder(task)?))
    }

    /// The applications that have snapshots in a place.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub async fn applications(place: &Place) -> Result<Vec<String>, Error> {
        Ok(place.list("").await?.folders)
    }

    /// The tasks that have snapshots here.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub async fn tasks(&self) -> Result<Vec<String>, Error> {
        // A task's name has three steps: processor, subtopology, partition.
        let mut names = vec![String::new()];
        for _ in 0..3 {
            let mut longer = Vec::new();
            for name in names {
                let listed = self.place.list(&format!("{}/{name}", self.application)).await?;
                let name = |step: &String| if name.is_empty() { step.clone() } else { format!("{name}/{step}") };
                longer.extend(listed.folders.iter().map(name));
            }
            names = longer;
        }
        Ok(names)
    }

    /// The snapshots of a task.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub async fn find(&self, task: &str) -> Result<Found, Error> {
        let listed = self.place.list(&self.folder(task)?).await?;
        let ids = |names: &[String], end: &str| -> Vec<SnapshotId> {
            names.iter().filter_map(|name| SnapshotId::parse(name.strip_suffix(end)?)).collect()
        };
        let whole = ids(&listed.objects, MANIFEST);
        let mut unfinished = ids(&listed.folders, "");
        unfinished.retain(|id| !whole.contains(id));
        let mut found = Found { whole, unfinished };
        found.whole.sort();
        found.unfinished.sort();
        Ok(found)
    }

    /// A snapshot's manifest.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Damaged`], [`Error::Newer`], [`Error::Place`].
    pub async fn manifest(&self, task: &str, id: &SnapshotId) -> Result<Manifest, Error> {
        let name = self.manifest_name(task, id)?;
        let manifest = Manifest::parse(&self.place.get(&name, MANIFEST_BYTES_MAX).await?)?;
        if manifest.id() != *id {
            return Err(Error::Damaged(format!("the manifest is of snapshot {}", manifest.id())));
        }
        Ok(manifest)
    }

    /// A part of a snapshot, unpacked and compared with what its manifest says.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Damaged`], [`Error::Place`].
    pub async fn part(&self, task: &str, id: &SnapshotId, part: &Part) -> Result<SortedEntries, Error> {
        let packed = self.place.get(&self.part_name(task, id, &part.name)?, part.bytes).await?;
        let part = part.clone();
        let unpacked = tokio::task::spawn_blocking(move || unpack(&part, &packed)).await;
        unpacked.map_err(|error| Error::Place(format!("a snapshot's part was not unpacked: {error}")))?
    }

    /// Writes a part.
    pub(crate) async fn put_part(&self, task: &str, id: &SnapshotId, part: &Part, bytes: Vec<u8>) -> Result<(), Error> {
        self.place.put(&self.part_name(task, id, &part.name)?, bytes).await
    }

    /// Writes the manifest: from here on the snapshot exists.
    pub(crate) async fn put_manifest(&self, manifest: &Manifest) -> Result<(), Error> {
        self.place.put(&self.manifest_name(&manifest.task, &manifest.id())?, manifest.to_bytes()?).await
    }

    /// Removes what a manifest names, and before all that the manifest itself: from there on the snapshot does not exist.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub async fn remove(&self, manifest: &Manifest) -> Result<(), Error> {
        self.place.delete(&self.manifest_name(&manifest.task, &manifest.id())?).await?;
        self.remove_parts(&manifest.task, &manifest.id(), &manifest.parts).await
    }

    /// Removes all that lies of a snapshot that nobody finished. One that is still being written lacks parts then, and
    /// whoever would begin there is told so.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub async fn remove_unfinished(&self, task: &str, id: &SnapshotId) -> Result<(), Error> {
        self.place.delete_under(&format!("{}/{id}", self.folder(task)?)).await
    }

    /// Removes parts of a snapshot that does not exist.
    pub(crate) async fn remove_parts(&self, task: &str, id: &SnapshotId, parts: &[Part]) -> Result<(), Error> {
        for part in parts {
            self.place.delete(&self.part_name(task, id, &part.name)?).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
