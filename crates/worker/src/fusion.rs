//! Fusion, the pure part: what is known of partitions that this worker both writes and reads.
//!
//! A record that goes to such a partition is produced as ever, and handed to the partition's readers at once, in the same
//! transaction, under the offset that it is going to have. Before the commit, delivery reports must confirm every such
//! offset. See FUSION.md for the argument.

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_log::{Offset, Partition, TopicPartition};
use headwater_streams::{Record, TopicRef};
use rustc_hash::FxHashMap;

use crate::ports::Written;

/// Commits that a partition must see without a gap, after the first one, before it is fused again; twice as many after
/// each further gap, so that two writers who stay cost less and less.
const CLEAN_COMMITS_MIN: u32 = 200;
const CLEAN_COMMITS_MAX: u32 = CLEAN_COMMITS_MIN << 16;
/// Records that may wait until the fetch has caught up; with more it goes on by fetch alone.
const LIMBO_RECORDS_MAX: usize = 10_000;

/// What the worker does with a record that was fetched from a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// The readers have it already.
    Known,
    /// The readers get it.
    New,
    /// The readers get it, and it is the last one that they get by fetch.
    Last,
}

/// A partition that is fused, or about to be.
#[derive(Debug)]
pub(crate) struct FusedPartition {
    partition: TopicPartition,
    topic: TopicRef,
    /// The tasks that read it: place of the task, number of its input.
    readers: Vec<(usize, usize)>,
    /// Where the first record of the next transaction will lie: behind the marker of the last one.
    end: Offset,
    /// Behind the last record that is known.
    records_end: Offset,
    /// Records that the open transaction produced to it.
    produced: u64,
    /// The fetch has not caught up yet: what is produced waits until this offset was fetched.
    waits_for: Option<Offset>,
    limbo: VecDeque<Arc<Record>>,
    /// Nothing more is handed over; it is fetched again once the transaction at hand has ended.
    closing: bool,
}

impl FusedPartition {
    /// Which partition.
    pub(crate) const fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The tasks that read it.
    pub(crate) fn readers(&self) -> &[(usize, usize)] {
        &self.readers
    }

    /// Whether its readers get its records from this worker alone: the consumer holds it back.
    pub(crate) const fn is_joined(&self) -> bool {
        self.waits_for.is_none()
    }

    /// Whether the open transaction wrote to it.
    pub(crate) const fn is_written(&self) -> bool {
        self.produced > 0
    }

    /// Whether it is to be fetched again.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing
    }

    /// It is to be fetched again, as soon as no transaction is open.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.limbo.clear();
    }

    /// The offset that the next record will have.
    fn next_offset(&mut self) -> Offset {
        let next = Offset::new(self.end.get().saturating_add_unsigned(self.produced)).unwrap_or(self.end);
        self.produced += 1;
        self.records_end = next.next();
        next
    }

    /// What a reader has to reach so that it has read everything up to `observed`, the high watermark: markers of ours
    /// are no records. None when somebody else has written to the partition.
    pub(crate) fn end_for_readers(&self, observed: Offset) -> Option<Offset> {
        let known = self.end.get().saturating_add_unsigned(self.produced);
        (self.is_joined() && !self.closing && observed.get() <= known).then_some(self.records_end)
    }

    /// Whether what was written is what was predicted: every record of the transaction, and nothing in between.
    fn is_confirmed(&self, written: Option<Written>) -> bool {
        written.is_some_and(|all| all.first == self.end && all.records == self.produced && all.is_without_gap())
    }
}

/// All partitions of a worker that are fused, or about to be.
#[derive(Debug, Default)]
pub(crate) struct Fusion {
    by_topic: Vec<Vec<Option<usize>>>,
    slots: Vec<Option<FusedPartition>>,
    /// Partitions with another writer.
    banned: FxHashMap<TopicPartition, Ban>,
}

/// How long a partition is not fused.
#[derive(Debug, Clone, Copy)]
struct Ban {
    /// Commits without a gap still to come.
    left: u32,
    /// How many there were to be, after the last gap.
    of: u32,
}

impl Fusion {
    /// The place of a partition, for an output.
    pub(crate) fn place_of(&self, topic: TopicRef, partition: Partition) -> Option<usize> {
        *self.by_topic.get(topic.index())?.get(partition.get() as usize)?
    }

