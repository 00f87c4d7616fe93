//! The order as customers and support see it: one document for each, lists, and sums. See README.md.
//!
//! The model ([`document`], [`index`]) is pure.

pub mod document;
pub mod index;
