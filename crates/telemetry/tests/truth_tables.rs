//! The tables of what faults did, from the outside: rows read back as they were handed over, whatever the calls.

mod common;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt32Type, UInt64Type,
};
use common::{blueprint, catalogue, operation};
use knockon_kernel::Time;
use knockon_model::blueprint::LinkEnd;
use knockon_model::id::{EndpointId, OperationId, PoolId, ProcessId, SeriesId, ServiceId};
use knockon_model::record::{
    Activity, BlameRecord, ErrorType, Part, Party, Resource, ResourceKind, SpanId, SpanKind, TraceId, Who,
};
use knockon_telemetry::{
    BlameRow, Closing, EffectRow, End, Error, LogLabel, Manifest, Meta, MetricName, Options, Role, RunReader,
    RunWriter, SampleLabel, SpanLabel, TableSummary, TruthTables, WindowRow, check_tables,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs;
use std::path::Path;

const EPOCH_NS: i64 = 1_767_571_200_000_000_000;

fn names() -> Vec<MetricName> {
    let name = |component: &str, part: Option<&str>, name: &str, unit: &str| MetricName {
        component: component.into(),
        part: part.map(str::to_owned),
        name: name.into(),
        unit: unit.into(),
    };
    vec![
        name("web-api", None, "latency.p99", "s"),
        name("web-api", Some("pool"), "waiting.present.mean", "mean count"),
        name("users", Some("GET /api/search"), "failed", "count"),
    ]
}

fn write(out: &Path, fill: impl FnOnce(&mut TruthTables)) -> Manifest {
    let (blueprint, options) = (blueprint(), Options { threads: 1, ..Options::default() });
    let writer = RunWriter::create(out, Meta::default(), &catalogue(&blueprint), &blueprint, options).unwrap();
    let recorder = writer.recorder().unwrap();
    let mut truth = writer.truth_tables(names()).unwrap();
    fill(&mut truth);
    let manifest = writer.finish(Some(recorder), Some(truth), Closing::default()).unwrap();
    assert_eq!(check_tables(out).unwrap(), manifest, "what is read is what was written");
    manifest
}

/// All rows of a table, which `fill` has given some.
fn rows_of(table: &str, fill: impl FnOnce(&mut TruthTables)) -> RecordBatch {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    write(&out, fill);
    let file = fs::File::open(out.join(table).join("part-00000.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn words(rows: &RecordBatch, column: &str) -> Vec<String> {
    let column = rows[column].as_dictionary::<Int32Type>();
    let values = column.values().as_string::<i32>();
    column.keys().iter().map(|key| key.map_or("-".into(), |key| values.value(key as usize).to_owned())).collect()
}

fn ns(rows: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    rows[column].as_primitive::<Int64Type>().iter().collect()
}

fn reals(rows: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    rows[column].as_primitive::<Float64Type>().iter().collect()
}

fn answers(rows: &RecordBatch, column: &str) -> Vec<bool> {
    rows[column].as_boolean().iter().map(Option::unwrap).collect()
}

fn times(rows: &RecordBatch, column: &str) -> Vec<i64> {
    rows[column].as_primitive::<TimestampNanosecondType>().values().iter().map(|at| at - EPOCH_NS).collect()
}

fn at(ns: u64) -> Time {
    Time::from_nanos(ns)
}

fn search() -> OperationId {
    operation(&catalogue(&blueprint()), common::WEB_API, 1, SpanKind::Client)
}

fn end(latency_ns: u64, status: u16, error: Option<ErrorType>) -> End {
    let mut parts = [0; Part::COUNT];
    parts[Part::Pool as usize] = latency_ns - latency_ns / 4;
    parts[Part::Network as usize] = latency_ns / 4;
    End { latency_ns, status, error, parts }
}

fn effect(number: u64, with: Option<End>, without: Option<End>) -> EffectRow {
    EffectRow {
        contrast: 1,
        client: ProcessId(common::WORKER as u32),
        number,
        trace: TraceId(u128::from(number)),
        operation: search(),
        sent: at(number * 1_000),
        with,
        without,
        band_ns: 40.75,
        outside: true,
        labelled: true,
        hurt: true,
    }
}

#[test]
fn a_request_is_told_as_it_ended_in_both_worlds() {
    let slower = effect(1, Some(end(1_000, 200, None)), Some(end(400, 200, None)));
    let failed = effect(2, Some(end(40, 503, Some(ErrorType::Upstream))), Some(end(400, 200, None)));
    let unanswered = effect(3, Some(end(90, 0, Some(ErrorType::Timeout))), Some(end(90, 500, None)));
    let lost = EffectRow { band_ns: f64::INFINITY, ..effect(4, None, Some(end(400, 404, None))) };
    let chance = EffectRow { outside: false, labelled: false, hurt: false, ..effect(5, Some(end(7, 200, None)), None) };
    let rows = rows_of("truth/effects", |truth| truth.effects(&[slower, failed, unanswered, lost, chance]).unwrap());
    assert_eq!(rows["contrast"].as_primitive::<UInt32Type>().values(), &[1; 5]);
    assert_eq!(rows["number"].as_primitive::<UInt64Type>().values(), &[1, 2, 3, 4, 5]);
    assert_eq!(rows["trace_id"].as_fixed_size_binary().value(4)[15], 5);
    assert_eq!(times(&rows, "sent_time"), [1_000, 2_000, 3_000, 4_000, 5_000]);
    for (column, expected) in [
        ("source", ["worker"; 5]),
        ("name", ["GET /api/search"; 5]),
        ("with_outcome", ["answered", "failed", "failed", "none", "answered"]),
        ("without_outcome", ["answered", "answered", "failed", "answered", "none"]),
        ("with_error_type", ["-", "503", "timeout", "-", "-"]),
        ("without_error_type", ["-", "-", "500", "-", "-"]),
    ] {
        assert_eq!(words(&rows, column), expected, "{column}");
    }
    for (column, expected) in [
        ("with_latency_ns", [Some(1_000), Some(40), Some(90), None, Some(7)]),
        ("without_latency_ns", [Some(400), Some(400), Some(90), Some(400), None]),
        ("difference_ns", [Some(600), Some(-360), Some(0), None, None]),
        ("queued_difference_ns", [Some(0), Some(0), Some(0), None, None]),
        ("pool_difference_ns", [Some(450), Some(-270), Some(0), None, None]),
        ("network_difference_ns", [Some(150), Some(-90), Some(0), None, None]),
        ("band_ns", [Some(40), Some(40), Some(40), None, Some(40)]),
    ] {
        assert_eq!(ns(&rows, column), expected, "{column}");
    }
    let statuses = |column: &str| rows[column].as_primitive::<UInt16Type>().iter().collect::<Vec<_>>();
    assert_eq!(statuses("with_status"), [Some(200), Some(503), None, None, Some(200)]);
    assert_eq!(statuses("without_status"), [Some(200), Some(200), Some(500), Some(404), None]);
    for column in ["outside", "labelled", "hurt"] {
        assert_eq!(answers(&rows, column), [true, true, true, true, false], "{column}");
    }
}

#[test]
fn what_never_ended_is_told_as_null_and_times_beyond_a_column_as_its_limit() {
    let endless = End { latency_ns: u64::MAX, status: 200, error: None, parts: [u64::MAX; Part::COUNT] };
    let short = end(0, 200, None);
    let rows = rows_of("truth/effects", |truth| {
        truth.effects(&[effect(1, Some(endless), Some(short)), effect(2, Some(short), Some(endless))]).unwrap();
    });
    assert_eq!(ns(&rows, "difference_ns"), [Some(i64::MAX), Some(-i64::MAX)]);
    assert_eq!(ns(&rows, "with_latency_ns"), [Some(i64::MAX), Some(0)]);
}

fn window(metric: u32, start: u64, with: f64, without: f64) -> WindowRow {
    WindowRow {
        contrast: 0,
        metric,
        start: at(start),
        end: at(start + 15),
        with,
        without,
        placebo: without,
        band: 0.5,
        outside: false,
        labelled: false,
        hurt: false,
    }
}

#[test]
fn a_window_is_told_with_its_band_and_nothing_where_nothing_was_measured() {
    let plain = WindowRow { outside: true, labelled: true, ..window(0, 0, 3.0, 1.0) };
    let unmeasured = WindowRow { outside: true, ..window(1, 0, f64::NAN, 2.0) };
    let unknown = WindowRow { band: f64::INFINITY, placebo: f64::NAN, ..window(2, 15, 4.0, 5.0) };
    let only_with = WindowRow { hurt: true, ..window(2, 30, -0.0, f64::NAN) };
    let rows = rows_of("truth/windows", |truth| truth.windows(&[plain, unmeasured, unknown, only_with]).unwrap());
    assert_eq!(words(&rows, "component"), ["web-api", "web-api", "users", "users"]);
    assert_eq!(words(&rows, "part"), ["-", "pool", "GET /api/search", "GET /api/search"]);
    assert_eq!(words(&rows, "metric"), ["latency.p99", "waiting.present.mean", "failed", "failed"]);
    assert_eq!(words(&rows, "unit"), ["s", "mean count", "count", "count"]);
    assert_eq!(times(&rows, "window_start"), [0, 0, 15, 30]);
    assert_eq!(times(&rows, "window_end"), [15, 15, 30, 45]);
    assert_eq!(reals(&rows, "with_value"), [Some(3.0), None, Some(4.0), Some(0.0)]);
    assert_eq!(reals(&rows, "without_value"), [Some(1.0), Some(2.0), Some(5.0), None]);
    assert_eq!(reals(&rows, "placebo_value"), [Some(1.0), Some(2.0), None, None]);
    assert_eq!(reals(&rows, "band_low"), [Some(0.5), Some(1.5), None, None]);
    assert_eq!(reals(&rows, "band_high"), [Some(1.5), Some(2.5), None, None]);
    assert_eq!(answers(&rows, "outside"), [true, true, false, false]);
    assert_eq!(answers(&rows, "labelled"), [true, false, false, false]);
    assert_eq!(answers(&rows, "hurt"), [false, false, false, true]);
}

fn span_label(n: u64, start: u64) -> SpanLabel {
    let (trace, span) = (TraceId(u128::from(n)), SpanId(n));
    let role = if n.is_multiple_of(2) { Role::Cause } else { Role::Propagated };
    let difference_ns = (!n.is_multiple_of(3)).then_some(5 - n as i64);
    SpanLabel { contrast: 2, trace, span, start: at(start), role, difference_ns, hurt: n < 5 }
}

#[test]
fn labels_have_the_keys_of_what_they_label() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let manifest = write(&out, |truth| {
        truth.span_labels(&[span_label(4, 1), span_label(6, 1), span_label(7, 2)]).unwrap();
        let line = LogLabel { contrast: 3, uid: 0xab << 120 | 7, time: at(9), role: Role::Propagated };
        truth.log_labels(&[line]).unwrap();
        let sample = SampleLabel { contrast: 0, series: SeriesId(17), time: at(15), role: Role::Cause, hurt: false };
        truth.sample_labels(&[sample, SampleLabel { hurt: true, ..sample }]).unwrap();
    });
    let rows = ["spans", "logs", "metrics"].map(|table| manifest.tables[&format!("truth/labels_{table}")].rows);
    assert_eq!(rows, [3, 1, 2]);
    let read = |table: &str| {
        let file = fs::File::open(out.join("truth").join(table).join("part-00000.parquet")).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap()
    };
    let spans = read("labels_spans");
    assert_eq!(spans["trace_id"].as_fixed_size_binary().value(1)[15], 6);
    assert_eq!(spans["span_id"].as_fixed_size_binary().value(2), [0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(words(&spans, "role"), ["cause", "cause", "propagated"]);
    assert_eq!(ns(&spans, "difference_ns"), [Some(1), None, Some(-2)]);
    assert_eq!(answers(&spans, "hurt"), [true, false, false]);
    let logs = read("labels_logs");
    assert_eq!(logs["uid"].as_fixed_size_binary().value(0), [0xab, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(words(&logs, "role"), ["propagated"]);
    let metrics = read("labels_metrics");
    assert_eq!(metrics["series_id"].as_primitive::<UInt32Type>().values(), &[17, 17]);
    assert_eq!(times(&metrics, "time"), [15, 15]);
    assert_eq!(answers(&metrics, "hurt"), [false, true]);
    for rows in [&spans, &logs, &metrics] {
        assert_eq!(rows["contrast"].null_count(), 0);
    }
}

/// The labels of so many spans, some of which start together.
fn many() -> Vec<SpanLabel> {
    (0..40_000).map(|n| span_label(n, n / 3)).collect()
}

#[test]
fn how_rows_are_handed_over_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let all = many();
    let written: Vec<(TableSummary, Vec<u8>)> = [1, 997, 8_192, 40_000]
        .into_iter()
        .map(|block| {
            let out = folder.path().join(format!("by-{block}"));
            let manifest = write(&out, |truth| {
                all.chunks(block).for_each(|rows| truth.span_labels(rows).unwrap());
            });
            let bytes = fs::read(out.join("truth/labels_spans/part-00000.parquet")).unwrap();
            (manifest.tables["truth/labels_spans"].clone(), bytes)
        })
        .collect();
    assert!(written.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(written[0].0.rows, 40_000);
}

#[test]
fn rows_of_one_call_are_put_in_order_and_calls_follow_each_other() {
    let rows = rows_of("truth/labels_spans", |truth| {
        let by_start = [(30, 9), (10, 9), (20, 4), (40, 9)].map(|(n, start)| span_label(n, start));
        truth.span_labels(&by_start).unwrap();
        truth.span_labels(&[span_label(50, 1)]).unwrap();
    });
    let spans: Vec<u8> = (0..5).map(|row| rows["span_id"].as_fixed_size_binary().value(row)[7]).collect();
    assert_eq!(spans, [20, 30, 10, 40, 50]);
}

#[test]
fn a_single_answer_is_another_digest() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |name: &str, labels: &[SpanLabel]| {
        let manifest = write(&folder.path().join(name), |truth| truth.span_labels(labels).unwrap());
        manifest.tables["truth/labels_spans"].digest.clone()
    };
    let labels = [span_label(1, 1), span_label(2, 2)];
    let mut other = labels;
    other[1].hurt = !other[1].hurt;
    assert_ne!(digest("one", &labels), digest("other", &other));
    assert_eq!(digest("one", &labels), digest("again", &labels));
}

#[test]
fn without_compared_worlds_a_run_has_no_such_tables() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let compared = write(&out, |_| {});
    let tables = ["effects", "windows", "labels_spans", "labels_logs", "labels_metrics", "blame"];
    for table in tables {
        assert_eq!(compared.tables[&format!("truth/{table}")].rows, 0);
        assert!(out.join("truth").join(table).join("part-00000.parquet").is_file(), "{table} can be read");
    }
    let (blueprint, options) = (blueprint(), Options::default());
    let writer = RunWriter::create(&out, Meta::default(), &catalogue(&blueprint), &blueprint, options).unwrap();
    let recorder = writer.recorder().unwrap();
    let manifest = writer.finish(Some(recorder), None, Closing::default()).unwrap();
    assert_eq!(check_tables(&out).unwrap(), manifest);
    for table in tables {
        assert!(!manifest.tables.contains_key(&format!("truth/{table}")));
        assert!(!out.join("truth").join(table).exists(), "an empty folder is no table");
    }
    assert_eq!(compared.tables.len(), manifest.tables.len() + tables.len());
}

#[test]
fn chosen_columns_are_read_back_in_the_order_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let slower = effect(1, Some(end(1_000, 200, None)), Some(end(400, 200, None)));
    let lost = EffectRow { hurt: false, ..effect(4, None, Some(end(400, 404, None))) };
    write(&out, |truth| truth.effects(&[slower, lost]).unwrap());
    let run = RunReader::open(&out).unwrap();
    assert!(run.has("truth/effects") && !run.has("truth/nothing"));
    let columns = ["difference_ns", "trace_id", "with_outcome", "contrast", "hurt", "number", "sent_time"];
    let batches: Vec<_> = run.read("truth/effects", &columns).unwrap().map(Result::unwrap).collect();
    let [batch] = &batches[..] else { panic!("{} batches of two rows", batches.len()) };
    assert_eq!(batch.rows(), 2);
    assert_eq!([0, 1].map(|row| batch.integer(0, row)), [Some(600), None]);
    assert_eq!([0, 1].map(|row| batch.id(1, row)), [Some(1), Some(4)]);
    assert_eq!([0, 1].map(|row| batch.text(2, row)), [Some("answered"), Some("none")]);
    assert_eq!([0, 1].map(|row| batch.integer(3, row)), [Some(1), Some(1)]);
    assert_eq!([0, 1].map(|row| batch.answer(4, row)), [Some(true), Some(false)]);
    assert_eq!([0, 1].map(|row| batch.integer(5, row)), [Some(1), Some(4)]);
    assert_eq!(batch.integer(6, 0), Some(EPOCH_NS + 1_000));
    assert_eq!(run.read("truth/nothing", &["x"]).unwrap().count(), 0);
    assert_eq!(run.document("truth/incidents.json").unwrap(), None);
}

#[test]
fn a_table_that_is_not_as_declared_is_said_to_be_altered() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    write(&out, |_| {});
    let run = RunReader::open(&out).unwrap();
    fs::copy(out.join("truth/windows/part-00000.parquet"), out.join("truth/effects/part-00000.parquet")).unwrap();
    let refused = run.read("truth/effects", &["number"]).unwrap_err();
    assert!(matches!(refused, Error::Altered { .. }) && refused.to_string().contains("`number`"), "{refused}");
    fs::write(out.join("truth/effects/part-00000.parquet"), "no Parquet").unwrap();
    assert!(matches!(run.read("truth/effects", &["number"]), Err(Error::Altered { .. })));
    fs::remove_file(out.join("truth/effects/part-00000.parquet")).unwrap();
    assert!(matches!(run.read("truth/effects", &["number"]), Err(Error::Io { .. })));
}

#[test]
fn blame_names_who_waited_for_what_and_who_held_it() {
    let owner = LinkEnd::Service(ServiceId(common::WEB_API as u32));
    let who = |endpoint| Who::Endpoint(ServiceId(common::WEB_API as u32), EndpointId(endpoint));
    let resource = |kind| Resource { owner, kind };
    let row = |start, kind, waiting, holding, ns, refusals| BlameRow {
        start: at(start),
        end: at(start + 500),
        blame: BlameRecord { resource: resource(kind), waiting, holding, ns, refusals },
    };
    let waits = Party { who: who(0), activity: Activity::Pool(PoolId(0)) };
    let calls = Activity::Calling(ServiceId(common::POSTGRES as u32), EndpointId(0));
    let later = row(500, ResourceKind::Places, Party { activity: Activity::Queued, ..waits }, waits, 0, 3);
    let first = row(0, ResourceKind::Pool(PoolId(0)), waits, Party { who: who(1), activity: calls }, 41, 0);
    let nobody = row(0, ResourceKind::Pool(PoolId(0)), waits, Party::of_nobody(Activity::Opening), 1, 0);
    // What comes later follows, whatever its window.
    let rows = rows_of("truth/blame", |truth| {
        truth.blame(&[later, first, nobody]).unwrap();
        truth.blame(&[first]).unwrap();
    });
    let blueprint = blueprint();
    let endpoint = |service: usize, n: usize| {
        let service = &blueprint.services[service];
        format!("{}/{}", service.name, service.endpoints[n].name)
    };
    let pool = &blueprint.services[common::WEB_API].pools[0].name;
    let web = &blueprint.services[common::WEB_API].name;
    let (waiting, held, query) =
        (endpoint(common::WEB_API, 0), endpoint(common::WEB_API, 1), endpoint(common::POSTGRES, 0));
    let (of_pool, waits_for_it, asks) = (format!("{web}/{pool}"), format!("pool {pool}"), format!("child {query}"));
    for (column, expected) in [
        ("resource", [&of_pool, &of_pool, web, &of_pool].map(String::as_str)),
        ("kind", ["pool", "pool", "places", "pool"]),
        ("waiting", [waiting.as_str(); 4]),
        ("waiting_activity", [&waits_for_it, &waits_for_it, "queued", &waits_for_it]),
        ("holding", [&held, "-", &waiting, &held]),
        ("holding_activity", [&asks, "opening", &waits_for_it, &asks]),
    ] {
        assert_eq!(words(&rows, column), expected, "{column}");
    }
    assert_eq!(times(&rows, "window_start"), [0, 0, 500, 0]);
    assert_eq!(times(&rows, "window_end"), [500, 500, 1_000, 500]);
    assert_eq!(ns(&rows, "waited_ns"), [Some(41), Some(1), Some(0), Some(41)]);
    assert_eq!(rows["refusals"].as_primitive::<UInt64Type>().values(), &[0, 0, 3, 0]);
}

#[test]
#[should_panic(expected = "tables that were opened are given back")]
fn a_run_whose_tables_are_kept_open_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let (blueprint, out) = (blueprint(), folder.path().join("run"));
    let writer =
        RunWriter::create(&out, Meta::default(), &catalogue(&blueprint), &blueprint, Options::default()).unwrap();
    let _tables = writer.truth_tables(names()).unwrap();
    let _ = writer.finish(None, None, Closing::default());
}
