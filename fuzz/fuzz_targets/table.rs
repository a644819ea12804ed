//! Any bytes as a file of recorded data are read or refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| knockon_arbitrary::targets::table(bytes));
