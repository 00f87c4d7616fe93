//! The topics of the node and the log that remembers them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock};

use kafka_protocol::ResponseError;
use uuid::Uuid;

use super::batch::{encode_batch, replay};
use super::catalog_log::{CatalogKey, Remembered, TopicRecord, encode};
use super::clock::{Clock, fresh_uuid};
use super::lock::{lock, read, write};
use super::partition::Partition;
use super::topic::{CONSUMER_OFFSETS, TRANSACTION_STATE, Topic, Topics};
use super::topic_config::log_config;
use crate::log::{CleanupPolicy, LogConfig};
use crate::storage::Storage;
use crate::{Error, ErrorKind};

const CATALOG_DIR: &str = "__cluster_metadata/0";
const TOPICS_DIR: &str = "topics";
/// Partitions of one topic; a bound, so that a typing error cannot fill the disk with folders.
pub(crate) const PARTITIONS_MAX: i32 = 10_000;

/// All topics, and what it takes to change them.
#[derive(Debug)]
pub(crate) struct Catalog {
    storage: Arc<dyn Storage>,
    clock: Clock,
    log: Partition,
    topics: RwLock<Topics>,
    /// Held by whoever changes topics, so that the log and the map agree; holds the next free producer id.
    changing: Mutex<i64>,
    cluster_id: String,
}

impl Catalog {
    /// Reads what is remembered and opens every partition.
    pub(crate) fn open(storage: Arc<dyn Storage>, clock: Clock) -> Result<Self, Error> {
        let now_ms = clock.now_ms();
        let config = LogConfig {
            cleanup_policy: CleanupPolicy { delete: false, compact: true },
            segment_bytes: 4 * 1024 * 1024,
            ..LogConfig::default()
        };
        let log = Partition::open(Arc::clone(&storage), CATALOG_DIR, config, now_ms)?;
        let mut remembered = Remembered::default();
        let mut unreadable = None;
        replay(&log, |record| {
            if record.control {
                return;
            }
            let key = record.key.unwrap_or_default();
            if let Err(error) = remembered.apply(&key, record.value.as_deref()) {
                unreadable = Some(format!("the catalog's record at offset {}: {error}", record.offset));
            }
        })?;
        if let Some(message) = unreadable {
            return Err(Error::new(ErrorKind::CorruptStorage, message));
        }
        let mut catalog = Self {
            storage,
            clock,
            log,
            topics: RwLock::new(Topics::default()),
            changing: Mutex::new(remembered.next_producer_id),
            cluster_id: String::new(),
        };
        catalog.cluster_id = catalog.cluster_id_or_new(remembered.cluster_id)?;
        for (name, record) in remembered.topics {
            let topic = catalog.open_topic(name, record)?;
            write(&catalog.topics).insert(topic);
        }
        catalog.remove_orphans()?;
        catalog.create_internal_topics()?;
        Ok(catalog)
    }

    fn cluster_id_or_new(&self, remembered: Option<String>) -> Result<String, Error> {
        if let Some(cluster_id) = remembered {
            return Ok(cluster_id);
        }
        let cluster_id = base64_url(fresh_uuid().as_bytes());
        self.remember(&CatalogKey::Cluster, Some(&cluster_id)).map_err(storage_failed)?;
        Ok(cluster_id)
    }

    fn create_internal_topics(&self) -> Result<(), Error> {
        for name in [CONSUMER_OFFSETS, TRANSACTION_STATE] {
            if self.topic(name).is_none() {
                let configs = [("cleanup.policy", "compact"), ("segment.bytes", "8388608")];
                let configs = configs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
                self.create(name, 1, configs).map_err(storage_failed)?;
            }
        }
        Ok(())
    }

    /// Folders of topics whose deletion was cut short by a crash.
    fn remove_orphans(&self) -> Result<(), Error> {
        for name in self.storage.list_dirs(TOPICS_DIR)? {
            let id = self.topic(&name).map(|topic| topic.id.to_string());
            let folder = format!("{TOPICS_DIR}/{name}");
            for generation in self.storage.list_dirs(&folder)? {
                if id.as_deref() != Some(generation.as_str()) {
                    self.storage.remove_dir(&format!("{folder}/{generation}"))?;
                }
            }
            if id.is_none() {
                self.storage.remove_dir(&folder)?;
            }
        }
        Ok(())
    }

    fn open_topic(&self, name: String, record: TopicRecord) -> Result<Topic, Error> {
        let mut topic = Topic { name, id: record.id, configs: record.configs, partitions: Vec::new() };
        self.open_partitions(&mut topic, record.partitions)?;
        Ok(topic)
    }

    fn open_partitions(&self, topic: &mut Topic, count: i32) -> Result<(), Error> {
        let config = log_config(&topic.configs);
        for index in topic.partitions.len()..usize::try_from(count).unwrap_or(0) {
            // The id is in the path, so that a topic made anew under an old name never meets old records.
            let dir = format!("{TOPICS_DIR}/{}/{}/{index}", topic.name, topic.id);
            let storage = Arc::clone(&self.storage);
            topic.partitions.push(Arc::new(Partition::open(storage, &dir, config.clone(), self.clock.now_ms())?));
        }
        Ok(())
    }

    fn remember<T: serde::Serialize>(&self, key: &CatalogKey, value: Option<&T>) -> Result<(), ResponseError> {
        let encoded = |error: serde_json::Error| {
            tracing::error!(%error, ?key, "the catalog's record cannot be encoded");
            ResponseError::UnknownServerError
        };
        let key_bytes = encode(key).map_err(encoded)?;
        let value_bytes = value.map(encode).transpose().map_err(encoded)?;
        let now_ms = self.clock.now_ms();
        self.log.append_internal(encode_batch(&[(key_bytes, value_bytes)], now_ms, None), now_ms)?;
        Ok(())
    }

