//! The embedded broker for development and tests: one node that speaks Kafka's protocol.
//! It is no replacement for Apache Kafka.

mod error;
pub mod log;
pub mod storage;

pub use error::{Error, ErrorKind};
