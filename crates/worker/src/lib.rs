//! The stream worker, pure: it drives tasks exactly once against ports, and does not know what is behind them.
//!
//! - [`Worker`]: one consumer, one transactional producer and their tasks; stepped by whoever owns the thread.
//! - [`Restorer`]: brings stores up to date from their changelogs, stepped too.
//! - [`ports`]: what both need of the world. Kafka implements them in `headwater-runtime`, virtual time in a simulator.
//! - [`Blueprint`]: what all workers of an application share.

mod assignment;
mod blueprint;
mod commit;
mod commit_policy;
mod core;
mod error;
mod fetching;
mod fusible;
mod fusing;
mod fusion;
mod input_partition;
mod intake;
mod markers;
mod meta;
mod outputs;
mod pace;
mod partition_map;
mod placement;
mod planted;
pub mod ports;
mod positions;
mod recovery;
mod restore;
mod standby;
mod table_input;
mod task_slot;
mod tasks;
mod transaction;
mod worker;

pub use blueprint::{Blueprint, ChangelogFacts, ClusterFacts, WorkerSettings};
pub use error::Error;
pub use meta::{ChangelogBounds, TablePosition, TaskMeta, Unusable};
pub use partition_map::PartitionMap;
pub use placement::{AnchorPartition, Placement, SubtopologyIndex};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use positions::Positions;
pub use restore::{RestoreJob, RestoreKind, RestoreLimits, RestorePorts, RestoreResult, Restored, Restorer};
pub use standby::{
    KeepingStep, KeepingTimes, Standby, StandbyHost, StandbyKeeping, StandbyMember, StandbyTask, StandbyUnit, spread,
    standbys_of,
};
pub use task_slot::TaskPhase;
pub use worker::Worker;

/// Whether this build may have bugs on purpose (the feature `planted-bugs`). What runs for real refuses to compile then.
pub const HAS_PLANTED_BUGS: bool = cfg!(feature = "planted-bugs");
