//! What a task reads back from its stores, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod stored_state;

use headwater_fuzzing::{Failure, check};

#[test]
fn stored_state() -> Result<(), Failure> {
    check("stored_state", stored_state::target).map(drop)
}
