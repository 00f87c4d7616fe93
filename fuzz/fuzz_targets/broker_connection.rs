//! The target `broker_connection`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/devbroker/tests/fuzzing/broker_connection.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
