//! What an observer does to records is exactly what it says it did.

mod common;

use common::{Generator, blueprint, catalogue};
use knockon_kernel::{Duration, Sampler};
use knockon_model::id::ServiceId;
use knockon_model::observing::{Clock, LogObserving, Observing, SpanObserving, TailSampling, Transport};
use knockon_telemetry::{Closing, Manifest, Meta, Options, RunReader, RunWriter};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const REQUESTS: u64 = 6_000;

fn write(out: &Path, observing: Option<&Observing>, threads: usize) -> Manifest {
    let blueprint = blueprint();
    let catalogue = catalogue(&blueprint);
    let options = Options { threads, ..Options::default() };
    let writer = RunWriter::create(out, Meta::default(), &catalogue, &blueprint, options).unwrap();
    let mut recorder = writer.recorder_observing(observing).unwrap();
    let mut generator = Generator::new(&catalogue);
    (0..REQUESTS).for_each(|_| generator.step(&mut recorder));
    generator.finish(&mut recorder);
    let closing = Closing { run_digest: "00ff".into(), simulated: Duration::from_secs(60), ..Closing::default() };
    writer.finish(Some(recorder), None, closing).unwrap()
}

/// A row of a table: its identity, and numbers and ids by name.
type Row = BTreeMap<&'static str, i128>;

fn rows(run: &Path, table: &str, columns: &[&'static str]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in RunReader::open(run).unwrap().read(table, columns).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.rows() {
            let value = |column: usize| -> Option<i128> {
                let name = columns[column];
                if name.ends_with("_id") || name == "uid" {
                    return batch.id(column, row).map(|id| id as i128);
                }
                if let Some(word) =
                    ["peer", "what", "record", "instance"].contains(&name).then(|| batch.text(column, row))
                {
                    return word.map(|word| i128::from_str_radix(&hex(word), 16).unwrap());
                }
                batch.integer(column, row).map(i128::from)
            };
            rows.push(columns.iter().enumerate().filter_map(|(n, &name)| Some((name, value(n)?))).collect());
        }
    }
    rows
}

/// A word as a number.
fn hex(word: &str) -> String {
    word.bytes().rev().take(14).map(|byte| format!("{byte:02x}")).collect()
}

fn word(word: &str) -> i128 {
    i128::from_str_radix(&hex(word), 16).unwrap()
}

const SPAN: [&str; 8] = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "start_time",
    "duration_ns",
    "peer",
    "http_response_status_code",
    "received_time",
];
const LINE: [&str; 5] = ["uid", "time", "trace_id", "span_id", "received_time"];
const DONE: [&str; 8] = ["record", "what", "time", "trace_id", "span_id", "uid", "instance", "amount_ns"];

fn everything() -> Observing {
    let transport =
        |lost| Transport { lost, duplicated: 0.02, delayed: 0.1, delay: Some(Sampler::exponential(2e9).unwrap()) };
    Observing {
        spans: SpanObserving {
            head: Some(0.6),
            tail: Some(TailSampling {
                errors: true,
                slower_than: None,
                share: 0.5,
                wait: Duration::from_millis(300),
                traces: 50_000,
            }),
            transport: transport(0.05),
            without_parent: 0.03,
            without_peer: 0.04,
            without_status_code: 0.05,
        },
        logs: LogObserving { transport: transport(0.1), without_trace: 0.2 },
        failed_scrapes: 0.2,
        clocks: vec![
            Clock { service: ServiceId(common::AUTH as u32), ahead_ns: 40_000_000, spread: Duration::from_millis(5) },
            Clock { service: ServiceId(common::WEB_API as u32), ahead_ns: -9_000_000, spread: Duration::ZERO },
        ],
    }
}

/// A clock goes wrong; none shows a time before the run.
fn skew(time: &mut i128, ahead: Option<&i128>) {
    *time = (*time + ahead.copied().unwrap_or(0)).max(blueprint().epoch_unix_ns.into());
}

/// The first rows that differ, rather than all of them.
fn same(is: &[Row], expected: &[Row]) {
    let differing = is.iter().zip(expected).find(|(is, expected)| is != expected);
    assert!(differing.is_none() && is.len() == expected.len(), "{} and {}: {differing:#?}", is.len(), expected.len());
}

