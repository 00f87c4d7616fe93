use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::StoreNumber;

use super::gather::Gather;
use crate::ports::TaskStore;
use crate::{ChangelogBounds, Error, TaskMeta, Unusable};

/// Bytes of replayed records that are written at once; what was gathered and is less than that is no file's worth.
const BATCH_BYTES: usize = 1 << 20;

/// A store to bring up to date.
pub struct RestoreJob<S> {
    /// Which worker asked.
    pub worker: usize,
    /// The task's place in that worker.
    pub slot: usize,
    /// The assignment under which it was asked for.
    pub epoch: u64,
    /// The store.
    pub store: S,
    /// What it knows of itself.
    pub meta: TaskMeta,
    /// Its changelog's partition.
    pub changelog: TopicPartition,
    /// The changelog topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// The changelog topic's `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// A store that is up to date.
#[derive(Debug)]
pub struct Restored {
    /// The task's place in its worker.
    pub slot: usize,
    /// The assignment under which it was asked for.
    pub epoch: u64,
    /// What the store knows of itself now.
    pub meta: TaskMeta,
    /// Changelog records that were replayed.
    pub records: u64,
    /// Whether it was rebuilt from the start though it had data, and why.
    pub rebuilt: Option<Unusable>,
}

/// A job under way: what was read and not yet written.
pub(super) struct Running<S: TaskStore> {
    pub(super) job: RestoreJob<S>,
    /// The read_uncommitted high watermark: the restore ends there.
    pub(super) target: Offset,
    /// Where reading began.
    pub(super) from: Offset,
    batch: S::Batch,
    /// Set while a store that has far to go is read.
    large: Option<Large<S>>,
    next: Offset,
    records: u64,
    rebuilt: Option<Unusable>,
}

/// What a store that has far to go needs besides.
struct Large<S: TaskStore> {
    gather: Gather,
    gather_bytes_max: usize,
    _loading: Loading<S>,
}

/// Tells a store that it is being loaded, and when that has ended, however it ends.
struct Loading<S: TaskStore>(S);

impl<S: TaskStore> Loading<S> {
    fn begin(store: S) -> Self {
        store.loading(true);
        Self(store)
    }
}

impl<S: TaskStore> Drop for Loading<S> {
    fn drop(&mut self) {
        self.0.loading(false);
    }
}

impl<S: TaskStore> Running<S> {
    /// Decides where to begin, wiping a store that can't be used.
    pub(super) fn begin(mut job: RestoreJob<S>, bounds: &ChangelogBounds, now: Timestamp) -> Result<Self, Error> {
        let unusable = job.meta.unusable(bounds, now);
        if let Some(why) = unusable {
            tracing::warn!(task = job.store.name(), ?why, "the store can't be used and is rebuilt from its changelog");
            job.meta = TaskMeta { number: job.meta.number, ..TaskMeta::default() };
            let mut batch = S::Batch::default();
            job.store.stage_wipe(&mut batch);
            job.store.stage_meta(&mut batch, &job.meta)?;
            job.store.write(batch)?;
        }
        if job.meta.changelog_offset == 0 {
            // What is read from now on holds what is deleted from now on: a restore from nothing that is broken off goes
            // on where it was, instead of being too old from the start.
            job.meta.saved_at = now;
        }
        job.meta.changelog_topic_id.clone_from(&bounds.topic_id);
        let stored = Offset::new(job.meta.changelog_offset.max(bounds.start)).unwrap_or(Offset::ZERO);
        let from =
            if job.store.has_memory_stores() { Offset::new(bounds.start).unwrap_or(Offset::ZERO) } else { stored };
        job.store.clear_memory();
        let target = Offset::new(bounds.high_watermark).unwrap_or(Offset::ZERO);
        let batch = S::Batch::default();
        Ok(Self { job, target, from, batch, large: None, next: from, records: 0, rebuilt: unusable })
    }

