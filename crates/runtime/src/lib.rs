//! The stream runtime on Kafka: it drives the pure tasks of `headwater-streams` exactly once.
//!
//! - [`Application`]: what scales together; starts workers, keeps them going, stops them.
//! - `worker`: a worker's thread, with the ports of `headwater-worker` over Kafka.
//! - [`state`]: one RocksDB for the process, never ahead of Kafka and never wiped without need.
//! - `restore`: the restorers' threads.
//! - `snapshots`: writes stores down where a new instance finds them.
//! - `standbys`: which tasks of other instances are kept warm.
//! - [`Steps`]: the outside half of the async step.
//! - [`members`]: who holds which task, for queries.

mod application;
mod calls;
mod clock;
mod complaints;
mod directory;
mod error;
mod leave;
pub mod members;
mod metrics;
mod restore;
mod schemas;
mod settings;
mod snapshots;
mod standbys;
pub mod state;
mod supervisor;
mod topics;
mod tracer;
mod worker;

pub use application::{Application, Setup, Status};
pub use calls::{AsyncStep, StepAnswer, StepFuture, Steps};
pub use clock::Clock;
pub use error::Error;
pub use headwater_snapshot::Place;
pub use headwater_worker::{Positions, Standby};
pub use metrics::Metrics;
pub use restore::RestoreProgress;
pub use schemas::RegistrySchemas;
pub use settings::{ApplicationSettings, Snapshots, Stop};
pub use topics::{internal_topics, topic_facts};
pub use tracer::OpenTelemetryTracer;

const _: () =
    assert!(!headwater_worker::HAS_PLANTED_BUGS, "the feature planted-bugs is for the simulator's tests only");
