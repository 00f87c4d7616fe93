//! What is run: an application, what comes in, and what must come out.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::{Headers, TopicName};
use headwater_streams::{CallToStart, Error, Limits, Schemas, TaskEnvironment, TopicFacts, TopicRole, Topology};
use headwater_worker::{ChangelogFacts, Placement};
use uuid::Uuid;

use crate::chance::Chance;
use crate::cluster::Cluster;

/// A record that comes from outside.
pub(crate) struct Incoming {
    pub(crate) topic: &'static str,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Headers,
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

    /// Whether some of what comes in may be in transactions that are aborted.
    fn is_aborted_input_harmless(&self) -> bool {
        true
    }

    /// What is missing or wrong in what came out.
    fn judge(&self, cluster: &Cluster) -> Vec<String>;
}

/// What the tasks of an application need to know, and its changelogs.
pub(crate) struct Made {
    pub(crate) environment: Arc<TaskEnvironment>,
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
    for (declared, role) in names {
        let name = TopicName::new(&declared).map_err(broken)?;
        cluster.make_topic(&name, work.partitions());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, declared.as_bytes());
        if role == TopicRole::Changelog {
            let facts = ChangelogFacts { topic_id: Some(id.to_string()), delete_retention_ms: 86_400_000 };
            changelogs.insert(name.clone(), facts);
        }
        let partitions = work.partitions();
        facts.push(TopicFacts { declared_name: declared, name, id, partitions, record_bytes_max: 1 << 20 });
    }
    let environment = TaskEnvironment::new(work.schemas(), "simulated", facts, Limits::default())
        .map_err(|error| error.to_string())?;
    let placement = Placement::new(&topologies, &environment).map_err(|error| error.to_string())?;
    let anchors = placement.subscription().cloned().collect();
    Ok(Made { environment: Arc::new(environment), changelogs, anchors })
}
