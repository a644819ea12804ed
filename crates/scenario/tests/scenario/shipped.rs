//! Every shipped scenario loads, and its resolved text loads to the same blueprint.

use knockon_scenario::{Options, Scenario, check};
use std::path::{Path, PathBuf};

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the shipped scenarios lie beside the crates")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .collect();
    files.sort();
    files
}

#[test]
fn shipped_scenarios_load_and_resolve_to_themselves() {
    let files = shipped();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let options = Options::default();
        let loaded = Scenario::load(&file, &options).unwrap_or_else(|errors| panic!("{}:\n{errors}", file.display()));
        let none = |system: &str| Err(format!("is not needed by a resolved scenario: {system}"));
        let again = Scenario::from_text(&loaded.name, &loaded.resolved_text, &options, &none)
            .unwrap_or_else(|errors| panic!("resolved {}:\n{errors}", file.display()));
        assert_eq!(format!("{:?}", loaded.blueprint), format!("{:?}", again.blueprint), "{}", file.display());
        assert_eq!(loaded.expectations, again.expectations);
        assert_eq!(loaded.resolved_text, again.resolved_text);
    }
}

#[test]
fn shipped_scenarios_are_healthy_on_paper_and_expect_something() {
    for file in shipped() {
        let loaded = Scenario::load(&file, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!loaded.title.is_empty() && !loaded.expectations.is_empty(), "{}", file.display());
        let lines = check(&loaded);
        assert!(lines.len() > 10, "{lines:?}");
        assert!(lines.iter().all(|line| line.healthy), "{}: {lines:#?}", file.display());
    }
}

/// What `docs/calibrate.md` puts together can be run as it stands.
#[test]
fn the_scenario_that_the_guide_ends_with_is_one() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/calibrate.md");
    let guide = std::fs::read_to_string(guide).expect("the guide lies beside the crates");
    let (_, rest) = guide.split_once("## Put together").expect("the guide puts things together");
    let (_, rest) = rest.split_once("```ron\n").expect("a scenario");
    let (text, _) = rest.split_once("```").expect("its end");
    let none = |_: &str| Err("is not there".to_owned());
    let loaded =
        Scenario::from_text("shop", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    let lines = check(&loaded);
    assert!(lines.len() > 8 && lines.iter().all(|line| line.healthy), "{lines:#?}");
}
