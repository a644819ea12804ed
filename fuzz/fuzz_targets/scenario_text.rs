//! Any text either loads or is refused with an error that has a message: no panic, no endless loop, no stack that runs out.

#![no_main]

use knockon_scenario::{Options, Scenario};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Scenario::from_text("fuzz", text, &Options::default(), &|_| Err("is not there".to_owned())) {
        // What was understood says itself again in the resolved text.
        Ok(loaded) => {
            let again = Scenario::from_text("fuzz", &loaded.resolved_text, &Options::default(), &|_| unreachable!());
            assert_eq!(again.expect("resolved text loads").resolved_text, loaded.resolved_text);
        }
        Err(errors) => assert!(errors.all().iter().all(|error| !error.message.is_empty())),
    }
});
