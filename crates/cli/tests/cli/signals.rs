//! Interrupted and killed runs leave nothing that reads as complete.
#![cfg(unix)]

use super::{digest, end, names, sim, small};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run that takes far longer than any test waits.
fn endless(folder: &Path) -> Child {
    sim(folder)
        .arg("run")
        .arg(small())
        .args(["--until", "20000h", "--out", "run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn interrupted_runs_take_their_folder_away() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let child = endless(folder.path());
        wait_until("a staged folder", || !names(folder.path()).is_empty());
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("interrupted; nothing was written"), "{err}");
        assert!(output.stdout.is_empty());
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn an_interrupted_run_leaves_the_finished_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run"])).code, Some(0));
    let child = endless(folder.path());
    wait_until("a staged folder", || names(folder.path()).len() == 2);
    send("INT", &child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(names(folder.path()), ["run"]);
    knockon_telemetry::check_tables(&folder.path().join("run")).unwrap();
}

#[test]
fn a_killed_run_never_reads_as_complete() {
    const KILLS: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let begin = || {
        let mut command = sim(folder.path());
        command.arg("run").arg(small()).args(["--out", "run", "--format", "json"]);
        command
    };
    let began = Instant::now();
    let whole = end(&mut begin());
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let takes = began.elapsed();
    std::fs::remove_dir_all(&run).unwrap();
    let mut killed = 0;
    for kill in 0..KILLS {
        let mut child = begin().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(takes * kill / KILLS);
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        // What lies in the run's place is whole or not there; everything else hides behind a dot.
        if run.exists() {
            knockon_telemetry::check_tables(&run).unwrap();
        }
        assert!(names(folder.path()).iter().all(|name| name == "run" || name.starts_with('.')));
    }
    assert!(killed >= KILLS / 2, "only {killed} runs were killed before they ended");
    // The next run sweeps up and gives what it would have given.
    let after = end(&mut begin());
    assert_eq!(after.code, Some(0), "{after:?}");
    assert_eq!(digest(&after), digest(&whole));
    assert_eq!(names(folder.path()), ["run"]);
    knockon_telemetry::check_tables(&run).unwrap();
}
