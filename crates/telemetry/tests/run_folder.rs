//! A run folder from the outside: what is written can be read, does not depend on threads, and is replaced in one step.

mod common;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt64Type};
use common::{Generator, blueprint, catalogue, operation};
use knockon_kernel::{Duration, Time};
use knockon_model::Sink;
use knockon_model::blueprint::{Blueprint, Contrast, Fault};
use knockon_model::id::{ProcessId, SeriesId};
use knockon_model::record::{ErrorType, RequestRecord, SampleRecord, SpanId, SpanKind, SpanRecord, Status, TraceId};
use knockon_telemetry::{
    Closing, Error, LIMIT_WAITING_ROWS, Manifest, Meta, Options, RunWriter, check_tables, read_manifest,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs;
use std::path::Path;

const REQUESTS: u64 = 4_000;

fn closing() -> Closing {
    Closing { run_digest: "00ff".into(), simulated: Duration::from_secs(60), ..Closing::default() }
}

fn write_with(
    out: &Path,
    blueprint: &Blueprint,
    options: Options,
    fill: impl FnOnce(&mut knockon_telemetry::Recorder),
) -> Manifest {
    let writer = RunWriter::create(out, Meta::default(), &catalogue(blueprint), blueprint, options).unwrap();
    let mut recorder = writer.recorder().unwrap();
    fill(&mut recorder);
    assert!(!recorder.has_failed());
    writer.write_truth_text("scenario.ron", "()").unwrap();
    writer.finish(Some(recorder), None, closing()).unwrap()
}

fn synthetic(recorder: &mut knockon_telemetry::Recorder) {
    let mut generator = Generator::new(&catalogue(&blueprint()));
    (0..REQUESTS).for_each(|_| generator.step(recorder));
    generator.finish(recorder);
}

fn write(out: &Path, options: Options) -> Manifest {
    write_with(out, &blueprint(), options, synthetic)
}

fn threads(threads: usize) -> Options {
    Options { threads, ..Options::default() }
}

fn read(run: &Path, table: &str) -> Vec<RecordBatch> {
    let file = fs::File::open(run.join(table).join("part-00000.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

fn siblings(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_reads_back_as_the_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/er/run");
    let manifest = write(&out, threads(2));
    assert_eq!(check_tables(&out).unwrap(), manifest);
    assert_eq!(read_manifest(&out).unwrap(), manifest);
    assert_eq!(siblings(&folder.path().join("deep/er")), ["run"], "nothing else is left beside it");
    assert_eq!(manifest.tables.len(), 7);
    assert!(manifest.limits_hit.is_empty());
    let rows = |table: &str| manifest.tables[table].rows;
    assert!(rows("observed/spans") > 5 * REQUESTS);
    assert_eq!(rows("observed/spans"), rows("truth/ledger"));
    for table in [
        "observed/spans",
        "observed/logs",
        "observed/metrics",
        "observed/series",
        "observed/changes",
        "truth/ledger",
        "truth/requests",
    ] {
        let read: usize = read(&out, table).iter().map(RecordBatch::num_rows).sum();
        assert_eq!(read as u64, rows(table), "{table}");
    }
}

/// What the tables say of known records. A difference is either a mistake, or a change of shape or wording: then
/// `TABLES_EPOCH` moves, and these with it.
#[test]
fn known_records_give_known_digests() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&folder.path().join("run"), threads(2));
    let found: Vec<_> =
        manifest.tables.iter().map(|(path, table)| (path.as_str(), table.rows, table.digest.as_str())).collect();
    let expected = [
        ("observed/changes", 1, "4ba8c77a437c886f2c272edf17870a5d"),
        ("observed/logs", 450, "67ca7ef528f991b41c8e0947b8927a47"),
        ("observed/metrics", 220, "e17f00840711c3fd3abdaa806f5d3733"),
        ("observed/series", 10, "1c95d60eb11783ad6aa45bdeb5da3bba"),
        ("observed/spans", 30_462, "4163700720aa0e2c8609cf786b861742"),
        ("truth/ledger", 30_462, "477c31f3fe5d3631b519ce49e4af72b1"),
        ("truth/requests", 0, "a554fd0cf257d40220c6f8d9e63709b0"),
    ];
    assert_eq!((manifest.epochs.tables, found.as_slice()), (2, expected.as_slice()));
}

#[test]
fn threads_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    assert_eq!(write(&one, threads(1)), write(&two, threads(2)));
    for part in ["observed/spans", "observed/logs", "observed/metrics", "truth/ledger"] {
        let part = format!("{part}/part-00000.parquet");
        assert!(fs::read(one.join(&part)).unwrap() == fs::read(two.join(&part)).unwrap(), "{part} differs");
    }
}

#[test]
fn spans_are_in_the_order_of_their_start_and_ledgers_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    write(&out, threads(1));
    let (spans, ledgers) = (read(&out, "observed/spans"), read(&out, "truth/ledger"));
    let (mut last, mut rows) = (i64::MIN, 0);
    for (span, ledger) in spans.iter().zip(&ledgers) {
        let start = span["start_time"].as_primitive::<TimestampNanosecondType>();
        let duration = span["duration_ns"].as_primitive::<Int64Type>();
        let parts: Vec<_> = ledger.columns()[2..].iter().map(|part| part.as_primitive::<Int64Type>()).collect();
        for row in 0..span.num_rows() {
            assert!(start.value(row) >= last, "row {rows} starts before the one above it");
            last = start.value(row);
            rows += 1;
            let sum: i64 = parts.iter().filter(|part| part.is_valid(row)).map(|part| part.value(row)).sum();
            assert_eq!(sum, duration.value(row), "the parts of row {rows} add up");
        }
        assert_eq!(span["span_id"].as_fixed_size_binary(), ledger["span_id"].as_fixed_size_binary());
    }
    assert!(rows > 20_000);
}

