//! One partition as a log of record batches: pure state over [`Storage`](crate::storage::Storage).
//!
//! No thread and no clock: the time is an argument. [`PartitionLog`] is the way in.

mod aborted;
mod append;
mod batch;
mod checkpoint;
mod codec;
mod compaction;
mod config;
mod index;
mod partition_log;
mod producers;
mod read;
mod record;
mod recovery;
mod retained;
mod retention;
mod segment;
mod sync;
mod tail;
mod types;
mod unfolded;

pub use config::{CleanupPolicy, LogConfig, TimestampType};
pub use partition_log::PartitionLog;
pub use sync::PendingSync;
pub use types::{AbortedTransaction, Appended, Fetched, Isolation, Maintained, ProducerInfo, Recovery, TimedOffset};
pub(crate) use unfolded::{read_records, rewrite};

#[cfg(test)]
mod tests;
