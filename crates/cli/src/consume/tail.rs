use std::collections::{BTreeMap, VecDeque};

use headwater_log::{Offset, TopicPartition};

use super::offsets::OffsetWord;
use crate::records::{Ends, Seen};

/// Transaction markers take offsets too: so many more are read for one record that is asked for, and at least these.
const OFFSETS_PER_RECORD: i64 = 2;
const OFFSETS_MORE: i64 = 16;

/// Where to begin so that the last `count` records are among those that are read.
pub fn start(count: u64, ends: Ends) -> Offset {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let back = if count == 0 { 0 } else { count.saturating_mul(OFFSETS_PER_RECORD).saturating_add(OFFSETS_MORE) };
    Offset::new(ends.end.get().saturating_sub(back)).unwrap_or(Offset::ZERO).max(ends.beginning)
}

/// Holds back what comes before a partition's end, to let only the last records of it through.
#[derive(Debug, Default)]
pub struct Tail {
    count: usize,
    waiting: BTreeMap<u32, VecDeque<Seen>>,
}

impl Tail {
    /// Holds back where the last N were asked for, in partitions that have records.
    pub fn new(start: OffsetWord, ends: &BTreeMap<TopicPartition, Ends>) -> Self {
        let OffsetWord::Last(count) = start else { return Self::default() };
        let filled = ends.iter().filter(|(_, ends)| count > 0 && ends.beginning < ends.end);
        let waiting = filled.map(|(partition, _)| (partition.partition.get(), VecDeque::new())).collect();
        Self { count: usize::try_from(count).unwrap_or(usize::MAX), waiting }
    }

    /// Lets a record through, or holds it back.
    pub fn offer(&mut self, partition: u32, seen: Seen) -> Option<Seen> {
        let Some(waiting) = self.waiting.get_mut(&partition) else { return Some(seen) };
        if waiting.len() >= self.count {
            waiting.pop_front();
        }
        waiting.push_back(seen);
        None
    }

    /// The end that was known at the start is reached: what was held back comes now, and nothing is held back any more.
    pub fn reached_end(&mut self, partition: u32) -> VecDeque<Seen> {
        self.waiting.remove(&partition).unwrap_or_default()
    }
}
