//! Consumer groups: the classic group protocol and committed offsets.
//!
//! [`machine`], [`rebalance`] and [`offsets`] are pure: inputs and the time go in, replies and records come out.
//! [`coordinator`] is the edge that owns the log and the waiting connections.

pub(crate) mod coordinator;
pub(crate) mod expiry;
pub(crate) mod machine;
pub(crate) mod member;
pub(crate) mod offsets;
pub(crate) mod protocol;
pub(crate) mod rebalance;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod subscription;
