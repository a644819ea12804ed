//! `sim export --format ocsf`: every record is an event of the class that it is of, and no label is among them.

use super::{Ended, end, names, sim, small};
use knockon_telemetry::RunReader;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn run(arguments: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run"]).args(arguments));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn export(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["export", "run", "--format", "ocsf", "--out", "exported"]).args(arguments))
}

#[test]
fn every_record_is_an_event_of_its_class() {
    let folder = run(&["--no-truth"]);
    let ended = export(folder.path(), &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let exported = folder.path().join("exported");
    assert_eq!(names(&exported), ["changes.jsonl", "export.json", "logs.jsonl", "metrics.jsonl", "traces.jsonl"]);
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let mut classes: BTreeMap<(&str, i64), u64> = BTreeMap::new();
    for (file, table) in [("traces", "spans"), ("logs", "logs"), ("metrics", "metrics"), ("changes", "changes")] {
        let text = fs::read_to_string(exported.join(format!("{file}.jsonl"))).unwrap();
        assert_eq!(text.lines().count() as u64, run.manifest().tables[&format!("observed/{table}")].rows, "{file}");
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let number = |key: &str| event[key].as_i64().unwrap();
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{event}");
            assert_eq!(number("category_uid"), number("class_uid") / 1000, "{event}");
            assert!(number("time") / 1_000_000_000 == 1767, "milliseconds: {event}");
            *classes.entry((file, number("class_uid"))).or_default() += 1;
        }
    }
    let kinds: Vec<_> = classes.keys().copied().collect();
    assert_eq!(kinds, [("logs", 0), ("logs", 6008), ("metrics", 0), ("traces", 4002), ("traces", 6005)], "{classes:?}");
}

#[test]
fn flat_tables_have_no_label_but_in_the_part_that_is_asked_for() {
    let folder = run(&[]);
    let has = |name: &str, word: &str| {
        let bytes = fs::read(folder.path().join("exported").join(name)).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{name}");
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert_eq!(export(folder.path(), &["--profile", "tutorial"]).code, Some(0));
    let tables = ["ocsf_logs.parquet", "ocsf_metrics.parquet", "ocsf_traces.parquet"];
    assert_eq!(names(&folder.path().join("exported")), [&["export.json"], &tables[..]].concat());
    assert_eq!(export(folder.path(), &["--profile", "tutorial", "--evaluation"]).code, Some(0));
    for table in tables {
        assert!(has(table, "http_request_method") || has(table, "metric_name"), "{table}");
        assert!(!has(table, "anomaly"), "{table}");
    }
    assert_eq!(names(&folder.path().join("exported/truth")), ["ocsf_eval_subset.parquet"]);
    assert!(has("truth/ocsf_eval_subset.parquet", "is_anomaly"));
    let marker = fs::read_to_string(folder.path().join("exported/export.json")).unwrap();
    assert!(marker.contains("\"truth\": true") && marker.contains("\"profile\": \"tutorial\""), "{marker}");
}

#[test]
fn labels_take_a_truth_and_a_table_to_go_with() {
    let folder = run(&["--no-truth"]);
    assert_eq!(export(folder.path(), &["--profile", "tutorial"]).code, Some(0), "the tables themselves take none");
    let ended = export(folder.path(), &["--profile", "tutorial", "--evaluation"]);
    assert!(ended.code == Some(2) && ended.err.contains("no truth to export"), "{ended:?}");
    for arguments in [&["--evaluation"][..], &["--evaluation", "--profile", "strict"]] {
        let ended = export(folder.path(), arguments);
        assert!(ended.code == Some(2) && ended.err.contains("`--evaluation` adds labelled lines"), "{ended:?}");
    }
    let ended = end(sim(folder.path()).args(["export", "run", "--format", "otlp", "--profile", "strict"]));
    assert!(ended.code == Some(2) && ended.err.contains("`--profile`"), "{ended:?}");
}
