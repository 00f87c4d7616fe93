//! topics.yaml, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod topics_yaml;

use headwater_fuzzing::{Failure, check};

#[test]
fn topics_yaml() -> Result<(), Failure> {
    check("topics_yaml", topics_yaml::target).map(drop)
}
