//! A decider's state from its own events: folded beside the state that is held, and compared with it.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::Partition;

use crate::{
    Effects, Error, Record, StateBase, StateError, Step, StoreNumber, Task, TaskEnvironment, TaskError, TaskErrorKind,
    TopicRef, Topology,
};

/// Entries that are compared at a time.
const PAGE: usize = 1_000;

/// One partition's state being folded from the events that its decider published. Nothing is sent, nothing is decided,
/// no timer fires, no call is made and no id is remembered; timers are scheduled as the state asks for.
pub struct Rebuild {
    task: Task,
    stores: Vec<StoreNumber>,
    effects: Effects,
}

impl Rebuild {
    /// A fold that has read nothing yet; the base that is given to it must be empty. The environment knows the topic of
    /// events and the changelog.
    ///
    /// # Errors
    /// A topology whose state is not a fold of its events ([`Topology::rebuild`]); or as [`Task::new`].
    pub fn new(topology: &Topology, partition: Partition, environment: Arc<TaskEnvironment>) -> Result<Self, Error> {
        let subject = || format!("rebuild of {}", topology.name());
        let rebuild = topology.rebuild();
        let rebuild =
            rebuild.ok_or_else(|| Error::new(subject(), "its state is no fold of the events it publishes"))?;
        let mut task = Task::new(rebuild, 0, partition, environment)?;
        let stores = task.subtopology().into_iter().flat_map(|part| &part.stores).map(|store| store.number);
        let stores = [StoreNumber::TIMERS, StoreNumber::TIMER_NAMES].into_iter().chain(stores).collect();
        let before = Timestamp::from_millis(-1);
        task.resume(&[None], before, &crate::MemoryBase::new())
            .map_err(|error| Error::new(subject(), error.message))?;
        Ok(Self { task, stores, effects: Effects::default() })
    }

    /// The topic of events that it reads.
    #[must_use]
    pub fn topic(&self) -> Option<TopicRef> {
        self.task.inputs().first().map(|input| input.topic)
    }

    /// The stores that it fills: the decider's own, and those of timers. All others of the task are none of its business.
    #[must_use]
    pub fn stores(&self) -> &[StoreNumber] {
        &self.stores
    }

    /// Folds the next event of the partition.
    ///
    /// # Errors
    /// A record that is no event of the decider, or whose bytes can't be read: the state can't be known without it.
    pub fn fold(&mut self, record: Arc<Record>, base: &dyn StateBase) -> Result<(), TaskError> {
        let offset = record.offset;
        let now = record.timestamp;
        self.task.offer(0, record);
        match self.task.step(now, base, &mut self.effects)? {
            Step::Processed => Ok(()),
            waiting => Err(TaskError {
                kind: TaskErrorKind::Stopped,
                message: format!("task {} did not take the event at offset {offset}: {waiting:?}", self.task.id()),
            }),
        }
    }

    /// Memory of what is not written yet, in bytes.
    #[must_use]
    pub fn staged_bytes(&self) -> usize {
        self.task.staged_bytes()
    }

    /// Gives what was folded to `write`, to be applied to the base before the next event.
    pub fn write(&mut self, write: impl FnMut(StoreNumber, &[u8], Option<&[u8]>)) {
        self.task.prepare_commit(&mut self.effects);
        self.effects.outputs.clear();
        self.task.committed(write);
    }
}

/// Gives `write` what makes the held state the rebuilt one, in the order of the keys, and answers with how much that was.
/// A timer that is held and right stays as it is: it knows its cause whole, the rebuilt one only its cause's id.
///
/// # Errors
/// State that can't be read.
pub fn corrections(
    store: StoreNumber,
    held: &dyn StateBase,
    rebuilt: &dyn StateBase,
    mut write: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<u64, StateError> {
    let (mut held, mut rebuilt) = (Pages::of(held, store), Pages::of(rebuilt, store));
    let mut count = 0;
    let (mut old, mut new) = (held.next()?, rebuilt.next()?);
    loop {
        match (&old, &new) {
            (None, None) => return Ok(count),
            (Some((key, _)), right) if right.as_ref().is_none_or(|(right, _)| key < right) => {
                write(key, None);
                count += 1;
                old = held.next()?;
            }
            (left, Some((key, value))) if left.as_ref().is_none_or(|(left, _)| key < left) => {
                write(key, Some(value));
                count += 1;
                new = rebuilt.next()?;
            }
            (Some((_, left)), Some((key, right))) => {
                if left != right && store != StoreNumber::TIMERS {
                    write(key, Some(right));
                    count += 1;
                }
                (old, new) = (held.next()?, rebuilt.next()?);
            }
            // The first two arms take what only one side has.
            (None, Some(_)) | (Some(_), None) => return Ok(count),
        }
    }
}

/// A store's entries in order, read page by page.
struct Pages<'a> {
    base: &'a dyn StateBase,
    store: StoreNumber,
    page: std::vec::IntoIter<(Bytes, Bytes)>,
    /// The last key that was read; None before the first page.
    last: Option<Bytes>,
    is_done: bool,
}

impl<'a> Pages<'a> {
    fn of(base: &'a dyn StateBase, store: StoreNumber) -> Self {
        Self { base, store, page: Vec::new().into_iter(), last: None, is_done: false }
    }

    fn next(&mut self) -> Result<Option<(Bytes, Bytes)>, StateError> {
        if let Some(entry) = self.page.next() {
            return Ok(Some(entry));
        }
        if self.is_done {
            return Ok(None);
        }
        let from = self.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.base.scan(self.store, from, Bound::Unbounded, PAGE)?;
        self.is_done = page.len() < PAGE;
        self.last = page.last().map(|(key, _)| key.clone());
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

#[cfg(test)]
mod tests;
