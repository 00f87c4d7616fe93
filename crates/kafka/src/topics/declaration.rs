use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use headwater_log::TopicName;
use serde::{Deserialize, Serialize};

use super::file;
use crate::{Error, TopicPrefix};

/// What Kafka allows for one record batch when nobody says otherwise (`max.message.bytes`).
const DEFAULT_MESSAGE_BYTES: u64 = 1_048_588;

/// How much more a dead letter may hold than its source: the reason and the place it came from.
pub const DEAD_LETTER_ROOM_BYTES: u64 = 64 * 1024;

/// How many versions a new schema must get along with, and in which direction (Confluent's seven levels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the words are Confluent's")]
pub enum Compatibility {
    None,
    Backward,
    BackwardTransitive,
    Forward,
    ForwardTransitive,
    Full,
    FullTransitive,
}

impl Compatibility {
    /// The word that registries use: `BACKWARD_TRANSITIVE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How the registry's subjects are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectStrategy {
    /// TopicNameStrategy: `<topic>-value`, a union where there are several schemas.
    Topic,
    /// TopicRecordNameStrategy: `<topic>-<record's full name>`.
    TopicRecord,
}

/// A topics.yaml, read and checked, with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The one cluster that this file is for; None allows any.
    pub cluster_id: Option<String>,
    /// The topics in the order of the file.
    pub topics: Vec<TopicDeclaration>,
}

/// One declared topic, by its declared name (without an installation's prefix).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicDeclaration {
    /// The declared name.
    pub name: TopicName,
    /// What it is for, in a sentence.
    pub description: String,
    /// The processor that writes it.
    pub owner: String,
    /// The co-partitioned set it belongs to: `order`, `sku`.
    pub domain: Option<String>,
    /// Whether groups subscribe to this topic on behalf of its domain.
    pub anchor: bool,
    /// What the record's key is: `order_id`.
    pub key: Option<String>,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas; -1 is the broker's default.
    pub replication_factor: i32,
    /// Topic configs, defaults included, by Kafka's names.
    pub configs: BTreeMap<String, String>,
    /// Paths of the .avsc files, relative to the project, of what it may hold.
    pub schemas: Vec<String>,
    /// How the registry's subjects are named.
    pub subject_strategy: SubjectStrategy,
    /// What a new version of a schema must get along with.
    pub compatibility: Compatibility,
    /// Whether `<name>.dlq` is declared with it.
    pub dead_letters: bool,
    /// Whether a plan may never delete it.
    pub deletion_protection: bool,
    /// Whether it should not exist (any more).
    pub absent: bool,
}

impl Declaration {
    /// Reads the text of a topics.yaml; `file` is only named in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with `file:line:column` and what to change.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        file::parse(text, file)
    }

    /// Reads a topics.yaml from disk.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it can't be read, or as [`Declaration::parse`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::invalid(format!("{name} cannot be read: {error}; name the file with --file")))?;
        Self::parse(&text, &name)
    }

    /// The declaration of one topic by its declared name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&TopicDeclaration> {
        self.topics.iter().find(|topic| topic.name.as_str() == name)
    }

    /// All topics that are declared, dead-letter topics included, under the names that the cluster knows them by.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a name grows too long with the prefix or `.dlq`.
    pub fn expanded(&self, prefix: &TopicPrefix) -> Result<Vec<TopicDeclaration>, Error> {
        let mut all = Vec::with_capacity(self.topics.len() * 2);
        for topic in &self.topics {
            all.push(topic.clone());
            all.extend(topic.dead_letter_topic()?);
        }
        for topic in &mut all {
            topic.name = prefix.apply(&topic.name)?;
        }
        Ok(all)
    }
}

impl TopicDeclaration {
    /// The largest record batch it takes, in bytes.
    #[must_use]
    pub fn message_bytes_max(&self) -> u64 {
        self.configs.get("max.message.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(DEFAULT_MESSAGE_BYTES)
    }

    /// The topic that takes what can't be processed; None where `dead_letters` is off.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the name grows too long.
    pub fn dead_letter_topic(&self) -> Result<Option<Self>, Error> {
        if !self.dead_letters {
            return Ok(None);
        }
        let name = TopicName::new(&format!("{}.dlq", self.name))?;
        let mut configs = BTreeMap::from([
            ("cleanup.policy".to_owned(), "delete".to_owned()),
            ("retention.ms".to_owned(), "-1".to_owned()),
            (
                "max.message.bytes".to_owned(),
                self.message_bytes_max().saturating_add(DEAD_LETTER_ROOM_BYTES).to_string(),
            ),
        ]);
        if let Some(kind) = self.configs.get("message.timestamp.type") {
            configs.insert("message.timestamp.type".to_owned(), kind.clone());
        }
        Ok(Some(Self {
            description: format!(
                "Records of {} that could not be processed, as they came, with the reason.",
                self.name
            ),
            name,
            domain: None,
            anchor: false,
            configs,
            schemas: Vec::new(),
            dead_letters: false,
            ..self.clone()
        }))
    }
}
