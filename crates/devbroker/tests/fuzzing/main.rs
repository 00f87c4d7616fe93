//! What this crate reads from outside, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod broker_connection;
mod broker_files;
mod broker_internal_records;
mod record_batches;

use headwater_fuzzing::{Failure, check, corpus};

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

#[test]
fn what_was_recorded_of_clients_is_taken_so_that_fuzzing_reaches_what_lies_behind() {
    for seed in corpus::read("broker_connection").expect("a corpus") {
        let served = broker_connection::served(&seed.bytes);
        let expected = if seed.name == "http" { None } else { Some(5..) };
        match expected {
            None => assert_eq!(served, None),
            Some(enough) => assert!(served.is_some_and(|served| enough.contains(&served)), "{}: {served:?}", seed.name),
        }
    }
    for seed in corpus::read("record_batches").expect("a corpus") {
        assert!(record_batches::taken(&seed.bytes) > 0, "{}", seed.name);
    }
}
