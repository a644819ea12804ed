//! Bad scenarios and what is said about them: each `tests/bad/NAME.ron` has its message in `NAME.txt`.
//!
//! Lines `// --set PATH=VALUE` and `// --without FAULT` at the top of a scenario stand for the command line. With
//! `KNOCKON_BLESS=1` the messages are written instead of compared.

use knockon_scenario::{Options, Scenario};
use std::path::{Path, PathBuf};

const FOLDER: &str = "tests/bad";

fn files(ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).expect("tests run in the package's folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

fn options(file: &Path) -> Options {
    let mut options = Options::default();
    for line in std::fs::read_to_string(file).expect("a text").lines() {
        if let Some((path, value)) = line.strip_prefix("// --set ").and_then(|setting| setting.split_once('=')) {
            options.overrides.push((path.into(), value.into()));
        } else if let Some(fault) = line.strip_prefix("// --without ") {
            options.without.push(fault.into());
        }
    }
    options
}

#[test]
fn every_bad_scenario_is_refused_with_its_message() {
    let bless = std::env::var("KNOCKON_BLESS").is_ok();
    let files = files("ron");
    assert!(files.len() >= 40, "only {} bad scenarios", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let message = match Scenario::load(file, &options(file)) {
            Ok(_) => "nothing is wrong with it\n".to_owned(),
            Err(errors) => errors.to_string(),
        };
        let beside = file.with_extension("txt");
        if bless {
            std::fs::write(&beside, &message).expect("the message can be written");
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if message != expected || !message.starts_with("error: ") {
            wrong.push(format!("{}\n--- expected\n{expected}--- said\n{message}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn every_message_has_its_scenario() {
    for message in files("txt") {
        assert!(message.with_extension("ron").exists(), "{} is about nothing", message.display());
    }
}

#[test]
fn errors_come_in_the_order_of_the_text() {
    let file = Path::new(FOLDER).join("many_at_once.ron");
    let errors = Scenario::load(&file, &Options::default()).expect_err("much is wrong with it");
    let lines: Vec<usize> = errors.all().iter().map(|error| error.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    assert!(lines.len() >= 10, "{lines:?}");
}

#[test]
fn files_that_are_no_scenarios_say_so() {
    for (file, part) in [("tests/bad/no_such_file.ron", "cannot be read"), ("tests/bad", "is a folder")] {
        let errors = Scenario::load(Path::new(file), &Options::default()).expect_err("it is no scenario");
        assert!(errors.to_string().contains(part), "{errors}");
    }
    let none = |_: &str| Err("cannot be read".to_owned());
    let large = format!("({})", " ".repeat(1 << 20));
    let errors = Scenario::from_text("large", &large, &Options::default(), &none).expect_err("it is too large");
    assert!(errors.to_string().contains("larger than 1 MiB"), "{errors}");
}
