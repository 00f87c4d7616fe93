//! A saga's stored bytes, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod stored_saga;

use headwater_fuzzing::{Failure, check};

#[test]
fn stored_saga() -> Result<(), Failure> {
    check("stored_saga", stored_saga::target).map(drop)
}
