use std::collections::{BTreeMap, BTreeSet};

use headwater_log::TopicName;
use serde::Serialize;

use super::actual::{Actual, ActualTopic};
use super::declaration::{Declaration, TopicDeclaration};
use super::schemas::SchemaChange;
use crate::{Error, ErrorKind, TopicPrefix};

/// What may be planned.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// What stands in front of every declared name on the cluster.
    pub prefix: TopicPrefix,
    /// Whether topics may be deleted at all.
    pub allow_delete: bool,
}

/// The difference between what is declared and what a cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Plan {
    /// The cluster it was made for.
    pub cluster_id: String,
    /// What will be done to topics, deletions last.
    pub changes: Vec<TopicChange>,
    /// What will be done to the registry.
    pub schemas: Vec<SchemaChange>,
    /// What is different, and stays so.
    pub notes: Vec<Note>,
}

/// One change to one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum TopicChange {
    /// It does not exist.
    Create {
        /// Its name on the cluster.
        topic: TopicName,
        /// How many partitions.
        partitions: u32,
        /// How many replicas; -1 is the broker's default.
        replication_factor: i32,
        /// Its configs.
        configs: BTreeMap<String, String>,
    },
    /// It has too few partitions.
    AddPartitions {
        /// Its name on the cluster.
        topic: TopicName,
        /// How many it has.
        from: u32,
        /// How many it will have.
        to: u32,
    },
    /// Its configs differ.
    AlterConfigs {
        /// Its name on the cluster.
        topic: TopicName,
        /// Which ones.
        configs: Vec<ConfigDifference>,
    },
    /// It should not exist.
    Delete {
        /// Its name on the cluster.
        topic: TopicName,
        /// How many partitions are lost.
        partitions: u32,
    },
}

/// One config that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigDifference {
    /// Kafka's name.
    pub name: String,
    /// What is in force; None when the broker does not tell.
    pub before: Option<String>,
    /// What is declared; None goes back to the broker's default.
    pub after: Option<String>,
}

/// Something to know that is no change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// A topic of this platform's name space that nobody declared; deleted only when that is allowed.
    Undeclared {
        /// Its name on the cluster.
        topic: TopicName,
    },
    /// A topic that is declared absent, and may be deleted only when that is allowed.
    DeletionNotAllowed {
        /// Its name on the cluster.
        topic: TopicName,
    },
    /// Replicas can't be changed here.
    ReplicationDiffers {
        /// Its name on the cluster.
        topic: TopicName,
        /// What is declared.
        declared: i32,
        /// What it has.
        actual: u32,
    },
    /// New partitions take over keys whose old records stay where they are.
    KeysMove {
        /// Its name on the cluster.
        topic: TopicName,
        /// What the key is.
        key: String,
    },
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.schemas.is_empty()
    }

    /// Whether the cluster is not as declared: changes, or topics that nobody declared.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        !self.is_empty() || self.notes.iter().any(|note| !matches!(note, Note::KeysMove { .. }))
    }
}

/// Compares. Nothing is asked or changed here.
///
/// # Errors
/// [`ErrorKind::Refused`] with every reason and its remedy: another cluster, fewer partitions, a deletion that is
/// protected.
pub fn plan(declared: &Declaration, actual: &Actual, options: &PlanOptions) -> Result<Plan, Error> {
    if let Some(expected) = declared.cluster_id.as_ref().filter(|expected| **expected != actual.cluster_id) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "this file is for cluster {expected}, and this is cluster {}: connect to the right one, or change \
                 cluster_id in the file",
                actual.cluster_id
            ),
        ));
    }
    let mut drafting = Drafting {
        options,
        plan: Plan { cluster_id: actual.cluster_id.clone(), ..Plan::default() },
        refusals: Vec::new(),
        deletions: Vec::new(),
    };
    let expanded = declared.expanded(&options.prefix)?;
    for topic in &expanded {
        match (topic.absent, actual.topic(&topic.name)) {
            (false, None) => drafting.create(topic),
            (false, Some(existing)) => drafting.change(topic, existing),
            (true, Some(existing)) => drafting.retire(topic, existing),
            (true, None) => {}
        }
    }
    drafting.undeclared(declared, &expanded, actual);
    drafting.finish()
}

struct Drafting<'a> {
    options: &'a PlanOptions,
    plan: Plan,
    refusals: Vec<String>,
    deletions: Vec<TopicChange>,
}

