//! What is read of a snapshot, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod snapshot;

use headwater_fuzzing::{Failure, check};

#[test]
fn snapshot() -> Result<(), Failure> {
    check("snapshot", snapshot::target).map(drop)
}
