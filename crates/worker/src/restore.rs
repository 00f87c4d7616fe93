//! Bringing stores up to date from their changelogs, apart from the workers: ready tasks go on working meanwhile.
//!
//! A restore ends at a point that is safe: the read_uncommitted high watermark, listed after the predecessor was fenced,
//! reached by a read_committed reader. The last stable offset would not do: it may lie before a committed transaction
//! whose marker is still under way (KAFKA-10167).
//!
//! A store that has not far to go, as after a restart, is written in batches as its changelog is read. One that has is
//! loaded: changes are gathered, sorted, each key's last one kept, and handed over in order. Where there is a snapshot of it,
//! it begins there.
//!
//! A table is restored from its own topic, after the changelog, and up to the position that the group has committed: what
//! lies beyond that its task will process.

mod gather;
mod job;
mod loading;
mod replay;
mod restorer;
mod running;
mod standbys;
mod table;

pub use job::{RestoreJob, RestoreKind, Restored};
pub use restorer::{RestoreLimits, RestorePorts, RestoreResult, Restorer};
