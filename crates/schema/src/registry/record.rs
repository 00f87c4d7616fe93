//! Records of the `_schemas` topic, in Confluent's JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mode;
use crate::compatibility::Level;
use crate::{Error, ErrorKind};

/// One record: its key says what it is about, its value what is so from now on.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A version of a subject; none removes it for good.
    Schema {
        /// The subject.
        subject: String,
        /// The version, from 1.
        version: u32,
        /// What it is.
        value: Option<SchemaValue>,
    },
    /// The compatibility level of a subject, or of the registry; none takes it back.
    Config {
        /// The subject; none for the registry.
        subject: Option<String>,
        /// The level.
        level: Option<Level>,
    },
    /// The mode of a subject, or of the registry; none takes it back.
    Mode {
        /// The subject; none for the registry.
        subject: Option<String>,
        /// The mode.
        mode: Option<Mode>,
    },
    /// All versions of a subject up to one are deleted softly; none is a leftover of compaction.
    DeleteSubject {
        /// The subject.
        subject: String,
        /// The last version it deletes.
        version: Option<u32>,
    },
    /// Nothing: Confluent's registry writes it to learn the end of the log.
    Noop,
}

/// The value of a SCHEMA record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchemaValue {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: u32,
    /// The schema's id.
    pub id: u32,
    /// AVRO where absent.
    #[serde(rename = "schemaType", default, skip_serializing_if = "Option::is_none")]
    pub schema_type: Option<String>,
    /// References to other subjects; kept, not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Value>,
    /// The canonical text.
    pub schema: String,
    /// True if it is deleted softly.
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Deserialize)]
struct Key {
    keytype: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    version: Option<u32>,
}

impl Record {
    /// The key as it stands in the topic. Attributes are in Confluent's order: compaction compares
    /// bytes.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let key = match self {
            Self::Schema { subject, version, .. } => {
                json!({"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1})
            }
            Self::Config { subject, .. } => {
                json!({"keytype": "CONFIG", "subject": subject, "magic": 0})
            }
            Self::Mode { subject, .. } => {
                json!({"keytype": "MODE", "subject": subject, "magic": 0})
            }
            Self::DeleteSubject { subject, .. } => {
                json!({"keytype": "DELETE_SUBJECT", "subject": subject, "magic": 0})
            }
            Self::Noop => json!({"keytype": "NOOP", "magic": 0}),
        };
        key.to_string().into_bytes()
    }

    /// The value as it stands in the topic; none is a tombstone.
    #[must_use]
    pub fn value(&self) -> Option<Vec<u8>> {
        let value = match self {
            Self::Schema { value, .. } => serde_json::to_value(value.as_ref()?).ok()?,
            Self::Config { level, .. } => json!({"compatibilityLevel": level.as_ref()?.word()}),
            Self::Mode { mode, .. } => json!({"mode": mode.as_ref()?.word()}),
            Self::DeleteSubject { subject, version } => {
                json!({"subject": subject, "version": version.as_ref()?})
            }
            Self::Noop => return None,
        };
        Some(value.to_string().into_bytes())
    }

    /// Reads a record of the topic. Key types of other registries that mean nothing here (contexts,
    /// exporters, encryption keys) are [`Record::Noop`].
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if it is not Confluent's JSON.
    pub fn read(key: &[u8], value: Option<&[u8]>) -> Result<Self, Error> {
        let key: Key = parse("key", key)?;
        let value = value.filter(|value| !value.is_empty());
        Ok(match key.keytype.as_str() {
            "SCHEMA" => Self::Schema {
                subject: required(key.subject, "subject")?,
                version: required(key.version, "version")?,
                value: value.map(|value| parse("SCHEMA value", value)).transpose()?,
            },
            "CONFIG" => Self::Config {
                subject: key.subject,
                level: word(value, "compatibilityLevel")?.map(|word| word.parse()).transpose()?,
            },
            "MODE" => Self::Mode {
                subject: key.subject,
                mode: word(value, "mode")?.map(|word| word.parse().map_err(Error::from)).transpose()?,
            },
            "DELETE_SUBJECT" => Self::DeleteSubject {
                subject: required(key.subject, "subject")?,
                version: match value {
                    None => None,
                    Some(value) => {
                        let value: Value = parse("DELETE_SUBJECT value", value)?;
                        let version = value.get("version").and_then(Value::as_u64);
                        let version = version.and_then(|version| u32::try_from(version).ok());
                        Some(required(version, "version")?)
                    }
                },
            },
            _ => Self::Noop,
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::Malformed, format!("{what} of a schema record is not the registry's JSON: {error}"))
    })
}

fn required<T>(part: Option<T>, name: &str) -> Result<T, Error> {
    part.ok_or_else(|| Error::new(ErrorKind::Malformed, format!("a schema record has no {name}")))
}

fn word(value: Option<&[u8]>, name: &str) -> Result<Option<String>, Error> {
    let Some(value) = value else {
        return Ok(None);
    };
    let value: Value = parse(name, value)?;
    Ok(value.get(name).and_then(Value::as_str).map(str::to_owned))
}
