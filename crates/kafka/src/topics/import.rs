use std::collections::BTreeMap;

use headwater_log::TopicName;
use serde::Serialize;

use super::actual::{Actual, ActualTopic};
use super::declaration::{DEAD_LETTER_ROOM_BYTES, Declaration};
use super::plan::is_made_by_programs;
use crate::{Error, TopicPrefix};

#[derive(Serialize)]
struct File<'a> {
    version: u32,
    cluster_id: &'a str,
    topics: Vec<Topic<'a>>,
}

#[derive(Serialize)]
struct Topic<'a> {
    name: &'a str,
    owner: &'a str,
    domain: &'static str,
    partitions: u32,
    replication_factor: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dead_letters: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    configs: &'a BTreeMap<String, String>,
}

/// Writes a topics.yaml for what a cluster has under a prefix, without the topics that programs make for themselves.
/// Owners are guessed from the first word of the name; domains, keys and schemas are for people to add.
///
/// # Errors
/// Never in practice: the file is plain data.
pub fn import(actual: &Actual, prefix: &TopicPrefix) -> Result<String, Error> {
    let ours =
        |topic: &'_ &ActualTopic| prefix.strip(topic.name.as_str()).is_some_and(|name| !is_made_by_programs(name));
    let is_dead_letters_of = |dead_letters: &ActualTopic, source: &ActualTopic| {
        let bytes =
            |topic: &ActualTopic| topic.configs.get("max.message.bytes").and_then(|text| text.parse::<u64>().ok());
        dead_letters.name.as_str().strip_suffix(".dlq") == Some(source.name.as_str())
            && dead_letters.partitions == source.partitions
            && bytes(dead_letters) == bytes(source).map(|bytes| bytes.saturating_add(DEAD_LETTER_ROOM_BYTES))
    };
    let all: Vec<_> = actual.topics.iter().filter(ours).collect();
    let topics = all
        .iter()
        .filter(|topic| !all.iter().any(|source| is_dead_letters_of(topic, source)))
        .map(|topic| {
            let name = prefix.strip(topic.name.as_str()).unwrap_or_default();
            Topic {
                name,
                owner: name.split('.').find(|word| !word.is_empty()).unwrap_or(name),
                domain: "none",
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                dead_letters: all.iter().any(|other| is_dead_letters_of(other, topic)),
                configs: &topic.own_configs,
            }
        })
        .collect();
    serde_saphyr::to_string(&File { version: 1, cluster_id: &actual.cluster_id, topics })
        .map_err(|error| Error::invalid(format!("the topics cannot be written: {error}")))
}

/// A line of a list of topics: declared, existing, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicListing {
    /// Its name on the cluster.
    pub name: TopicName,
    /// Who owns it, where it is declared.
    pub owner: Option<String>,
    /// Its co-partitioned set, where it is declared.
    pub domain: Option<String>,
    /// What it is for, where it is declared.
    pub description: Option<String>,
    /// Whether it is declared.
    pub is_declared: bool,
    /// How many partitions it has; None when it does not exist.
    pub partitions: Option<u32>,
    /// How many replicas; None when it does not exist.
    pub replication_factor: Option<u32>,
    /// `cleanup.policy` in force.
    pub cleanup_policy: Option<String>,
    /// `retention.ms` in force.
    pub retention_ms: Option<i64>,
}

/// All topics that are declared or exist under the prefix, by name.
///
/// # Errors
/// As [`Declaration::expanded`].
pub fn list(declared: &Declaration, actual: &Actual, prefix: &TopicPrefix) -> Result<Vec<TopicListing>, Error> {
    let mut listings: BTreeMap<TopicName, TopicListing> = BTreeMap::new();
    for topic in declared.expanded(prefix)?.into_iter().filter(|topic| !topic.absent) {
        let listing = TopicListing {
            owner: Some(topic.owner),
            domain: topic.domain,
            description: Some(topic.description),
            is_declared: true,
            ..TopicListing::unknown(topic.name.clone())
        };
        listings.insert(topic.name, listing);
    }
    for topic in actual.topics.iter().filter(|topic| prefix.strip(topic.name.as_str()).is_some()) {
        let listing = listings.entry(topic.name.clone()).or_insert_with(|| TopicListing::unknown(topic.name.clone()));
        listing.partitions = Some(topic.partitions);
        listing.replication_factor = Some(topic.replication_factor);
        listing.cleanup_policy = topic.configs.get("cleanup.policy").cloned();
        listing.retention_ms = topic.configs.get("retention.ms").and_then(|text| text.parse().ok());
    }
    Ok(listings.into_values().collect())
}

impl TopicListing {
    const fn unknown(name: TopicName) -> Self {
        Self {
            name,
            owner: None,
            domain: None,
            description: None,
            is_declared: false,
            partitions: None,
            replication_factor: None,
            cleanup_policy: None,
            retention_ms: None,
        }
    }
}

#[cfg(test)]
mod tests;
