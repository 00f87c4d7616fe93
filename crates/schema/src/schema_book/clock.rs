//! The only place of this crate that reads a clock.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A monotonic clock, the system's or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The system's.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the crate's edge: everything else is given this clock")]
    pub fn system() -> Self {
        Self(Arc::new(Instant::now))
    }

    /// One that a test moves.
    pub fn from_fn(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
