//! Kafka as the rest of the platform sees it: settings, consumers, transactional producers, admin, topics.yaml.

mod error;
mod prefix;
pub mod topics;

pub use error::{Error, ErrorKind};
pub use prefix::TopicPrefix;
