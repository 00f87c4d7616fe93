//! Where partitions are fetched from, and which are held back.

use std::time::Duration;

use headwater_log::TopicPartition;
use headwater_streams::InputState;

use crate::Error;
use crate::core::Core;
use crate::ports::{GroupMember as _, Ports, StartAt, StartOffset};
use crate::task_slot::{TaskPhase, works_at};

const SEEK_DEADLINE: Duration = Duration::from_secs(5);
/// Records that one input may buffer before its partition is held back.
pub(crate) const INPUT_RECORDS_MAX: usize = 10_000;

impl<P: Ports> Core<P> {
    /// Fetches partitions from where the slowest of their running tasks stands, and resumes those that wait for a task.
    pub(crate) fn point_fetch_at(&mut self, partitions: &[TopicPartition], member: &P::Member) -> Result<(), Error> {
        let mut resumes = Vec::new();
        for partition in partitions {
            let Some(start) = self.start_of(partition) else { continue };
            let Some(found) = self.partitions.get_mut(partition) else { continue };
            if let Some(place) = found.fused.take() {
                // What the fetch knows of it is old, and a reader has come or gone back.
                self.fusion.remove(place);
                found.fetched = None;
            }
            // A client that resumes goes on from where it believes to be: it is told.
            let is_there = !found.paused && matches!(start, StartOffset::At(at) if found.fetched == Some(at));
            if !is_there {
                found.fetched = None;
                found.end = None;
                found.live = false;
                found.seek_to = Some(start);
            }
            if found.paused {
                found.paused = false;
                resumes.push(partition.clone());
            }
            if let Some(end) = found.end {
                for (task, input) in &found.readers {
                    if let Some(Some(slot)) = self.tasks.get_mut(*task) {
                        slot.task.input_state(*input, InputState::AtEnd { offset: end });
                    }
                }
            }
        }
        if !resumes.is_empty() {
            member.resume(&resumes)?;
        }
        self.seek(member);
        Ok(())
    }

    /// Seeks what waits for it. A partition that was assigned a moment ago may not be fetched yet and refuse; its records
    /// are thrown away, and it is tried again in the next round.
    pub(crate) fn seek(&mut self, member: &P::Member) {
        let waiting = self.partitions.iter().filter_map(|(partition, found)| {
            found.seek_to.map(|offset| StartAt { partition: partition.clone(), offset })
        });
        let starts: Vec<StartAt> = waiting.collect();
        if starts.is_empty() {
            return;
        }
        match member.seek(&starts, SEEK_DEADLINE) {
            Ok(refused) => {
                for start in &starts {
                    let why = refused.iter().find(|(partition, _)| *partition == start.partition);
                    if let Some((partition, error)) = why {
                        tracing::debug!(%partition, %error, "seek is tried again");
                    } else if let Some(found) = self.partitions.get_mut(&start.partition) {
                        found.seek_to = None;
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "seeks are tried again"),
        }
    }

    /// Whether some partition waits for its seek.
    pub(crate) fn has_seeks(&self) -> bool {
        self.partitions.iter().any(|(_, found)| found.seek_to.is_some())
    }

    /// Where fetching of a partition has to begin for its running tasks; None when none of them runs.
    fn start_of(&self, partition: &TopicPartition) -> Option<StartOffset> {
        let found = self.partitions.get(partition)?;
        let mut start: Option<StartOffset> = None;
        for (task, input) in &found.readers {
            let Some(Some(slot)) = self.tasks.get(*task) else { continue };
            if slot.phase != TaskPhase::Running {
                continue;
            }
            let own = match slot.task.positions().get(*input).copied().flatten() {
                Some(offset) => StartOffset::At(offset),
                None => StartOffset::Beginning,
            };
            start = Some(match (start, own) {
                (Some(StartOffset::At(one)), StartOffset::At(other)) => StartOffset::At(one.min(other)),
                (None, own) => own,
                _ => StartOffset::Beginning,
            });
        }
        start
    }

    /// Holds back partitions that no running task reads yet: what they would fetch would be thrown away.
    pub(crate) fn hold_back_waiting(&mut self, member: &P::Member) -> Result<(), Error> {
        let tasks = &self.tasks;
        let mut waiting = Vec::new();
        for (partition, found) in self.partitions.iter_mut() {
            if !found.paused
                && !found.readers.is_empty()
                && !found.readers.iter().any(|(place, _)| works_at(tasks, *place))
            {
                found.paused = true;
                waiting.push(partition.clone());
            }
        }
        if waiting.is_empty() { Ok(()) } else { member.pause(&waiting) }
    }

    /// Holds back partitions whose slowest task has more than enough, and fetches them again once it has not.
    pub(crate) fn hold_back_full(&mut self, member: &P::Member) -> Result<(), Error> {
        let (mut full, mut free) = (Vec::new(), Vec::new());
        let tasks = &mut self.tasks;
        for (partition, found) in self.partitions.iter_mut() {
            let running = found.readers.iter().filter_map(|(place, input)| {
                let slot = tasks.get(*place)?.as_ref()?;
                (slot.phase == TaskPhase::Running).then(|| slot.task.buffered(*input).0)
            });
            let Some(most) = running.max().filter(|_| found.fused.is_none()) else { continue };
            if !found.paused && most > INPUT_RECORDS_MAX {
                found.paused = true;
                full.push(partition.clone());
            } else if found.paused
                && most < INPUT_RECORDS_MAX / 2
                && let Some(fetched) = found.fetched
            {
                found.paused = false;
                // Its readers have what was fetched.
                found.seek_to = Some(StartOffset::At(fetched));
                free.push(partition.clone());
            }
        }
        if !full.is_empty() {
            member.pause(&full)?;
            for partition in &full {
                self.tell_paused(partition);
            }
        }
        if !free.is_empty() {
            member.resume(&free)?;
            self.seek(member);
        }
        Ok(())
    }

    fn tell_paused(&mut self, partition: &TopicPartition) {
        let Some(found) = self.partitions.get(partition) else { return };
        for (place, input) in &found.readers {
            if let Some(Some(slot)) = self.tasks.get_mut(*place) {
                slot.task.input_state(*input, InputState::Paused);
            }
        }
    }
}
