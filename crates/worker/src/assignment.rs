use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use headwater_streams::Task;

use crate::Error;
use crate::core::Core;
use crate::input_partition::InputPartition;
use crate::placement::AnchorPartition;
use crate::planted::Bug;
use crate::ports::{
    GroupMember as _, Observer as _, Ports, Restores as _, StartAt, StartOffset, Stores as _, TaskStore as _,
};
use crate::positions::Positions;
use crate::restore::{RestoreJob, RestoreKind, Restored};
use crate::table_input::TableInput;
use crate::task_slot::{TaskPhase, TaskSlot};

/// Stable offsets may wait for a dead worker's transaction, which the broker ends after ten seconds.
pub(crate) const COMMITTED_DEADLINE: Duration = Duration::from_secs(30);

impl<P: Ports> Core<P> {
    /// Makes the tasks that come with anchors' partitions, and says what to fetch for them.
    pub(crate) fn take_assignment(
        &mut self,
        anchors: &[TopicPartition],
        member: &P::Member,
    ) -> Result<Vec<StartAt>, Error> {
        if anchors.is_empty() {
            return Ok(Vec::new());
        }
        self.epoch = self.blueprint.next_epoch();
        self.changed = true;
        self.fusion_ends = true;
        self.observer.rebalanced("assigned", anchors.len());
        let mut inputs: BTreeMap<TopicPartition, AnchorPartition> = BTreeMap::new();
        let mut places = Vec::new();
        for anchor in anchors {
            let origin = (anchor.topic.clone(), anchor.partition);
            inputs.entry(anchor.clone()).or_insert_with(|| origin.clone());
            for part in self.blueprint.placement().subtopologies_of(&anchor.topic).to_vec() {
                let slot = self.make_task(part.topology, part.subtopology, origin.clone())?;
                for input in &slot.inputs {
                    inputs.entry(input.clone()).or_insert_with(|| origin.clone());
                }
                places.push(self.place(slot));
            }
        }
        self.fetch_positions(inputs, member)?;
        for place in &places {
            self.connect(*place);
        }
        for place in places {
            self.ask_for_restore(place)?;
        }
        Ok(anchors.iter().flat_map(|anchor| self.starts_of(anchor)).collect())
    }

    fn make_task(
        &self,
        topology: usize,
        subtopology: usize,
        anchor: AnchorPartition,
    ) -> Result<TaskSlot<P::Store>, Error> {
        let topology = self
            .blueprint
            .topologies
            .get(topology)
            .ok_or_else(|| Error::Configuration("an anchor names a topology that is not there".to_owned()))?;
        let task = Task::new(topology, subtopology, anchor.1, Arc::clone(&self.blueprint.environment))
            .map_err(|error| Error::Configuration(error.to_string()))?;
        let declared = topology.subtopologies().get(subtopology);
        let in_memory: Vec<_> = declared
            .into_iter()
            .flat_map(|declared| &declared.stores)
            .filter(|store| store.in_memory)
            .map(|store| store.number)
            .collect();
        let inputs: Vec<TopicPartition> =
            task.inputs().iter().map(|input| TopicPartition::new(input.name.clone(), input.partition)).collect();
        let tables = declared.into_iter().flat_map(|declared| &declared.stores).filter_map(|store| {
            let source = store.source.as_deref()?;
            let input = declared?.sources.iter().position(|input| input.topic == source)?;
            let topic_id = self.blueprint.changelog_facts(&inputs.get(input)?.topic).topic_id;
            Some(TableInput::new(input, store.number, topic_id))
        });
        let tables = tables.collect();
        let changelog = task.changelog_topic().and_then(|topic| self.blueprint.environment.topic(topic));
        let changelog = changelog.map(|topic| TopicPartition::new(topic.name.clone(), anchor.1));
        let name = task.id().to_string();
        let (store, meta) = self.stores.task(&name, &in_memory)?;
        Ok(TaskSlot {
            reader: format!("{}/{}", task.id().processor, task.id().subtopology),
            processor: task.id().processor.clone(),
            positions: vec![None; inputs.len()],
            task,
            store,
            meta,
            anchor,
            changelog,
            inputs,
            tables,
            tables_restored: 0,
            phase: TaskPhase::Restoring,
            prepared: None,
            touched: false,
            epoch: self.epoch,
            claim: self.epoch,
        })
    }

