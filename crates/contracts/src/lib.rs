//! Every command, event and view as a Rust type, made at build time from `schemas/` and `topics.yaml`.
//!
//! - One module for each context: [`orders::OrderCreated`], [`inventory::ReserveStock`], …
//! - [`sets`] has one enum for each topic, [`topics`] its typed name, [`domains`] what is co-partitioned.
//! - [`topics::ALL_TOPICS`] and [`DeclaredTopic::subjects`] say what to register where.

mod declared;

pub use declared::{DeclaredTopic, Subject};

include!(concat!(env!("OUT_DIR"), "/contracts.rs"));

#[cfg(test)]
#[path = "../codegen/mod.rs"]
mod codegen;

#[cfg(test)]
mod tests;
