use std::time::Duration;

use crate::seeded::Seeded;

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long after it was started, whatever it is doing: opening its stores, joining, restoring.
    WhileStarting { after: Duration },
    /// So long after it said that it serves: fetching, beginning its first transactions.
    OnceServing { after: Duration },
    /// So long after orders began to end again: at work.
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

    /// The next kill's moment: one in five hits a start, one in five the first moments after it.
    pub fn next_moment(&mut self) -> Moment {
        let chance = &mut self.0;
        match chance.below(100) {
            0..20 => Moment::WhileStarting { after: Duration::from_millis(20 + chance.below(1_500)) },
            20..40 => Moment::OnceServing { after: Duration::from_millis(chance.below(500)) },
            _ => Moment::UnderLoad { after: Duration::from_millis(chance.below(2_500)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_moments_of_every_kind() {
        let moments = |seed| {
            let mut schedule = Schedule::new(seed);
            (0..50).map(|_| schedule.next_moment()).collect::<Vec<_>>()
        };
        assert_eq!(moments(1), moments(1));
        assert_ne!(moments(1), moments(2));
        let count = |is: fn(&Moment) -> bool| moments(1).iter().filter(|moment| is(moment)).count();
        assert!(count(|moment| matches!(moment, Moment::WhileStarting { .. })) >= 3);
        assert!(count(|moment| matches!(moment, Moment::OnceServing { .. })) >= 3);
        assert!(count(|moment| matches!(moment, Moment::UnderLoad { .. })) >= 15);
    }
}