#[test]
fn nothing_asked_is_nothing_done() {
    let folder = tempfile::tempdir().unwrap();
    let plain = write(&folder.path().join("plain"), None, 1);
    let observed = write(&folder.path().join("observed"), Some(&Observing::default()), 1);
    for (table, written) in &plain.tables {
        assert_eq!(observed.tables[table].digest, written.digest, "{table}");
    }
    assert!(!plain.tables.contains_key("truth/observer"));
    assert_eq!(observed.tables["truth/observer"].rows, 0);
}

#[test]
fn what_it_says_turns_what_was_into_what_is_observed() {
    let folder = tempfile::tempdir().unwrap();
    let (was, is) = (folder.path().join("was"), folder.path().join("is"));
    write(&was, None, 1);
    let plan = everything();
    write(&is, Some(&plan), 2);
    let done = rows(&is, "truth/observer", &DONE);

    let mut spans: BTreeMap<(i128, i128), Vec<Row>> = BTreeMap::new();
    let processes = rows(&was, "observed/spans", &["trace_id", "span_id", "instance"]);
    let clocks: BTreeMap<i128, i128> = done
        .iter()
        .filter(|row| row["record"] == word("clock"))
        .map(|row| (row["instance"], row["amount_ns"]))
        .collect();
    assert_eq!(clocks.len(), 2);
    assert!((35_000_000..=45_000_000).contains(clocks.values().max().unwrap()), "{clocks:?}");
    for (mut span, process) in rows(&was, "observed/spans", &SPAN).into_iter().zip(processes) {
        let key = (span["trace_id"], span["span_id"]);
        skew(span.get_mut("start_time").unwrap(), clocks.get(&process["instance"]));
        spans.insert(key, vec![span]);
    }
    let mut lines: BTreeMap<i128, Vec<Row>> = BTreeMap::new();
    let processes = rows(&was, "observed/logs", &["uid", "instance"]);
    for (mut line, process) in rows(&was, "observed/logs", &LINE).into_iter().zip(processes) {
        skew(line.get_mut("time").unwrap(), clocks.get(&process["instance"]));
        lines.insert(line["uid"], vec![line]);
    }
    let (all_spans, all_lines) = (spans.len() as f64, lines.len() as f64);
    let mut counts: BTreeMap<(i128, i128), f64> = BTreeMap::new();
    for row in &done {
        *counts.entry((row["record"], row["what"])).or_default() += 1.0;
        let copies = if row["record"] == word("span") {
            spans.get_mut(&(row["trace_id"], row["span_id"])).unwrap()
        } else if row["record"] == word("line") {
            lines.get_mut(&row["uid"]).expect("only lines that were written are told of")
        } else {
            continue;
        };
        let what = row["what"];
        if ["sampled_out_at_head", "sampled_out_at_tail", "lost"].map(word).contains(&what) {
            copies.clear();
        } else if what == word("duplicated") {
            let copy = copies[0].clone();
            copies.push(copy);
        } else if what == word("delayed") {
            // The true time, whatever the clock of its process says.
            let arrived = row["time"] + copies[0].get("duration_ns").copied().unwrap_or(0);
            copies[0].insert("received_time", arrived + row["amount_ns"]);
        } else if what == word("without_trace") {
            copies[0].remove("trace_id");
            copies[0].remove("span_id");
        } else {
            let column = [
                ("without_parent", "parent_span_id"),
                ("without_peer", "peer"),
                ("without_status_code", "http_response_status_code"),
            ];
            let (_, column) = column.into_iter().find(|&(name, _)| word(name) == what).unwrap();
            assert!(copies[0].remove(column).is_some(), "only what was there can be left out: {column}");
        }
    }
    let sorted = |rows: Vec<Row>| -> Vec<Row> {
        let mut rows = rows;
        rows.sort();
        rows
    };
    let expected: Vec<Row> = spans.into_values().flatten().collect();
    same(&sorted(rows(&is, "observed/spans", &SPAN)), &sorted(expected));
    let expected: Vec<Row> = lines.into_values().flatten().collect();
    same(&sorted(rows(&is, "observed/logs", &LINE)), &sorted(expected));

    // As often as asked for, within four standard errors.
    let share = |record: &str, what: &str| counts.get(&(word(record), word(what))).copied().unwrap_or(0.0);
    let near = |count: f64, of: f64, share: f64| {
        let error = 4.0 * (of * share * (1.0 - share)).sqrt();
        assert!((count - of * share).abs() <= error, "{count} of {of} for {share}");
    };
    near(
        share("line", "without_trace"),
        rows(&was, "observed/logs", &LINE).iter().filter(|r| r.contains_key("trace_id")).count() as f64,
        0.2,
    );
    near(share("line", "lost"), all_lines, 0.1);
    near(share("line", "delayed"), all_lines - share("line", "lost"), 0.1);
    // Whole traces are sampled, of about two spans and more each.
    let kept = 1.0 - share("span", "sampled_out_at_head") / all_spans;
    assert!((kept - 0.6).abs() < 0.05, "{kept}");
    let head = all_spans - share("span", "sampled_out_at_head");
    near(share("span", "lost"), head - share("span", "sampled_out_at_tail"), 0.05);
}

