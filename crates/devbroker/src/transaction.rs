//! Transactions: the coordinator's side of Kafka's two-phase commit, in the protocol before KIP-890's second part.
//!
//! [`machine`] is pure; [`coordinator`] owns the log and writes the markers.

pub(crate) mod coordinator;
pub(crate) mod ending;
pub(crate) mod machine;
pub(crate) mod producer_ids;
pub(crate) mod records;
