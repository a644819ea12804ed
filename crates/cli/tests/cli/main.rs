//! The command line as a user has it: the built binary, its exit codes, its messages, and what it leaves on disk.

mod alike;
mod diff;
mod documents;
mod explain;
mod export;
mod export_ocsf;
mod export_truth;
mod folders;
mod golden;
mod init;
mod many;
mod observer;
mod output;
mod prove;
mod replay;
mod report;
mod run;
mod serve;
mod signals;
mod truth;
mod usage;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The scenario that most tests run.
fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.ron")
}

/// `sim` with its working directory in a folder of the test's own.
fn sim(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}

/// What came of a command.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

fn end(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what sim prints is UTF-8");
    Ended { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// The digest in a summary in JSON.
fn digest(ended: &Ended) -> String {
    let summary: serde_json::Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    summary["digest"].as_str().expect("a summary has a digest").to_owned()
}

/// Names in a folder, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}
