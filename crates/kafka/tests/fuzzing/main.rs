//! topics.yaml and brokers' answers, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod broker_answers;
mod topics_yaml;

use headwater_fuzzing::{Failure, check};

#[test]
fn topics_yaml() -> Result<(), Failure> {
    check("topics_yaml", topics_yaml::target).map(drop)
}

#[test]
fn broker_answers() -> Result<(), Failure> {
    broker_answers::the_transaction_is_whole();
    check("broker_answers", broker_answers::target).map(drop)
}
