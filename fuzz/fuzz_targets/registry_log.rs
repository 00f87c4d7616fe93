//! The target `registry_log`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/schema/tests/fuzzing/registry_log.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
