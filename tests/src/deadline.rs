//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Asks until the condition gives something; fails with what it last said when the deadline passes.
pub fn wait_for<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    #[allow(clippy::disallowed_methods, reason = "the edge of the tests")]
    let started = Instant::now();
    loop {
        match ask() {
            Ok(found) => return found,
            Err(why) => {
                assert!(started.elapsed() < within, "{what}: not within {within:?}; last: {why}");
            }
        }
        pause();
    }
}

#[allow(clippy::disallowed_methods, reason = "between two looks at a condition with a deadline")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
