//! Fusion, as the worker does it: which partitions, when it begins and ends, and handing records over.

use std::sync::Arc;

use headwater_log::TopicPartition;
use headwater_streams::{InputState, Output, Record};

use crate::Error;
use crate::core::Core;
use crate::fetching::INPUT_RECORDS_MAX;
use crate::planted::Bug;
use crate::ports::{Clock as _, GroupMember as _, Ports, Written};
use crate::task_slot::works_at;

impl<P: Ports> Core<P> {
    /// Hands an output to the readers of its partition, if that is fused.
    pub(crate) fn hand_over(&mut self, output: Output) {
        let Some(partition) = output.partition else { return };
        let Some(place) = self.fusion.place_of(output.topic, partition) else { return };
        let Some(offset) = self.fusion.produced(place) else { return };
        let Output { key, value, headers, envelope, timestamp, .. } = output;
        let record = Arc::new(Record { offset, timestamp, key, value, headers, envelope });
        if !self.fusion.keep_in_limbo(place, &record) {
            self.offer_to_readers(place, &record);
        }
    }

    /// Gives a record of a fused partition to its readers. They take part in the open transaction from here on: if it is
    /// aborted, the record goes with it.
    fn offer_to_readers(&mut self, place: usize, record: &Arc<Record>) {
        let Some(fused) = self.fusion.get(place) else { return };
        let mut is_full = false;
        for (task, input) in fused.readers() {
            let Some(Some(slot)) = self.tasks.get_mut(*task) else { continue };
            slot.task.offer(*input, Arc::clone(record));
            slot.touched = true;
            is_full |= slot.task.buffered(*input).0 >= INPUT_RECORDS_MAX;
        }
        self.buffered_bytes += record.size_bytes();
        self.handed_over = true;
        if is_full && let Some(fused) = self.fusion.get_mut(place) {
            fused.close();
        }
    }

    /// The last record that its readers get by fetch has come: they go on with what was produced since.
    pub(crate) fn join(&mut self, place: usize) {
        for record in self.fusion.take_limbo(place) {
            self.offer_to_readers(place, &record);
        }
        let Some(fused) = self.fusion.get(place) else { return };
        for (task, input) in fused.readers() {
            if let Some(Some(slot)) = self.tasks.get_mut(*task) {
                slot.task.input_state(*input, InputState::Paused);
            }
        }
        let partition = fused.partition().clone();
        if let Some(found) = self.partitions.get_mut(&partition) {
            found.paused = true;
            found.end = None;
        }
        self.to_pause.push(partition);
    }

    /// What has come of the last poll: fusion ends where tasks have come or gone, and what was joined is not fetched.
    pub(crate) fn settle_fusion(&mut self, member: &P::Member) -> Result<(), Error> {
        if std::mem::take(&mut self.fusion_ends) {
            self.end_all_fusion(member)?;
        }
        self.pause_joined(member)
    }

    fn pause_joined(&mut self, member: &P::Member) -> Result<(), Error> {
        if self.to_pause.is_empty() {
            return Ok(());
        }
        let joined = std::mem::take(&mut self.to_pause);
        let partitions = &self.partitions;
        let still: Vec<TopicPartition> = joined
            .into_iter()
            .filter(|partition| partitions.get(partition).is_some_and(|found| found.fused.is_some()))
            .collect();
        if still.is_empty() { Ok(()) } else { member.pause(&still) }
    }

    /// Before the commit, with every record acknowledged: why the transaction must not be committed.
    pub(crate) fn gap_in_fused(&mut self) -> Option<String> {
        let transaction = &mut self.transaction;
        let first_only = self.blueprint.planted.has(Bug::FusionChecksFirst);
        let gap = self.fusion.first_gap(|partition| {
            let written = transaction.written(partition)?;
            Some(if first_only { written.as_if_without_gap() } else { written })
        });
        gap.map(|partition| format!("{partition} has another writer than this worker; its records are fetched again"))
    }

