//! `sim export`: what is in the files is what is in the tables, and what is in the way is left alone.

use super::{Ended, end, names, sim, small};
use knockon_telemetry::RunReader;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn run() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run", "--no-truth"]));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn export(folder: &Path, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["export", "run", "--format", "otlp"]).args(arguments))
}

fn openmetrics(folder: &Path) -> String {
    let ended = end(sim(folder).args(["export", "run", "--format", "prometheus", "--out", "openmetrics"]));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    fs::read_to_string(folder.join("openmetrics/metrics.om")).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn attribute<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    let found = list(of, "attributes").iter().find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str().or(found["value"]["intValue"].as_str())
}

/// Records of a file, with who reports them.
fn records<'a>(lines: &'a [Value], [resources, scopes, records]: [&str; 3]) -> Vec<(&'a Value, &'a Value)> {
    let of = |line: &'a Value| {
        list(line, resources).iter().flat_map(|resource| {
            let scopes = list(resource, scopes).iter();
            scopes.flat_map(|scope| list(scope, records)).map(|record| (&resource["resource"], record))
        })
    };
    lines.iter().flat_map(of).collect()
}

#[test]
fn spans_are_those_of_the_table() {
    let folder = run();
    let ended = export(folder.path(), &["--out", "exported"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let lines = lines(&folder.path().join("exported/traces.jsonl"));
    let mut found = BTreeMap::new();
    for (resource, span) in records(&lines, ["resourceSpans", "scopeSpans", "spans"]) {
        let ids = (span["traceId"].as_str().unwrap(), span["spanId"].as_str().unwrap());
        assert!(found.insert(ids, (resource, span)).is_none(), "{ids:?} comes twice");
    }
    let columns = [
        "trace_id",
        "span_id",
        "parent_span_id",
        "service",
        "instance",
        "name",
        "kind",
        "start_time",
        "end_time",
        "status",
        "http_request_method",
        "http_response_status_code",
        "error_type",
        "db_system_name",
    ];
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let mut rows = 0;
    for batch in run.read("observed/spans", &columns).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            rows += 1;
            let id = |column, digits| batch.id(column, row).map(|id| format!("{id:0digits$x}"));
            let (trace, span) = (id(0, 32).unwrap(), id(1, 16).unwrap());
            let (resource, span) = found[&(trace.as_str(), span.as_str())];
            assert_eq!(span["parentSpanId"].as_str().map(str::to_owned), id(2, 16));
            assert_eq!(attribute(resource, "service.name"), batch.text(3, row));
            assert_eq!(attribute(resource, "service.instance.id"), batch.text(4, row));
            assert_eq!(span["name"].as_str(), batch.text(5, row));
            let kinds = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
            assert_eq!(kinds.get(span["kind"].as_u64().unwrap() as usize - 1).copied(), batch.text(6, row));
            let time = |key: &str| span[key].as_str().unwrap().parse().ok();
            assert_eq!(
                (time("startTimeUnixNano"), time("endTimeUnixNano")),
                (batch.integer(7, row), batch.integer(8, row))
            );
            let status = ["UNSET", "OK", "ERROR"][span["status"]["code"].as_u64().unwrap_or(0) as usize];
            assert_eq!(Some(status), batch.text(9, row));
            assert_eq!(attribute(span, "http.request.method"), batch.text(10, row));
            let code = batch.integer(11, row).map(|code| code.to_string());
            assert_eq!(attribute(span, "http.response.status_code"), code.as_deref());
            assert_eq!(attribute(span, "error.type"), batch.text(12, row));
            assert_eq!(attribute(span, "db.system.name"), batch.text(13, row));
        }
    }
    assert_eq!((rows, rows > 1_000), (found.len(), true));
}

