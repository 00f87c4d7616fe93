//! Deterministic simulation of workers: a seed in, a whole cluster out.
//!
//! [`simulate`] runs several workers of an application, the very code that runs on Kafka, against a cluster, disks and an
//! outside world in memory, in virtual time and under faults; then checks what came out against a plain model. The same
//! seed gives the same run. [`shrink`] makes a short story of one that fails.

mod baton;
mod chance;
mod check;
mod cluster;
mod counting;
mod disk;
mod fault;
mod feed;
mod law;
mod members;
mod ports;
mod process;
mod saga;
mod shrink;
mod story;
mod strike;
mod work;
mod world;

use std::sync::Arc;

pub use shrink::{Shrunk, shrink};
pub use story::Outcome;

use crate::counting::Counting;
use crate::fault::{Fault, Mishap};
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

/// Whether changelogs are read as they must not be.
#[cfg(feature = "planted-bugs")]
fn reads_uncommitted(bug: Option<Bug>) -> bool {
    bug == Some(Bug::ChangelogReadUncommitted)
}

#[cfg(not(feature = "planted-bugs"))]
const fn reads_uncommitted(_: Option<Bug>) -> bool {
    false
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
            Application::Counting => {
                let partitions = 3 + (self.seed % 2) as u32;
                Arc::new(Counting { records: 120, partitions, is_one_domain: !self.seed.is_multiple_of(5) })
            }
            Application::Saga => Arc::new(Saga::new(14)),
        }
    }

    /// The run with these faults, and with so many records of its input.
    fn with(self, faults: Vec<Fault>, records: usize) -> Outcome {
        let work = self.work();
        let (seed, planted, keeps_trace) = (self.seed, self.planted, self.keeps_trace);
        Story { seed, work: &work, faults, records, planted, keeps_trace }.tell()
    }
}

/// What may strike at a step of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The process is killed.
    Crash,
    /// The process stands still for longer than its session, and comes back.
    Stall,
    /// Another process runs under its name when it comes back.
    Zombie,
    /// What it asked for was done, and it never hears of it.
    LostAnswer,
    /// What it asks for is done when everybody has given it up.
    LateRequest,
}

/// Makes a run in which one thing goes wrong, at the `step`-th step of commits of an instance from the middle of the run
/// on: with one step after another, at every step of a commit.
#[must_use]
pub fn strike(simulation: Simulation, strike: Strike, step: u32) -> Outcome {
    const SECOND: u64 = 1_000_000;
    let mishap = match strike {
        Strike::Crash => Mishap::Kill { down: SECOND },
        Strike::Stall => Mishap::Stall { length: 11 * SECOND },
        Strike::Zombie => Mishap::Zombie { length: 9 * SECOND },
        Strike::LostAnswer => Mishap::LoseAnswer,
        Strike::LateRequest => Mishap::LateRequest { after: 5 * SECOND },
    };
    let fault = Fault { at: 8 * SECOND, instance: (simulation.seed % 2) as usize, skip: step, mishap };
    simulation.with(vec![fault], usize::MAX)
}

/// Makes a run.
#[must_use]
pub fn simulate(simulation: Simulation) -> Outcome {
    simulation.with(story::faults_of(simulation.seed), usize::MAX)
}
