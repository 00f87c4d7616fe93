use std::collections::BTreeMap;
use std::time::Duration;

use headwater_kafka::{ConsumerHandle, StartAt, StartOffset};
use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_streams::{InputState, Task};

use super::core::Core;
use super::input_partition::InputPartition;
use super::placement::AnchorPartition;
use super::positions::Positions;
use super::task_slot::{TaskPhase, TaskSlot};
use crate::Error;
use crate::restore::{RestoreJob, Restored};

/// Stable offsets may wait for a dead worker's transaction, which the broker ends after ten seconds.
const COMMITTED_DEADLINE: Duration = Duration::from_secs(30);
const SEEK_DEADLINE: Duration = Duration::from_secs(5);

impl Core {
    /// Makes the tasks that come with anchors' partitions, and says what to fetch for them.
    pub(super) fn take_assignment(
        &mut self,
        anchors: &[TopicPartition],
        consumer: &ConsumerHandle,
    ) -> Result<Vec<StartAt>, Error> {
        if anchors.is_empty() {
            return Ok(Vec::new());
        }
        self.epoch = self.shared.next_epoch();
        self.changed = true;
        self.shared.metrics.rebalances.with_label_values(&["assigned"]).inc_by(anchors.len() as u64);
        let mut inputs: BTreeMap<TopicPartition, AnchorPartition> = BTreeMap::new();
        let mut places = Vec::new();
        for anchor in anchors {
            let origin = (anchor.topic.clone(), anchor.partition);
            inputs.entry(anchor.clone()).or_insert_with(|| origin.clone());
            for part in self.shared.placement.subtopologies_of(&anchor.topic).to_vec() {
                let slot = self.make_task(part.topology, part.subtopology, origin.clone())?;
                for input in &slot.inputs {
                    inputs.entry(input.clone()).or_insert_with(|| origin.clone());
                }
                places.push(self.place(slot));
            }
        }
        self.fetch_positions(inputs, consumer)?;
        for place in &places {
            self.connect(*place);
        }
        for place in places {
            self.ask_for_restore(place)?;
        }
        Ok(anchors.iter().flat_map(|anchor| self.starts_of(anchor)).collect())
    }

    fn make_task(&self, topology: usize, subtopology: usize, anchor: AnchorPartition) -> Result<TaskSlot, Error> {
        let topology = self
            .shared
            .topologies
            .get(topology)
            .ok_or_else(|| Error::Configuration("an anchor names a topology that is not there".to_owned()))?;
        let task = Task::new(topology, subtopology, anchor.1, std::sync::Arc::clone(&self.shared.environment))
            .map_err(|error| Error::Configuration(error.to_string()))?;
        let declared = topology.subtopologies().get(subtopology);
        let in_memory: Vec<_> = declared
            .into_iter()
            .flat_map(|declared| &declared.stores)
            .filter(|store| store.in_memory)
            .map(|store| store.number)
            .collect();
        let changelog = declared
            .and_then(|declared| declared.changelog.as_deref())
            .map(|name| self.shared.real_topic(name))
            .transpose()?
            .map(|name| TopicPartition::new(name, anchor.1));
        let name = task.id().to_string();
        let (state, meta) = self.shared.database.task(&name, &in_memory)?;
        let inputs: Vec<TopicPartition> =
            task.inputs().iter().map(|input| TopicPartition::new(input.name.clone(), input.partition)).collect();
        Ok(TaskSlot {
            reader: format!("{}/{}", task.id().processor, task.id().subtopology),
            processor: task.id().processor.clone(),
            positions: vec![None; inputs.len()],
            task,
            state,
            meta,
            anchor,
            changelog,
            inputs,
            phase: TaskPhase::Restoring,
            prepared: None,
            touched: false,
            epoch: self.epoch,
        })
    }

