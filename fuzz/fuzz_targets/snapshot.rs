//! The target `snapshot`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/snapshot/tests/fuzzing/snapshot.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
