//! The order as customers and support see it: one document for each, lists, and sums. See README.md.
//!
//! - The model ([`document`], [`index`]) is pure.
//! - [`topology()`] is the processor; [`query`] reads what it has committed.

mod choreography;
pub mod document;
pub mod index;
pub mod query;
mod topology;

pub use choreography::choreography;
pub use topology::{VIEWS, topology};
