use std::time::Duration;

/// The first wait, after the second abort in a row.
const WAIT_MIN: Duration = Duration::from_millis(10);
/// The longest.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How soon work is begun again after an abort. One alone costs nothing more; where the next fails as well, its cause
/// lasts (a generation that this member has missed, until the group has told it), and trying at once only burns time.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    aborts_in_a_row: u32,
    resumes_at: Duration,
}

impl Pace {
    /// A transaction has committed: all is well.
    pub(crate) fn committed(&mut self) {
        self.aborts_in_a_row = 0;
    }

    /// A transaction was aborted.
    pub(crate) fn aborted(&mut self, now: Duration) {
        self.aborts_in_a_row = self.aborts_in_a_row.saturating_add(1);
        let doublings = self.aborts_in_a_row.saturating_sub(2).min(7);
        let wait = if self.aborts_in_a_row < 2 { Duration::ZERO } else { WAIT_MIN * (1 << doublings) };
        self.resumes_at = now + wait.min(WAIT_MAX);
    }

    /// How long to wait still; None to go on.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let left = self.resumes_at.saturating_sub(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests;
