//! The embedded broker for development and tests: one node that speaks Kafka's protocol.
//! It is no replacement for Apache Kafka.

mod api;
mod cluster;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod group;
pub mod log;
mod server;
pub mod storage;
mod transaction;

pub use cluster::clock::Clock;
pub use error::{Error, ErrorKind};
pub use server::broker::{Broker, BrokerOptions, StorageKind};
