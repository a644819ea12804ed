//! `sim replay`: a receiver built on the official definitions gets every span, line and point once, in order and at the pace that was asked for, whatever it refuses for
//! now; and a sender that is killed half way goes on where it was.
#![cfg(unix)]

use super::{Ended, end, sim, small};
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Uri};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use flate2::read::GzDecoder;
use knockon_telemetry::RunReader;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

/// Something that came: its identity, its time, and when it came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Came {
    what: String,
    time: u64,
    at: Instant,
}

/// A sample of remote write: labels, bits of the value, milliseconds.
type Written = (Vec<(String, String)>, u64, i64);

#[derive(Clone, Default, Debug)]
struct Received {
    spans: Vec<Came>,
    lines: Vec<Came>,
    points: Vec<Came>,
    samples: Vec<Written>,
    refused: u32,
    headers: Vec<String>,
}

/// Where somebody listens who answers requests, of path, headers and body, one after the other.
fn answering(answer: impl FnMut(&str, &HeaderMap, &[u8]) -> Response + Send + 'static) -> String {
    let answer = Arc::new(Mutex::new(answer));
    let one = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let response = (answer.lock().unwrap())(uri.path(), &headers, &body);
        async move { response }
    };
    let app = axum::Router::new().fallback(one).layer(DefaultBodyLimit::disable());
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    format!("http://{}", told.recv().unwrap())
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: Vec<u8>) -> Response {
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, AppendHeaders(headers.to_vec()), body).into_response()
}

/// A receiver of OTLP and of remote write, which refuses every so manyth request first.
struct Receiver {
    url: String,
    received: Arc<Mutex<Received>>,
}

impl Receiver {
    fn start(refuses_every: u32) -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let of = Arc::clone(&received);
        let mut count = 0;
        let url = answering(move |path, headers, body| {
            count += 1;
            let mut received = of.lock().unwrap();
            if refuses_every > 0 && count % refuses_every == 1 {
                received.refused += 1;
                let statuses = [503, 429, 502, 504];
                let status = statuses[received.refused as usize % statuses.len()];
                return answer(status, &[("Retry-After", "0")], Vec::new());
            }
            let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header("Content-Type").as_deref(), Some("application/x-protobuf"));
            received.headers.extend(header("X-Tenant"));
            take(&mut received, path, body);
            answer(200, &[], Vec::new())
        });
        Self { url, received }
    }

    fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }
}

/// The official services of OTLP over gRPC, which refuse every so manyth request first.
#[derive(Clone)]
struct Services {
    received: Arc<Mutex<Received>>,
    refuses_every: u32,
    count: Arc<Mutex<u32>>,
}

impl Services {
    fn take<T, A>(
        &self,
        request: Request<T>,
        take: fn(&mut Received, T),
        answer: A,
    ) -> Result<tonic::Response<A>, Status> {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        let mut received = self.received.lock().unwrap();
        if self.refuses_every > 0 && *count % self.refuses_every == 1 {
            received.refused += 1;
            return Err(Status::unavailable("not now"));
        }
        let tenant = request.metadata().get("x-tenant").and_then(|tenant| tenant.to_str().ok());
        received.headers.extend(tenant.map(str::to_owned));
        take(&mut received, request.into_inner());
        Ok(tonic::Response::new(answer))
    }
}

#[tonic::async_trait]
impl TraceService for Services {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        self.take(request, take_spans, ExportTraceServiceResponse::default())
    }
}

#[tonic::async_trait]
impl LogsService for Services {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        self.take(request, take_lines, ExportLogsServiceResponse::default())
    }
}

#[tonic::async_trait]
impl MetricsService for Services {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        self.take(request, take_points, ExportMetricsServiceResponse::default())
    }
}

impl Receiver {
    /// One that speaks gRPC.
    fn start_grpc(refuses_every: u32) -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let services = Services { received: Arc::clone(&received), refuses_every, count: Arc::default() };
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
                tell.send(incoming.local_addr().unwrap()).unwrap();
                tonic::transport::Server::builder()
                    .add_service(TraceServiceServer::new(services.clone()).accept_compressed(Gzip))
                    .add_service(LogsServiceServer::new(services.clone()).accept_compressed(Gzip))
                    .add_service(MetricsServiceServer::new(services).accept_compressed(Gzip))
                    .serve_with_incoming(incoming)
                    .await
                    .unwrap();
            });
        });
        Self { url: format!("http://{}", told.recv().unwrap()), received }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn take_spans(received: &mut Received, request: ExportTraceServiceRequest) {
    let at = Instant::now();
    let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
    let came = |span: Span| Came { what: hex(&span.trace_id) + &hex(&span.span_id), time: span.end_time_unix_nano, at };
    // A request has its records by process; the order within it is that of each process.
    let mut spans: Vec<_> = scopes.flat_map(|of| of.spans).map(came).collect();
    spans.sort_by_key(|span| span.time);
    received.spans.extend(spans);
}

