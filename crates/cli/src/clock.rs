//! The one place of the binary that reads the clocks and draws ids.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater_event::Timestamp;

/// Wall-clock time in UTC.
#[allow(clippy::disallowed_methods, reason = "the edge: commands that people send are timed here")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment on the clock that never goes back.
#[allow(clippy::disallowed_methods, reason = "the edge: deadlines and durations are measured here only")]
pub fn moment() -> Instant {
    Instant::now()
}

/// A moment by which something has to be done.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    pub fn after(duration: Duration) -> Self {
        let now = moment();
        Self(now.checked_add(duration).unwrap_or(now))
    }

    /// What is left; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(moment())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Waits between two looks at something that a deadline or a person ends.
#[allow(clippy::disallowed_methods, reason = "the edge: a tool looks again after a while, until its deadline")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
