//! Nothing is wrong with any world.

use knockon_arbitrary::{audit, bytes, load, scenario, used, vocabulary};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a world; more than most need.
const LENGTH: usize = 2_500;
/// Worlds of a test run, and events of each. The fuzzer makes many more, of more events.
const WORLDS: u64 = 300;
const EVENTS: u64 = 4_000;

#[test]
fn every_byte_string_is_a_scenario_that_compiles_and_says_itself_again() {
    let few = [vec![], vec![0], vec![255; 7], vec![255; 4_000], vec![0; 4_000]];
    for bytes in few.into_iter().chain((0..1_000).map(|seed| bytes(seed, LENGTH))) {
        let text = scenario(&bytes);
        let loaded = load(&text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let again = load(&loaded.resolved_text).unwrap_or_else(|errors| panic!("{errors}\n{}", loaded.resolved_text));
        assert_eq!(again.resolved_text, loaded.resolved_text);
        assert_eq!(format!("{:?}", again.blueprint), format!("{:?}", loaded.blueprint), "{text}");
        let _ = knockon_scenario::check(&loaded);
    }
}

#[test]
fn nothing_is_wrong_with_any_world() {
    let (mut dry, mut stopped, mut answered, mut long) = (0, 0, 0, 0);
    for seed in 0..WORLDS {
        let loaded = load(&scenario(&bytes(seed, LENGTH))).expect("every world loads");
        let audited = audit(&loaded.blueprint, EVENTS)
            .unwrap_or_else(|wrong| panic!("world {seed}: {wrong}\n{}", loaded.resolved_text));
        dry += u64::from(audited.dry);
        stopped += u64::from(audited.stopped.is_some());
        answered += u64::from(audited.answered > 0);
        long += u64::from(audited.events == EVENTS);
    }
    // Worlds in which nothing happens prove nothing.
    // Some never end: who handles a message publishes another, or is probed more often than it answers.
    assert!(dry * 100 > WORLDS * 95, "{dry} run dry");
    assert!(stopped * 20 < WORLDS, "{stopped} hit a limit");
    assert!(answered * 10 > WORLDS * 7, "{answered} answer");
    assert!(long * 10 > WORLDS * 3, "{long} are long");
}

/// What the language has and worlds are not made of, and why.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("scenario", "system", "a shared system is a file of its own"),
    ("scenario", "expect", "an expectation says nothing to the world"),
    ("scenario", "data", RECORDED),
    ("Replay", "data", RECORDED),
    ("Replay", "column", RECORDED),
    ("load source", "data", RECORDED),
    ("distribution", "Recorded", RECORDED),
    ("Recorded", "column", RECORDED),
    ("Recorded", "factor", RECORDED),
    ("Recorded", "columns", RECORDED),
    ("Column", "column", RECORDED),
    ("Column", "endpoints", RECORDED),
    ("scenario", "measure", "an estimate says nothing to the world"),
    ("popularity", "Recorded", RECORDED),
    ("key space", "preload", RECORDED),
    ("preload", "data", RECORDED),
    ("preload", "expires", RECORDED),
    ("preload", "key", RECORDED),
];

const RECORDED: &str = "recorded data are files of their own";

/// Parts of the language that concern expectations alone.
const ABOUT_EXPECTATIONS: &[&str] = &["expectation", "bound", "milestone", "measure", "miss"];

/// The language by the page of its schema: by record or variant its fields, by choice its variants.
fn page() -> BTreeMap<String, BTreeSet<String>> {
    let page = knockon_scenario::schema();
    let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut section, mut holder) = (String::new(), String::new());
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            (section, holder) = (name.to_owned(), name.to_owned());
        } else if let Some(variant) = line.strip_prefix("- `") {
            let name = variant.split(['(', '`']).next().unwrap_or_default().to_owned();
            words.entry(section.clone()).or_default().insert(name.clone());
            holder = if ABOUT_EXPECTATIONS.contains(&section.as_str()) { section.clone() } else { name };
        } else if let Some(field) = line.strip_prefix("    ").filter(|_| !section.is_empty()) {
            let end = field.find(' ').unwrap_or(field.len());
            words.entry(holder.clone()).or_default().insert(field[..end].to_owned());
        }
    }
    words.retain(|name, _| !ABOUT_EXPECTATIONS.contains(&name.as_str()) && !name.contains("statistics"));
    words
}

#[test]
fn everything_of_the_language_can_be_made_up() {
    let (page, vocabulary) = (page(), vocabulary());
    let mut missing = Vec::new();
    for (name, words) in &page {
        let known = vocabulary.get(name.as_str());
        for word in words {
            let left_out = LEFT_OUT.iter().any(|(holder, left, _)| holder == name && left == word);
            if !left_out && !known.is_some_and(|known| known.contains(word.as_str())) {
                missing.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "add rows to the tables of `crates/arbitrary/src/language` for {missing:#?}");
    for (name, words) in &vocabulary {
        let known = page.get(*name).unwrap_or_else(|| panic!("the language has no {name:?}"));
        assert!(words.iter().all(|word| known.contains(*word)), "{name}: {words:?} against {known:?}");
    }
}

#[test]
fn everything_that_can_be_made_up_is() {
    let used: BTreeSet<_> = (0..1_500).flat_map(|seed| used(&bytes(seed, LENGTH))).collect();
    for (name, words) in vocabulary() {
        let missing: Vec<_> = words.into_iter().filter(|word| !used.contains(&(name, *word))).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} never come");
    }
}
