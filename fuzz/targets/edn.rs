//! Jepsen's EDN.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::foreign(history::Format::JepsenEdn, bytes));