#[test]
fn a_span_is_written_as_the_conventions_say() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let blueprint = blueprint();
    let names = catalogue(&blueprint);
    let record = |service, endpoint, kind| SpanRecord {
        trace: TraceId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        span: SpanId(7),
        parent: SpanId(9),
        process: ProcessId(common::WEB_API as u32),
        peer: (kind == SpanKind::Client).then_some(ProcessId(service as u32)),
        operation: operation(&names, service, endpoint, kind),
        start: Time::from_nanos(5),
        end: Time::from_nanos(12),
        status: Status::Error,
        error: Some(ErrorType::Timeout),
        http_status: 0,
        resend: 2,
        link: Default::default(),
    };
    let server = SpanRecord {
        http_status: 500,
        error: Some(ErrorType::PoolTimeout),
        parent: SpanId(0),
        resend: 0,
        link: Default::default(),
        ..record(common::WEB_API, 2, SpanKind::Server)
    };
    let refused = SpanRecord { error: Some(ErrorType::ConnectionRefused), ..record(common::AUTH, 0, SpanKind::Client) };
    let lost = SpanRecord {
        error: Some(ErrorType::ConnectionLost),
        http_status: 500,
        ..record(common::POSTGRES, 0, SpanKind::Client)
    };
    let cached = SpanRecord { status: Status::Unset, ..record(common::REDIS, 0, SpanKind::Client) };
    write_with(&out, &blueprint, threads(1), |recorder| {
        [server, record(common::AUTH, 0, SpanKind::Client), refused, lost, cached]
            .into_iter()
            .for_each(|span| recorder.span(span));
    });
    let batch = &read(&out, "observed/spans")[0];
    let words = |column: &str| -> Vec<String> {
        let column = batch[column].as_dictionary::<Int32Type>();
        let values = column.values().as_string::<i32>();
        column.keys().iter().map(|key| key.map_or("-".into(), |key| values.value(key as usize).to_owned())).collect()
    };
    let expected: [(&str, [&str; 5]); 12] = [
        ("service", ["web-api"; 5]),
        ("instance", ["web-api-0"; 5]),
        ("name", ["POST /api/checkout", "POST", "POST", "SELECT users", "GET"]),
        ("kind", ["SERVER", "CLIENT", "CLIENT", "CLIENT", "CLIENT"]),
        ("status", ["ERROR", "ERROR", "ERROR", "ERROR", "UNSET"]),
        ("error_type", ["500", "timeout", "java.net.ConnectException", "08006", "-"]),
        ("peer", ["-", "auth-service", "auth-service", "postgres", "redis"]),
        ("peer_instance", ["-", "auth-service-0", "auth-service-0", "postgres-0", "redis-0"]),
        ("http_request_method", ["POST", "POST", "POST", "-", "-"]),
        ("http_route", ["/api/checkout", "-", "-", "-", "-"]),
        ("db_system_name", ["-", "-", "-", "postgresql", "redis"]),
        ("db_collection_name", ["-", "-", "-", "users", "-"]),
    ];
    for (column, values) in expected {
        assert_eq!(words(column), values, "{column}");
    }
    assert_eq!(batch["trace_id"].as_fixed_size_binary().value(0), (1..=16).collect::<Vec<u8>>());
    assert_eq!(batch["span_id"].as_fixed_size_binary().value(0), [0, 0, 0, 0, 0, 0, 0, 7]);
    let parents = batch["parent_span_id"].as_fixed_size_binary();
    assert!(parents.is_null(0) && parents.value(1) == [0, 0, 0, 0, 0, 0, 0, 9]);
    let start = batch["start_time"].as_primitive::<TimestampNanosecondType>();
    assert_eq!(start.value(0), 1_767_571_200_000_000_005);
    assert_eq!(batch["duration_ns"].as_primitive::<Int64Type>().value(0), 7);
    let small = |column: &str| batch[column].as_primitive::<UInt16Type>().iter().collect::<Vec<_>>();
    assert_eq!(small("http_response_status_code"), [Some(500), None, None, None, None]);
    assert_eq!(small("http_request_resend_count"), [None, Some(2), Some(2), Some(2), Some(2)]);
}

