use headwater_event::Timestamp;
use headwater_log::Offset;
use headwater_streams::StoreNumber;

use crate::{TablePosition, TaskMeta};

/// An input of a task that is kept as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInput {
    /// Which of the task's inputs.
    pub input: usize,
    /// The store that holds it.
    pub store: StoreNumber,
    /// The topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// An end of the topic that has not been reached yet, and when it was the end.
    awaited: Option<(Offset, Timestamp)>,
}

impl TableInput {
    pub(crate) const fn new(input: usize, store: StoreNumber, topic_id: Option<String>) -> Self {
        Self { input, store, topic_id, awaited: None }
    }

    /// What has committed is in the table: it stands at `position`, and the topic ends at `end` as far as is known. A topic
    /// that never rests is never read to its end: what was its end at a moment is reached a little later.
    pub(crate) fn committed(
        &mut self,
        topic: &str,
        position: Offset,
        end: Option<Offset>,
        now: Timestamp,
        meta: &mut TaskMeta,
    ) {
        let known = meta.tables.get(topic).map(|table| table.as_of);
        let reached = self.awaited.take_if(|(awaited, _)| position >= *awaited).map(|(_, at)| at);
        let is_at_end = end.is_some_and(|end| position >= end);
        if is_at_end {
            self.awaited = None;
        } else if self.awaited.is_none() {
            self.awaited = end.map(|end| (end, now));
        }
        let as_of = if is_at_end { now } else { reached.or(known).unwrap_or_default() };
        let as_of = known.map_or(as_of, |known| known.max(as_of));
        let (store, topic_id) = (self.store, self.topic_id.clone());
        meta.tables
            .insert(topic.to_owned(), TablePosition { store, topic_id, offset: position.get(), reach: 0, as_of });
    }
}

#[cfg(test)]
mod tests;
