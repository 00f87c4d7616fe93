//! The topics of an application: those it needs must be there, its internal ones are made.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use headwater_kafka::admin::{ConfigEntry, NewTopic, TopicDescription};
use headwater_kafka::{Admin, ErrorKind, TopicPrefix};
use headwater_log::TopicName;
use headwater_streams::{TopicFacts, TopicRole, TopicUse, Topology};
use headwater_worker::{ChangelogFacts, ClusterFacts};
use uuid::Uuid;

use crate::Error;

/// The broker's default for `max.message.bytes`.
const RECORD_BYTES_MAX: usize = 1_048_588;
/// The broker's default for `delete.retention.ms`.
const DELETE_RETENTION_MS: i64 = 86_400_000;

/// Everything the application found out about its topics.
pub(crate) struct ApplicationTopics {
    pub(crate) facts: Vec<TopicFacts>,
    pub(crate) cluster: ClusterFacts,
}

/// The topics that an application makes for itself: changelogs and repartition topics, by declared name and domain's
/// anchor.
#[must_use]
pub fn internal_topics(topologies: &[Topology]) -> Vec<TopicUse> {
    let uses = topologies.iter().flat_map(Topology::topics);
    let mut internal: Vec<TopicUse> =
        uses.filter(|used| matches!(used.role, TopicRole::Changelog | TopicRole::Repartition)).collect();
    internal.sort();
    internal.dedup();
    internal
}

/// What tasks of these topologies need to know of their topics; internal ones that are missing are made.
///
/// # Errors
/// [`Error::Configuration`] for a topic that is not there, [`Error::Kafka`].
pub fn topic_facts(admin: &Admin, topologies: &[Topology], prefix: &TopicPrefix) -> Result<Vec<TopicFacts>, Error> {
    Ok(prepare(admin, topologies, prefix)?.facts)
}

/// Finds the topics of the topologies on the cluster, making internal ones that are missing.
pub(crate) fn prepare(
    admin: &Admin,
    topologies: &[Topology],
    prefix: &TopicPrefix,
) -> Result<ApplicationTopics, Error> {
    let uses: BTreeSet<TopicUse> = topologies.iter().flat_map(Topology::topics).collect();
    let anchors = uses.iter().filter_map(|used| used.domain).map(|domain| domain.anchor.to_owned());
    let names: BTreeSet<String> = uses.iter().map(|used| used.name.clone()).chain(anchors).collect();
    let mut real = BTreeMap::new();
    for name in &names {
        real.insert(name.clone(), real_name(name, prefix)?);
    }
    let mut described = describe(admin, &real)?;
    if make_internal(admin, &uses, &real, &described)? {
        described = describe_when_there(admin, &real, &uses)?;
    }
    for used in &uses {
        let optional = used.role == TopicRole::DeadLetters;
        if !optional && !described.contains_key(&used.name) {
            let name = real.get(&used.name).map(ToString::to_string).unwrap_or_default();
            return Err(Error::Configuration(format!("topic {name} is not there: run `headwater topics apply`")));
        }
    }
    let present: Vec<TopicName> = described.values().map(|topic| topic.name.clone()).collect();
    let configs: BTreeMap<TopicName, Vec<ConfigEntry>> =
        admin.describe_configs(&present).map_err(crate::error::from_kafka)?.into_iter().collect();
    let tables = table_sources(topologies);
    let mut facts = Vec::new();
    let mut cluster = ClusterFacts::default();
    for (declared, topic) in &described {
        let text = |name: &str| {
            let entries = configs.get(&topic.name)?;
            entries.iter().find(|entry| entry.name == name)?.value.as_deref()
        };
        let config = |name: &str| text(name)?.parse::<i64>().ok();
        if let Some(table) = tables.get(declared.as_str())
            && let Some(why) = loses_keys(text)
        {
            return Err(Error::Configuration(not_a_table(&topic.name, table, &why)));
        }
        if text("message.timestamp.type") == Some("LogAppendTime") {
            cluster.log_append_time.insert(topic.name.clone());
        }
        let bytes = config("max.message.bytes").and_then(|bytes| usize::try_from(bytes).ok());
        let count = u32::try_from(topic.partitions.len()).ok().and_then(NonZeroU32::new);
        facts.push(TopicFacts {
            declared_name: declared.clone(),
            name: topic.name.clone(),
            id: Uuid::from_u128(topic.id.0),
            partitions: count.ok_or_else(|| Error::Kafka(format!("topic {} has no partitions yet", topic.name)))?,
            record_bytes_max: bytes.unwrap_or(RECORD_BYTES_MAX),
        });
        cluster.changelogs.insert(
            topic.name.clone(),
            ChangelogFacts {
                topic_id: (topic.id.0 != 0).then(|| topic.id.to_string()),
                delete_retention_ms: config("delete.retention.ms").unwrap_or(DELETE_RETENTION_MS),
            },
        );
    }
    Ok(ApplicationTopics { facts, cluster })
}

/// What is kept as a table, by its topic's declared name: the store, and whose it is.
fn table_sources(topologies: &[Topology]) -> BTreeMap<&str, String> {
    let mut sources = BTreeMap::new();
    for topology in topologies {
        for part in topology.subtopologies() {
            for store in &part.stores {
                if let Some(source) = store.source.as_deref() {
                    sources.insert(source, format!("{} of {}/{}", store.name, topology.name(), part.name));
                }
            }
        }
    }
    sources
}

