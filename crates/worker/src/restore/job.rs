use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::StoreNumber;

use crate::ports::TaskStore;
use crate::{ChangelogBounds, Error, TaskMeta, Unusable};

/// Bytes of replayed records that are written at once.
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
    next: Offset,
    records: u64,
    rebuilt: Option<Unusable>,
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
        job.meta.changelog_topic_id.clone_from(&bounds.topic_id);
        let stored = Offset::new(job.meta.changelog_offset.max(bounds.start)).unwrap_or(Offset::ZERO);
        let from =
            if job.store.has_memory_stores() { Offset::new(bounds.start).unwrap_or(Offset::ZERO) } else { stored };
        job.store.clear_memory();
        let target = Offset::new(bounds.high_watermark).unwrap_or(Offset::ZERO);
        Ok(Self { job, target, from, batch: S::Batch::default(), next: from, records: 0, rebuilt: unusable })
    }

    /// Takes in a changelog record: the key's first byte is the store's number.
    pub(super) fn record(&mut self, offset: Offset, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Error> {
        self.next = offset.next();
        self.records += 1;
        let Some((store, key)) = key.and_then(<[u8]>::split_first) else {
            return Err(Error::Corrupt(format!(
                "changelog {} has a record without a key at offset {offset}: something else writes to it",
                self.job.changelog
            )));
        };
        let store = StoreNumber(*store);
        let is_new = offset.get() >= self.job.meta.changelog_offset;
        if is_new || self.job.store.is_in_memory(store) {
            self.job.store.stage(&mut self.batch, store, key, value);
        }
        if S::batch_bytes(&self.batch) >= BATCH_BYTES {
            self.write()?;
        }
        Ok(())
    }

    /// Records still to read, at most.
    pub(super) const fn remaining(&self) -> i64 {
        self.target.get() - self.next.get()
    }

    pub(super) fn write(&mut self) -> Result<(), Error> {
        if self.next.get() > self.job.meta.changelog_offset {
            self.job.meta.changelog_offset = self.next.get();
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.job.store.stage_meta(&mut batch, &self.job.meta)?;
        self.job.store.write(batch)
    }

    /// Ends the restore at `position`, the place of what comes next.
    pub(super) fn finish(mut self, position: Offset, now: Timestamp) -> Result<(usize, Restored), Error> {
        self.next = self.next.max(position);
        self.job.meta.saved_at = now;
        self.write()?;
        let restored = Restored {
            slot: self.job.slot,
            epoch: self.job.epoch,
            meta: self.job.meta,
            records: self.records,
            rebuilt: self.rebuilt,
        };
        Ok((self.job.worker, restored))
    }
}
