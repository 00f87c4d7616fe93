//! What a record's headers say, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod message_headers;

use headwater_fuzzing::{Failure, check};

#[test]
fn message_headers() -> Result<(), Failure> {
    check("message_headers", message_headers::target).map(drop)
}
