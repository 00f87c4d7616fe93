//! Stock: a ledger for each SKU, and a gathering for each order. See README.md.
//!
//! The models ([`ledger`], [`gather`]) are pure.

pub mod gather;
pub mod ledger;
mod refusal;

pub use refusal::Refusal;
