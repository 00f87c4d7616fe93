use headwater_event::Timestamp;
use headwater_log::Offset;
use headwater_streams::StoreNumber;

use super::gather::Gather;
use super::job::{Asker, RestoreJob, RestoreKind, Restored, Subject};
use crate::ports::TaskStore;
use crate::{Error, TaskMeta, Unusable};

/// Bytes of replayed records that are written at once; what was gathered and is less than that is no file's worth.
const BATCH_BYTES: usize = 1 << 20;

/// A job under way: what was read and not yet written.
pub(super) struct Running<S: TaskStore> {
    pub(super) job: Subject<S>,
    /// Who waits for its end; None for a standby, which has none.
    pub(super) asker: Option<Asker>,
    /// The read_uncommitted high watermark: the restore ends there, and there a standby has caught up. A table's restore
    /// ends at the committed position, which is not beyond that.
    pub(super) target: Offset,
    /// Whether that was the topic's end when it was listed.
    pub(super) target_is_end: bool,
    /// Where reading began.
    pub(super) from: Offset,
    batch: S::Batch,
    /// Set while a store that has far to go is read.
    large: Option<Large<S>>,
    pub(super) next: Offset,
    /// A store's number and a key, put together.
    whole_key: Vec<u8>,
    records: u64,
    rebuilt: Option<Unusable>,
    /// When the target of a standby was listed, and whether it has been reached.
    pub(super) listed_at: Timestamp,
    has_caught_up: bool,
    /// A standby that can't go on.
    pub(super) failed: bool,
}

/// What a store that has far to go needs besides.
struct Large<S: TaskStore> {
    gather: Gather,
    gather_bytes_max: usize,
    _loading: Loading<S>,
}

/// Tells a store that it is being loaded, and when that has ended, however it ends.
pub(super) struct Loading<S: TaskStore>(S);