fn take_lines(received: &mut Received, request: ExportLogsServiceRequest) {
    let at = Instant::now();
    let scopes = request.resource_logs.into_iter().flat_map(|of| of.scope_logs);
    let came = |record: LogRecord| {
        let uid = record.attributes.iter().find(|attribute| attribute.key == "log.record.uid").unwrap();
        let Some(Value::StringValue(uid)) = uid.value.clone().unwrap().value else { panic!("{uid:?}") };
        Came { what: uid, time: record.time_unix_nano, at }
    };
    let mut lines: Vec<_> = scopes.flat_map(|of| of.log_records).map(came).collect();
    lines.sort_by_key(|line| line.time);
    received.lines.extend(lines);
}

fn take_points(received: &mut Received, request: ExportMetricsServiceRequest) {
    let at = Instant::now();
    for resource in request.resource_metrics {
        let process = format!("{:?}", resource.resource);
        for metric in resource.scope_metrics.into_iter().flat_map(|of| of.metrics) {
            let came = |attributes: &Vec<KeyValue>, time| Came {
                what: format!("{process} {} {attributes:?}", metric.name),
                time,
                at,
            };
            let points: Vec<_> = match metric.data.as_ref().unwrap() {
                Data::Gauge(of) => of.data_points.iter().map(|p| came(&p.attributes, p.time_unix_nano)).collect(),
                Data::Sum(of) => of.data_points.iter().map(|p| came(&p.attributes, p.time_unix_nano)).collect(),
                Data::Histogram(of) => of.data_points.iter().map(|p| came(&p.attributes, p.time_unix_nano)).collect(),
                Data::Summary(of) => of.data_points.iter().map(|p| came(&p.attributes, p.time_unix_nano)).collect(),
                Data::ExponentialHistogram(_) => panic!("no run has these"),
            };
            received.points.extend(points);
        }
    }
}

fn take(received: &mut Received, url: &str, body: &[u8]) {
    let unzipped = || {
        let mut bytes = Vec::new();
        GzDecoder::new(body).read_to_end(&mut bytes).unwrap();
        bytes
    };
    match url {
        "/v1/traces" => take_spans(received, ExportTraceServiceRequest::decode(&unzipped()[..]).unwrap()),
        "/v1/logs" => take_lines(received, ExportLogsServiceRequest::decode(&unzipped()[..]).unwrap()),
        "/v1/metrics" => take_points(received, ExportMetricsServiceRequest::decode(&unzipped()[..]).unwrap()),
        "/api/v1/write" => {
            let bytes = snap::raw::Decoder::new().decompress_vec(body).unwrap();
            for series in WriteRequest::decode(&bytes[..]).unwrap().timeseries {
                let labels: Vec<_> = series.labels.into_iter().map(|label| (label.name, label.value)).collect();
                assert!(labels.is_sorted(), "{labels:?}");
                received
                    .samples
                    .extend(series.samples.iter().map(|of| (labels.clone(), of.value.to_bits(), of.timestamp)));
            }
        }
        _ => panic!("nothing is sent to {url}"),
    }
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

fn run() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ended = end(sim(folder.path()).arg("run").arg(small()).args(["--out", "run", "--no-truth"]));
    assert!(folder.path().join("run/manifest.json").exists(), "{ended:?}");
    folder
}

fn replay(folder: &Path, receiver: &Receiver, arguments: &[&str]) -> Ended {
    end(sim(folder).args(["replay", "run", "--to", &receiver.url]).args(arguments))
}

/// What the tables have: spans by id with their ends, lines by id with their times.
fn told(folder: &Path) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let run = RunReader::open(&folder.join("run")).unwrap();
    let mut spans = BTreeMap::new();
    for batch in run.read("observed/spans", &["trace_id", "span_id", "end_time"]).unwrap().map(Result::unwrap) {
        spans.extend((0..batch.rows()).map(|row| {
            let (trace, span) = (batch.id(0, row).unwrap(), batch.id(1, row).unwrap());
            (format!("{trace:032x}{span:016x}"), batch.integer(2, row).unwrap() as u64)
        }));
    }
    let mut lines = BTreeMap::new();
    for batch in run.read("observed/logs", &["uid", "time"]).unwrap().map(Result::unwrap) {
        lines.extend(
            (0..batch.rows())
                .map(|row| (format!("{:032x}", batch.id(0, row).unwrap()), batch.integer(1, row).unwrap() as u64)),
        );
    }
    (spans, lines)
}

