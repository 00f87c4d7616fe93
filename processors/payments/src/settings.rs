use serde::{Deserialize, Serialize};

/// How payments behave towards the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often a refund is asked for before it is given up, the first time included.
    pub refund_tries_max: u32,
    /// The wait before a refund that was refused is asked for again, in milliseconds; doubles with each.
    pub refund_backoff_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { refund_tries_max: 5, refund_backoff_ms: 1_000 }
    }
}

impl Settings {
    /// The wait after the refusal of try number `tries` (from 1), in milliseconds.
    #[must_use]
    pub(crate) fn refund_wait_ms(&self, tries: u32) -> i64 {
        const WAIT_MS_MAX: i64 = 600_000;
        let doubled = i64::from(self.refund_backoff_ms).saturating_mul(1_i64 << tries.saturating_sub(1).min(20));
        doubled.clamp(1, WAIT_MS_MAX)
    }
}
