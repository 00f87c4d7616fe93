//! What the scenarios share: processes under test, orders to send, and the audit that finds what was lost or doubled.
//!
//! - [`headwater`] is the binary as a process; [`platform`] the cluster, registry and topics that it works on.
//! - [`load`] makes orders from a seed and sends them; [`seeded`] is the only chance there is.
//! - [`audit`] reads every topic as a stranger would; [`reader`] decodes; [`ended`] waits for the ends of orders.
//! - [`crash`] kills and restarts; [`faults`] does worse, to a cluster of three.
//! - [`metrics`] reads what a process says of itself; [`console`] is Kafka's own tools.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "test support: a failure here is a failed test"
)]

pub mod audit;
pub mod console;
pub mod crash;
pub mod deadline;
pub mod ended;
pub mod faults;
pub mod headwater;
pub mod load;
pub mod metrics;
pub mod platform;
pub mod reader;
pub mod seeded;
