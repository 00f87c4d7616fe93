use std::time::Duration;

use crate::deadline::Stopwatch;

/// How steadily orders end.
#[derive(Debug)]
pub struct Pulse {
    count: usize,
    since: Stopwatch,
    longest: Duration,
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Pulse {
    /// From now on, when so many have ended.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count, since: Stopwatch::start(), longest: Duration::ZERO }
    }

    /// Takes a look: so many have ended by now.
    pub fn feel(&mut self, count: usize) {
        self.longest = self.longest_gap();
        if count > self.count {
            (self.count, self.since) = (count, Stopwatch::start());
        }
    }

    /// The longest time without an end so far, the present one included.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        self.longest.max(self.since.elapsed())
    }
}
