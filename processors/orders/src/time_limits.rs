use headwater_event::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Order, Step};

const MINUTE_MS: i64 = 60_000;

/// The name of the timer for the whole way to `OrderPaid`.
pub const WHOLE: &str = "whole";

/// How long an order may take on its way to `OrderPaid`, in milliseconds of wall-clock time. Shipping has limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimits {
    /// For inventory to answer.
    pub reservation_ms: i64,
    /// For `ConfirmOrder` to come, where it is asked for.
    pub confirmation_ms: i64,
    /// For the payment's result.
    pub payment_ms: i64,
    /// From the order's creation to `OrderPaid`.
    pub whole_ms: i64,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            reservation_ms: 10 * MINUTE_MS,
            confirmation_ms: 30 * MINUTE_MS,
            payment_ms: 15 * MINUTE_MS,
            whole_ms: 30 * MINUTE_MS,
        }
    }
}

/// The timers that an order needs now, by name; everything else is to be cancelled.
#[must_use]
pub fn timers(order: &Order) -> Vec<(&'static str, Timestamp)> {
    let Order::Open(open) = order else {
        return Vec::new();
    };
    let step = open.step.timer().zip(open.step_due);
    let whole = open.whole_due.map(|due| (WHOLE, due));
    step.into_iter().chain(whole).collect()
}

/// Whether a timer that fires still means anything to the step that the order waits in.
pub(crate) fn is_current(step: &Step, timer: &str) -> bool {
    step.timer().is_some_and(|current| current == timer || timer == WHOLE)
}
