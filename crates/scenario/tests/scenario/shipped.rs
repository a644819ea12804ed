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

/// What `sim check` warns of in scenarios whose healthy state is one that does not come back once it is left, or not soon. Of each what the line says.
const VULNERABLE: &[(&str, &str)] = &[
    ("breaker_flapping", "auth-service: a full queue"),
    ("cache_key_explosion", "with a cold cache the workers of postgres"),
    ("cache_storm", "with a cold cache the workers of postgres"),
    ("cold_cache_collapse", "with a cold cache the workers of postgres"),
    ("redis_mass_expiry", "30000 keys may expire at once"),
    ("retry_storm", "4 tries a call, so overload feeds itself"),
    ("retry_storm", "web-api: a full queue"),
];

#[test]
fn shipped_scenarios_are_healthy_on_paper_and_expect_something() {
    let mut warned = std::collections::BTreeSet::new();
    for file in shipped() {
        let loaded = Scenario::load(&file, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!loaded.title.is_empty() && !loaded.expectations.is_empty(), "{}", file.display());
        let lines = check(&loaded);
        assert!(lines.len() > 8, "{lines:?}");
        for line in lines.iter().filter(|line| !line.healthy) {
            let known = VULNERABLE.iter().find(|(name, says)| *name == loaded.name && line.text.contains(says));
            warned.insert(known.unwrap_or_else(|| panic!("{}: {line:#?}", file.display())));
        }
    }
    assert_eq!(warned.len(), VULNERABLE.len(), "each vulnerability shows on paper: {warned:?}");
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

/// `scenarios/README.md` has a row for each shipped scenario, with a picture, and no row of one that is not there.
#[test]
fn the_catalogue_is_complete() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let page = std::fs::read_to_string(folder.join("README.md")).expect("the catalogue lies beside the scenarios");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| [")).collect();
    let of = |name: &str| rows.iter().filter(|row| row.contains(&format!("[{name}]({name}.ron)"))).count();
    for file in shipped() {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert_eq!(
            of(name),
            1,
            "a row for {name}: cause, chain, how it ends, what to look at, and its picture by docs/catalogue.py"
        );
        assert!(page.contains(&format!("(pictures/{name}.svg)")), "{name} has a picture in its row");
        assert!(folder.join(format!("pictures/{name}.svg")).exists(), "draw it: python docs/catalogue.py {name}");
    }
    assert_eq!(rows.len(), shipped().len(), "rows of scenarios that are not there");
}
