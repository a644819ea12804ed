//! Recorded data: arrivals, endpoints and durations that were measured, read row by row.

use knockon_kernel::{Duration, Time};
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};
use knockon_model::{Sink, World};
use knockon_scenario::{Loaded, Options, Scenario};

const TABLE: &str = "arrival_us,class,hold_us,first_ms,second_ms\n\
                     1000,n,2000,1,2\n\
                     50000,h,3000,30,4\n\
                     50000,n,4000,1,8\n\
                     90000.5,h,\"5000\",31,16\n";

const REPLAY: &str =
    r#"arrivals: Replay(data: "requests", column: "arrival_us"), mix: Column("class", {"n": "GET /n", "h": "GET /h"})"#;

/// A source over a service with two endpoints, its pool and a database.
fn scenario(source: &str, steps: &str, demand: &str, faults: &str) -> String {
    format!(
        r#"(duration: "1s", data: {{"requests": "data/requests.csv"}}, faults: {{{faults}}},
        services: {{"api": (
            cores: Unlimited,
            pools: {{"main": HikariCp(database: "db", maximum: 5)}},
            endpoints: {{"GET /n": (steps: {steps}), "GET /h": (steps: {steps})}},
        )}},
        databases: {{"db": (
            queries: {{"q": (demand: {demand}, operation: "SELECT", table: "t")}}, commit: "0s", workers: 8, connect: "0s",
        )}},
        links: {{"clients -> api": (latency: "0s"), "api -> db": (latency: "0s")}},
        load: {{"clients": (target: "api", {source})}})"#
    )
}

fn load(text: &str) -> Loaded {
    let files = |file: &str, _: u64| match file {
        "data/requests.csv" => Ok(TABLE.as_bytes().to_vec()),
        _ => Err("is not there".to_owned()),
    };
    Scenario::from_text_and_files("test", text, &Options::default(), &files)
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// Server spans: start and duration in nanoseconds, and the HTTP route's position among the service's endpoints.
#[derive(Default)]
struct Spans(Vec<(u64, u64, u32)>);

impl Sink for Spans {
    const OBSERVES: bool = true;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn span(&mut self, record: SpanRecord) {
        if record.peer.is_none() {
            let start = record.start.as_nanos();
            self.0.push((start, record.end.as_nanos() - start, record.operation.0));
        }
    }
    fn log(&mut self, _: LogRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

fn spans(loaded: &Loaded) -> Vec<(u64, u64, u32)> {
    let mut world = World::new(loaded.blueprint.clone());
    let mut sink = Spans::default();
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut sink).expect("within its limits");
    sink.0.sort_unstable();
    sink.0
}

fn durations(loaded: &Loaded) -> Vec<u64> {
    spans(loaded).iter().map(|&(_, duration, _)| duration / 1_000_000).collect()
}

#[test]
fn a_query_two_calls_deep_takes_what_its_request_recorded() {
    let loaded = load(&scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, ""));
    let spans = spans(&loaded);
    let starts: Vec<u64> = spans.iter().map(|span| span.0).collect();
    assert_eq!(starts, [1_000_000, 50_000_000, 50_000_000, 90_000_500]);
    // Arrivals of one instant keep the order of their rows.
    let holds: Vec<u64> = spans.iter().map(|span| span.1).collect();
    assert_eq!(holds, [2_000_000, 3_000_000, 4_000_000, 5_000_000]);
    let endpoints: Vec<u32> = spans.iter().map(|span| span.2).collect();
    assert_eq!((endpoints[0], endpoints[1]), (endpoints[2], endpoints[3]));
    assert_ne!(endpoints[0], endpoints[1]);
}

#[test]
fn a_fault_multiplies_what_was_recorded_while_it_lasts() {
    let fault =
        r#""slow": Set(at: "20ms", until: "60ms", set: {"db/q.demand": Recorded(column: "hold_us", factor: 2.5)})"#;
    let loaded = load(&scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, fault));
    let holds: Vec<u64> = spans(&loaded).iter().map(|span| span.1).collect();
    assert_eq!(holds, [2_000_000, 7_500_000, 10_000_000, 5_000_000]);
}