    /// After a commit, before the producer forgets what it wrote: partitions that could be fused begin to be.
    pub(crate) fn begin_fusing(&mut self) {
        self.fusion.committed();
        if !self.blueprint.settings.fusion {
            return;
        }
        let tasks = &self.tasks;
        for (partition, found) in self.partitions.iter_mut() {
            let Some(topic) = found.fusible.filter(|_| found.fused.is_none() && !found.paused) else { continue };
            if found.seek_to.is_some()
                || found.readers.is_empty()
                || !found.readers.iter().all(|(place, _)| works_at(tasks, *place))
            {
                continue;
            }
            // With a gap there is another writer.
            let Some(last) = self.transaction.written(partition).filter(Written::is_without_gap).map(|all| all.last)
            else {
                continue;
            };
            // What was fetched already can't be waited for.
            if found.fetched.is_none_or(|fetched| fetched <= last) {
                found.fused = self.fusion.begin(partition, topic, &found.readers, last);
            }
        }
    }

    /// With no transaction open: ends the fusion of partitions that are closing.
    pub(crate) fn end_closing(&mut self, member: &P::Member) -> Result<(), Error> {
        let closing: Vec<usize> =
            self.fusion.iter().filter(|(_, fused)| fused.is_closing()).map(|(place, _)| place).collect();
        self.unfuse(&closing, member)
    }

    /// With no transaction open: ends all fusion, since tasks have come or gone.
    pub(crate) fn end_all_fusion(&mut self, member: &P::Member) -> Result<(), Error> {
        let all: Vec<usize> = self.fusion.iter().map(|(place, _)| place).collect();
        self.unfuse(&all, member)
    }

    /// The records of these come by fetch again, from where their slowest reader stands.
    pub(crate) fn unfuse(&mut self, places: &[usize], member: &P::Member) -> Result<(), Error> {
        let mut joined = Vec::new();
        for place in places {
            let Some(fused) = self.fusion.remove(*place) else { continue };
            if let Some(found) = self.partitions.get_mut(fused.partition()) {
                found.fused = None;
                if fused.is_joined() {
                    found.fetched = None;
                    joined.push(fused.partition().clone());
                }
            }
        }
        if joined.is_empty() { Ok(()) } else { self.point_fetch_at(&joined, member) }
    }

    /// After an abort: partitions to which it wrote, and those of readers that go back, are fetched again.
    pub(crate) fn fused_that_go_back(&self) -> Vec<usize> {
        let goes_back =
            |(task, _): &(usize, usize)| self.tasks.get(*task).and_then(Option::as_ref).is_none_or(|slot| slot.touched);
        let affected =
            self.fusion.iter().filter(|(_, fused)| fused.is_written() || fused.readers().iter().any(goes_back));
        affected.map(|(place, _)| place).collect()
    }

    /// Looks for records of others behind fused partitions, which nobody fetches now.
    pub(crate) fn look_for_other_writers(&mut self, member: &P::Member) -> Result<(), Error> {
        let now = self.clock.monotonic();
        if self.transaction.open_for(now).is_some() {
            return Ok(());
        }
        let joined: Vec<TopicPartition> = self
            .fusion
            .iter()
            .filter(|(_, fused)| fused.is_joined())
            .map(|(_, fused)| fused.partition().clone())
            .collect();
        if joined.is_empty() {
            return Ok(());
        }
        let Some(ends) = self.transaction.ends(&joined)? else { return Ok(()) };
        for (partition, end) in ends {
            let Some(place) = self.partitions.get(&partition).and_then(|found| found.fused) else { continue };
            if let Some(fused) = self.fusion.get_mut(place)
                && fused.end_for_readers(end).is_none()
            {
                fused.close();
                self.fusion.ban(&partition);
            }
        }
        self.end_closing(member)
    }

    /// Finds out anew which partitions this worker alone writes: tasks have come, gone, or begun to work.
    pub(crate) fn find_fusible(&mut self) {
        let blueprint = Arc::clone(&self.blueprint);
        let here: Vec<(String, u32)> =
            self.tasks.iter().flatten().map(|slot| (slot.reader.clone(), slot.task.id().partition.get())).collect();
        for (partition, found) in self.partitions.iter_mut() {
            let is_here = |reader: &str, number: u32| here.iter().any(|(name, at)| name == reader && *at == number);
            found.fusible = blueprint.fusible().topic(&partition.topic, partition.partition, &is_here);
        }
    }
}
