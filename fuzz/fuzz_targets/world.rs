//! Any bytes are a valid world, and nothing is wrong with it over ten thousand events.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| knockon_arbitrary::targets::world(bytes));
