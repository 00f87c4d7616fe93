//! Waiting for a condition with a deadline: the one place of this crate that reads the clock.

use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The time that is left for something.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// A deadline `limit` from now.
    #[allow(clippy::disallowed_methods, reason = "the edge: a tool that waits for processes")]
    pub fn after(limit: Duration) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// The time since this deadline was set.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the time is up.
    pub fn passed(&self) -> bool {
        self.elapsed() >= self.limit
    }
}

/// Asks `ready` again and again until it answers with a value or the deadline passes.
pub fn until<T>(deadline: Deadline, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if deadline.passed() {
            return None;
        }
        rest(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[allow(clippy::disallowed_methods, reason = "the edge: processes and ports can only be asked again")]
fn rest(pause: Duration) {
    std::thread::sleep(pause);
}
