//! Producers for one OS thread each: a transactional one for workers, which speaks the protocol itself or has librdkafka
//! speak it, and an idempotent one for tools.

mod callbacks;
mod deliveries;
mod direct;
mod idempotent;
mod librdkafka;
#[cfg(test)]
mod mock_cluster;
mod outcome;
mod record;
mod registrations;
mod sender;
mod sockets;
mod transactional;
mod watchdog;

pub use deliveries::{Delivered, Written};
pub use idempotent::{Delivery, Producer, ProducerSettings};
pub use outcome::Outcome;
pub use record::OutgoingRecord;
pub use sender::TopicHandle;
pub use transactional::{ProducerEngine, TransactionalProducer, TransactionalProducerSettings};