impl Drafting<'_> {
    fn create(&mut self, topic: &TopicDeclaration) {
        self.plan.changes.push(TopicChange::Create {
            topic: topic.name.clone(),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            configs: topic.configs.clone(),
        });
    }

    fn change(&mut self, topic: &TopicDeclaration, existing: &ActualTopic) {
        let name = &topic.name;
        if existing.partitions > topic.partitions {
            self.refusals.push(format!(
                "topic {name} has {} partitions, and {} are declared: Kafka can't take partitions away, so declare {}, \
                 or copy the topic to a new name",
                existing.partitions, topic.partitions, existing.partitions
            ));
        } else if existing.partitions < topic.partitions {
            let change =
                TopicChange::AddPartitions { topic: name.clone(), from: existing.partitions, to: topic.partitions };
            self.plan.changes.push(change);
            if let Some(key) = &topic.key {
                self.plan.notes.push(Note::KeysMove { topic: name.clone(), key: key.clone() });
            }
        }
        let declared = topic.replication_factor;
        if declared > 0 && u32::try_from(declared) != Ok(existing.replication_factor) {
            let actual = existing.replication_factor;
            self.plan.notes.push(Note::ReplicationDiffers { topic: name.clone(), declared, actual });
        }
        let configs = config_differences(topic, existing);
        if !configs.is_empty() {
            self.plan.changes.push(TopicChange::AlterConfigs { topic: name.clone(), configs });
        }
    }

    fn retire(&mut self, topic: &TopicDeclaration, existing: &ActualTopic) {
        let name = topic.name.clone();
        if topic.deletion_protection {
            self.refusals.push(format!(
                "topic {name} is declared absent and is protected: set deletion_protection: false first"
            ));
        } else if self.options.allow_delete {
            self.deletions.push(TopicChange::Delete { topic: name, partitions: existing.partitions });
        } else {
            self.plan.notes.push(Note::DeletionNotAllowed { topic: name });
        }
    }

    /// Only topics that share their first word with a declared one are this platform's to judge.
    fn undeclared(&mut self, declared: &Declaration, expanded: &[TopicDeclaration], actual: &Actual) {
        let known: BTreeSet<_> = expanded.iter().map(|topic| topic.name.as_str()).collect();
        let spaces: BTreeSet<_> = declared.topics.iter().map(|topic| first_word(topic.name.as_str())).collect();
        for topic in &actual.topics {
            let Some(name) = self.options.prefix.strip(topic.name.as_str()) else { continue };
            if known.contains(topic.name.as_str()) || is_made_by_programs(name) || !spaces.contains(first_word(name)) {
                continue;
            }
            if !self.options.allow_delete {
                self.plan.notes.push(Note::Undeclared { topic: topic.name.clone() });
            } else if keeps_for_ever(topic) {
                self.refusals.push(format!(
                    "topic {} is not declared and keeps its records for ever, so nothing could bring them back: declare \
                     it with `absent: true` and `deletion_protection: false` to have it deleted",
                    topic.name
                ));
            } else {
                let deletion = TopicChange::Delete { topic: topic.name.clone(), partitions: topic.partitions };
                self.deletions.push(deletion);
            }
        }
    }

    fn finish(mut self) -> Result<Plan, Error> {
        if !self.refusals.is_empty() {
            return Err(Error::new(ErrorKind::Refused, self.refusals.join("\n")));
        }
        self.plan.changes.append(&mut self.deletions);
        Ok(self.plan)
    }
}

fn first_word(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Topics that brokers, registries and the runtime make for themselves.
pub(super) fn is_made_by_programs(name: &str) -> bool {
    name.starts_with('_') || name.ends_with("-changelog") || name.ends_with("-repartition")
}

fn keeps_for_ever(topic: &ActualTopic) -> bool {
    let is = |name: &str, value: &str| topic.configs.get(name).is_some_and(|actual| actual == value);
    is("retention.ms", "-1") && !topic.configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"))
}

fn config_differences(topic: &TopicDeclaration, existing: &ActualTopic) -> Vec<ConfigDifference> {
    /// Set by reassignments while they run, never by hand.
    const TRANSIENT: [&str; 2] = ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];
    let mut differences = Vec::new();
    for (name, wanted) in &topic.configs {
        let before = existing.configs.get(name);
        if !before.is_some_and(|before| is_same_value(before, wanted)) {
            let (before, after) = (before.cloned(), Some(wanted.clone()));
            differences.push(ConfigDifference { name: name.clone(), before, after });
        }
    }
    for (name, value) in &existing.own_configs {
        if !topic.configs.contains_key(name) && !TRANSIENT.contains(&name.as_str()) {
            differences.push(ConfigDifference { name: name.clone(), before: Some(value.clone()), after: None });
        }
    }
    differences
}

/// Lists are sets to Kafka, and numbers have many spellings.
fn is_same_value(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    if let (Ok(left), Ok(right)) = (left.parse::<f64>(), right.parse::<f64>()) {
        return left == right;
    }
    let items = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect::<BTreeSet<_>>();
    items(left) == items(right)
}

#[cfg(test)]
mod tests;
