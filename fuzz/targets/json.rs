//! The JSON that elle-cli reads.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::foreign(history::Format::ElleJson, bytes));
