//! One partition as a log of record batches: pure state over [`Storage`](crate::storage::Storage).
//!
//! No thread and no clock: the time is an argument. [`PartitionLog`] is the way in.

mod config;
mod partition_log;
mod types;

pub use config::{CleanupPolicy, LogConfig, TimestampType};
pub use partition_log::PartitionLog;
pub use types::{
    AbortedTransaction, Appended, Fetched, Isolation, Maintained, ProducerInfo, Recovery, TimedOffset,
};
