//! A table's part of a restore: where it may go on, and where it stands.

use headwater_event::Timestamp;
use headwater_log::Offset;
use headwater_streams::StoreNumber;

use super::job::{Asker, RestoreKind, Subject};
use super::running::Running;
use crate::ports::TaskStore;
use crate::{Error, TablePosition};

impl<S: TaskStore> Running<S> {
    /// Decides where to begin. Of a table that can't be used, its store is wiped, and nothing else of the task.
    pub(super) fn begin_table(
        mut job: Subject<S>,
        asker: Option<Asker>,
        (store, up_to): (StoreNumber, Option<Offset>),
        bounds: (Offset, Offset),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let bounds = job.bounds(bounds);
        // Where nothing was committed, the task begins at the start, and so does the table.
        let up_to = up_to.map_or(bounds.start, Offset::get);
        let known = job.meta.tables.get(job.partition.topic.as_str()).filter(|table| table.store == store);
        let unusable = known.and_then(|table| table.unusable(&bounds, up_to, now));
        if let Some(why) = unusable {
            let (task, topic) = (job.store.name(), &job.partition.topic);
            tracing::warn!(task, %topic, ?why, "the table can't be used and is rebuilt from its topic");
        }
        let usable = known.filter(|_| unusable.is_none() && !job.store.is_in_memory(store)).map(|table| table.offset);
        let from = usable.unwrap_or(bounds.start);
        if usable.is_none() {
            let topic_id = job.topic_id.clone();
            // What is read from now on holds what is deleted from now on.
            let table = TablePosition { store, topic_id, offset: from, reach: 0, as_of: now };
            job.meta.tables.insert(job.partition.topic.to_string(), table);
            let mut batch = S::Batch::default();
            job.store.stage_wipe_store(&mut batch, store);
            job.store.stage_meta(&mut batch, &job.meta)?;
            job.store.write(batch)?;
        }
        let offset = |offset: i64| Offset::new(offset).unwrap_or(Offset::ZERO);
        // A position beyond the end is of a topic that was cut off: there is nothing there.
        let target = up_to.min(bounds.high_watermark).max(from);
        let mut running = Self::reading(job, asker, (offset(from), offset(target)), unusable, now);
        running.target_is_end = target >= bounds.high_watermark;
        Ok(running)
    }

    fn table(&mut self) -> Option<&mut TablePosition> {
        if self.job.kind == RestoreKind::Changelog {
            return None;
        }
        self.job.meta.tables.get_mut(self.job.partition.topic.as_str())
    }

    pub(super) fn say_table_offset(&mut self) {
        let next = self.next.get();
        if let Some(table) = self.table() {
            table.offset = table.offset.max(next);
        }
    }

    /// What is loaded is there before the table says so.
    pub(super) fn say_reach(&mut self) {
        let target = self.target.get();
        if let Some(table) = self.table() {
            table.reach = target;
        }
    }

    /// The reader may stand beyond the committed position, the table does not.
    pub(super) fn finish_table(&mut self, position: Offset) -> Result<(), Error> {
        self.next = self.next.max(position).min(self.target);
        let (is_at_end, listed_at) = (self.target_is_end, self.listed_at);
        if let Some(table) = self.table() {
            table.reach = 0;
            if is_at_end {
                table.as_of = table.as_of.max(listed_at);
            }
        }
        self.write()
    }
}
