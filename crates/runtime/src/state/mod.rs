//! Local state: one RocksDB for the process, written only after Kafka has committed.
//!
//! Keys are `[task u32 BE][store u8][user key]` in the default column family. The `meta` column family holds one
//! [`TaskMeta`] for each task, written in the same batch as the task's data, so that the two never disagree. Only a large
//! restore goes another way: its data is loaded as finished tables, and the meta record follows.

mod budget;
mod bulk;
mod database;
mod frozen;
mod memory_table;
mod task_state;

pub use budget::MemoryBudget;
pub use database::{StateDatabase, StateSizes};
pub use frozen::Frozen;
pub use headwater_worker::{ChangelogBounds, TaskMeta, Unusable};
pub use task_state::{StateBatch, TaskNumber, TaskState};