#[test]
fn lines_and_points_are_those_of_the_tables() {
    let folder = run();
    export(folder.path(), &["--out", "exported"]);
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let logs = lines(&folder.path().join("exported/logs.jsonl"));
    let logs = records(&logs, ["resourceLogs", "scopeLogs", "logRecords"]);
    let bodies: BTreeMap<&str, &str> = logs
        .iter()
        .map(|(_, record)| {
            (attribute(record, "log.record.uid").unwrap(), record["body"]["stringValue"].as_str().unwrap())
        })
        .collect();
    let mut told = BTreeMap::new();
    for batch in run.read("observed/logs", &["uid", "body"]).unwrap().map(Result::unwrap) {
        for row in 0..batch.rows() {
            told.insert(format!("{:032x}", batch.id(0, row).unwrap()), batch.text(1, row).unwrap().to_owned());
        }
    }
    assert!(bodies.len() > 10 && bodies.into_iter().eq(told.iter().map(|(uid, body)| (uid.as_str(), body.as_str()))));

    // Every sample is in exactly one point: as a number, or as a bucket, the count or the sum of one.
    let metrics = lines(&folder.path().join("exported/metrics.jsonl"));
    let mut samples = 0;
    for (_, metric) in records(&metrics, ["resourceMetrics", "scopeMetrics", "metrics"]) {
        samples += list(&metric["gauge"], "dataPoints").len() + list(&metric["sum"], "dataPoints").len();
        samples += 2 * list(&metric["summary"], "dataPoints").len();
        for point in list(&metric["histogram"], "dataPoints") {
            let counts: Vec<u64> =
                list(point, "bucketCounts").iter().map(|count| count.as_str().unwrap().parse().unwrap()).collect();
            let count: u64 = point["count"].as_str().map_or(0, |count| count.parse().unwrap());
            assert_eq!(counts.iter().sum::<u64>(), count, "{metric}");
            assert_eq!(counts.len(), list(point, "explicitBounds").len() + 1, "{metric}");
            samples += counts.len() + 2;
        }
    }
    assert_eq!(samples as u64, run.manifest().tables["observed/metrics"].rows);
}

/// A sample as the text and as the tables have it: name, labels without the process', time in nanoseconds, bits of the value.
type Sample = (String, String, BTreeMap<String, String>, i64, u64);

/// A line of text: `name{key="value",…} value seconds`.
fn parsed(line: &str) -> Sample {
    let (head, rest) = line.rsplit_once("} ").unwrap();
    let (name, labels) = head.split_once('{').unwrap();
    let labels = labels.trim_end_matches('"').split("\",").map(|pair| pair.split_once("=\"").unwrap());
    let mut labels: BTreeMap<_, _> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (value, time) = rest.split_once(' ').unwrap();
    let (seconds, digits) = time.split_once('.').unwrap_or((time, ""));
    let time = seconds.parse::<i64>().unwrap() * 1_000_000_000 + format!("{digits:0<9}").parse::<i64>().unwrap();
    labels.remove("job").unwrap();
    (name.to_owned(), labels.remove("instance").unwrap(), labels, time, value.parse::<f64>().unwrap().to_bits())
}

#[test]
fn samples_of_openmetrics_are_those_of_the_table() {
    let folder = run();
    let text = openmetrics(folder.path());
    assert!(text.ends_with("\n# EOF\n") && !text.contains("\n\n") && !text.contains('\r'));
    let mut found: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(parsed).collect();
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let mut series = Vec::new();
    for batch in run.read("observed/series", &["name", "instance", "attributes"]).unwrap().map(Result::unwrap) {
        series.extend((0..batch.rows()).map(|row| {
            let pairs = batch.pairs(2, row).map(|(key, value)| {
                // OpenMetrics has one form of each bound.
                let bound = (key == "le" && value != "+Inf").then(|| format!("{:?}", value.parse::<f64>().unwrap()));
                (key.to_owned(), bound.unwrap_or_else(|| value.to_owned()))
            });
            (batch.text(0, row).unwrap().to_owned(), batch.text(1, row).unwrap().to_owned(), pairs.collect())
        }));
    }
    let mut told: Vec<Sample> = Vec::new();
    for batch in run.read("observed/metrics", &["series_id", "time", "value"]).unwrap().map(Result::unwrap) {
        told.extend((0..batch.rows()).map(|row| {
            let (name, instance, labels): (String, String, BTreeMap<_, _>) =
                series[batch.integer(0, row).unwrap() as usize].clone();
            (name, instance, labels, batch.integer(1, row).unwrap(), batch.real(2, row).unwrap().to_bits())
        }));
    }
    found.sort();
    told.sort();
    assert!(told.len() > 500 && found == told, "{} samples of {}", found.len(), told.len());
}

