//! The target `stored_state`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/streams/tests/fuzzing/stored_state.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
