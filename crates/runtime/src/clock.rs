//! The one place that reads the clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater_event::Timestamp;

/// Wall-clock time, and a monotonic one for durations.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the edge: the pure core gets its time from here")]
    pub fn system() -> Self {
        Self { started: Instant::now() }
    }

    /// Wall-clock time in UTC.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the edge: the pure core gets its time from here")]
    pub fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Time since this clock was made; never goes back.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

impl headwater_worker::ports::Clock for Clock {
    fn wall(&self) -> Timestamp {
        Self::wall(self)
    }

    fn monotonic(&self) -> Duration {
        Self::monotonic(self)
    }
}

/// Waits between two looks at something that can't tell by itself; each use is bounded by a count.
#[allow(clippy::disallowed_methods, reason = "the edge: threads of the runtime wait here and nowhere else")]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}
