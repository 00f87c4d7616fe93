//! Fuzz targets on the stable toolchain: a corpus replayed, then inputs made from it.
//!
//! - [`check`]: what a test calls.
//! - [`Mutator`]: makes inputs from inputs, reproducibly.
//! - [`corpus`]: the files of a target.

mod check;
pub mod corpus;
mod mutator;

pub use check::{Failure, Report, check};
pub use mutator::Mutator;
