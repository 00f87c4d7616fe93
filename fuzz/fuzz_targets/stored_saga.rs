//! The target `stored_saga`; what it asserts is said where it stands.
#![no_main]

#[path = "../../processors/sagas/tests/fuzzing/stored_saga.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
