use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headwater_kafka::ErrorKind;
use headwater_kafka::admin::{ConfigSource, NewTopic};
use headwater_log::TopicName;
use headwater_runtime::state::{MemoryBudget, StateBatch, StateDatabase, TaskMeta};

use crate::Error;
use crate::application::moving::is_of;
use crate::clock::{Deadline, pause};
use crate::cluster::Cluster;

const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Deletes changelogs and makes them again with the same configs. A compacted topic's records can't be deleted
/// otherwise (Kafka refuses DeleteRecords for it); and since the new topic has another id, every store that was made
/// from the old one, on whichever instance, is known to be outdated.
///
/// # Errors
/// What the cluster answers.
pub fn renew_changelogs(cluster: &Cluster, changelogs: &[TopicName]) -> Result<(), Error> {
    for name in changelogs {
        let Some(described) = cluster.admin.describe_topic(name)? else { continue };
        let configs = cluster.admin.describe_configs(std::slice::from_ref(name))?;
        let own: BTreeMap<String, String> = configs
            .into_iter()
            .flat_map(|(_, entries)| entries)
            .filter(|entry| entry.source == ConfigSource::Topic)
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect();
        let replicas = described.partitions.first().map_or(-1, |partition| partition.replicas.len() as i32);
        let topic = NewTopic {
            name: name.clone(),
            partitions: u32::try_from(described.partitions.len()).unwrap_or(u32::MAX),
            replication_factor: replicas,
            configs: own,
        };
        for (_, deleted) in cluster.admin.delete_topics(std::slice::from_ref(name))? {
            deleted?;
        }
        create(cluster, &topic)?;
    }
    Ok(())
}

/// Deleting takes a moment: until then the name is taken.
fn create(cluster: &Cluster, topic: &NewTopic) -> Result<(), Error> {
    let deadline = Deadline::after(DEADLINE);
    loop {
        let outcomes = cluster.admin.create_topics(std::slice::from_ref(topic))?;
        match outcomes.into_iter().find_map(|(_, outcome)| outcome.err()) {
            None => return Ok(()),
            Some(error) if error.kind() == ErrorKind::Exists && !deadline.has_passed() => pause(LOOK_EVERY),
            Some(error) => return Err(Error::from(error).context(format!("topic {} can't be made again", topic.name))),
        }
    }
}

/// The tasks of a processor that have state in a folder; none without a folder.
///
/// # Errors
/// When the stores can't be opened, as while an instance has them.
pub fn local_tasks(state_dir: Option<&Path>, processor: &str) -> Result<Vec<String>, Error> {
    let Some(folder) = state_dir.filter(|folder| folder.exists()) else { return Ok(Vec::new()) };
    let tasks = open(folder)?.all_meta().map_err(failed)?;
    Ok(tasks.into_iter().map(|(name, _)| name).filter(|name| is_of(name, processor)).collect())
}

/// What is left of a task whose local state is wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing: it begins anew.
    Nothing,
    /// Where it was in its inputs.
    Positions,
}

/// Wipes the local state of tasks; what their changelogs hold comes back when they start.
///
/// # Errors
/// When the stores can't be written.
pub fn wipe(state_dir: Option<&Path>, tasks: &[String], left: Left) -> Result<(), Error> {
    let Some(folder) = state_dir.filter(|_| !tasks.is_empty()) else { return Ok(()) };
    let database = open(folder)?;
    for name in tasks {
        let (state, meta) = database.task(name, &[]).map_err(failed)?;
        let mut batch = StateBatch::default();
        state.stage_wipe(&mut batch);
        let TaskMeta { number, positions, stream_time, .. } = meta;
        let meta = match left {
            Left::Nothing => TaskMeta { number, ..TaskMeta::default() },
            Left::Positions => TaskMeta { number, positions, stream_time, ..TaskMeta::default() },
        };
        state.stage_meta(&mut batch, &meta).map_err(failed)?;
        state.write(batch).map_err(failed)?;
    }
    Ok(())
}

fn open(folder: &Path) -> Result<StateDatabase, Error> {
    StateDatabase::open(folder, MemoryBudget::default()).map_err(failed)
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub fn failed(error: headwater_runtime::Error) -> Error {
    Error::failed(error.to_string())
}
