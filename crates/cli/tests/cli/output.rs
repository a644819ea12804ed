//! Standard output and error: full, closed, and free of what steers a terminal.

use super::{end, sim, small};
use std::io::Read as _;
use std::process::Stdio;

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_ends_with_74() {
    let folder = tempfile::tempdir().unwrap();
    let schema: &[&str] = &["schema", "scenario"];
    let completions: &[&str] = &["completions", "bash"];
    for arguments in [schema, completions, &["--help"], &["run", small().to_str().unwrap(), "--telemetry", "none"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = sim(folder.path()).args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{arguments:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.contains("cannot write to standard output"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["schema", "scenario"][..], &["--help"], &["run", small().to_str().unwrap(), "--telemetry", "none"]]
    {
        let mut child =
            sim(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}: {err}");
        assert_eq!(err, "", "{arguments:?}");
    }
}

#[test]
fn names_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).args(["run", "\u{1b}[31mred\u{202e}.ron"]));
    assert_eq!(ended.code, Some(2));
    assert!(!ended.err.contains(['\u{1b}', '\u{202e}']), "{:?}", ended.err);
}

#[test]
fn json_is_all_that_standard_output_holds() {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--format", "json"]));
    let summary: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let requests = &summary["requests"];
    let count = |name: &str| requests[name].as_u64().unwrap();
    assert_eq!(count("sent"), count("answered") + count("failed") + count("in_flight"));
    assert!(count("sent") > 2_000, "{requests}");
    assert_eq!(summary["out"], "out/small-s1");
    assert_eq!(summary["expectations"][0]["held"], true);
}