#[test]
fn families_of_openmetrics_come_once_and_times_ascend_in_each_metric() {
    let folder = run();
    let text = openmetrics(folder.path());
    let mut families = Vec::new();
    let (mut types, mut last) = (BTreeMap::new(), None);
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            families.push(name.to_owned());
            *types.entry(kind.to_owned()).or_insert(0) += 1;
            last = None;
        } else if let Some((name, unit)) = line.strip_prefix("# UNIT ").and_then(|line| line.split_once(' ')) {
            assert!(name.ends_with(&format!("_{unit}")), "{line}");
        } else if !line.starts_with('#') {
            let (name, instance, mut labels, time, value) = parsed(line);
            let family = families.last().unwrap();
            assert!(name.starts_with(family.as_str()), "{name} is in {family}");
            let bucket = labels.remove("le").map(|le| le.parse::<f64>().unwrap());
            let this = (instance, labels);
            if let Some((before, at, bound, count)) = last.replace((this, time, bucket, f64::from_bits(value))) {
                let (this, time, bucket, value) = last.as_ref().unwrap();
                assert!(before != *this || at <= *time, "{line} goes back in time");
                if before == *this && at == *time && bucket.is_some() {
                    assert!(bound < *bucket && count <= *value, "{line} does not contain the bucket before");
                }
            }
        }
    }
    let mut unique = families.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique, families, "each comes once, in the order of names");
    assert!(["counter", "gauge", "histogram"].iter().all(|kind| types.contains_key(*kind)), "{types:?}");
}

#[test]
fn attributes_have_the_names_that_were_asked_for() {
    let folder = run();
    for (semconv, stable, old) in [("stable", true, false), ("old", false, true), ("both", true, true)] {
        export(folder.path(), &["--out", semconv, "--semconv", semconv]);
        let text = fs::read_to_string(folder.path().join(semconv).join("traces.jsonl")).unwrap();
        assert_eq!(text.contains("\"http.request.method\""), stable, "{semconv}");
        assert_eq!(text.contains("\"http.method\""), old, "{semconv}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes_and_an_earlier_export_is_replaced() {
    let folder = run();
    let first = export(folder.path(), &[]);
    assert!(first.out.contains("run-otlp") && first.out.contains("left out"), "{first:?}");
    let place = folder.path().join("run-otlp");
    let read = || names(&place).into_iter().map(|name| fs::read(place.join(name)).unwrap()).collect::<Vec<_>>();
    let before = read();
    assert_eq!(names(&place), ["export.json", "logs.jsonl", "metrics.jsonl", "traces.jsonl"]);
    assert_eq!(export(folder.path(), &[]).code, Some(0));
    assert!(read() == before, "bytes differ");
    assert_eq!(names(folder.path()), ["run", "run-otlp"], "nothing is left behind");
}

#[test]
fn what_is_in_the_way_is_left_alone() {
    let folder = run();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/notes.txt"), "mine").unwrap();
    let ended = export(folder.path(), &["--out", "mine"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("mine is there already") && ended.err.contains("hint: "), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.path().join("mine/notes.txt")).unwrap(), "mine");
    export(folder.path(), &["--out", "exported"]);
    fs::write(folder.path().join("exported/notes.txt"), "mine").unwrap();
    let ended = export(folder.path(), &["--out", "exported"]);
    assert!(ended.code == Some(2) && ended.err.contains("notes.txt"), "{ended:?}");
    let ended = end(sim(folder.path()).args(["export", "mine", "--format", "otlp"]));
    assert!(ended.code == Some(2) && ended.err.contains("not the folder of a finished run"), "{ended:?}");
    assert_eq!(names(folder.path()), ["exported", "mine", "run"]);
}
