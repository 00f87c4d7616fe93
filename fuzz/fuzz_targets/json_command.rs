//! The target `json_command`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/schema/tests/fuzzing/json_command.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
