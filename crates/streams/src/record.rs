use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName};

use crate::KnownEnvelope;

/// A record as it was fetched; shared by the tasks that read its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: Offset,
    /// CreateTime.
    pub timestamp: Timestamp,
    /// The key; None is null.
    pub key: Option<Bytes>,
    /// The value; None is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
    /// What they say, once that is known.
    pub envelope: KnownEnvelope,
}

impl Record {
    /// How many bytes of memory it holds, about.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let headers = self.headers.size_bytes() + self.headers.len() * 40;
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers + 96
    }
}

/// One input of a task: a topic's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTopic {
    /// The topic in the environment.
    pub topic: TopicRef,
    /// Its real name, with the installation's prefix.
    pub name: TopicName,
    /// The task's partition.
    pub partition: Partition,
}

/// A topic by its index in the task environment: [`crate::TaskEnvironment::topic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TopicRef(pub(crate) u32);

impl TopicRef {
    /// The index, from 0, in the order in which the environment was given its topics.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A record to produce in the task's transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub topic: TopicRef,
    /// The partition; None only for a record without key, which goes to any.
    pub partition: Option<Partition>,
    /// The key; None is null.
    pub key: Option<Bytes>,
    /// The value; None is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
    /// What they say, if that is known.
    pub envelope: KnownEnvelope,
    /// CreateTime.
    pub timestamp: Timestamp,
}

/// What a record takes in a batch beside key, value and headers, at most (record format v2: lengths, deltas, attributes).
const OVERHEAD_BYTES: usize = 70;

impl Output {
    /// An upper bound of its size in a batch, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_bytes(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }
}

pub(crate) fn size_bytes(key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) -> usize {
    let headers = headers.size_bytes() + headers.len() * 10;
    OVERHEAD_BYTES + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers
}
