//! What this crate reads from outside, fuzzed: see fuzz/README.md.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod avro_value;
mod compatibility;
mod json_command;
mod registry_api;
mod registry_log;

use headwater_fuzzing::{Failure, check};

#[test]
fn avro_value() -> Result<(), Failure> {
    check("avro_value", avro_value::target).map(drop)
}

#[test]
fn compatibility() -> Result<(), Failure> {
    check("compatibility", compatibility::target).map(drop)
}

#[test]
fn json_command() -> Result<(), Failure> {
    check("json_command", json_command::target).map(drop)
}

#[test]
fn registry_api() -> Result<(), Failure> {
    check("registry_api", registry_api::target).map(drop)
}

#[test]
fn registry_log() -> Result<(), Failure> {
    check("registry_log", registry_log::target).map(drop)
}
