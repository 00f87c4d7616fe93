use std::time::Duration;

use headwater_event::Timestamp;

/// Time, as the edge reads it.
pub trait Clock {
    /// Wall-clock time in UTC; may jump.
    fn wall(&self) -> Timestamp;

    /// Time since some moment; never goes back.
    fn monotonic(&self) -> Duration;
}
