use serde::{Deserialize, Serialize};

/// What operators may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long stock is held for an order that is not confirmed, in milliseconds of wall-clock time.
    pub reservation_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { reservation_ms: 30 * 60_000 }
    }
}
