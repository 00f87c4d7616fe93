//! The target `message_headers`; what it asserts is said where it stands.
#![no_main]

#[path = "../../crates/event/tests/fuzzing/message_headers.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::target(bytes));
