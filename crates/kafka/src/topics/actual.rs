use std::collections::BTreeMap;

use headwater_log::TopicName;
use serde::Serialize;

use crate::admin::ConfigSource;
use crate::{Admin, Error};

/// A topic as a cluster has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActualTopic {
    /// Its name on the cluster.
    pub name: TopicName,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas each has.
    pub replication_factor: u32,
    /// The configs that were set on the topic itself.
    pub own_configs: BTreeMap<String, String>,
    /// All configs as they are in force, the topic's own included.
    pub configs: BTreeMap<String, String>,
}

/// What a cluster has: the other side of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Actual {
    /// The cluster's id.
    pub cluster_id: String,
    /// Its topics by name, without Kafka's internal ones.
    pub topics: Vec<ActualTopic>,
}

impl Actual {
    /// Reads a cluster. Topics that vanish meanwhile are left out.
    ///
    /// # Errors
    /// By kind.
    pub fn read(admin: &Admin) -> Result<Self, Error> {
        /// One request must not grow with the cluster.
        const TOPICS_PER_CALL: usize = 100;
        let cluster_id = admin.describe_cluster()?.cluster_id;
        let mut names = admin.list_topics()?;
        names.sort_unstable();
        let mut topics = Vec::with_capacity(names.len());
        for names in names.chunks(TOPICS_PER_CALL) {
            let described: Vec<_> = admin
                .describe_topics(names)?
                .into_iter()
                .filter_map(|(_, description)| description.ok())
                .filter(|description| !description.is_internal)
                .collect();
            let names: Vec<_> = described.iter().map(|description| description.name.clone()).collect();
            let mut configs: BTreeMap<_, _> = admin.describe_configs(&names)?.into_iter().collect();
            for description in described {
                let entries = configs.remove(&description.name).unwrap_or_default();
                let mut topic = ActualTopic {
                    name: description.name,
                    partitions: u32::try_from(description.partitions.len()).unwrap_or(u32::MAX),
                    replication_factor: description
                        .partitions
                        .first()
                        .map_or(0, |partition| u32::try_from(partition.replicas.len()).unwrap_or(u32::MAX)),
                    own_configs: BTreeMap::new(),
                    configs: BTreeMap::new(),
                };
                for entry in entries {
                    let Some(value) = entry.value else { continue };
                    if entry.source == ConfigSource::Topic {
                        topic.own_configs.insert(entry.name.clone(), value.clone());
                    }
                    topic.configs.insert(entry.name, value);
                }
                topics.push(topic);
            }
        }
        Ok(Self { cluster_id, topics })
    }

    /// A topic by its name on the cluster.
    #[must_use]
    pub fn topic(&self, name: &TopicName) -> Option<&ActualTopic> {
        self.topics.iter().find(|topic| topic.name == *name)
    }
}
