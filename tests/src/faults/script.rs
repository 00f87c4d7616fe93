use std::fmt;
use std::time::Duration;

use crate::seeded::Seeded;

/// Instances of the application.
pub const INSTANCES: usize = 6;
/// Brokers of the cluster.
pub const BROKERS: usize = 3;

/// What can be done to a cluster and its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// kill -9 of an instance, and a start again.
    KillInstance,
    /// kill -9 of a broker, and a start again.
    KillBroker,
    /// SIGSTOP of an instance beyond its session time-out, then SIGCONT.
    Stall,
    /// Connections to brokers are cut, again and again.
    Cut,
    /// Everything on the wire is late.
    Delay,
    /// Connections lose one of their two directions.
    HalfClose,
    /// Connections stay open and nothing comes through.
    Silence,
    /// Brokers are restarted one after the other.
    RollingRestart,
    /// Every partition's leader moves.
    LeaderMoves,
    /// An instance's state folder has no room left.
    FullDisk,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::KillInstance,
        Self::KillBroker,
        Self::Stall,
        Self::Cut,
        Self::Delay,
        Self::HalfClose,
        Self::Silence,
        Self::RollingRestart,
        Self::LeaderMoves,
        Self::FullDisk,
    ];

    /// As the command line calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KillInstance => "kill-instance",
            Self::KillBroker => "kill-broker",
            Self::Stall => "stall",
            Self::Cut => "cut",
            Self::Delay => "delay",
            Self::HalfClose => "half-close",
            Self::Silence => "silence",
            Self::RollingRestart => "rolling-restart",
            Self::LeaderMoves => "leader-moves",
            Self::FullDisk => "full-disk",
        }
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn of_name(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("choose from {}", names()))
    }
}

/// Whose connections a fault of the network is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    /// Those to one broker.
    Of(usize),
    /// Those to every broker.
    All,
}

impl fmt::Display for Wires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(broker) => write!(f, "broker {}", broker + 1),
            Self::All => write!(f, "all brokers"),
        }
    }
}

/// One fault, as it is done: whom it hits (counted from 0) and how long it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    KillInstance { instance: usize, down: Duration },
    KillBroker { broker: usize, down: Duration },
    Stall { instance: usize, hold: Duration },
    Cut { wires: Wires, hold: Duration },
    Delay { wires: Wires, least: Duration, most: Duration, hold: Duration },
    HalfClose { wires: Wires, hold: Duration },
    Silence { wires: Wires, hold: Duration },
    RollingRestart,
    LeaderMoves { by: usize },
    FullDisk { hold: Duration },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |time: &Duration| format!("{:.1} s", time.as_secs_f64());
        match self {
            Self::KillInstance { instance, down } => {
                write!(f, "kill -9 of instance {}, started again after {}", instance + 1, s(down))
            }
            Self::KillBroker { broker, down } => {
                write!(f, "kill -9 of broker {}, started again after {}", broker + 1, s(down))
            }
            Self::Stall { instance, hold } => write!(f, "SIGSTOP of instance {} for {}", instance + 1, s(hold)),
            Self::Cut { wires, hold } => write!(f, "connections to {wires} cut again and again for {}", s(hold)),
            Self::Delay { wires, least, most, hold } => {
                let (least, most) = (least.as_millis(), most.as_millis());
                write!(f, "{least} to {most} ms of delay each way to {wires} for {}", s(hold))
            }
            Self::HalfClose { wires, hold } => write!(f, "connections to {wires} half closed for {}", s(hold)),
            Self::Silence { wires, hold } => write!(f, "connections to {wires} silent for {}", s(hold)),
            Self::RollingRestart => write!(f, "rolling restart of all brokers"),
            Self::LeaderMoves { by } => write!(f, "every leader moved {by} brokers on"),
            Self::FullDisk { hold } => {
                write!(f, "disk of instance {INSTANCES} full for {}, kill -9 of it half way", s(hold))
            }
        }
    }
}

