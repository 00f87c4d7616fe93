//! What goes wrong in a run, drawn from its seed: a list, so that a failing run can be told with fewer.

use std::fmt;

use crate::baton::Micros;
use crate::chance::Chance;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The process is killed, and started again after a while.
    Kill { down: Micros },
    /// The process is killed, and its disk is gone, or an older one.
    LoseMachine { down: Micros, older: bool },
    /// The process stands still, as a stopped virtual machine does, and then goes on.
    Stall { length: Micros },
    /// It stands still, is taken for dead, and another runs under its name when it comes back.
    Zombie { length: Micros },
    /// A transactional request never arrives.
    LoseRequest,
    /// A transactional request is acted on, and the answer is lost.
    LoseAnswer,
    /// A transactional request arrives after everybody has given it up.
    LateRequest { after: Micros },
    /// A connection breaks; the request is repeated, and its twin arrives later.
    Twin { after: Micros },
    /// A write to the store fails.
    DiskFails,
    /// Writes to the store are slow.
    DiskSlow { length: Micros },
    /// The wall clock jumps.
    ClockJump { by_ms: i64 },
    /// Markers are written late.
    SlowMarkers { length: Micros },
    /// The process is told to stop, leaving the group or not, and comes back after a while.
    Stop { leaves: bool, down: Micros },
    /// An instance more joins.
    Grow,
}

/// When and where: at the `skip`-th step of commits (or writes) of a process after a time, or at the time itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: Micros,
    pub(crate) instance: usize,
    pub(crate) skip: u32,
    pub(crate) mishap: Mishap,
}

impl Mishap {
    /// Whether it waits for a step of a commit.
    pub(crate) const fn is_aimed(self) -> bool {
        !matches!(self, Self::ClockJump { .. } | Self::SlowMarkers { .. } | Self::Stop { .. } | Self::Grow)
    }

    /// Whether it strikes a request to the transaction coordinator.
    pub(crate) const fn strikes_requests(self) -> bool {
        matches!(self, Self::LoseRequest | Self::LoseAnswer | Self::LateRequest { .. } | Self::Twin { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at as f64 / 1e6;
        write!(formatter, "{at:>8.3} s  instance {}: {:?}", self.instance, self.mishap)?;
        if self.mishap.is_aimed() {
            write!(formatter, ", at step {} of its commits from then on", self.skip)
        } else {
            Ok(())
        }
    }
}

const SECOND: Micros = 1_000_000;

/// The faults of a seed, within the first part of a run.
pub(crate) fn plan(chance: &mut Chance, until: Micros, instances: usize) -> Vec<Fault> {
    let count = chance.between(3, 14);
    let mut faults: Vec<Fault> = (0..count).map(|_| one(chance, until, instances)).collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn one(chance: &mut Chance, until: Micros, instances: usize) -> Fault {
    let length = |chance: &mut Chance, most: u64| chance.between(SECOND / 10, most * SECOND);
    let mishap = match chance.between(0, 24) {
        0..=3 => Mishap::Kill { down: length(chance, 8) },
        4 => Mishap::LoseMachine { down: length(chance, 8), older: chance.once_in(2) },
        5..=6 | 22..=23 => Mishap::Stall { length: length(chance, 14) },
        7..=8 => Mishap::Zombie { length: length(chance, 14) },
        9..=10 => Mishap::LoseRequest,
        11..=12 => Mishap::LoseAnswer,
        13 => Mishap::LateRequest { after: length(chance, 20) },
        14 => Mishap::Twin { after: length(chance, 2) / 10 },
        15 => Mishap::DiskFails,
        16 => Mishap::DiskSlow { length: length(chance, 3) },
        17 => Mishap::ClockJump { by_ms: chance.between(0, 20_000) as i64 - 10_000 },
        18 => Mishap::SlowMarkers { length: length(chance, 5) },
        19..=20 => Mishap::Stop { leaves: chance.once_in(2), down: length(chance, 8) },
        _ => Mishap::Grow,
    };
    let at = chance.between(SECOND, until);
    Fault { at, instance: chance.between(0, instances as u64) as usize, skip: chance.between(0, 24) as u32, mishap }
}
