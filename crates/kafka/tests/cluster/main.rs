//! What librdkafka and a real broker do together. Needs a broker in `KAFKA_BOOTSTRAP_SERVERS_TEST`; otherwise every test says
//! that it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod broker;
mod groups;
mod reading;
mod rebalances;
mod topics;
mod transactions;
