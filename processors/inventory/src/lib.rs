//! Stock: a ledger for each SKU, and a gathering for each order. See README.md.
//!
//! - [`ledger`] and [`gather`] are the models, pure.
//! - [`topology()`] is the processor; [`query`] reads what it has committed.

mod choreography;
pub mod gather;
pub mod ledger;
pub mod query;
mod refusal;
mod settings;
mod topology;

pub use choreography::choreography;
pub use refusal::Refusal;
pub use settings::Settings;
pub use topology::{GATHER, LEDGER, topology, topology_with};
