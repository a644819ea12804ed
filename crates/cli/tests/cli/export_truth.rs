//! `sim export` of formats that tell the truth: what they tell is what the run's truth says, and they ask for it.

use super::{Ended, end, names, sim, small};
use knockon_telemetry::RunReader;
use std::collections::{BTreeMap, BTreeSet};
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
fn spans_are_split_by_what_faults_did_to_them() {
    let folder = run(&[]);
    let ended = export(folder.path(), "csv", &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(names(&folder.path().join("exported")), ["export.json", "truth"]);
    let truth = folder.path().join("exported/truth");
    let files = ["traces_anomalous.csv", "traces_cpu.csv", "traces_labeled.csv", "traces_normal.csv"];
    assert_eq!(names(&truth), files);
    let [anomalous, cpu, labeled, normal] = files.map(|file| rows(&truth.join(file)));
    assert_eq!(labeled.len(), normal.len() + anomalous.len());
    assert_eq!(cpu, anomalous, "there is one kind of fault");
    assert_eq!(labeled[0].len(), 24);
    // By the tables: what is hurt, or there only with the fault.
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let mut told = BTreeSet::new();
    for batch in run.read("truth/labels_spans", &["trace_id", "span_id", "hurt", "difference_ns"]).unwrap() {
        let batch = batch.unwrap();
        for row in (0..batch.rows()).filter(|&row| batch.answer(2, row).unwrap() || batch.integer(3, row).is_none()) {
            let id = |column, digits| format!("{:0digits$x}", batch.id(column, row).unwrap());
            told.insert((id(0, 32), id(1, 16)));
        }
    }
    let found: BTreeSet<_> = anomalous.iter().map(|row| (row["trace_id"].clone(), row["span_id"].clone())).collect();
    assert!(found == told && found.len() > 100, "{} and {}", found.len(), told.len());
    let label = |row: &BTreeMap<String, String>| {
        ["anomaly_type", "anomaly_label", "anomaly_root_cause", "anomaly_msg"].map(|name| row[name].clone())
    };
    assert_eq!(label(&anomalous[0]), ["cpu", "anomalous", "db", "slow: db/read.demand"]);
    assert!(normal.iter().all(|row| label(row) == ["none", "normal", "none", ""]));
}

#[test]
fn an_issue_of_petshop_has_its_answer_beside_it() {
    let folder = run(&[]);
    // A minute is shorter than a window of five: there is nothing to tell of.
    assert_eq!(export(folder.path(), "petshop", &[]).code, Some(0));
    let exported = folder.path().join("exported");
    assert_eq!(names(&exported), ["export.json", "graph.csv", "noissue", "test", "train"]);
    let folder = tempfile::tempdir().unwrap();
    let scenario = fs::read_to_string(small()).unwrap().replace("60s", "20min");
    let scenario = scenario.replace("at: \"20s\", until: \"30s\"", "at: \"10min\", until: \"14min\"");
    fs::write(folder.path().join("long.ron"), scenario.replace("Poisson(\"50/s\")", "Poisson(\"8/s\")")).unwrap();
    let ended = end(sim(folder.path()).args(["run", "long.ron", "--out", "run"]));
    assert!(folder.path().join("run/truth/incidents.json").exists(), "{ended:?}");
    assert_eq!(export(folder.path(), "petshop", &[]).code, Some(0));
    let exported = folder.path().join("exported");
    assert_eq!(names(&exported.join("test")), [".keep", "issue_0"]);
    assert_eq!(fs::read_to_string(exported.join("graph.csv")).unwrap(), ",api,db\napi,0.0,1.0\ndb,0.0,0.0\n");
    let answer = fs::read_to_string(exported.join("test/issue_0/target.json")).unwrap();
    assert!(answer.contains("\"root_cause\":{\"node\":\"db\",\"metric\":null}"), "{answer}");
    assert!(answer.contains("\"target\":{\"node\":\"api\""), "{answer}");
    let text = fs::read_to_string(exported.join("test/issue_0/metrics.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        (lines[0][0], lines[1][0], lines[2][0], lines[3][0]),
        ("microservice", "metric", "statistic", "unix_timestamp")
    );
    // The third row is the one to be explained: the window from the tenth minute on, by the spans themselves.
    let start = 1_767_603_600 + 600;
    assert_eq!(lines[6][0], format!("{start}.0"));
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let mut durations = Vec::new();
    for batch in run.read("observed/spans", &["kind", "end_time", "duration_ns"]).unwrap().map(Result::unwrap) {
        for row in (0..batch.rows()).filter(|&row| batch.text(0, row) == Some("SERVER")) {
            let end = batch.integer(1, row).unwrap() - start * 1_000_000_000;
            if (1..=300_000_000_000).contains(&end) {
                durations.push(batch.integer(2, row).unwrap());
            }
        }
    }
    durations.sort_unstable();
    let of = |metric: &str, statistic: &str| {
        let column =
            (1..lines[0].len()).find(|&n| (lines[0][n], lines[1][n], lines[2][n]) == ("api", metric, statistic));
        lines[6][column.unwrap()].parse::<f64>().unwrap()
    };
    assert_eq!(of("requests", "Sum"), durations.len() as f64);
    let mean = durations.iter().sum::<i64>() as f64 / durations.len() as f64 / 1e9;
    assert!((of("latency", "Average") - mean).abs() < 1e-9);
    assert_eq!(of("latency", "p90"), durations[(durations.len() * 90).div_ceil(100) - 1] as f64 / 1e9);
}

#[test]
fn the_same_run_gives_the_same_files_and_an_earlier_export_is_replaced() {
    let folder = run(&[]);
    for format in ["csv", "petshop", "rcaeval"] {
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
    for format in ["csv", "petshop", "rcaeval"] {
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
