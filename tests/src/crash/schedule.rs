use std::time::Duration;

use crate::seeded::Seeded;

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long after it was started, whatever it is doing: opening its stores, joining, restoring.
    WhileStarting { after: Duration },
    /// So long after it served, at work.
    UnderLoad { after: Duration },
}

/// Random moments from a seed.
#[derive(Debug)]
pub struct Schedule(Seeded);

impl Schedule {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Seeded::new(seed ^ 0x6b69_6c6c))
    }

    /// The next kill's moment: one in five hits a start.
    pub fn next_moment(&mut self) -> Moment {
        if self.0.percent(20) {
            Moment::WhileStarting { after: Duration::from_millis(20 + self.0.below(1_500)) }
        } else {
            Moment::UnderLoad { after: Duration::from_millis(50 + self.0.below(2_500)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_moments_of_both_kinds() {
        let moments = |seed| {
            let mut schedule = Schedule::new(seed);
            (0..50).map(|_| schedule.next_moment()).collect::<Vec<_>>()
        };
        assert_eq!(moments(1), moments(1));
        assert_ne!(moments(1), moments(2));
        let starting = moments(1).iter().filter(|moment| matches!(moment, Moment::WhileStarting { .. })).count();
        assert!((3..=20).contains(&starting), "{starting} of 50");
    }
}
