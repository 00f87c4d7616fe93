use std::time::Duration;

/// The first guess.
const WAIT_AT_FIRST: Duration = Duration::from_millis(4);
/// What librdkafka waits when a transaction is put off: waiting longer gains nothing.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// More, after a transaction that was put off.
const STEP_UP: Duration = Duration::from_millis(1);
/// Less, by this part, after one that was not.
const STEP_DOWN: u32 = 64;

/// How long the markers of a transaction take. Its commit is answered before they are written, and until they are the
/// broker refuses partitions of the next one; librdkafka then asks again after 20 ms. So the first records of a
/// transaction are held back until the markers of the last one should be there: a wait that is learned from those that
/// were too short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Markers {
    wait: Duration,
    there_at: Duration,
    held_back: bool,
}

impl Default for Markers {
    fn default() -> Self {
        Self { wait: WAIT_AT_FIRST, there_at: Duration::ZERO, held_back: false }
    }
}

impl Markers {
    /// A transaction was committed; `was_early` tells whether its partitions were refused at first.
    pub(crate) fn committed(&mut self, now: Duration, was_early: bool) {
        if was_early {
            self.wait = (self.wait + self.wait / 4 + STEP_UP).min(WAIT_MAX);
        } else if self.held_back {
            // Where nothing was held back, there is nothing to learn.
            self.wait -= self.wait / STEP_DOWN;
        }
        self.there_at = now + self.wait;
        self.held_back = false;
    }

    /// How long to hold records back still; None to go on.
    pub(crate) fn hold_back(&mut self, now: Duration) -> Option<Duration> {
        let left = self.left(now);
        self.held_back |= left.is_some();
        left
    }

    /// How long the markers should take still.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.there_at.saturating_sub(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests;
