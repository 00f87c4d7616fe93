//! The broker over a real socket, with requests made by hand through the codec's client side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs, reason = "tests")]

mod client;
mod durable;
mod fetching;
mod malformed;
mod transactions;
