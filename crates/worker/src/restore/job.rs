use headwater_log::{Offset, TopicPartition};
use headwater_streams::StoreNumber;

use crate::ports::TaskStore;
use crate::{ChangelogBounds, Error, TaskMeta, Unusable};

/// What a store is brought up to date from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreKind {
    /// The changelog, up to its end: a key begins with the number of its store.
    Changelog,
    /// The topic of a table, up to where the task goes on, and never beyond: it will process what comes there.
    Table {
        /// The store that holds it.
        store: StoreNumber,
        /// The position that the group has committed; None where it has none.
        up_to: Option<Offset>,
    },
}

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
    /// The partition that is read: its changelog's, or that of a table's topic.
    pub partition: TopicPartition,
    /// Which of the two.
    pub kind: RestoreKind,
    /// The topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// The topic's `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// Who waits for a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) worker: usize,
    pub(super) slot: usize,
    pub(super) epoch: u64,
}

/// A store that is brought up to date, and what is known of what is read for that.
pub(super) struct Subject<S> {
    pub(super) store: S,
    pub(super) meta: TaskMeta,
    pub(super) partition: TopicPartition,
    pub(super) kind: RestoreKind,
    pub(super) topic_id: Option<String>,
    pub(super) delete_retention_ms: i64,
}

impl<S> RestoreJob<S> {
    /// Who asked, and for what.
    pub(super) fn into_parts(self) -> (Asker, Subject<S>) {
        let Self { worker, slot, epoch, store, meta, partition, kind, topic_id, delete_retention_ms } = self;
        (Asker { worker, slot, epoch }, Subject { store, meta, partition, kind, topic_id, delete_retention_ms })
    }
}

impl<S: TaskStore> Subject<S> {
    /// Whether what was done for it counts for a worker that asks now. A table is begun again from what was written, as the
    /// position that it must not pass may be another. Stores in memory are that worker's own, and have to
    /// be read from the start; so has another topic.
    pub(super) fn is_of(&self, job: &RestoreJob<S>) -> bool {
        let is_changelog = self.kind == RestoreKind::Changelog && job.kind == RestoreKind::Changelog;
        is_changelog
            && self.store.name() == job.store.name()
            && self.topic_id == job.topic_id
            && !job.store.has_memory_stores()
    }

    /// Goes on for a worker that asks now: what the store knows of itself stays as it is here.
    pub(super) fn hand_to(&mut self, job: RestoreJob<S>) -> Asker {
        let (asker, job) = job.into_parts();
        *self = Self { meta: self.meta.clone(), ..job };
        asker
    }

    /// Empties the store, but for what it knows of itself now.
    pub(super) fn wipe(&self) -> Result<(), Error> {
        let mut batch = S::Batch::default();
        self.store.stage_wipe(&mut batch);
        self.store.stage_meta(&mut batch, &self.meta)?;
        self.store.write(batch)
    }
}

impl<S> Subject<S> {
    /// Whether it is the restore, or the standby, of this changelog.
    pub(super) fn is_of_changelog(&self, partition: &TopicPartition) -> bool {
        self.kind == RestoreKind::Changelog && self.partition == *partition
    }

    /// What is read of as it lies in Kafka, from its first offset to its high watermark.
    pub(super) fn bounds(&self, (start, high_watermark): (Offset, Offset)) -> ChangelogBounds {
        ChangelogBounds {
            topic_id: self.topic_id.clone(),
            start: start.get(),
            high_watermark: high_watermark.get(),
            delete_retention_ms: self.delete_retention_ms,
        }
    }
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
    /// Records that were replayed.
    pub records: u64,
    /// Whether it was rebuilt from the start though it had data, and why.
    pub rebuilt: Option<Unusable>,
}
