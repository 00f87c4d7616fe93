//! What the node holds: topics with their partitions and settings, and the log that remembers them.

pub(crate) mod batch;
pub(crate) mod broker_config;
pub(crate) mod catalog;
pub(crate) mod catalog_log;
pub(crate) mod clock;
pub(crate) mod lock;
pub(crate) mod partition;
pub(crate) mod topic;
pub(crate) mod topic_config;
pub(crate) mod wire;