/// Faults from a seed, without an end: every kind once in an order of its own, then again in another.
#[derive(Debug)]
pub struct Script {
    chance: Seeded,
    kinds: Vec<Kind>,
    left: Vec<Kind>,
    stall: Duration,
}

impl Script {
    /// Of some kinds; `stall` is how long an instance is stopped.
    #[must_use]
    pub fn new(seed: u64, kinds: &[Kind], stall: Duration) -> Self {
        Self { chance: Seeded::new(seed ^ 0x0066_6175_6c74), kinds: kinds.to_vec(), left: Vec::new(), stall }
    }

    /// The next fault; None only if there are no kinds.
    pub fn next_fault(&mut self) -> Option<Fault> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
        }
        let which = self.below(self.left.len());
        let kind = (!self.left.is_empty()).then(|| self.left.remove(which))?;
        Some(match kind {
            Kind::KillInstance => Fault::KillInstance {
                instance: self.below(INSTANCES),
                // One in three stays away for longer than its session.
                down: if self.chance.percent(33) { self.between(22_000, 25_000) } else { self.between(0, 4_000) },
            },
            Kind::KillBroker => Fault::KillBroker { broker: self.below(BROKERS), down: self.between(2_000, 12_000) },
            Kind::Stall => Fault::Stall { instance: self.below(INSTANCES), hold: self.stall },
            Kind::Cut => Fault::Cut { wires: self.wires(), hold: self.between(5_000, 12_000) },
            Kind::Delay => Fault::Delay {
                wires: self.wires(),
                least: Duration::from_millis(200),
                most: Duration::from_millis(500),
                hold: self.between(8_000, 15_000),
            },
            Kind::HalfClose => Fault::HalfClose { wires: self.wires(), hold: self.between(5_000, 12_000) },
            Kind::Silence => Fault::Silence { wires: self.wires(), hold: self.between(6_000, 14_000) },
            Kind::RollingRestart => Fault::RollingRestart,
            Kind::LeaderMoves => Fault::LeaderMoves { by: 1 + self.below(BROKERS - 1) },
            Kind::FullDisk => Fault::FullDisk { hold: self.between(8_000, 12_000) },
        })
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.chance.below(end as u64)).unwrap()
    }

    fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.chance.below(most_ms - least_ms))
    }

    fn wires(&mut self) -> Wires {
        if self.chance.percent(50) { Wires::All } else { Wires::Of(self.below(BROKERS)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64, kinds: &[Kind], count: usize) -> Vec<Fault> {
        let mut script = Script::new(seed, kinds, Duration::from_secs(30));
        (0..count).filter_map(|_| script.next_fault()).collect()
    }

    #[test]
    fn a_seed_gives_one_script() {
        assert_eq!(faults(1, &Kind::ALL, 40), faults(1, &Kind::ALL, 40));
        assert_ne!(faults(1, &Kind::ALL, 40), faults(2, &Kind::ALL, 40));
    }

    #[test]
    fn every_kind_comes_before_any_comes_again() {
        let all = faults(7, &Kind::ALL, 2 * Kind::ALL.len());
        for round in all.chunks(Kind::ALL.len()) {
            let different: Vec<_> = round.iter().map(std::mem::discriminant).collect();
            for (at, kind) in different.iter().enumerate() {
                assert!(!different[..at].contains(kind), "{round:?}");
            }
        }
        assert!(all[..10].iter().map(ToString::to_string).ne(all[10..].iter().map(ToString::to_string)));
    }

    #[test]
    fn a_script_of_one_kind_hits_different_victims() {
        let kills = faults(3, &[Kind::KillInstance], 60);
        let victims = |which: usize| {
            kills.iter().any(|fault| matches!(fault, Fault::KillInstance { instance, .. } if *instance == which))
        };
        assert!((0..INSTANCES).all(victims), "{kills:?}");
        assert_eq!(faults(3, &[], 5), []);
    }

    #[test]
    fn kinds_are_found_by_their_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_name(kind.name()), Ok(kind));
        }
        assert!(Kind::of_name("fire").unwrap_err().contains("full-disk"));
    }
}
