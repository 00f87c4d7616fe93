//! The restorer's thread: its ports over Kafka and RocksDB, one for all workers of the process. What a restore does is in
//! `headwater-worker`.

mod reader;
mod thread;

pub(crate) use thread::{RestoreHandle, RestoreLinks, start};