#[test]
fn spans_stay_in_the_order_of_their_start_and_threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = everything();
    let one = write(&folder.path().join("one"), Some(&plan), 1);
    let two = write(&folder.path().join("two"), Some(&plan), 2);
    assert_eq!(one.tables, two.tables);
    assert!(one.limits_hit.is_empty(), "{:?}", one.limits_hit);
    let starts: Vec<i128> = rows(&folder.path().join("one"), "observed/spans", &["start_time"])
        .iter()
        .map(|row| row["start_time"])
        .collect();
    assert!(starts.is_sorted() && starts.len() > 1_000);
}

#[test]
fn a_failed_scrape_takes_all_series_of_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let (was, is) = (folder.path().join("was"), folder.path().join("is"));
    write(&was, None, 1);
    write(&is, Some(&everything()), 1);
    let columns = ["series_id", "time"];
    // A series' number is no identifier of bytes.
    let read = |run: &Path| -> Vec<(i64, i64)> {
        let batches = RunReader::open(run).unwrap().read("observed/metrics", &columns).unwrap();
        batches
            .flat_map(|batch| {
                let batch = batch.unwrap();
                (0..batch.rows())
                    .map(|row| (batch.integer(0, row).unwrap(), batch.integer(1, row).unwrap()))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let series = RunReader::open(&was).unwrap().read("observed/series", &["series_id", "instance"]).unwrap();
    let instance_of: BTreeMap<i64, String> = series
        .flat_map(|batch| {
            let batch = batch.unwrap();
            (0..batch.rows())
                .map(|row| (batch.integer(0, row).unwrap(), batch.text(1, row).unwrap().to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let failed: BTreeSet<(i128, i128)> = rows(&is, "truth/observer", &DONE)
        .iter()
        .filter(|row| row["record"] == word("scrape"))
        .map(|row| (row["instance"], row["time"]))
        .collect();
    assert!(!failed.is_empty());
    let fails = |&(series, time): &(i64, i64)| failed.contains(&(word(&instance_of[&series]), i128::from(time)));
    let expected: Vec<_> = read(&was).into_iter().filter(|sample| !fails(sample)).collect();
    assert_eq!(read(&is), expected);
}

#[test]
fn a_collector_without_room_drops_the_oldest_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = Observing::default();
    plan.spans.tail = Some(TailSampling {
        errors: false,
        slower_than: Some(Duration::ZERO),
        share: 0.0,
        wait: Duration::from_secs(3600),
        traces: 100,
    });
    write(&folder.path().join("is"), Some(&plan), 1);
    let kept: BTreeSet<i128> =
        rows(&folder.path().join("is"), "observed/spans", &["trace_id"]).iter().map(|row| row["trace_id"]).collect();
    assert_eq!(kept.len(), 100, "those that wait at the end are decided on");
    let done = rows(&folder.path().join("is"), "truth/observer", &DONE);
    assert!(done.iter().all(|row| row["what"] == word("dropped_too_early")) && !done.is_empty());
}
