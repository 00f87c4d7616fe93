//! A worker: one OS thread with one consumer, one transactional producer and its tasks. No lock and no channel on the
//! path of a record.

mod assignment;
mod commit;
mod commit_policy;
mod core;
mod input_partition;
mod intake;
mod placement;
mod positions;
mod recovery;
mod run;
mod task_slot;
mod tasks;
mod transaction;

pub use placement::Placement;
pub use positions::Positions;
pub use run::{Command, Report, Worker, WorkerLinks};