    fn remember_topic(&self, topic: &Topic) -> Result<(), ResponseError> {
        let record =
            TopicRecord { id: topic.id, partitions: topic.partitions.len() as i32, configs: topic.configs.clone() };
        self.remember(&CatalogKey::Topic(topic.name.clone()), Some(&record))
    }

    /// The cluster's id: 22 characters, as Kafka's.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// A topic by name.
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        read(&self.topics).get(name).cloned()
    }

    /// A topic by id.
    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        read(&self.topics).get_by_id(id).cloned()
    }

    /// A partition.
    pub(crate) fn partition(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        read(&self.topics).get(topic)?.partition(partition).cloned()
    }

    /// All topics, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        read(&self.topics).iter().cloned().collect()
    }

    /// Makes a topic; its name and settings have been checked.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        configs: BTreeMap<String, String>,
    ) -> Result<Arc<Topic>, ResponseError> {
        let _changing = lock(&self.changing);
        if self.topic(name).is_some() {
            return Err(ResponseError::TopicAlreadyExists);
        }
        let mut topic = Topic { name: name.to_owned(), id: fresh_uuid(), configs, partitions: Vec::new() };
        self.open_partitions(&mut topic, partitions).map_err(|error| super::partition::response_error(&error))?;
        self.remember_topic(&topic)?;
        write(&self.topics).insert(topic);
        self.topic(name).ok_or(ResponseError::UnknownServerError)
    }

    /// Deletes a topic with its records.
    pub(crate) fn delete(&self, name: &str) -> Result<Uuid, ResponseError> {
        let _changing = lock(&self.changing);
        if self.topic(name).is_none() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        self.remember(&CatalogKey::Topic(name.to_owned()), None::<&TopicRecord>)?;
        let topic = write(&self.topics).remove(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        for partition in &topic.partitions {
            // What cannot be removed now is removed at the next start: the catalog has forgotten it.
            if let Some(Err(error)) = partition.take_log().map(crate::log::PartitionLog::delete) {
                tracing::warn!(topic = name, %error, "files of a deleted topic are left");
            }
        }
        if let Err(error) = self.storage.remove_dir(&format!("{TOPICS_DIR}/{name}")) {
            tracing::warn!(topic = name, %error, "the folder of a deleted topic is left");
        }
        Ok(topic.id)
    }

    /// Adds partitions up to `count`.
    pub(crate) fn grow(&self, name: &str, count: i32) -> Result<(), ResponseError> {
        let _changing = lock(&self.changing);
        let current = self.topic(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let mut topic = Topic::clone(&current);
        self.open_partitions(&mut topic, count).map_err(|error| super::partition::response_error(&error))?;
        self.remember_topic(&topic)?;
        write(&self.topics).insert(topic);
        Ok(())
    }

    /// Replaces a topic's settings; they have been checked.
    pub(crate) fn set_configs(&self, name: &str, configs: BTreeMap<String, String>) -> Result<(), ResponseError> {
        let _changing = lock(&self.changing);
        let current = self.topic(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let mut topic = Topic::clone(&current);
        topic.configs = configs;
        self.remember_topic(&topic)?;
        let config = log_config(&topic.configs);
        for partition in &topic.partitions {
            partition.with_log(|log| {
                log.set_config(config.clone());
                Ok(())
            })?;
        }
        write(&self.topics).insert(topic);
        Ok(())
    }

    /// Takes a block of producer ids; what is left of a block at a crash is never used.
    pub(crate) fn take_producer_ids(&self, count: i64) -> Result<std::ops::Range<i64>, ResponseError> {
        let mut next = lock(&self.changing);
        let first = *next;
        self.remember(&CatalogKey::ProducerIds, Some(&(first + count)))?;
        *next = first + count;
        Ok(first..first + count)
    }

    /// One bounded step of housekeeping on every partition; whether there is more to do now.
    pub(crate) fn maintain(&self, budget_bytes: usize) -> bool {
        let now_ms = self.clock.now_ms();
        let mut more = self.log.maintain(now_ms, budget_bytes);
        for topic in self.all() {
            for partition in &topic.partitions {
                more |= partition.maintain(now_ms, budget_bytes);
            }
        }
        more
    }

    /// Puts what is new in every log on the device.
    pub(crate) fn sync(&self) {
        self.log.sync();
        for topic in self.all() {
            for partition in &topic.partitions {
                partition.sync();
            }
        }
    }

    /// Syncs every log and marks it clean; the logs are gone afterwards.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let topics = self.all();
        let partitions = topics.iter().flat_map(|topic| &topic.partitions).map(AsRef::as_ref);
        for partition in partitions.chain([&self.log]) {
            if let Some(mut log) = partition.take_log() {
                log.checkpoint()?;
            }
        }
        Ok(())
    }
}

fn storage_failed(error: ResponseError) -> Error {
    Error::new(ErrorKind::Io, format!("the broker's own state cannot be written: {error}"))
}

/// 16 bytes as 22 characters of URL-safe base64 without padding, Kafka's form of a cluster id.
fn base64_url(bytes: &[u8; 16]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut value = u128::from_be_bytes(*bytes);
    let mut out = [b'A'; 22];
    // 128 bits are 21 digits of six bits and one of two: the last digit holds the lowest two bits, shifted.
    out[21] = ALPHABET[((value & 0b11) << 4) as usize];
    value >>= 2;
    for digit in out[..21].iter_mut().rev() {
        *digit = ALPHABET[(value & 0x3f) as usize];
        value >>= 6;
    }
    out.iter().map(|byte| char::from(*byte)).collect()
}