#[test]
fn each_attempt_reads_its_own_column_and_late_ones_the_last() {
    let source = format!(r#"{REPLAY}, timeout: "10ms", retries: 2, backoff: (base: "0s")"#);
    let steps = r#"[Compute(Recorded(columns: ["first_ms", "second_ms"]))]"#;
    let loaded = load(&scenario(&source, steps, r#""1ms""#, ""));
    // Rows 2 and 4 time out; the fourth's second and third attempts both need 16 ms.
    assert_eq!(durations(&loaded), [1, 1, 30, 4, 31, 16, 16]);
}

#[test]
fn steps_of_the_service_itself_read_the_row_and_factors_scale_it() {
    let steps = r#"[Sleep(Recorded("second_ms")), Compute(Recorded(column: "first_ms", factor: 10))]"#;
    let loaded = load(&scenario(REPLAY, steps, r#""1ms""#, ""));
    assert_eq!(durations(&loaded), [12, 18, 304, 326]);
}

#[test]
fn a_drawn_source_with_rows_ends_with_them() {
    let source = r#"data: "requests", arrivals: Poisson("100/s"), mix: {"GET /n": 1}"#;
    let loaded = load(&scenario(source, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, ""));
    let holds: Vec<u64> = spans(&loaded).iter().map(|span| span.1).collect();
    assert_eq!(holds, [2_000_000, 3_000_000, 4_000_000, 5_000_000]);
}

#[test]
fn two_sources_read_the_same_step_from_tables_of_their_own() {
    let other = "start_ms,hold_us\n500,7000\n600,8000\n";
    let text = scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, "")
        .replace("\"data/requests.csv\"", "\"data/requests.csv\", \"more\": \"more.csv\"")
        .replace(
            "load: {",
            r#"load: {"others": (target: "api", arrivals: Replay(data: "more", column: "start_ms"), mix: {"GET /n": 1}), "#,
        )
        .replace("links: {", r#"links: {"others -> api": (latency: "0s"), "#);
    let files = |file: &str, _: u64| Ok(if file == "more.csv" { other } else { TABLE }.as_bytes().to_vec());
    let loaded = Scenario::from_text_and_files("test", &text, &Options::default(), &files);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(durations(&loaded), [2, 3, 4, 5, 7, 8]);
    assert_eq!(loaded.files.len(), 2);
}

#[test]
fn formulas_see_the_mean_of_what_was_recorded() {
    let loaded = load(&scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded(column: "hold_us", factor: 2)"#, ""));
    let (sampler, _) = loaded.blueprint.recordings.samplers[0];
    assert_eq!(loaded.blueprint[sampler].mean(), 7e6);
    let weights: Vec<f64> = loaded.blueprint.sources[0].mix.iter().map(|part| part.weight).collect();
    assert_eq!(weights, [2.0, 2.0]);
    // A column that nothing reads is not kept.
    let names: Vec<&str> = loaded.blueprint.recordings.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["hold_us", "class", "arrival_us"]);
}

#[test]
fn a_world_with_recorded_data_goes_on_from_a_copy_as_it_would_have() {
    let loaded = load(&scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, ""));
    let mut straight = World::new(loaded.blueprint.clone());
    let mut first = World::new(loaded.blueprint.clone());
    let half = Time::ZERO + Duration::from_millis(51);
    first.run_until(half, &mut knockon_model::Null).unwrap();
    let mut second = first.clone();
    let end = Time::ZERO + Duration::from_secs(1);
    for world in [&mut straight, &mut first, &mut second] {
        world.run_until(end, &mut knockon_model::Null).unwrap();
    }
    assert_eq!(straight.digest(), first.digest());
    assert_eq!(straight.digest(), second.digest());
}

#[test]
fn the_resolved_text_says_where_the_data_lies() {
    let loaded = load(&scenario(REPLAY, r#"[Query("q")]"#, r#"Recorded("hold_us")"#, ""));
    let again = load(&loaded.resolved_text);
    assert_eq!(again.resolved_text, loaded.resolved_text);
    assert_eq!(format!("{:?}", again.blueprint), format!("{:?}", loaded.blueprint));
    assert_eq!(loaded.files, [("data/requests.csv".to_owned(), TABLE.as_bytes().to_vec())]);
}
