//! The restorers' threads, for all workers of the process: their ports over Kafka and RocksDB. What a restore does is in
//! `headwater-worker`.

mod progress;
mod reader;
mod thread;
mod warmth;

pub(crate) use progress::RestoreMeter;
pub use progress::RestoreProgress;
pub(crate) use thread::{RestoreHandle, RestoreLinks, RestoreSetup, start};
pub(crate) use warmth::Warmth;

#[cfg(test)]
mod tests;
