//! What this crate reads from outside, fuzzed: see fuzz/README.md.

mod broker_connection;
mod broker_files;
mod broker_internal_records;
mod record_batches;

use headwater_fuzzing::{Failure, check};

#[test]
fn broker_connection() -> Result<(), Failure> {
    check("broker_connection", broker_connection::target).map(drop)
}

#[test]
fn broker_files() -> Result<(), Failure> {
    check("broker_files", broker_files::target).map(drop)
}

#[test]
fn broker_internal_records() -> Result<(), Failure> {
    check("broker_internal_records", broker_internal_records::target).map(drop)
}

#[test]
fn record_batches() -> Result<(), Failure> {
    check("record_batches", record_batches::target).map(drop)
}
