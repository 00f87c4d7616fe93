//! The tracker of sagas: it watches, and judges by the declared choreography. See README.md.
//!
//! The model ([`Saga`], [`Judgement`], [`declared`]) is pure.

mod declared;
mod judge;
mod saga;
mod view;

pub use declared::{DECLARED, Declared, declared};
pub use judge::Judgement;
pub use saga::{Saga, State, Step};
pub use view::view;