    /// Has its changes gathered, and loaded in order whenever they have come to so much.
    pub(super) fn gather(&mut self, gather_bytes_max: usize) -> Result<(), Error> {
        // What is loaded is there before the store says so: of which topic it is, and of when, must be known before.
        self.write()?;
        let loading = Loading::begin(self.job.store.clone());
        self.large = Some(Large { gather: Gather::default(), gather_bytes_max, _loading: loading });
        Ok(())
    }

    /// Whether changes are gathered.
    pub(super) const fn is_gathering(&self) -> bool {
        self.large.is_some()
    }

    /// Goes on for whoever asks now, who has fenced whoever asked before: what was read need not be read again, only the
    /// end is another. Stores in memory are that asker's own, and have to be read from the start; so has another topic.
    pub(super) fn serves(&self, job: &RestoreJob<S>) -> bool {
        let is_same = self.job.store.name() == job.store.name() && self.job.topic_id == job.topic_id;
        is_same && !job.store.has_memory_stores() && job.meta.changelog_offset <= self.next.get()
    }

    /// See [`Self::serves`].
    pub(super) fn serve(&mut self, job: RestoreJob<S>, high_watermark: Offset) {
        self.target = self.target.max(high_watermark);
        self.job = RestoreJob { meta: self.job.meta.clone(), ..job };
    }

    /// Takes in a changelog record: the key's first byte is the store's number.
    pub(super) fn record(&mut self, offset: Offset, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Error> {
        self.next = offset.next();
        self.records += 1;
        let whole = key.unwrap_or_default();
        let Some((store, key)) = whole.split_first() else {
            return Err(Error::Corrupt(format!(
                "changelog {} has a record without a key at offset {offset}: something else writes to it",
                self.job.changelog
            )));
        };
        let store = StoreNumber(*store);
        let is_new = offset.get() >= self.job.meta.changelog_offset;
        let is_in_memory = self.job.store.is_in_memory(store);
        let is_full = match &mut self.large {
            Some(large) if is_new && !is_in_memory => {
                large.gather.push(whole, value)?;
                large.gather.size_bytes() >= large.gather_bytes_max
            }
            _ => {
                if is_new || is_in_memory {
                    self.job.store.stage(&mut self.batch, store, key, value);
                }
                S::batch_bytes(&self.batch) >= BATCH_BYTES
            }
        };
        if is_full { self.write() } else { Ok(()) }
    }

    /// Records still to read, at most.
    pub(super) const fn remaining(&self) -> i64 {
        self.target.get() - self.next.get()
    }

    fn write(&mut self) -> Result<(), Error> {
        self.load()?;
        if self.next.get() > self.job.meta.changelog_offset {
            self.job.meta.changelog_offset = self.next.get();
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.job.store.stage_meta(&mut batch, &self.job.meta)?;
        self.job.store.write(batch)
    }

    /// Brings what was gathered into the store. The meta record with the changelog's offset follows in a batch of its own:
    /// after a crash in between, the store holds more than it says, and these records are replayed. That does no harm.
    /// Replaying from the older offset ends at or behind where the lost batch would have said; every key that the
    /// records name gets its last value again (compaction takes a record away only where a later one is, and a store that
    /// may have missed tombstones is too old and wiped); and nobody reads a store that is being restored. The other way
    /// round, changes would be missing.
    fn load(&mut self) -> Result<(), Error> {
        let Some(Large { gather, gather_bytes_max, .. }) = &mut self.large else { return Ok(()) };
        if gather.size_bytes() >= BATCH_BYTES.min(*gather_bytes_max) {
            self.job.store.load(gather.sorted())?;
        } else {
            for change in gather.sorted() {
                self.job.store.stage(&mut self.batch, change.store, change.key, change.value);
            }
        }
        gather.clear();
        Ok(())
    }

    /// Ends the restore at `position`, the place of what comes next.
    pub(super) fn finish(mut self, position: Offset, now: Timestamp) -> Result<Restored, Error> {
        self.next = self.next.max(position);
        self.job.meta.saved_at = now;
        self.write()?;
        Ok(Restored {
            slot: self.job.slot,
            epoch: self.job.epoch,
            meta: self.job.meta,
            records: self.records,
            rebuilt: self.rebuilt,
        })
    }
}
