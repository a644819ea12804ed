//! What fuzzers call, and what the tests of their corpora call: a panic is a finding.

use crate::{audit, load, scenario};
use knockon_scenario::{Options, Scenario};

/// Events of a world that a fuzzer made.
const EVENTS: u64 = 10_000;

/// Any text either loads or is refused with errors that say something: no panic, no endless loop, no stack that runs out. What was
/// understood says itself again in the resolved text.
///
/// # Panics
/// When it does not.
pub fn scenario_text(text: &str) {
    let nothing = |_: &str| Err("is not there".to_owned());
    match Scenario::from_text("fuzz", text, &Options::default(), &nothing) {
        Ok(loaded) => {
            let again = Scenario::from_text("fuzz", &loaded.resolved_text, &Options::default(), &nothing);
            assert_eq!(again.expect("resolved text loads").resolved_text, loaded.resolved_text);
        }
        Err(errors) => assert!(errors.all().iter().all(|error| !error.message.is_empty())),
    }
}

/// Any bytes are a world with which nothing is wrong.
///
/// # Panics
/// When something is; the message has the scenario.
pub fn world(bytes: &[u8]) {
    world_text(&scenario(bytes));
}

/// So is this scenario. What was found to be wrong with a world is kept as text: bytes stand for other worlds when the tables of the
/// language grow.
///
/// # Panics
/// When something is wrong with it; the message has the scenario.
pub fn world_text(text: &str) {
    let loaded = load(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    if let Err(wrong) = audit(&loaded.blueprint, EVENTS) {
        panic!("{wrong}\n{}", loaded.resolved_text);
    }
}

/// How the first byte says a file is packed.
const ENDINGS: [&str; 3] = ["csv", "csv.gz", "csv.zst"];

/// Any bytes as a file of recorded data either are read, and replayed, or are refused with errors that say something.
///
/// # Panics
/// When they are not.
pub fn table(bytes: &[u8]) {
    let Some((&packed, file)) = bytes.split_first() else { return };
    let name = format!("rows.{}", ENDINGS[usize::from(packed) % ENDINGS.len()]);
    let text = format!(
        r#"(
            duration: "1s",
            data: {{"rows": "{name}"}},
            services: {{"api": (endpoints: {{
                "GET /a": (steps: [Compute(Recorded(column: "cost_us", factor: 0.5))]),
                "GET /b": (steps: [Sleep(Recorded(columns: ["cost_us", "wait_ms"]))]),
            }})}},
            load: {{"clients": (
                target: "api", arrivals: Replay(data: "rows", column: "at_ms"),
                mix: Column("class", {{"a": "GET /a", "b": "GET /b"}}),
            )}},
        )"#
    );
    let files = |wanted: &str, _: u64| if wanted == name { Ok(file.to_vec()) } else { Err("is not there".to_owned()) };
    match Scenario::from_text_and_files("fuzz", &text, &Options::default(), &files) {
        Ok(loaded) => {
            if let Err(wrong) = audit(&loaded.blueprint, 1_000) {
                panic!("{wrong}\n{}", String::from_utf8_lossy(file));
            }
        }
        Err(errors) => assert!(errors.all().iter().all(|error| !error.message.is_empty()), "{errors}"),
    }
}