    fn place(&mut self, slot: TaskSlot) -> usize {
        let free = self.tasks.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.tasks.push(None);
            self.tasks.len() - 1
        });
        self.tasks[place] = Some(slot);
        place
    }

    /// Asks the group for its stable positions in these partitions.
    fn fetch_positions(
        &mut self,
        inputs: BTreeMap<TopicPartition, AnchorPartition>,
        consumer: &ConsumerHandle,
    ) -> Result<(), Error> {
        let partitions: Vec<TopicPartition> = inputs.keys().cloned().collect();
        let committed = consumer.committed(&partitions, COMMITTED_DEADLINE).map_err(Error::from_kafka)?;
        let readers: Vec<String> = self.tasks.iter().flatten().map(|slot| slot.reader.clone()).collect();
        let expected: Vec<&str> = readers.iter().map(String::as_str).collect();
        for found in committed {
            let Some(anchor) = inputs.get(&found.partition) else { continue };
            let positions = Positions::parse(found.offset.map(|offset| (offset, found.metadata.as_str())), &expected);
            match self.partitions.get_mut(&found.partition) {
                Some(known) => known.committed = positions,
                None => {
                    self.partitions.insert(found.partition, InputPartition::new(anchor.clone(), positions));
                }
            }
        }
        Ok(())
    }

    /// Registers a task with its partitions and sets its positions from what the group has committed; where that has
    /// expired, from what the store remembers: a task that has state is never reset.
    fn connect(&mut self, place: usize) {
        let Some(Some(slot)) = self.tasks.get_mut(place) else { return };
        for (input, partition) in slot.inputs.iter().enumerate() {
            let Some(found) = self.partitions.get_mut(partition) else { continue };
            if !found.readers.contains(&(place, input)) {
                found.readers.push((place, input));
            }
            let stored = slot.meta.positions.get(partition.topic.as_str());
            let stored = || stored.and_then(|offset| Offset::new(*offset).ok());
            slot.positions[input] = found.committed.of(&slot.reader).or_else(stored);
        }
    }

    pub(super) fn ask_for_restore(&mut self, place: usize) -> Result<(), Error> {
        let (number, epoch) = (self.number, self.epoch);
        let Some(Some(slot)) = self.tasks.get_mut(place) else { return Ok(()) };
        slot.epoch = epoch;
        slot.phase = TaskPhase::Restoring;
        let Some(changelog) = slot.changelog.clone() else {
            let meta = slot.meta.clone();
            return self
                .shared
                .report_restored(number, Restored { slot: place, epoch, meta, records: 0, rebuilt: None });
        };
        let facts = self.shared.changelog_facts(&changelog.topic);
        let job = RestoreJob {
            worker: number,
            slot: place,
            epoch,
            state: slot.state.clone(),
            meta: slot.meta.clone(),
            changelog,
            topic_id: facts.topic_id,
            delete_retention_ms: facts.delete_retention_ms,
        };
        self.shared.restorer()?.submit(job)
    }

    /// A task's state is up to date: it starts to work.
    pub(super) fn start_task(&mut self, restored: Restored, consumer: &ConsumerHandle) -> Result<(), Error> {
        let epoch = restored.epoch;
        let waits = |slot: &TaskSlot| slot.epoch == epoch && slot.phase == TaskPhase::Restoring;
        if !self.tasks.get(restored.slot).and_then(Option::as_ref).is_some_and(waits) {
            return Ok(());
        }
        // A transaction that began under an older assignment takes in no task of a newer one.
        self.commit(consumer)?;
        let Some(Some(slot)) = self.tasks.get_mut(restored.slot) else { return Ok(()) };
        if !waits(slot) {
            return Ok(());
        }
        slot.meta = restored.meta;
        let calls = slot.resume()?;
        tracing::debug!(task = %slot.task.id(), records = restored.records, "ready");
        self.shared.directory.insert(slot.task.id().clone(), slot.state.clone());
        let inputs = slot.inputs.clone();
        self.start_calls(restored.slot, &calls)?;
        self.changed = true;
        self.point_fetch_at(&inputs, consumer)
    }

    /// Fetches partitions from where the slowest of their running tasks stands, and resumes those that wait for a task.
    pub(super) fn point_fetch_at(
        &mut self,
        partitions: &[TopicPartition],
        consumer: &ConsumerHandle,
    ) -> Result<(), Error> {
        let mut resumes = Vec::new();
        for partition in partitions {
            let Some(start) = self.start_of(partition) else { continue };
            let Some(found) = self.partitions.get_mut(partition) else { continue };
            let is_there = matches!(start, StartOffset::At(at) if found.fetched == Some(at));
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
            consumer.resume(&resumes).map_err(Error::from_kafka)?;
        }
        self.seek(consumer);
        Ok(())
    }

    /// Seeks what waits for it. A partition that was assigned a moment ago may not be fetched yet and refuse; its records
    /// are thrown away, and it is tried again in the next round.
    pub(super) fn seek(&mut self, consumer: &ConsumerHandle) {
        let waiting = self.partitions.iter().filter_map(|(partition, found)| {
            found.seek_to.map(|offset| StartAt { partition: partition.clone(), offset })
        });
        let starts: Vec<StartAt> = waiting.collect();
        if starts.is_empty() {
            return;
        }
        match consumer.seek(&starts, SEEK_DEADLINE) {
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
    pub(super) fn has_seeks(&self) -> bool {
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

    /// What to fetch for an anchor's tasks. Nothing runs yet, so everything is held back until a task is ready.
    fn starts_of(&mut self, anchor: &TopicPartition) -> Vec<StartAt> {
        let mut starts = Vec::new();
        for (partition, found) in self.partitions.iter_mut() {
            if (&found.anchor.0, found.anchor.1) != (&anchor.topic, anchor.partition) || found.readers.is_empty() {
                continue;
            }
            let known = found.committed.iter().next().is_some();
            let offset = if known { StartOffset::At(found.committed.least()) } else { StartOffset::Beginning };
            starts.push(StartAt { partition: partition.clone(), offset });
            found.fetched = None;
            found.end = None;
            found.live = false;
        }
        starts
    }

    /// Drops the tasks of anchors' partitions, and says what to stop fetching.
    pub(super) fn give_back(&mut self, anchors: &[TopicPartition], why: &str) -> Vec<TopicPartition> {
        if anchors.is_empty() {
            return Vec::new();
        }
        self.epoch = self.shared.next_epoch();
        self.changed = true;
        self.shared.metrics.rebalances.with_label_values(&[why]).inc_by(anchors.len() as u64);
        let goes = |anchor: &(TopicName, headwater_log::Partition)| {
            anchors.iter().any(|given| given.topic == anchor.0 && given.partition == anchor.1)
        };
        for place in &mut self.tasks {
            if let Some(slot) = place.take_if(|slot| goes(&slot.anchor)) {
                self.shared.directory.remove(slot.task.id());
            }
        }
        let going: Vec<(TopicPartition, bool)> = self
            .partitions
            .iter()
            .filter(|(_, found)| goes(&found.anchor))
            .map(|(partition, found)| (partition.clone(), !found.readers.is_empty()))
            .collect();
        for (partition, _) in &going {
            self.partitions.remove(partition);
            self.shared.metrics.forget_partition(partition);
        }
        going.into_iter().filter(|(_, fetched)| *fetched).map(|(partition, _)| partition).collect()
    }
}