#[test]
fn names_of_faults_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = blueprint();
    named.faults.push(Fault {
        name: "the-leak".into(),
        component: "web-api".into(),
        settings: vec![],
        kind: "deploy".into(),
        at: Time::ZERO,
        until: None,
        contrast: Contrast::Nothing,
    });
    let (plain, faulty) = (folder.path().join("plain"), folder.path().join("faulty"));
    write_with(&plain, &blueprint(), threads(1), synthetic);
    write_with(&faulty, &named, threads(1), synthetic);
    let text = |run: &Path| fs::read_to_string(run.join("manifest.json")).unwrap();
    assert_eq!(text(&plain), text(&faulty));
    assert!(!text(&faulty).contains("leak") && !text(&faulty).contains("fault"));
}

#[test]
fn a_finished_run_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    write(&out, threads(1));
    fs::write(out.join("truth/notes.txt"), "of the first").unwrap();
    write(&out, threads(2));
    assert!(!out.join("truth/notes.txt").exists(), "the second run replaced the first");
    assert_eq!(siblings(folder.path()), ["run"]);

    let refusal = |prepare: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        prepare(&out);
        let before = siblings(folder.path());
        let error =
            RunWriter::create(&out, Meta::default(), &catalogue(&blueprint()), &blueprint(), Options::default())
                .unwrap_err();
        assert!(matches!(error, Error::NotARun { .. }), "{error}");
        assert!(error.hint().contains("--out"));
        assert_eq!(siblings(folder.path()), before, "what was there is untouched, and nothing was added");
        error.to_string().replace(&folder.path().display().to_string(), "")
    };
    let finished = |out: &Path| drop(write(out, threads(1)));
    assert_eq!(
        refusal(&|out| fs::create_dir(out).unwrap()),
        "/run is there already and is not a finished run: it has no manifest.json"
    );
    assert_eq!(
        refusal(&|out| fs::write(out, "x").unwrap()),
        "/run is there already and is not a finished run: it is no folder"
    );
    assert_eq!(
        refusal(&|out| {
            finished(out);
            fs::write(out.join("thesis.tex"), "years of work").unwrap();
        }),
        "/run is there already and is not a finished run: it has \"thesis.tex\", which is no part of a run"
    );
    let foreign = refusal(&|out| {
        fs::create_dir(out).unwrap();
        fs::write(out.join("manifest.json"), r#"{"name": "a web app"}"#).unwrap();
    });
    assert!(foreign.contains("is not a manifest that this version reads: missing field `producer`"), "{foreign}");
}

#[test]
fn what_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for own_threads in [1, 2] {
        let writer =
            RunWriter::create(&out, Meta::default(), &catalogue(&blueprint()), &blueprint(), threads(own_threads))
                .unwrap();
        let mut recorder = writer.recorder().unwrap();
        synthetic(&mut recorder);
        drop(writer);
        drop(recorder);
        assert_eq!(siblings(folder.path()), [""; 0]);
    }
}

#[test]
fn leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let living = RunWriter::create(&out, Meta::default(), &catalogue(&blueprint()), &blueprint(), threads(1)).unwrap();
    let [staged] = siblings(folder.path()).try_into().unwrap();
    fs::create_dir_all(folder.path().join(".run.partial-1-0/observed")).unwrap();
    fs::create_dir_all(folder.path().join(".runner.partial-1-0")).unwrap();
    write(&out, threads(1));
    assert_eq!(siblings(folder.path()), [staged, ".runner.partial-1-0".into(), "run".into()]);
    drop(living);
    assert_eq!(siblings(folder.path()), [".runner.partial-1-0", "run"]);
}

#[test]
fn without_a_recorder_a_run_has_truth_and_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let writer =
        RunWriter::create(&out, Meta::default(), &catalogue(&blueprint()), &blueprint(), Options::default()).unwrap();
    let digest = writer.write_truth_json("faults.json", &vec!["a"]).unwrap();
    assert_eq!(digest.to_string().len(), 32);
    let manifest = writer.finish(None, None, closing()).unwrap();
    assert!(manifest.tables.is_empty());
    assert_eq!(check_tables(&out).unwrap(), manifest);
    assert_eq!(siblings(&out.join("truth")), ["faults.json"]);
    assert_eq!(fs::read_to_string(out.join("truth/faults.json")).unwrap(), "[\n  \"a\"\n]\n");
}

