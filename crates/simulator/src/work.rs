//! What is run: an application, what comes in, and what must come out.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::{Headers, Partition, TopicName, TopicPartition};
use headwater_streams::{CallToStart, Error, Limits, Schemas, Task, TaskEnvironment, TopicFacts, TopicRole, Topology};
use headwater_worker::{ChangelogFacts, Placement};
use uuid::Uuid;

use crate::chance::Chance;
use crate::cluster::Cluster;

/// `delete.retention.ms` of changelogs, to the scale of a run: a store older than half of it is rebuilt, and what is left
/// of it is more than clocks differ and a process stands still.
pub(crate) const DELETE_RETENTION_MS: i64 = 80_000;

/// A record that comes from outside.
pub(crate) struct Incoming {
    pub(crate) topic: &'static str,
    pub(crate) key: Vec<u8>,
    /// None deletes the key.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Headers,
    /// It comes when somebody else writes to its partition, in between.
    pub(crate) lurks: bool,
}

/// An application with its model.
pub(crate) trait Work: Send + Sync {
    /// Its processors.
    ///
    /// # Errors
    /// What is wrong with them.
    fn topologies(&self) -> Result<Vec<Topology>, Error>;

    /// How topics are partitioned.
    fn partitions(&self) -> NonZeroU32;

    /// Schemas.
    fn schemas(&self) -> Arc<dyn Schemas>;

    /// What comes in, in order.
    fn incoming(&self, chance: &mut Chance, at: Timestamp) -> Vec<Incoming>;

    /// What the outside world answers to a call; it hangs on nothing but the call.
    fn answer(&self, call: &CallToStart) -> Vec<u8> {
        call.idempotency_key.clone().into_bytes()
    }

    /// Whether a topic that is a table is compacted.
    fn is_compacted(&self, _topic: &str) -> bool {
        true
    }

    /// Whether some of what comes in may be in transactions that are aborted.
    fn is_aborted_input_harmless(&self) -> bool {
        true
    }

    /// How many records come in.
    fn records(&self) -> usize;

    /// Whether the model goes by what came in, so that it holds for less.
    fn may_be_cut(&self) -> bool {
        true
    }

    /// What is missing or wrong in what came out.
    fn judge(&self, cluster: &Cluster) -> Vec<String>;
}

/// A task, as the checks know it.
#[derive(Debug, Clone)]
pub(crate) struct TaskFacts {
    pub(crate) name: String,
    /// Its name in committed metadata.
    pub(crate) reader: String,
    pub(crate) inputs: Vec<TopicPartition>,
    pub(crate) changelog: Option<TopicPartition>,
    /// Stores that are kept in memory only, and so are not on the disk.
    pub(crate) in_memory: BTreeSet<u8>,
    /// Stores that are tables.
    pub(crate) tables: Vec<TableFacts>,
}

/// A table, as the checks know it.
#[derive(Debug, Clone)]
pub(crate) struct TableFacts {
    /// The store's number.
    pub(crate) store: u8,
    /// What it is the table of.
    pub(crate) source: TopicPartition,
}

/// What the tasks of an application need to know, its changelogs, and its tasks.
pub(crate) struct Made {
    pub(crate) environment: Arc<TaskEnvironment>,
    pub(crate) tasks: Vec<TaskFacts>,
    pub(crate) changelogs: BTreeMap<TopicName, ChangelogFacts>,
    pub(crate) anchors: Vec<TopicName>,
}

/// Makes the topics of an application.
pub(crate) fn make(work: &dyn Work, cluster: &mut Cluster) -> Result<Made, String> {
    let topologies = work.topologies().map_err(|error| error.to_string())?;
    let mut names = BTreeMap::new();
    let mut anchors = Vec::new();
    for topology in &topologies {
        for part in topology.subtopologies() {
            anchors.push(part.domain.anchor.to_owned());
        }
        for topic in topology.topics() {
            names.entry(topic.name).or_insert(topic.role);
        }
    }
    for anchor in &anchors {
        names.entry(anchor.clone()).or_insert(TopicRole::Source);
    }
    let mut facts = Vec::new();
    let mut changelogs = BTreeMap::new();
    let broken = |error: headwater_log::Error| error.to_string();
    let sources: BTreeSet<String> = topologies
        .iter()
        .flat_map(Topology::subtopologies)
        .flat_map(|part| part.stores.iter().filter_map(|store| store.source.clone()))
        .collect();
    for (declared, role) in names {
        let name = TopicName::new(&declared).map_err(broken)?;
        cluster.make_topic(&name, work.partitions());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, declared.as_bytes());
        let is_table = sources.contains(&declared);
        if is_table && work.is_compacted(&declared) {
            cluster.compacted.insert(name.clone());
        }
        if role == TopicRole::Changelog || is_table {
            let facts = ChangelogFacts { topic_id: Some(id.to_string()), delete_retention_ms: DELETE_RETENTION_MS };
            changelogs.insert(name.clone(), facts);
        }
        let partitions = work.partitions();
        facts.push(TopicFacts { declared_name: declared, name, id, partitions, record_bytes_max: 1 << 20 });
    }
    let environment = TaskEnvironment::new(work.schemas(), "simulated", facts, Limits::default())
        .map_err(|error| error.to_string())?;
    let placement = Placement::new(&topologies, &environment).map_err(|error| error.to_string())?;
    let anchors = placement.subscription().cloned().collect();
    let environment = Arc::new(environment);
    let tasks = tasks_of(&topologies, &environment, work.partitions())?;
    Ok(Made { environment, tasks, changelogs, anchors })
}

fn tasks_of(
    topologies: &[Topology],
    environment: &Arc<TaskEnvironment>,
    partitions: NonZeroU32,
) -> Result<Vec<TaskFacts>, String> {
    let mut tasks = Vec::new();
    for topology in topologies {
        for (part, declared) in topology.subtopologies().iter().enumerate() {
            for partition in (0..partitions.get()).map(Partition::new) {
                let task = Task::new(topology, part, partition, Arc::clone(environment));
                let task = task.map_err(|error| error.to_string())?;
                let changelog = task.changelog_topic().and_then(|topic| environment.topic(topic));
                let of_input =
                    |input: &headwater_streams::InputTopic| TopicPartition::new(input.name.clone(), input.partition);
                let table = |store: &headwater_streams::Store| {
                    let topic = TopicName::new(store.source.as_deref()?).ok()?;
                    Some(TableFacts { store: store.number.0, source: TopicPartition::new(topic, partition) })
                };
                tasks.push(TaskFacts {
                    tables: declared.stores.iter().filter_map(table).collect(),
                    name: task.id().to_string(),
                    reader: format!("{}/{}", task.id().processor, task.id().subtopology),
                    inputs: task.inputs().iter().map(of_input).collect(),
                    changelog: changelog.map(|topic| TopicPartition::new(topic.name.clone(), partition)),
                    in_memory: declared.stores.iter().filter(|store| store.in_memory).map(|s| s.number.0).collect(),
                });
            }
        }
    }
    Ok(tasks)
}
