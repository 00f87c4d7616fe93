//! Where each assigned partition is read next, by what was handed out.
//!
//! librdkafka has a position of its own, from which it goes on where a partition was held back: by the application, and by
//! itself during each rebalance. Where messages are taken in batches that position is not to be trusted. The report of a
//! partition's end counts as a record in it; and a rebalance that is served within a batch finds it before the batch, and
//! has it set to behind the batch afterwards, for partitions that are gone, too. So whoever resumes seeks first.

use headwater_log::{Offset, Partition, TopicPartition};

use crate::{StartAt, StartOffset};

struct Standing {
    partition: TopicPartition,
    next: StartOffset,
    is_paused: bool,
    /// The assignment that it came with.
    assignment: u64,
}

/// The partitions that are assigned, and where each is read next.
#[derive(Default)]
pub(super) struct Standings {
    all: Vec<Standing>,
    /// The one that was found last.
    recent: usize,
    assignments: u64,
}

impl Standings {
    /// These partitions came in addition.
    pub(super) fn assigned(&mut self, starts: &[StartAt]) {
        self.assignments += 1;
        for start in starts {
            self.all.retain(|known| known.partition != start.partition);
            self.all.push(Standing {
                partition: start.partition.clone(),
                next: start.offset,
                is_paused: false,
                assignment: self.assignments,
            });
        }
    }

    /// These partitions are gone.
    pub(super) fn unassigned(&mut self, partitions: &[TopicPartition]) {
        self.all.retain(|known| !partitions.contains(&known.partition));
    }

    /// These partitions, and no others.
    pub(super) fn replaced(&mut self, starts: &[StartAt]) {
        self.all.clear();
        self.assigned(starts);
    }

    /// A partition was sought.
    pub(super) fn sought(&mut self, start: &StartAt) {
        if let Some(known) = self.all.iter_mut().find(|known| known.partition == start.partition) {
            known.next = start.offset;
        }
    }

    /// Partitions were paused or resumed by the application.
    pub(super) fn paused(&mut self, partitions: &[TopicPartition], is_paused: bool) {
        for known in self.all.iter_mut().filter(|known| partitions.contains(&known.partition)) {
            known.is_paused = is_paused;
        }
    }

    /// Those that the application has paused.
    pub(super) fn paused_partitions(&self) -> Vec<TopicPartition> {
        self.all.iter().filter(|known| known.is_paused).map(|known| known.partition.clone()).collect()
    }

    /// Counts assignments: what is taken between two looks at an unchanged count is of one assignment.
    pub(super) const fn assignments(&self) -> u64 {
        self.assignments
    }

    /// All before `next` was handed out. False when the partition is not assigned, or was assigned after `assignments`:
    /// then it may be of an earlier life of the partition, and is not counted.
    pub(super) fn passed(&mut self, topic: &str, partition: Partition, next: Offset, assignments: u64) -> bool {
        let is_it =
            |known: &Standing| known.partition.partition == partition && known.partition.topic.as_str() == topic;
        if !self.all.get(self.recent).is_some_and(is_it) {
            let Some(found) = self.all.iter().position(is_it) else { return false };
            self.recent = found;
        }
        let Some(known) = self.all.get_mut(self.recent).filter(|known| known.assignment <= assignments) else {
            return false;
        };
        known.next = StartOffset::At(next);
        true
    }

    /// Where those of these partitions that are assigned are read next.
    pub(super) fn of(&self, partitions: &[TopicPartition]) -> Vec<StartAt> {
        self.starts(|known| partitions.contains(&known.partition))
    }

    /// Those that the application has not paused, but for `leaving`.
    pub(super) fn running_but(&self, leaving: &[TopicPartition]) -> Vec<StartAt> {
        self.starts(|known| !known.is_paused && !leaving.contains(&known.partition))
    }

    /// Those that were assigned after `assignments`.
    pub(super) fn assigned_after(&self, assignments: u64) -> Vec<StartAt> {
        self.starts(|known| known.assignment > assignments)
    }

    fn starts(&self, wanted: impl Fn(&Standing) -> bool) -> Vec<StartAt> {
        let wanted = self.all.iter().filter(|known| wanted(known));
        wanted.map(|known| StartAt { partition: known.partition.clone(), offset: known.next }).collect()
    }
}

#[cfg(test)]
mod tests;
