//! The target `record_batches`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/devbroker/tests/fuzzing/record_batches.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
