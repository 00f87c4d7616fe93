//! The records of the catalog's own log: JSON by key, since only this broker reads them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a key of the catalog's log stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CatalogKey {
    /// The cluster's id; written once.
    Cluster,
    /// The first producer id that no block has taken.
    ProducerIds,
    /// A topic by its name.
    Topic(String),
}

/// A topic as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicRecord {
    /// The topic's id.
    pub(crate) id: Uuid,
    /// How many partitions it has.
    pub(crate) partitions: i32,
    /// Settings that were given.
    pub(crate) configs: BTreeMap<String, String>,
}

/// What the whole log says.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub(crate) cluster_id: Option<String>,
    pub(crate) next_producer_id: i64,
    pub(crate) topics: BTreeMap<String, TopicRecord>,
}

impl Remembered {
    /// Folds one record in. A record that cannot be read is an error: guessing would lose topics.
    pub(crate) fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), serde_json::Error> {
        match (serde_json::from_slice(key)?, value) {
            (CatalogKey::Cluster, Some(value)) => self.cluster_id = Some(serde_json::from_slice(value)?),
            (CatalogKey::ProducerIds, Some(value)) => self.next_producer_id = serde_json::from_slice(value)?,
            (CatalogKey::Topic(name), Some(value)) => {
                self.topics.insert(name, serde_json::from_slice(value)?);
            }
            (CatalogKey::Topic(name), None) => {
                self.topics.remove(&name);
            }
            (CatalogKey::Cluster | CatalogKey::ProducerIds, None) => {}
        }
        Ok(())
    }
}

/// The bytes of a key or value.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(value).map(Bytes::from)
}