#[test]
fn too_many_waiting_rows_are_a_limit_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let few = Options { waiting_rows: 5_000, threads: 1, ..Options::default() };
    let manifest = write_with(&out, &blueprint(), few, |recorder| {
        let mut generator = Generator::new(&catalogue(&blueprint()));
        let mut no_watermark = NoWatermark(recorder);
        (0..REQUESTS).for_each(|_| generator.step(&mut no_watermark));
        generator.finish(&mut no_watermark);
    });
    assert!(manifest.limits_hit[LIMIT_WAITING_ROWS] > 1);
    assert_eq!(check_tables(&out).unwrap(), manifest, "no row is lost");
}

struct NoWatermark<'a>(&'a mut knockon_telemetry::Recorder);

impl Sink for NoWatermark<'_> {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;
    fn span(&mut self, record: SpanRecord) {
        self.0.span(record);
    }
    fn log(&mut self, _: knockon_model::record::LogRecord) {}
    fn sample(&mut self, _: knockon_model::record::SampleRecord) {}
    fn change(&mut self, _: knockon_model::record::ChangeRecord) {}
    fn ledger(&mut self, record: knockon_model::record::LedgerRecord) {
        self.0.ledger(record);
    }
    fn request(&mut self, _: knockon_model::record::RequestRecord) {}
    fn state(&mut self, _: knockon_model::record::StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

#[test]
fn requests_are_told_as_their_clients_saw_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let names = catalogue(&blueprint());
    let get = operation(&names, 3, 0, SpanKind::Client);
    let request = |number: u64, error: Option<ErrorType>, status| RequestRecord {
        parts: [number; knockon_model::record::Part::COUNT],
        client: ProcessId(3),
        number,
        trace: TraceId(u128::from(number)),
        operation: get,
        sent: Time::from_nanos(number * 1_000),
        ended: Time::from_nanos(number * 1_000 + 700),
        attempts: 4,
        status,
        error,
    };
    write_with(&out, &blueprint(), threads(1), |recorder| {
        recorder.request(request(2, Some(ErrorType::ConnectionRefused), 0));
        recorder.request(request(1, None, 200));
        recorder.request(request(3, Some(ErrorType::Upstream), 503));
    });
    let rows = &read(&out, "truth/requests")[0];
    let numbers = rows["number"].as_primitive::<UInt64Type>();
    assert_eq!(numbers.values(), &[1, 2, 3], "rows are in the order of sending");
    assert_eq!(rows["latency_ns"].as_primitive::<Int64Type>().values(), &[700; 3]);
    assert_eq!(rows["attempts"].as_primitive::<UInt16Type>().values(), &[4; 3]);
    let words = |column: &str| -> Vec<Option<String>> {
        let words = rows[column].as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
        words.into_iter().map(|word| word.map(str::to_owned)).collect()
    };
    let some = |words: [&str; 3]| words.map(|word| (!word.is_empty()).then(|| word.to_owned())).to_vec();
    assert_eq!(words("name"), some(["GET /api/users/{id}"; 3]));
    assert_eq!(words("outcome"), some(["answered", "failed", "failed"]));
    assert_eq!(words("error_type"), some(["", "java.net.ConnectException", "503"]));
    let status = rows["http_response_status_code"].as_primitive::<UInt16Type>();
    assert_eq!(status.iter().collect::<Vec<_>>(), [Some(200), None, Some(503)]);
}

#[test]
fn a_long_table_has_several_parts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    const SAMPLES: u64 = 2_100_000;
    let manifest = write_with(&out, &blueprint(), threads(2), |recorder| {
        for n in 0..SAMPLES {
            recorder.sample(SampleRecord {
                series: SeriesId(n as u32 % 9),
                time: Time::from_nanos(n / 9),
                value: (n % 7) as f64,
            });
        }
    });
    let metrics = &manifest.tables["observed/metrics"];
    assert_eq!((metrics.rows, metrics.parts), (SAMPLES, 2));
    assert_eq!(siblings(&out.join("observed/metrics")), ["part-00000.parquet", "part-00001.parquet"]);
    assert_eq!(check_tables(&out).unwrap(), manifest);
}

#[test]
fn a_changed_table_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    write(&out, threads(1));
    let path = out.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut manifest: Manifest = serde_json::from_str(&text).unwrap();
    manifest.tables.get_mut("truth/ledger").unwrap().digest = "0".repeat(32);
    fs::write(&path, serde_json::to_string(&manifest).unwrap()).unwrap();
    assert!(matches!(check_tables(&out), Err(Error::Altered { .. })));
    let part = out.join("observed/spans/part-00000.parquet");
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(check_tables(&out), Err(Error::Encoding { .. })), "a truncated file is an error, not a panic");
}
