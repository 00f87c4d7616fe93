//! Deterministic simulation of workers: a seed in, a whole cluster out.
//!
//! [`simulate`] runs several workers of an application, the very code that runs on Kafka, against a cluster, disks and an
//! outside world in memory, in virtual time and under faults; then checks what came out against a plain model. The same
//! seed gives the same run. [`shrink`] drops the faults that a failure does not need.

mod baton;
mod chance;
mod cluster;
mod counting;
mod disk;
mod fault;
mod ports;
mod saga;
mod story;
mod work;
mod world;

use std::sync::Arc;

pub use story::Outcome;

use crate::counting::Counting;
use crate::fault::Fault;
use crate::saga::Saga;
use crate::story::Story;
use crate::work::Work;

#[cfg(feature = "planted-bugs")]
pub use headwater_worker::Bug;

/// No bug can be planted in this build.
#[cfg(not(feature = "planted-bugs"))]
#[derive(Debug, Clone, Copy)]
pub enum Bug {}

#[cfg(feature = "planted-bugs")]
fn plant(blueprint: &mut headwater_worker::Blueprint, bug: Option<Bug>) {
    if let Some(bug) = bug {
        blueprint.plant(bug);
    }
}

#[cfg(feature = "planted-bugs")]
fn plant_restorer<R: headwater_worker::RestorePorts>(restorer: &mut headwater_worker::Restorer<R>, bug: Option<Bug>) {
    if let Some(bug) = bug {
        restorer.plant(bug);
    }
}

#[cfg(not(feature = "planted-bugs"))]
const fn plant_restorer<R: headwater_worker::RestorePorts>(_: &mut headwater_worker::Restorer<R>, _: Option<Bug>) {}

#[cfg(not(feature = "planted-bugs"))]
fn plant(_blueprint: &mut headwater_worker::Blueprint, _bug: Option<Bug>) {}

/// What can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
    /// Counting, forwarding, timers and outside calls.
    Counting,
    /// Orders, inventory, payments and shipping.
    Saga,
}

/// A run: what, from which seed, and what is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Simulation {
    /// What runs.
    pub application: Application,
    /// Where its chance comes from.
    pub seed: u64,
    /// Whether to keep what was done, line by line.
    pub keeps_trace: bool,
    /// A bug on purpose; only in builds for that.
    pub planted: Option<Bug>,
}

impl Simulation {
    /// A run of a seed.
    #[must_use]
    pub const fn new(application: Application, seed: u64) -> Self {
        Self { application, seed, keeps_trace: false, planted: None }
    }

    fn work(self) -> Arc<dyn Work> {
        match self.application {
            Application::Counting => Arc::new(Counting { records: 120 }),
            Application::Saga => Arc::new(Saga::new(14)),
        }
    }

    fn with_faults(self, faults: Vec<Fault>) -> Outcome {
        let work = self.work();
        let story =
            Story { seed: self.seed, work: &work, faults, planted: self.planted, keeps_trace: self.keeps_trace };
        story.tell()
    }
}

/// Makes a run.
#[must_use]
pub fn simulate(simulation: Simulation) -> Outcome {
    simulation.with_faults(story::faults_of(simulation.seed))
}

/// A run that failed, with the fewest faults that were found to do it.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The faults, each in words.
    pub faults: Vec<String>,
    /// What came of the run with these.
    pub outcome: Outcome,
}

/// Drops the faults of a failing run one by one, as long as it still fails.
#[must_use]
pub fn shrink(simulation: Simulation) -> Shrunk {
    let mut faults = story::faults_of(simulation.seed);
    let mut outcome = simulation.with_faults(faults.clone());
    let mut at = 0;
    while at < faults.len() && !outcome.failures.is_empty() {
        let mut fewer = faults.clone();
        fewer.remove(at);
        let tried = simulation.with_faults(fewer.clone());
        if tried.failures.is_empty() {
            at += 1;
        } else {
            (faults, outcome) = (fewer, tried);
        }
    }
    Shrunk { faults: faults.iter().map(ToString::to_string).collect(), outcome }
}
