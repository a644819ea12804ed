//! The scenarios that replay what real systems did, and the page that tells how well.

use knockon_kernel::Time;
use knockon_lab::fidelity::{Comparison, Seen, judge, page};
use knockon_model::World;
use knockon_scenario::{Expectation, Options, Scenario};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/fidelity")
}

/// Runs a scenario and compares it with its original.
fn compare(file: &Path) -> Vec<Comparison> {
    let loaded = Scenario::load(file, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let mut world = World::new(loaded.blueprint.clone());
    let mut seen = Seen::new(world.catalogue(), &loaded.blueprint);
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut seen).expect("no limit is hit");
    let [Expectation::Reproduces { service, original, misses }] = &loaded.expectations[..] else {
        panic!("{} expects something else", file.display())
    };
    assert_eq!(original.set, loaded.name, "a scenario replays the set of its name");
    judge(original, service, misses, &seen)
}

fn files(ending: &str, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the scenarios lie beside the crates");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

/// `KNOCKON_BLESS=1` writes the page anew, as does the command that it names.
#[test]
fn at_least_98_of_100_observables_are_fair_predictions_and_the_page_says_which() {
    let scenarios = files("ron", &folder());
    for set in files("json", &folder().join("data")) {
        let name = set.file_stem().expect("files have names");
        let replayed = scenarios.iter().any(|scenario| scenario.file_stem() == Some(name));
        assert!(
            replayed,
            "{} has no scenario: what was measured counts, whether it is predicted or not",
            set.display()
        );
    }
    let comparisons: Vec<Comparison> = scenarios.iter().flat_map(|file| compare(file)).collect();
    let counted: Vec<&Comparison> = comparisons.iter().filter(|comparison| comparison.counted).collect();
    let fair = counted.iter().filter(|comparison| comparison.is_fair()).count();
    assert!(fair * 100 >= counted.len() * 98, "{fair} of {} are fair", counted.len());
    for comparison in &comparisons {
        let declared = comparison.mechanism.is_some();
        assert!(comparison.is_fair() || declared, "its scenario does not say why it misses: {comparison:?}");
        assert!(!comparison.is_fair() || !declared || comparison.drawn, "is no miss any more: {comparison:?}");
    }
    let file = folder().join("../../FIDELITY.md");
    let now = page(&comparisons);
    if std::env::var_os("KNOCKON_BLESS").is_some() {
        std::fs::write(&file, &now).expect("the page can be written");
    }
    assert!(std::fs::read_to_string(&file).unwrap_or_default() == now, "FIDELITY.md is not what the scenarios give");
}

/// A judge that lets everything pass is none: another pool, another timeout, another heap are no fair predictions.
#[test]
fn a_machine_with_other_parameters_does_not_pass_for_the_original() {
    for (set, path, value) in [
        ("f1_slow_over", "app/pool.maximum", "11"),
        ("f1_burst", "app/pool.acquire_timeout", "600ms"),
        ("f3_collapse", "server.workers", "2"),
        ("f4_leak_serial_fast", "app/heap.maximum", "144MiB"),
    ] {
        let options = Options { overrides: vec![(path.into(), value.into())], ..Options::default() };
        let file = folder().join(set).with_extension("ron");
        let loaded = Scenario::load(&file, &options).unwrap_or_else(|errors| panic!("{errors}"));
        let mut world = World::new(loaded.blueprint.clone());
        let mut seen = Seen::new(world.catalogue(), &loaded.blueprint);
        world.run_until(Time::ZERO + loaded.blueprint.duration, &mut seen).expect("no limit is hit");
        let [Expectation::Reproduces { service, original, misses }] = &loaded.expectations[..] else { unreachable!() };
        let comparisons = judge(original, service, misses, &seen);
        let fair = comparisons.iter().filter(|comparison| comparison.is_fair()).count();
        assert!(fair + 1 < comparisons.len(), "{set} with {path} {value}: {fair} of {} are fair", comparisons.len());
    }
}
