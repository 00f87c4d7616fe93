use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of every id made here; UUIDv5 of the DNS name `headwater.events`.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0e_3c5a_91d2_5b7e_8a44_1c7f_2f6d_90b3);

/// A message's identity (`ce_id`). Whoever processes the same input again gives its outputs the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Wraps an id that a producer chose.
    #[must_use]
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }

    /// The id of this message's `ordinal`-th child of a type, made by a processor: UUIDv5 over all four.
    #[must_use]
    pub fn child(&self, processor: &str, message_type: &str, ordinal: u32) -> Self {
        Self(hash(&[self.0.as_bytes(), processor.as_bytes(), message_type.as_bytes(), &ordinal.to_be_bytes()]))
    }

    /// The id of a record that carries none: UUIDv5 of where it lies. The topic's *id* is taken, since names are reused.
    #[must_use]
    pub fn of_place(cluster_id: &str, topic_id: &Uuid, partition: u32, offset: i64) -> Self {
        Self(hash(&[cluster_id.as_bytes(), topic_id.as_bytes(), &partition.to_be_bytes(), &offset.to_be_bytes()]))
    }

    /// The id as text, written into a buffer: 36 characters, lower case.
    pub(crate) fn text<'b>(&self, buffer: &'b mut [u8; 36]) -> &'b str {
        self.0.hyphenated().encode_lower(buffer)
    }

    /// The id of what a foreign producer named with text that is no UUID.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(Uuid::parse_str(text).unwrap_or_else(|_| hash(&[b"text", text.as_bytes()])))
    }
}

/// Parts are length-prefixed, so that no two lists of parts run together to the same bytes.
fn hash(parts: &[&[u8]]) -> Uuid {
    let mut bytes = Vec::with_capacity(128);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Uuid::new_v5(&NAMESPACE, &bytes)
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What one business transaction has in common: the id of the event at its root, unless the caller gave one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// Wraps the caller's id.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<EventId> for CorrelationId {
    fn from(id: EventId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