    /// All of them, with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &FusedPartition)> {
        self.slots.iter().enumerate().filter_map(|(place, slot)| Some((place, slot.as_ref()?)))
    }

    /// One by its place.
    pub(crate) fn get(&self, place: usize) -> Option<&FusedPartition> {
        self.slots.get(place)?.as_ref()
    }

    /// One by its place.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut FusedPartition> {
        self.slots.get_mut(place)?.as_mut()
    }

    /// Begins to fuse a partition whose last record so far, at `last`, this worker has just committed. Answers with its
    /// place; None while another writer of it is remembered.
    pub(crate) fn begin(
        &mut self,
        partition: &TopicPartition,
        topic: TopicRef,
        readers: &[(usize, usize)],
        last: Offset,
    ) -> Option<usize> {
        if let Some(ban) = self.banned.get_mut(partition)
            && ban.left > 0
        {
            ban.left -= 1;
            return None;
        }
        let fused = FusedPartition {
            partition: partition.clone(),
            topic,
            readers: readers.to_vec(),
            end: last.next().next(),
            records_end: last.next(),
            produced: 0,
            waits_for: Some(last),
            limbo: VecDeque::new(),
            closing: false,
        };
        let place = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[place] = Some(fused);
        let (topic, number) = (topic.index(), partition.partition.get() as usize);
        if self.by_topic.len() <= topic {
            self.by_topic.resize_with(topic + 1, Vec::new);
        }
        if self.by_topic[topic].len() <= number {
            self.by_topic[topic].resize(number + 1, None);
        }
        self.by_topic[topic][number] = Some(place);
        Some(place)
    }

    /// Takes one out: its records come by fetch from now on.
    pub(crate) fn remove(&mut self, place: usize) -> Option<FusedPartition> {
        let fused = self.slots.get_mut(place)?.take()?;
        let number = fused.partition.partition.get() as usize;
        if let Some(entry) = self.by_topic.get_mut(fused.topic.index()).and_then(|numbers| numbers.get_mut(number)) {
            *entry = None;
        }
        Some(fused)
    }

    /// What a record that was fetched is to the partition's readers.
    pub(crate) fn fetched(&mut self, place: usize, offset: Offset) -> Fetched {
        let Some(fused) = self.get_mut(place) else { return Fetched::New };
        match fused.waits_for {
            None => Fetched::Known,
            Some(last) if offset < last => Fetched::New,
            Some(last) if offset == last && !fused.closing => {
                fused.waits_for = None;
                Fetched::Last
            }
            Some(_) => {
                // Not what was expected: the fetch is right.
                fused.close();
                Fetched::New
            }
        }
    }

    /// What was produced while the fetch was behind; the readers get it behind the last fetched record.
    pub(crate) fn take_limbo(&mut self, place: usize) -> VecDeque<Arc<Record>> {
        self.get_mut(place).map(|fused| std::mem::take(&mut fused.limbo)).unwrap_or_default()
    }

    /// The offset that a record just produced is going to have, and whether the readers get it now. None: it comes by
    /// fetch.
    pub(crate) fn produced(&mut self, place: usize) -> Option<Offset> {
        let fused = self.get_mut(place)?;
        let offset = fused.next_offset();
        (!fused.closing).then_some(offset)
    }

    /// Keeps a record until the fetch has caught up; too many end it. False: the readers get it now.
    pub(crate) fn keep_in_limbo(&mut self, place: usize, record: &Arc<Record>) -> bool {
        let Some(fused) = self.get_mut(place) else { return true };
        if fused.is_joined() {
            return false;
        }
        if fused.limbo.len() >= LIMBO_RECORDS_MAX {
            fused.close();
        } else {
            fused.limbo.push_back(Arc::clone(record));
        }
        true
    }

    /// The partition whose records of the open transaction do not lie where they were expected: it has another writer,
    /// and is not fused again for a while. `written` says where a partition's records lie.
    pub(crate) fn first_gap(
        &mut self,
        mut written: impl FnMut(&TopicPartition) -> Option<Written>,
    ) -> Option<TopicPartition> {
        for fused in self.slots.iter_mut().flatten().filter(|fused| fused.produced > 0) {
            if !fused.is_confirmed(written(&fused.partition)) {
                fused.close();
                let partition = fused.partition.clone();
                self.ban(&partition);
                return Some(partition);
            }
        }
        None
    }

    /// Remembers another writer of a partition.
    pub(crate) fn ban(&mut self, partition: &TopicPartition) {
        let before = self.banned.get(partition).map_or(CLEAN_COMMITS_MIN / 2, |ban| ban.of);
        let of = (before * 2).min(CLEAN_COMMITS_MAX);
        self.banned.insert(partition.clone(), Ban { left: of, of });
    }

    /// The transaction has committed, and all was as predicted: the next records lie behind its markers.
    pub(crate) fn committed(&mut self) {
        for fused in self.slots.iter_mut().flatten().filter(|fused| fused.produced > 0) {
            fused.end = fused.records_end.next();
            fused.produced = 0;
        }
    }
}

#[cfg(test)]
mod tests;
