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

/// The wall clock, in milliseconds since 1970 UTC: a record's CreateTime where its maker gave none.
#[allow(clippy::disallowed_methods, reason = "the edge: a producer stamps records, as librdkafka does")]
pub(crate) fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Waits before a request is repeated, no longer than the deadline allows.
#[allow(clippy::disallowed_methods, reason = "the edge: nothing tells when a coordinator is ready to be asked again")]
pub(crate) fn pause(wait: Duration, deadline: Deadline) {
    std::thread::sleep(wait.min(deadline.left()));
}
