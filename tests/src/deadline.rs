//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Time since a moment.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the edge of the tests")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Asks until the condition gives something; fails with what it last said when the deadline passes.
pub fn wait_for<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let started = Stopwatch::start();
    loop {
        match ask() {
            Ok(found) => return found,
            Err(why) => {
                assert!(started.elapsed() < within, "{what}: not within {within:?}; last: {why}");
            }
        }
        pause(Duration::from_millis(50));
    }
}

/// Waits between two looks at a condition, or until the random moment at which something is killed; never for something
/// to have happened.
#[allow(clippy::disallowed_methods, reason = "between two looks at a condition, and until a random moment")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
