//! What goes wrong in a run, drawn from its seed: a list, so that a failing run can be told with fewer.

use std::fmt;

use crate::baton::Micros;
use crate::chance::Chance;
use crate::feed::BURST;

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
    /// Records arrive, the answer is lost, and the repeated request is told that they are there already, not where.
    Duplicate,
    /// A write to the store fails.
    DiskFails,
    /// A look into the store fails.
    DiskUnreadable,
    /// Writes to the store are slow.
    DiskSlow { length: Micros },
    /// The wall clock jumps.
    ClockJump { by_ms: i64 },
    /// Markers are written late.
    SlowMarkers { length: Micros },
    /// Somebody else initialises the transactional ids of the process's workers, as who takes over from it might.
    Fence,
    /// The process is told to stop, leaving the group or not, and comes back after a while.
    Stop { leaves: bool, down: Micros },
    /// The group hands out its partitions anew: each goes to the owner of another.
    Regroup { by: usize },
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
        !matches!(
            self,
            Self::ClockJump { .. } | Self::SlowMarkers { .. } | Self::Stop { .. } | Self::Regroup { .. } | Self::Grow
        )
    }

    /// Whether it strikes a request to the transaction coordinator, or records on their way.
    pub(crate) const fn strikes_requests(self) -> bool {
        matches!(
            self,
            Self::LoseRequest | Self::LoseAnswer | Self::LateRequest { .. } | Self::Twin { .. } | Self::Duplicate
        )
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
    // Now and then longer than a store can be used afterwards.
    let down = |chance: &mut Chance| if chance.once_in(12) { length(chance, 120) } else { length(chance, 8) };
    let mishap = match chance.between(0, 31) {
        0..=3 => Mishap::Kill { down: down(chance) },
        4 => Mishap::LoseMachine { down: down(chance), older: chance.once_in(2) },
        5 => Mishap::Stall { length: length(chance, 14) },
        // Longer than a session.
        6..=7 => Mishap::Stall { length: chance.between(6 * SECOND, 16 * SECOND) },
        8..=9 => Mishap::Zombie { length: length(chance, 14) },
        10..=11 => Mishap::LoseRequest,
        12..=13 => Mishap::LoseAnswer,
        14..=15 => Mishap::LateRequest { after: length(chance, 20) },
        16 => Mishap::Twin { after: length(chance, 2) / 10 },
        17 => Mishap::Duplicate,
        18 => Mishap::DiskFails,
        19 => Mishap::DiskUnreadable,
        20 => Mishap::DiskSlow { length: length(chance, 3) },
        21..=22 => Mishap::ClockJump { by_ms: chance.between(0, 16_000) as i64 - 8_000 },
        23 => Mishap::SlowMarkers { length: length(chance, 5) },
        24..=25 => Mishap::Stop { leaves: chance.once_in(2), down: down(chance) },
        26..=28 => Mishap::Regroup { by: chance.between(1, 5) as usize },
        29 => Mishap::Fence,
        _ => Mishap::Grow,
    };
    let any = chance.between(SECOND, until);
    // Half of them when there is something to do.
    let at = if chance.once_in(2) { any } else { any / BURST * BURST + chance.between(0, SECOND / 15) };
    Fault { at, instance: chance.between(0, instances as u64) as usize, skip: chance.between(0, 24) as u32, mishap }
}
