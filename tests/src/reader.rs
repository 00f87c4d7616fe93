//! Whole topics, read committed from the first record to the end, decoded.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_event::Envelope;
use headwater_log::Headers;
use headwater_schema::{WriterSchema, wire};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::platform::Platform;

/// A record as a reader sees it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: String,
    /// The Avro payload as JSON; null for a tombstone; text for what is no Avro.
    pub value: Value,
    pub envelope: Option<Envelope>,
    pub headers: Headers,
}

impl Seen {
    /// The type's short name.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.envelope.as_ref().map_or("", |e| e.message_type.rsplit('.').next().unwrap_or_default())
    }

    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn number(&self, field: &str) -> i64 {
        self.value[field].as_i64().unwrap_or_default()
    }
}

/// A record as it lies there.
#[derive(Debug, Clone)]
pub struct RawRecord {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Headers,
}

/// Reads topics of one cluster with the schemas of one registry.
pub struct TopicReader {
    bootstrap: String,
    prefix: String,
    registry_url: String,
    schemas: BTreeMap<u32, WriterSchema>,
    http: reqwest::blocking::Client,
}

impl TopicReader {
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let Platform { bootstrap, registry_url, prefix, .. } = platform;
        Self {
            bootstrap: bootstrap.to_owned(),
            prefix: prefix.to_owned(),
            registry_url: registry_url.to_owned(),
            schemas: BTreeMap::new(),
            http: reqwest::blocking::Client::new(),
        }
    }

    /// Every committed record of a declared topic, decoded, partition by partition, as of now.
    ///
    /// # Errors
    /// What Kafka or the registry said.
    pub fn read(&mut self, declared: &str) -> Result<Vec<Seen>, String> {
        self.read_where(declared, |_| true)
    }

    /// The same, of some records only.
    ///
    /// # Errors
    /// What Kafka or the registry said.
    pub fn read_where(&mut self, declared: &str, wanted: impl Fn(&RawRecord) -> bool) -> Result<Vec<Seen>, String> {
        let records = self.read_raw(declared)?.into_iter().filter(wanted);
        let decoded = records.map(|record| {
            Ok(Seen {
                value: self.decode(record.value.as_deref())?,
                topic: record.topic,
                partition: record.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default(),
                envelope: Envelope::read(&record.headers).ok().flatten(),
                headers: record.headers,
            })
        });
        decoded.collect()
    }

    /// Every committed record of a declared topic as it lies there.
    ///
    /// # Errors
    /// What Kafka said.
    pub fn read_raw(&self, declared: &str) -> Result<Vec<RawRecord>, String> {
        let topic = &format!("{}{declared}", self.prefix);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", "audit")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .create()
            .map_err(|e| e.to_string())?;
        let metadata =
            consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).map_err(|e| format!("{topic}: {e}"))?;
        let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len());
        if partitions == 0 {
            return Err(format!("topic {topic} is not there"));
        }
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            assignment
                .add_partition_offset(topic, i32::try_from(partition).unwrap(), Offset::Beginning)
                .map_err(|e| e.to_string())?;
        }
        consumer.assign(&assignment).map_err(|e| e.to_string())?;
        let mut seen = Vec::new();
        let mut ended = std::collections::BTreeSet::new();
        while ended.len() < partitions {
            match consumer.poll(Duration::from_secs(20)) {
                None => {
                    return Err(format!("topic {topic}: no answer within 20 s, {} of {partitions} read", ended.len()));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                }
                Some(Err(error)) => return Err(format!("topic {topic}: {error}")),
                Some(Ok(message)) => {
                    let mut headers = Headers::new();
                    if let Some(given) = message.headers() {
                        for header in given.iter() {
                            headers.push_nullable(header.key, header.value);
                        }
                    }
                    seen.push(RawRecord {
                        topic: declared.to_owned(),
                        partition: message.partition(),
                        offset: message.offset(),
                        timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                        headers,
                    });
                }
            }
        }
        seen.sort_by_key(|s| (s.partition, s.offset));
        Ok(seen)
    }

    /// How many offsets a declared topic has given out, over all partitions: records, and markers of transactions.
    ///
    /// # Errors
    /// What Kafka said.
    pub fn offsets(&self, declared: &str) -> Result<u64, String> {
        let topic = &format!("{}{declared}", self.prefix);
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().map_err(|e| e.to_string())?;
        let within = Duration::from_secs(10);
        let metadata = consumer.fetch_metadata(Some(topic), within).map_err(|e| format!("{topic}: {e}"))?;
        let mut offsets = 0;
        for partition in metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default() {
            let (_, high) = consumer.fetch_watermarks(topic, partition.id(), within).map_err(|e| e.to_string())?;
            offsets += u64::try_from(high).unwrap_or_default();
        }
        Ok(offsets)
    }

    fn decode(&mut self, payload: Option<&[u8]>) -> Result<Value, String> {
        let Some(bytes) = payload else {
            return Ok(Value::Null);
        };
        let Ok((id, body)) = wire::decode(bytes) else {
            return Ok(Value::String(String::from_utf8_lossy(bytes).into_owned()));
        };
        if !self.schemas.contains_key(&id.0) {
            let url = format!("{}/schemas/ids/{}", self.registry_url, id.0);
            let answer: Value =
                self.http.get(&url).send().and_then(reqwest::blocking::Response::json).map_err(|e| e.to_string())?;
            let text = answer["schema"].as_str().ok_or_else(|| format!("{url}: {answer}"))?;
            self.schemas.insert(id.0, WriterSchema::compile(text).map_err(|e| e.to_string())?);
        }
        self.schemas[&id.0].decode_value(body).map_err(|e| e.to_string())
    }
}