    fn place(&mut self, slot: TaskSlot<P::Store>) -> usize {
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
        member: &P::Member,
    ) -> Result<(), Error> {
        let partitions: Vec<TopicPartition> = inputs.keys().cloned().collect();
        let committed = member.committed(&partitions, COMMITTED_DEADLINE)?;
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

    /// The changelog first, if there is one, then one table after another: a store has one writer at a time.
    pub(crate) fn ask_for_restore(&mut self, place: usize) -> Result<(), Error> {
        let epoch = self.epoch;
        let Some(Some(slot)) = self.tasks.get_mut(place) else { return Ok(()) };
        slot.epoch = epoch;
        slot.phase = TaskPhase::Restoring;
        slot.tables_restored = 0;
        if let Some(changelog) = slot.changelog.clone() {
            return self.submit_restore(place, changelog, RestoreKind::Changelog);
        }
        if slot.tables.is_empty() || self.blueprint.planted.has(Bug::TableNotAwaited) {
            let meta = slot.meta.clone();
            self.stateless.push_back(Restored { slot: place, epoch, meta, records: 0, rebuilt: None });
            return Ok(());
        }
        self.restore_next_table(place).map(|_| ())
    }

    /// Asks for the next table, up to the position that the group has committed; says whether there was one left.
    fn restore_next_table(&mut self, place: usize) -> Result<bool, Error> {
        let Some(Some(slot)) = self.tasks.get_mut(place) else { return Ok(false) };
        let Some(table) = slot.tables.get(slot.tables_restored) else { return Ok(false) };
        let Some(source) = slot.inputs.get(table.input).cloned() else { return Ok(false) };
        let up_to = slot.positions.get(table.input).copied().flatten();
        let kind = RestoreKind::Table { store: table.store, up_to };
        slot.tables_restored += 1;
        self.submit_restore(place, source, kind)?;
        Ok(true)
    }

    fn submit_restore(&mut self, place: usize, partition: TopicPartition, kind: RestoreKind) -> Result<(), Error> {
        let Some(Some(slot)) = self.tasks.get(place) else { return Ok(()) };
        let (claim, task) = (slot.claim, slot.store.name().to_owned());
        let facts = self.blueprint.changelog_facts(&partition.topic);
        let job = RestoreJob {
            worker: self.number,
            slot: place,
            epoch: slot.epoch,
            store: slot.store.clone(),
            meta: slot.meta.clone(),
            partition,
            kind,
            topic_id: facts.topic_id,
            delete_retention_ms: facts.delete_retention_ms,
        };
        if self.blueprint.planted.has(Bug::RestoreOfLostTask) {
            return self.restores.submit(job);
        }
        let blueprint = Arc::clone(&self.blueprint);
        let submitted = blueprint.as_owner(&task, claim, || self.restores.submit(job));
        // The group has not told this worker yet. It begins anew, as what the group says it is.
        let moved = || Error::Kafka(format!("task {task} was given to another worker of this process"));
        submitted.unwrap_or_else(|| Err(moved()))
    }

    /// A task's state is up to date: it starts to work.
    pub(crate) fn start_task(&mut self, restored: Restored, member: &P::Member) -> Result<(), Error> {
        let epoch = restored.epoch;
        let waits = |slot: &TaskSlot<P::Store>| slot.epoch == epoch && slot.phase == TaskPhase::Restoring;
        if !self.slot(restored.slot).is_some_and(waits) {
            return Ok(());
        }
        if let Some(Some(slot)) = self.tasks.get_mut(restored.slot) {
            slot.meta = restored.meta;
        }
        if !self.blueprint.planted.has(Bug::TableNotAwaited) && self.restore_next_table(restored.slot)? {
            return Ok(());
        }
        // A transaction that began under an older assignment takes in no task of a newer one.
        self.commit(member)?;
        let Some(Some(slot)) = self.tasks.get_mut(restored.slot) else { return Ok(()) };
        if !waits(slot) {
            return Ok(());
        }
        let calls = slot.resume()?;
        tracing::debug!(task = %slot.task.id(), records = restored.records, "ready");
        self.observer.task_ready(slot.task.id(), &slot.store);
        let inputs = slot.inputs.clone();
        self.start_calls(restored.slot, &calls)?;
        self.changed = true;
        self.point_fetch_at(&inputs, member)
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
    pub(crate) fn give_back(&mut self, anchors: &[TopicPartition], why: &'static str) -> Vec<TopicPartition> {
        if anchors.is_empty() {
            return Vec::new();
        }
        self.epoch = self.blueprint.next_epoch();
        self.changed = true;
        self.fusion_ends = true;
        self.observer.rebalanced(why, anchors.len());
        let goes = |anchor: &AnchorPartition| {
            anchors.iter().any(|given| given.topic == anchor.0 && given.partition == anchor.1)
        };
        for place in &mut self.tasks {
            if let Some(slot) = place.take_if(|slot| goes(&slot.anchor)) {
                self.observer.task_left(slot.task.id());
                if let Some(changelog) = &slot.changelog {
                    self.restores.release(slot.store.name(), changelog, slot.epoch);
                }
            }
        }
        let going: Vec<(TopicPartition, bool)> = self
            .partitions
            .iter()
            .filter(|(_, found)| goes(&found.anchor))
            .map(|(partition, found)| (partition.clone(), !found.readers.is_empty()))
            .collect();
        for (partition, _) in &going {
            if let Some(place) = self.partitions.remove(partition).and_then(|found| found.fused) {
                self.fusion.remove(place);
            }
            self.observer.forget_partition(partition);
        }
        going.into_iter().filter(|(_, fetched)| *fetched).map(|(partition, _)| partition).collect()
    }
}
