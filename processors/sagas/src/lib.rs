//! The tracker of sagas: it watches, and judges by the declared choreography. See README.md.
//!
//! - The model ([`Saga`], [`Judgement`], [`declared`]) is pure.
//! - [`topology()`] is the processor; [`query`] reads what it has committed.

mod choreography;
mod declared;
mod judge;
pub mod query;
mod saga;
mod topology;
mod view;

pub use choreography::choreography;
pub use declared::{DECLARED, Declared, declared};
pub use judge::Judgement;
pub use saga::{Saga, State, Step, Unreadable};
pub use topology::{TRACKER, topology};
pub use view::view;
