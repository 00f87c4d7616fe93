//! The target `avro_value`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/schema/tests/fuzzing/avro_value.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
