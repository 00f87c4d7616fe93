use headwater_event::Timestamp;

use super::TestDriver;
use crate::Error;

impl TestDriver {
    /// Moves the clock; stops at every time in between at which a task wants to be woken.
    ///
    /// # Errors
    /// As [`TestDriver::settle`].
    pub fn advance(&mut self, by_ms: i64) -> Result<(), Error> {
        let target = self.now.plus_millis(by_ms);
        self.settle()?;
        while let Some(next) = self.next_wake().filter(|next| *next <= target) {
            // A task that stays where it is must not hold the clock.
            self.now = next.max(self.now.plus_millis(1)).min(target);
            self.settle()?;
            if self.now == target {
                break;
            }
        }
        self.now = target;
        self.settle()
    }

    fn next_wake(&self) -> Option<Timestamp> {
        self.tasks.iter().filter_map(|running| running.wake_at).min()
    }
}
