//! Kafka as the rest of the platform sees it: settings, consumers, transactional producers, admin, topics.yaml.
//!
//! The only crate that names librdkafka. Everything blocks and belongs on OS threads; nothing here is async.

pub mod admin;
mod clock;
pub mod consumer;
mod error;
mod native;
mod positions;
mod prefix;
pub mod producer;
mod settings;
pub mod topics;

pub use admin::Admin;
pub use consumer::{
    ConsumerHandle, ConsumerHandler, GroupMetadata, GroupProtocol, LogReader, LogReaderSettings, Next, Polled, Record,
    RecordHeaders, TimestampKind, WorkerConsumer, WorkerConsumerSettings, leave_group,
};
pub use error::{Error, ErrorKind};
pub use positions::{CommittedOffset, Isolation, OffsetToCommit, StartAt, StartOffset};
pub use prefix::TopicPrefix;
pub use producer::{
    Delivered, Delivery, Outcome, OutgoingRecord, Producer, ProducerEngine, ProducerSettings, TopicHandle,
    TransactionalProducer, TransactionalProducerSettings, Written,
};
pub use settings::{ConnectionSettings, MessageBroker};
