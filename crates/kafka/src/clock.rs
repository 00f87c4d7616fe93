use std::time::{Duration, Instant};

/// A moment by which a blocking call has to return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    #[allow(clippy::disallowed_methods, reason = "the edge: deadlines of blocking calls are measured here only")]
    pub(crate) fn after(duration: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(duration).unwrap_or(now))
    }

    /// What is left; zero when it has passed.
    #[allow(clippy::disallowed_methods, reason = "the edge: deadlines of blocking calls are measured here only")]
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub(crate) fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Time since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Default for Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "the edge: how long librdkafka waits is measured here only")]
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Stopwatch {
    /// Microseconds since then.
    #[allow(clippy::disallowed_methods, reason = "the edge: how long librdkafka waits is measured here only")]
    pub(crate) fn elapsed_us(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
