//! `sim export` of formats that tell the truth: what they tell is what the run's truth says, and they ask for it.

use super::{Ended, end, names, sim, small};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn run(arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run"]).args(arguments));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn export(folder: &Path, format: &str, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["export", "run", "--format", format, "--out", "exported"]).args(arguments))
}

/// Rows of a file of values separated by commas, by the names of its header; none of the fields has a comma or a quote.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let row = |line: &str| header.iter().cloned().zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

/// All files below a folder with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.append(&mut files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_case_of_rcaeval_is_named_after_its_root_cause() {
    let folder = run(&[]);
    let ended = export(folder.path(), "rcaeval", &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let exported = folder.path().join("exported");
    assert_eq!(names(&exported), ["db_cpu", "export.json"]);
    let case = exported.join("db_cpu/1");
    assert_eq!(names(&case), ["data.csv", "inject_time.txt", "logs.csv", "metrics.json", "traces.csv"]);
    let inject: i64 = fs::read_to_string(case.join("inject_time.txt")).unwrap().trim().parse().unwrap();
    let rows = rows(&case.join("data.csv"));
    let column = |name: &str| rows.iter().map(|row| row[name].parse().unwrap()).collect::<Vec<f64>>();
    assert_eq!(column("time")[0] as i64, inject - 20, "the run begins 20 s before its fault");
    assert_eq!(column("time").len(), 61);
    // The query takes 400 ms from then on, and what the database served last stands until the next scrape, five seconds later.
    let latency = column("db_latency-90");
    assert!(latency[20] < 0.1 && latency[26] >= 0.4, "{latency:?}");
    assert!(rows.iter().all(|row| row.values().all(|value| value.parse::<f64>().is_ok_and(f64::is_finite))));
    let marker = fs::read_to_string(exported.join("export.json")).unwrap();
    assert!(marker.contains("\"truth\": true") && !marker.contains("semconv"), "{marker}");
}

#[test]
fn the_same_run_gives_the_same_files_and_an_earlier_export_is_replaced() {
    let folder = run(&[]);
    for format in ["rcaeval"] {
        assert_eq!(export(folder.path(), format, &[]).code, Some(0), "{format}");
        let before = files(&folder.path().join("exported"));
        assert_eq!(export(folder.path(), format, &[]).code, Some(0), "{format}");
        assert!(files(&folder.path().join("exported")) == before, "{format}");
    }
    assert_eq!(names(folder.path()), ["exported", "run"], "nothing is left behind");
    fs::write(folder.path().join("exported/db_cpu/notes.txt"), "mine").unwrap();
    let ended = export(folder.path(), "rcaeval", &[]);
    assert!(ended.code == Some(2) && ended.err.contains("db_cpu/notes.txt"), "{ended:?}");
}

#[test]
fn without_truth_there_is_nothing_to_tell() {
    let folder = run(&["--no-truth"]);
    for format in ["rcaeval"] {
        let ended = export(folder.path(), format, &[]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("no truth to export") && ended.err.contains("without --no-truth"), "{ended:?}");
    }
    let folder = run(&["--without", "slow"]);
    let ended = export(folder.path(), "rcaeval", &[]);
    assert!(ended.code == Some(2) && ended.err.contains("no incident to export"), "{ended:?}");
    assert_eq!(names(folder.path()), ["run"]);
}

#[test]
fn a_flag_of_another_format_is_refused() {
    let folder = run(&["--no-truth"]);
    let ended = export(folder.path(), "rcaeval", &["--semconv", "old"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("`--semconv` names attributes, which rcaeval does not have"), "{ended:?}");
    assert!(ended.err.contains("`--format otlp`"), "{ended:?}");
}