/// Why a topic is no changelog: it forgets keys though no later record replaced them. None when it does not, or nobody says.
fn loses_keys<'c>(config: impl Fn(&str) -> Option<&'c str>) -> Option<String> {
    let policy = config("cleanup.policy")?;
    if !policy.split(',').any(|policy| policy.trim() == "delete") {
        return None;
    }
    let limits = ["retention.ms", "retention.bytes"];
    let limited = limits.into_iter().find_map(|name| Some((name, config(name).filter(|value| *value != "-1")?)));
    limited.map(|(name, value)| format!("cleanup.policy={policy} and {name}={value}"))
}

fn not_a_table(topic: &TopicName, table: &str, why: &str) -> String {
    format!(
        "topic {topic} has {why}, and the table {table} is restored from it, so that old keys would be lost: \
         set cleanup.policy=compact (in topics.yaml, then `headwater topics apply`)"
    )
}

/// A declared topic's name on the cluster.
pub(crate) fn real_name(declared: &str, prefix: &TopicPrefix) -> Result<TopicName, Error> {
    let name = TopicName::new(declared).map_err(|error| Error::Configuration(error.to_string()))?;
    prefix.apply(&name).map_err(crate::error::from_kafka)
}

fn describe(admin: &Admin, real: &BTreeMap<String, TopicName>) -> Result<BTreeMap<String, TopicDescription>, Error> {
    let names: Vec<TopicName> = real.values().cloned().collect();
    let mut found = BTreeMap::new();
    for (name, description) in admin.describe_topics(&names).map_err(crate::error::from_kafka)? {
        let declared = real.iter().find(|(_, real)| **real == name).map(|(declared, _)| declared.clone());
        match (declared, description) {
            (Some(declared), Ok(description)) => {
                found.insert(declared, description);
            }
            (_, Err(error)) if error.kind() != ErrorKind::NotFound => return Err(crate::error::from_kafka(error)),
            _ => {}
        }
    }
    Ok(found)
}

/// Creates internal topics that are missing; says whether there were any.
fn make_internal(
    admin: &Admin,
    uses: &BTreeSet<TopicUse>,
    real: &BTreeMap<String, TopicName>,
    described: &BTreeMap<String, TopicDescription>,
) -> Result<bool, Error> {
    let mut missing: BTreeMap<TopicName, NewTopic> = BTreeMap::new();
    for used in uses {
        let configs: &[(&str, &str)] = match used.role {
            TopicRole::Changelog => &[
                ("cleanup.policy", "compact"),
                ("message.timestamp.type", "CreateTime"),
                ("segment.bytes", "52428800"),
            ],
            TopicRole::Repartition => {
                &[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("message.timestamp.type", "CreateTime")]
            }
            _ => continue,
        };
        let (Some(domain), Some(name)) = (used.domain, real.get(&used.name)) else { continue };
        if described.contains_key(&used.name) {
            continue;
        }
        let anchor = described.get(domain.anchor).ok_or_else(|| {
            Error::Configuration(format!(
                "topic {}, the anchor of domain {}, is not there: run `headwater topics apply`",
                domain.anchor, domain.name
            ))
        })?;
        missing.insert(
            name.clone(),
            NewTopic {
                name: name.clone(),
                partitions: u32::try_from(anchor.partitions.len()).unwrap_or(u32::MAX),
                replication_factor: -1,
                configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            },
        );
    }
    if missing.is_empty() {
        return Ok(false);
    }
    let wanted: Vec<NewTopic> = missing.into_values().collect();
    for (topic, created) in admin.create_topics(&wanted).map_err(crate::error::from_kafka)? {
        match created {
            Ok(()) => tracing::info!(%topic, "internal topic created"),
            // Another instance was quicker.
            Err(error) if error.kind() == ErrorKind::Exists => {}
            Err(error) => return Err(crate::error::from_kafka(error.context(format!("internal topic {topic}")))),
        }
    }
    Ok(true)
}

/// Topics that were just made become known to the brokers a moment later.
fn describe_when_there(
    admin: &Admin,
    real: &BTreeMap<String, TopicName>,
    uses: &BTreeSet<TopicUse>,
) -> Result<BTreeMap<String, TopicDescription>, Error> {
    const TRIES: usize = 50;
    let internal = || uses.iter().filter(|used| matches!(used.role, TopicRole::Changelog | TopicRole::Repartition));
    let mut described = describe(admin, real)?;
    for _ in 0..TRIES {
        let ready = |used: &TopicUse| {
            described.get(&used.name).is_some_and(|topic| {
                !topic.partitions.is_empty() && topic.partitions.iter().all(|p| p.leader.is_some())
            })
        };
        if internal().all(ready) {
            return Ok(described);
        }
        crate::clock::pause(std::time::Duration::from_millis(100));
        described = describe(admin, real)?;
    }
    Err(Error::Kafka("internal topics were created and are not known to the brokers after 5 s".to_owned()))
}

#[cfg(test)]
mod tests;
