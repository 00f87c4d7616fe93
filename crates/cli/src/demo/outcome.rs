use std::collections::BTreeMap;
use std::fmt;

/// How an order ended, or is expected to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It was created, and cancelled for this reason.
    Cancelled(String),
    /// The command was refused for this reason; there is no order.
    Rejected(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => formatter.write_str("delivered"),
            Self::Cancelled(reason) => write!(formatter, "cancelled: {reason}"),
            Self::Rejected(reason) => write!(formatter, "rejected: {reason}"),
        }
    }
}

/// How many ended in each way.
pub fn tally<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> BTreeMap<Outcome, usize> {
    let mut tally = BTreeMap::new();
    for outcome in outcomes {
        *tally.entry(outcome.clone()).or_default() += 1;
    }
    tally
}

/// Orders and what they come to, of one day or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Takings {
    /// How many orders.
    pub orders: i64,
    /// Their totals in pence.
    pub minor: i128,
}
