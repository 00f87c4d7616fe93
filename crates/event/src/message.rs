use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A command, event or view: a Rust type with the Avro schema that is its contract.
pub trait Message: Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The Avro full name, which is also `ce_type`: `headwater.orders.OrderCreated`.
    const FULL_NAME: &'static str;
    /// The Avro schema as JSON, self-contained.
    const SCHEMA: &'static str;

    /// The aggregate's id: `ce_subject` and the record's key.
    fn subject(&self) -> &str;
}

/// A message type by name and schema, where the Rust type does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType {
    /// The Avro full name.
    pub full_name: &'static str,
    /// The Avro schema as JSON.
    pub schema: &'static str,
}

impl MessageType {
    /// The type of `M`.
    #[must_use]
    pub const fn of<M: Message>() -> Self {
        Self { full_name: M::FULL_NAME, schema: M::SCHEMA }
    }
}

/// The messages that one topic may hold; generated as one enum for each topic.
pub trait MessageSet: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// All of them, in the order of topics.yaml.
    const TYPES: &'static [MessageType];
    /// The subject's naming: true for TopicRecordNameStrategy, false for TopicNameStrategy.
    const SUBJECT_PER_RECORD: bool;
}

/// A topic by its declared name (without the prefix of an installation) and the messages it holds.
pub struct Topic<S> {
    name: &'static str,
    domain: Domain,
    messages: PhantomData<fn() -> S>,
}

impl<S> Topic<S> {
    /// A topic of a domain.
    #[must_use]
    pub const fn new(name: &'static str, domain: Domain) -> Self {
        Self { name, domain, messages: PhantomData }
    }

    /// The declared name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which co-partitioned set it belongs to.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.domain
    }
}

impl<S> Clone for Topic<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Topic<S> {}

/// A set of topics with the same key and partition count, whose partitions go to one task together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain {
    /// What the key is: `order`, `sku`.
    pub name: &'static str,
    /// The topic that a consumer group subscribes to on behalf of the whole set.
    pub anchor: &'static str,
}

impl Domain {
    /// A co-partitioned set and its anchor.
    #[must_use]
    pub const fn new(name: &'static str, anchor: &'static str) -> Self {
        Self { name, anchor }
    }
}
