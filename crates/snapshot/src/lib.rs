//! Snapshots of tasks' stores, in a folder or an object store: what one is, where it lies, which may be used, and when the
//! next is due. Knows neither Kafka nor RocksDB.
//!
//! - [`Manifest`]: what a snapshot says of itself. One without a manifest does not exist.
//! - [`Depot`]: where the snapshots of an application lie.
//! - [`Taking`]: writes one; [`Reader`] reads the best there is, for the worker's restorer.
//! - [`judge`], [`is_due`], [`superfluous`]: the decisions, pure.

mod depot;
mod due;
mod error;
mod judging;
mod manifest;
mod names;
mod part;
mod place;
mod reading;
mod taking;

pub use depot::{Depot, Found};
pub use due::{Last, Pace, is_due, superfluous};
pub use error::Error;
pub use judging::{Refusal, judge};
pub use manifest::{ChangelogPlace, Manifest, seal};
pub use names::SnapshotId;
pub use part::{PART_BYTES, Part, pack, unpack};
pub use place::Place;
pub use reading::{Reader, Refused};
pub use taking::Taking;
