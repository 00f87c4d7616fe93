//! What the scenarios share: processes under test, orders to send, and the audit that finds what was lost or doubled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "test support: a failure here is a failed test"
)]

pub mod audit;
pub mod deadline;
pub mod headwater;
pub mod reader;
