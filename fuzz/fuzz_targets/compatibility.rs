//! The target `compatibility`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/schema/tests/fuzzing/compatibility.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