impl<S: TaskStore> Loading<S> {
    pub(super) fn begin(store: S) -> Self {
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
    pub(super) fn begin(
        job: Subject<S>,
        asker: Option<Asker>,
        bounds: (Offset, Offset),
        now: Timestamp,
    ) -> Result<Self, Error> {
        match job.kind {
            RestoreKind::Changelog => Self::begin_changelog(job, asker, bounds, now),
            RestoreKind::Table { store, up_to } => Self::begin_table(job, asker, (store, up_to), bounds, now),
        }
    }

    fn begin_changelog(
        mut job: Subject<S>,
        asker: Option<Asker>,
        bounds: (Offset, Offset),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let bounds = job.bounds(bounds);
        let unusable = job.meta.unusable(&bounds, now);
        if let Some(why) = unusable {
            tracing::warn!(task = job.store.name(), ?why, "the store can't be used and is rebuilt from its changelog");
            job.meta = TaskMeta { number: job.meta.number, ..TaskMeta::default() };
            job.wipe()?;
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
        Ok(Self::reading(job, asker, (from, target), unusable, now))
    }

    pub(super) fn reading(
        job: Subject<S>,
        asker: Option<Asker>,
        (from, target): (Offset, Offset),
        rebuilt: Option<Unusable>,
        now: Timestamp,
    ) -> Self {
        Self {
            job,
            asker,
            target,
            target_is_end: true,
            from,
            batch: S::Batch::default(),
            large: None,
            next: from,
            whole_key: Vec::new(),
            records: 0,
            rebuilt,
            listed_at: now,
            has_caught_up: false,
            failed: false,
        }
    }

    /// Whether it is a standby's.
    pub(super) const fn is_standby(&self) -> bool {
        self.asker.is_none()
    }

    /// Whether it is a standby's that still reads the past.
    pub(super) const fn is_catching_up(&self) -> bool {
        self.is_standby() && !self.has_caught_up
    }

    /// Has its changes gathered, and loaded in order whenever they have come to so much.
    pub(super) fn gather(&mut self, gather_bytes_max: usize) -> Result<(), Error> {
        // What is loaded is there before the store says so: of which topic it is, and of when, must be known before.
        self.say_reach();
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
    /// end is another.
    pub(super) fn serves(&self, job: &RestoreJob<S>) -> bool {
        !self.failed && self.job.is_of(job) && job.meta.changelog_offset <= self.next.get()
    }

    /// See [`Self::serves`].
    pub(super) fn serve(&mut self, job: RestoreJob<S>, high_watermark: Offset) {
        if self.is_standby() {
            // What a standby has read before nobody waited for.
            (self.records, self.rebuilt) = (0, None);
        }
        self.target = self.target.max(high_watermark);
        self.asker = Some(self.job.hand_to(job));
    }

    /// Whether a record is any of its business: what comes from the committed position on, a table's task will process.
    pub(super) fn wants(&self, offset: Offset) -> bool {
        self.job.kind == RestoreKind::Changelog || offset < self.target
    }

    /// Takes in a record.
    pub(super) fn record(&mut self, offset: Offset, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Error> {
        match self.job.kind {
            RestoreKind::Changelog => self.changelog_record(offset, key, value),
            RestoreKind::Table { store, .. } => self.table_record(store, offset, key, value),
        }
    }

    /// Takes in a changelog record: the key's first byte is the store's number.
    fn changelog_record(&mut self, offset: Offset, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), Error> {
        self.next = offset.next();
        self.records += 1;
        let whole = key.unwrap_or_default();
        let Some((store, key)) = whole.split_first() else {
            return Err(Error::Corrupt(format!(
                "changelog {} has a record without a key at offset {offset}: something else writes to it",
                self.job.partition
            )));
        };
        let store = StoreNumber(*store);
        let is_new = offset.get() >= self.job.meta.changelog_offset;
        self.change(store, (whole, key), value, is_new)
    }

    /// A table's record: as the table itself takes it when it is processed, so that without a key it is no part of it.
    fn table_record(
        &mut self,
        store: StoreNumber,
        offset: Offset,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.next = offset.next();
        self.records += 1;
        let Some(key) = key else { return Ok(()) };
        let mut whole = std::mem::take(&mut self.whole_key);
        whole.clear();
        whole.push(store.0);
        whole.extend_from_slice(key);
        let taken = self.change(store, (&whole, key), value, true);
        self.whole_key = whole;
        taken
    }

    fn change(
        &mut self,
        store: StoreNumber,
        (whole, key): (&[u8], &[u8]),
        value: Option<&[u8]>,
        is_new: bool,
    ) -> Result<(), Error> {
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

    pub(super) fn write(&mut self) -> Result<(), Error> {
        self.load()?;
        match self.job.kind {
            RestoreKind::Changelog => {
                self.job.meta.changelog_offset = self.job.meta.changelog_offset.max(self.next.get());
            }
            RestoreKind::Table { .. } => self.say_table_offset(),
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

    /// Ends the restore at `position`, the place of what comes next. None when nobody has asked for it.
    pub(super) fn finish(mut self, position: Offset, now: Timestamp) -> Result<Option<Restored>, Error> {
        match self.job.kind {
            RestoreKind::Changelog => {
                self.next = self.next.max(position);
                self.job.meta.saved_at = now;
                self.write()?;
            }
            RestoreKind::Table { .. } => self.finish_table(position)?,
        }
        let Some(Asker { slot, epoch, .. }) = self.asker else { return Ok(None) };
        let (meta, records, rebuilt) = (self.job.meta, self.records, self.rebuilt);
        Ok(Some(Restored { slot, epoch, meta, records, rebuilt }))
    }

    /// Records between what a standby has read and the changelog's end, at most.
    pub(super) fn lag(&self, end: Option<Offset>) -> i64 {
        let end = end.unwrap_or(self.target).max(self.target);
        (end.get() - self.next.get()).max(0)
    }

    /// Brings a standby's store to `position`, the place of what comes next. Once all that was there when the target was
    /// listed is in the store, it is as new as that moment: no tombstone from before is missing.
    pub(super) fn keep_up(&mut self, position: Offset) -> Result<(), Error> {
        if self.failed {
            // Records were passed over.
            return Ok(());
        }
        if !self.has_caught_up && position >= self.target {
            self.has_caught_up = true;
            self.write()?;
            self.large = None;
        }
        let is_as_new = position >= self.target && self.job.meta.saved_at < self.listed_at;
        let is_further = position.get() > self.job.meta.changelog_offset && !self.is_gathering();
        if !is_as_new && !is_further {
            return Ok(());
        }
        self.next = self.next.max(position);
        if is_as_new {
            self.job.meta.saved_at = self.listed_at;
        }
        self.write()
    }

    /// Says that the store is at a place, and no more: a bug on purpose.
    pub(super) fn say(&mut self, position: Offset) -> Result<(), Error> {
        let mut batch = S::Batch::default();
        let meta = TaskMeta { changelog_offset: position.get(), ..self.job.meta.clone() };
        self.job.store.stage_meta(&mut batch, &meta)?;
        self.job.store.write(batch)
    }

    /// Looks at a standby's changelog anew. Whether its store may still be brought up to date from where it is.
    pub(super) fn look_again(&mut self, bounds: (Offset, Offset), now: Timestamp) -> bool {
        let bounds = self.job.bounds(bounds);
        let here =
            TaskMeta { changelog_offset: self.next.get().max(self.job.meta.changelog_offset), ..self.job.meta.clone() };
        if here.unusable(&bounds, now).is_some() {
            return false;
        }
        self.target = Offset::new(bounds.high_watermark).unwrap_or(self.target);
        self.listed_at = now;
        true
    }
}