fn assert_in_order(came: &[Came]) {
    assert!(came.is_sorted_by_key(|came| came.time), "out of order");
}

/// Everything came once, in order.
fn assert_whole(received: &Received, folder: &Path) {
    let (spans, lines) = told(folder);
    for (came, told) in [(&received.spans, spans), (&received.lines, lines)] {
        assert_in_order(came);
        let by_id: BTreeMap<_, _> = came.iter().map(|came| (came.what.clone(), came.time)).collect();
        assert_eq!(by_id.len(), came.len(), "something came twice");
        assert!(by_id == told && !told.is_empty(), "{} of {}", by_id.len(), told.len());
    }
    let points: BTreeMap<_, _> = received.points.iter().map(|point| ((point.what.clone(), point.time), ())).collect();
    assert_eq!(points.len(), received.points.len(), "a point came twice");
    assert_in_order(&received.points);
    assert_eq!(points.len() as u64, exported_points(folder));
}

fn exported_points(folder: &Path) -> u64 {
    let ended = end(sim(folder).args(["export", "run", "--format", "otlp", "--out", "exported"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let marker: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("exported/export.json")).unwrap()).unwrap();
    marker["files"]["metrics.jsonl"]["records"].as_u64().unwrap()
}

#[test]
fn everything_comes_once_and_in_order_whatever_is_refused_for_now() {
    let folder = run();
    for (protocol, refuses_every) in [("http/protobuf", 0), ("http/protobuf", 3), ("grpc", 0), ("grpc", 5)] {
        let receiver =
            if protocol == "grpc" { Receiver::start_grpc(refuses_every) } else { Receiver::start(refuses_every) };
        let arguments = ["--protocol", protocol, "--speed", "max", "--header", "X-Tenant=shop"];
        let ended = replay(folder.path(), &receiver, &arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let received = receiver.received();
        assert_whole(&received, folder.path());
        assert!(
            ended.out.contains("all of it") && ended.out.contains(&format!("{} in ", received.spans.len())),
            "{ended:?}"
        );
        assert!(received.headers.iter().all(|tenant| tenant == "shop") && !received.headers.is_empty());
        assert_eq!(received.refused > 0, refuses_every > 0);
    }
}

#[test]
fn it_goes_at_the_pace_that_is_asked_for() {
    let folder = run();
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let speed = run.manifest().simulated_ns as f64 / 1e9 / 3.0;
    let receiver = Receiver::start(0);
    let ended = replay(folder.path(), &receiver, &["--speed", &speed.to_string(), "--shift-to-now"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let received = receiver.received();
    let (first, last) = (received.spans.first().unwrap(), received.spans.last().unwrap());
    let simulated = (last.time - first.time) as f64 / 1e9 / speed;
    let took = last.at.duration_since(first.at).as_secs_f64();
    assert!((took / simulated - 1.0).abs() < 0.02, "{took} s for {simulated} s");
    // Also in between: nothing comes before its time, or late by more than what gathers.
    for came in &received.spans {
        let due = (came.time - first.time) as f64 / 1e9 / speed;
        let late = came.at.duration_since(first.at).as_secs_f64() - due;
        assert!((-0.06..0.25).contains(&late), "{late} s late");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let begins = Duration::from_nanos(first.time);
    assert!(now.saturating_sub(begins) < Duration::from_secs(60), "the run begins now");
}

#[test]
fn killed_half_way_it_goes_on_and_says_what_may_have_come_twice() {
    let folder = run();
    let receiver = Receiver::start(0);
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let speed = (run.manifest().simulated_ns as f64 / 1e9 / 3.0).to_string();
    let mut child = sim(folder.path())
        .args(["replay", "run", "--to", &receiver.url, "--resume", "progress.json", "--speed", &speed])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let half = told(folder.path()).0.len() / 2;
    let began = Instant::now();
    while receiver.received().spans.len() < half {
        assert!(began.elapsed() < Duration::from_secs(60), "half of it did not come within a minute");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = receiver.received().spans.len();
    let ended = replay(folder.path(), &receiver, &["--speed", "max", "--resume", "progress.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut received = receiver.received();
    let after = received.spans.len();
    assert!(before < after, "it was killed too late");
    // Only what was under way may have come twice, and it was counted.
    let mut twice = 0;
    for came in [&mut received.spans, &mut received.lines, &mut received.points] {
        let all = came.len();
        let mut seen = std::collections::BTreeSet::new();
        came.retain(|came| seen.insert((came.what.clone(), came.time)));
        twice += all - came.len();
    }
    assert_whole(&received, folder.path());
    let counted: usize = ended
        .out
        .lines()
        .filter_map(|line| line.split(", ").last()?.strip_suffix(" possibly sent twice")?.parse::<usize>().ok())
        .sum();
    assert!(twice <= counted && counted <= 512, "{twice} came twice, {counted} were counted: {ended:?}");
    // The file says that it is done, so there is nothing to send.
    let ended = replay(folder.path(), &receiver, &["--resume", "progress.json", "--shift-to-now"]);
    assert!(ended.code == Some(0) && ended.out.contains("all of it"), "{ended:?}");
    assert!(ended.err.contains("all of the run was sent before") && !ended.err.contains("other times"), "{ended:?}");
    assert_eq!(receiver.received().spans.len(), after);
    // Asked for more, it begins another pass, with other ids.
    let mut child = sim(folder.path())
        .args(["replay", "run", "--to", &receiver.url, "--resume", "progress.json", "--speed", "max", "--loop"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while receiver.received().spans.len() < after + before {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing more came within a minute");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let known: std::collections::BTreeSet<_> = received.spans.iter().map(|span| &span.what).collect();
    assert!(receiver.received().spans[after..].iter().all(|span| !known.contains(&span.what)), "ids come again");
    let progress: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("progress.json")).unwrap()).unwrap();
    assert!(progress["pass"].as_u64().unwrap() >= 1 && progress["account"]["finished"] == false, "{progress}");
}

#[test]
fn remote_write_has_every_sample_and_marks_what_is_gone() {
    let folder = run();
    let receiver = Receiver::start(0);
    let ended = replay(folder.path(), &receiver, &["--protocol", "remote-write", "--speed", "max"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let received = receiver.received();
    assert!(received.spans.is_empty() && received.points.is_empty());
    let values = received.samples.iter().filter(|(_, bits, _)| *bits != 0x7ff0_0000_0000_0002).count();
    let rows = RunReader::open(&folder.path().join("run")).unwrap().manifest().tables["observed/metrics"].rows;
    assert_eq!(values as u64, rows);
    assert!(received.samples.is_sorted_by_key(|(_, _, time)| *time));
    assert!(received.samples.iter().all(|(labels, _, _)| labels.iter().any(|(name, _)| name == "__name__")));
}

#[test]
fn what_cannot_be_sent_is_said() {
    let folder = run();
    let refused = |to: &str| end(sim(folder.path()).args(["replay", "run", "--speed", "max", "--to", to]));
    for to in ["ftp://127.0.0.1", "127.0.0.1:4318", "https://127.0.0.1:4318"] {
        let ended = refused(to);
        assert!(
            ended.code == Some(2) && ended.err.contains("cannot send to") && ended.err.contains("hint: "),
            "{ended:?}"
        );
    }
}

#[test]
fn a_receiver_that_sends_elsewhere_has_taken_nothing() {
    // As a proxy does that asks for a login first.
    let to = answering(|path, _, _| {
        let status = if path == "/login" { 200 } else { 302 };
        answer(status, &[("Location", "/login")], Vec::new())
    });
    let folder = run();
    for protocol in ["http/protobuf", "remote-write"] {
        let ended =
            end(sim(folder.path()).args(["replay", "run", "--speed", "max", "--to", &to, "--protocol", protocol]));
        assert_eq!((ended.code, ended.out.as_str()), (Some(74), ""), "{ended:?}");
        assert!(ended.err.contains("302"), "{ended:?}");
    }
}

#[test]
fn what_a_receiver_says_of_records_that_it_does_not_take_is_told_on() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
    let to = answering(|path, _, _| {
        let partial = ExportTracePartialSuccess { rejected_spans: 2, error_message: "quota of shop".to_owned() };
        let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        answer(200, &[], if path == "/v1/traces" { body } else { Vec::new() })
    });
    let folder = run();
    let ended = end(sim(folder.path()).args(["replay", "run", "--speed", "max", "--to", &to]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.err.matches("rejects 2 records of a request that it takes: quota of shop").count(),
        1,
        "{ended:?}"
    );
    assert!(ended.out.contains("of which the receiver rejected some"), "{ended:?}");
}

#[test]
fn remote_write_has_no_attributes_to_name() {
    let folder = run();
    let arguments = ["--protocol", "remote-write", "--semconv", "old", "--to", "http://127.0.0.1:9"];
    let ended = end(sim(folder.path()).args(["replay", "run"]).args(arguments));
    assert!(ended.code == Some(2) && ended.err.contains("`--semconv`"), "{ended:?}");
}
