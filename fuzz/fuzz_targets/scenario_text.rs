//! Any text either loads or is refused with an error that has a message.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| knockon_arbitrary::targets::scenario_text(text));
