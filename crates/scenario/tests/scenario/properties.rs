//! Whatever the text is, reading it ends in a scenario or in errors with places; never in a panic.

use knockon_kernel::Time;
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options, Scenario, check};
use proptest::prelude::*;

const WEBSHOP: &str = include_str!("../../../../scenarios/systems/webshop.ron");
const LEAK: &str = include_str!("../../../../scenarios/memory_leak.ron");
const SLOW: &str = include_str!("../../../../scenarios/pool_exhaustion.ron");

/// A scenario with every kind of step, law, arrival process and fault.
const EVERYTHING: &str = include_str!("../everything.ron");

fn load(text: &str, system: &str) -> Option<Loaded> {
    let systems = |_: &str| Ok(system.to_owned());
    match Scenario::from_text("text", text, &Options::default(), &systems) {
        Ok(loaded) => Some(loaded),
        Err(errors) => {
            assert!(!errors.all().is_empty());
            assert!(!errors.to_string().chars().any(|c| c.is_control() && c != '\n'), "{errors}");
            None
        }
    }
}

/// Events that a world of an edited scenario runs for: enough to start, to call and to answer.
const EVENTS: usize = 2_000;

/// What loads can be checked, resolved, built and run.
fn is_sound(loaded: &Loaded) {
    let _ = check(loaded);
    let again = load(&loaded.resolved_text, "").expect("a resolved scenario loads");
    assert_eq!(format!("{:?}", loaded.blueprint), format!("{:?}", again.blueprint));
    let mut world = World::new(loaded.blueprint.clone());
    for _ in 0..EVENTS {
        if !matches!(world.step(Time::ZERO + loaded.blueprint.duration, &mut Null), Ok(Some(_))) {
            break;
        }
    }
}

/// A change to a text: what the hand of a hurried person, or of a fuzzer, does.
#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Double(usize, usize),
    Insert(usize, &'static str),
    Swap(usize, usize),
}

const PIECES: [&str; 32] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "0",
    "-1",
    "1e400",
    "NaN",
    "inf",
    "None",
    "Some(3)",
    "()",
    "\"0s\"",
    "\"5min\"",
    "\"1KiB\"",
    "Unlimited",
    "Exponential(\"3ms\")",
    "Loop(2, [Compute(\"1ms\")])",
    "r#\"raw\"#",
    "'c'",
    "1..2",
    "/* no end",
    "// \n",
    "#![enable(implicit_some)]",
    "\u{202e}",
    "ü",
    "99999999999999999999",
];

fn edit() -> impl Strategy<Value = Edit> {
    let place = 0..20_000_usize;
    prop_oneof![
        (place.clone(), 1..40_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (place.clone(), 1..200_usize).prop_map(|(at, length)| Edit::Double(at, length)),
        (place.clone(), proptest::sample::select(&PIECES[..])).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (place.clone(), place).prop_map(|(a, b)| Edit::Swap(a, b)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for edit in edits {
        let length = characters.len().max(1);
        match *edit {
            Edit::Delete(at, span) => {
                let at = at % length;
                characters.drain(at.min(characters.len())..(at + span).min(characters.len()));
            }
            Edit::Double(at, span) => {
                let at = (at % length).min(characters.len());
                let piece = characters[at..(at + span).min(characters.len())].to_vec();
                characters.splice(at..at, piece);
            }
            Edit::Insert(at, piece) => {
                let at = (at % length).min(characters.len());
                characters.splice(at..at, piece.chars());
            }
            Edit::Swap(a, b) if !characters.is_empty() => characters.swap(a % length, b % length),
            Edit::Swap(..) => {}
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        load(&text, WEBSHOP);
    }

    #[test]
    fn any_text_of_the_language_is_read_or_refused(
        pieces in prop::collection::vec(proptest::sample::select(&PIECES[..]), 0..60),
    ) {
        load(&pieces.concat(), WEBSHOP);
        load(LEAK, &pieces.concat());
    }

    #[test]
    fn a_scenario_after_any_edits_is_read_or_refused(edits in prop::collection::vec(edit(), 1..4)) {
        for (scenario, system) in [(EVERYTHING, ""), (LEAK, WEBSHOP), (SLOW, WEBSHOP)] {
            if let Some(loaded) = load(&edited(scenario, &edits), system) {
                is_sound(&loaded);
            }
        }
        if let Some(loaded) = load(LEAK, &edited(WEBSHOP, &edits)) {
            is_sound(&loaded);
        }
    }

    #[test]
    fn any_setting_from_the_command_line_is_read_or_refused(path in "\\PC{0,40}", value in "\\PC{0,40}") {
        let options = Options { overrides: vec![(path, value)], without: vec!["leak".into()], ..Options::default() };
        let _ = Scenario::from_text("text", LEAK, &options, &|_| Ok(WEBSHOP.to_owned()));
    }
}

#[test]
fn the_scenario_with_everything_is_sound() {
    let loaded = load(EVERYTHING, "").expect("it loads");
    is_sound(&loaded);
    // To the end: every parameter that can be set is set on the way, and set back.
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
    let statistics = world.statistics();
    assert!(statistics.sources.iter().all(|source| source.answered > 0), "{statistics:?}");
}

#[test]
fn deep_and_wide_texts_are_refused_in_time() {
    for text in
        ["(".repeat(100_000), "[".repeat(100_000), "Some(".repeat(50_000), format!("({}", "\"a\": ".repeat(50_000))]
    {
        assert!(load(&text, "").is_none());
    }
}
