//! A writer that is killed at any moment leaves no folder that reads as a finished run, and the next one cleans up.

#![cfg(unix)]

mod common;

use common::{Generator, blueprint, catalogue};
use knockon_telemetry::{Closing, Meta, Options, RunWriter, check_tables};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const OUT: &str = "KNOCKON_TEST_OUT";

/// The killed process: this test's own binary, asked for this one test.
#[test]
#[ignore = "runs in a child process of the other test"]
fn child_writes_runs_for_ever() {
    let out = std::env::var(OUT).expect("the parent says where");
    loop {
        write(Path::new(&out));
    }
}

fn write(out: &Path) {
    let blueprint = blueprint();
    let catalogue = catalogue(&blueprint);
    let writer = RunWriter::create(out, Meta::default(), &catalogue, &blueprint, Options::default()).unwrap();
    let mut recorder = writer.recorder().unwrap();
    let mut generator = Generator::new(&catalogue);
    (0..2_000).for_each(|_| generator.step(&mut recorder));
    generator.finish(&mut recorder);
    writer.finish(Some(recorder), None, Closing::default()).unwrap();
}

#[test]
fn a_killed_writer_leaves_no_finished_looking_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut leftovers = 0;
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child_writes_runs_for_ever"])
            .env(OUT, &out)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(40 + 17 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if out.exists() {
            check_tables(&out).unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        leftovers += std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name() != "run")
            .count();
    }
    assert!(leftovers > 0, "no kill hit a writer at work: the test shows nothing");
    write(&out);
    check_tables(&out).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the last run has swept");
}
