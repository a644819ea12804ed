//! `--profile strict`: events of schema 1.8.0. They are closed: what the schema has no place for is under `unmapped`.

use super::class::{self, Activity};
use super::milliseconds;
use crate::error::Result;
use crate::hex::{SpanId, TraceId};
use crate::series::{self, Series};
use crate::source::Source;
use crate::target::Target;
use serde_json::{Map, Value, json};

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// The events of a table as lines of a file.
fn lines(
    source: &mut Source<'_>,
    target: &Target,
    (table, name): (&str, &str),
    columns: &[&str],
    mut event: impl FnMut(&Row<'_>) -> Value,
) -> Result<()> {
    let mut file = target.file(name)?;
    source.each(table, columns, |batch| {
        for row in 0..batch.rows() {
            file.json_line(&event(&Row { batch, row }), 1)?;
        }
        Ok(())
    })?;
    file.finish()
}

pub(super) fn write(source: &mut Source<'_>, target: &Target) -> Result<()> {
    lines(source, target, ("observed/spans", "traces.jsonl"), &SPAN, span)?;
    lines(source, target, ("observed/logs", "logs.jsonl"), &LINE, line)?;
    let metric = |series: Series| {
        let labels = series.labels.into_iter().map(|(key, value)| (key, Value::String(value)));
        let metric = json!({
            "name": series.name, "unit": series.unit, "type": series.kind, "labels": Map::from_iter(labels),
        });
        (metric, series.service, series.instance)
    };
    let series: Vec<_> = series::read(source)?.into_iter().map(metric).collect();
    lines(source, target, ("observed/metrics", "metrics.jsonl"), &["series_id", "time", "value"], |row| {
        sample(row, &series)
    })?;
    let columns = ["time", "kind", "component", "instance", "from", "to", "message"];
    lines(source, target, ("observed/changes", "changes.jsonl"), &columns, change)
}

/// A row of a table.
struct Row<'a> {
    batch: &'a knockon_telemetry::Batch,
    row: usize,
}

impl Row<'_> {
    fn maybe(&self, column: usize) -> Option<&str> {
        self.batch.text(column, self.row)
    }

    fn text(&self, column: usize) -> &str {
        self.maybe(column).unwrap_or_default()
    }

    fn integer(&self, column: usize) -> Option<i64> {
        self.batch.integer(column, self.row)
    }

    fn time(&self, column: usize) -> i64 {
        milliseconds(self.integer(column).unwrap_or_default())
    }

    fn trace(&self, column: usize) -> Option<String> {
        self.batch.id(column, self.row).map(|id| TraceId::new(id).to_string())
    }

    fn span(&self, column: usize) -> Option<String> {
        self.batch.id(column, self.row).map(|id| SpanId::new(id).to_string())
    }
}

/// What every event has. `profiles` are named since what they add is refused otherwise.
fn event(activity: Activity, time: i64, severity: i64, profiles: &[&str]) -> Map<String, Value> {
    let (severity_id, severity) = class::severity(severity);
    let event = json!({
        "activity_id": activity.number,
        "activity_name": activity.name,
        "category_uid": activity.class.category,
        "class_uid": activity.class.number,
        "class_name": activity.class.name,
        "type_uid": activity.type_number(),
        "severity_id": severity_id,
        "severity": severity,
        "time": time,
        "metadata": {
            "version": VERSION,
            "product": { "name": "knockon", "vendor_name": "knockon" },
            "profiles": profiles,
        },
    });
    let Value::Object(event) = event else { unreachable!("it is written as an object") };
    event
}

/// Puts what is there, and leaves out what is not.
fn put(object: &mut Map<String, Value>, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    object.extend(fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)));
}

/// An object of what is there.
fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut object = Map::new();
    put(&mut object, fields);
    if object.is_empty() { Value::Null } else { Value::Object(object) }
}

fn metadata(event: &mut Map<String, Value>, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
        put(metadata, fields);
    }
}

/// The process that tells, as the profile `host` has it. A container is none of the kinds of device that have a number.
fn device(instance: &str) -> Value {
    json!({ "type_id": 99, "type": "Container", "hostname": instance })
}

fn outcome(event: &mut Map<String, Value>, failed: bool, code: Option<&str>) {
    let (status_id, status) = class::status(failed);
    put(event, [("status_id", json!(status_id)), ("status", json!(status)), ("status_code", json!(code))]);
}

const SPAN: [&str; 23] = [
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
    "error_type",
    "peer",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "http_request_resend_count",
    "db_system_name",
    "db_operation_name",
    "db_collection_name",
    "messaging_system",
    "messaging_operation_name",
    "messaging_destination_name",
    "peer_instance",
];

fn span(row: &Row<'_>) -> Value {
    let (start, end) = (row.time(7), row.time(8));
    let duration = milliseconds(row.integer(8).unwrap_or_default() - row.integer(7).unwrap_or_default());
    let failed = row.text(9) == "ERROR";
    let serves = matches!(row.text(6), "SERVER" | "CONSUMER");
    let database = row.maybe(16).map(|_| row.text(17));
    let activity = Activity::of_span(row.maybe(12), database, row.maybe(20));
    let own = json!({ "svc_name": row.text(3), "hostname": row.text(4) });
    let other = object([("svc_name", json!(row.maybe(11))), ("hostname", json!(row.maybe(22)))]);
    let severity = class::severity_of_span(failed);
    let traced = ["trace", "host"];
    let mut event =
        event(activity, start, severity, if activity.class == class::DATASTORE { &traced[1..] } else { &traced });
    put(
        &mut event,
        [
            ("start_time", json!(start)),
            ("end_time", json!(end)),
            ("duration", json!(duration)),
            ("device", device(row.text(4))),
            ("actor", json!({ "app_name": row.text(3) })),
        ],
    );
    outcome(&mut event, failed, row.maybe(10));
    let (source, destination) = if serves { (other, own) } else { (own, other) };
    put(&mut event, [("src_endpoint", source), ("dst_endpoint", destination)]);
    let mut unmapped = vec![("span_kind", json!(row.text(6))), ("http_request_resend_count", json!(row.integer(15)))];
    if activity.class == class::DATASTORE {
        // The class has no place for a trace.
        metadata(&mut event, [("correlation_uid", json!(row.trace(0)))]);
        unmapped.extend([("span_uid", json!(row.span(1))), ("span_parent_uid", json!(row.span(2)))]);
        let kind = if row.text(16) == "redis" { 6 } else { 1 };
        let database = json!({ "name": row.maybe(11).unwrap_or(row.text(16)), "type_id": kind });
        put(&mut event, [("database", database), ("table", object([("name", json!(row.maybe(18)))]))]);
        unmapped.extend([("db_system_name", json!(row.text(16))), ("db_operation_name", json!(row.maybe(17)))]);
    } else {
        let span = object([
            ("uid", json!(row.span(1))),
            ("parent_uid", json!(row.span(2))),
            ("start_time", json!(start)),
            ("end_time", json!(end)),
            ("duration", json!(duration)),
            ("operation", json!(row.text(5))),
        ]);
        put(&mut event, [("trace", json!({ "uid": row.trace(0), "service": { "name": row.text(3) }, "span": span }))]);
    }
    if activity.class == class::HTTP {
        let url = object([("path", json!(row.maybe(13)))]);
        put(
            &mut event,
            [
                ("http_request", object([("http_method", json!(row.maybe(12))), ("url", url)])),
                ("http_response", object([("code", json!(row.integer(14)))])),
            ],
        );
    } else if activity.class == class::API {
        let service = object([("name", json!(row.maybe(19)))]);
        put(&mut event, [("api", object([("operation", json!(row.text(5))), ("service", service)]))]);
        if !event.contains_key("src_endpoint") {
            // Who published what a consumer handles is known by a link only; the class wants a source.
            put(&mut event, [("src_endpoint", json!({ "svc_name": row.text(21) }))]);
        }
        unmapped.push(("messaging_destination_name", json!(row.maybe(21))));
    }
    put(&mut event, [("unmapped", object(unmapped))]);
    Value::Object(event)
}

const LINE: [&str; 11] = [
    "uid",
    "time",
    "received_time",
    "service",
    "instance",
    "logger",
    "severity_number",
    "body",
    "trace_id",
    "span_id",
    "error_type",
];

fn line(row: &Row<'_>) -> Value {
    let severity = row.integer(6).unwrap_or_default();
    let mut event = event(Activity::of_line(severity), row.time(1), severity, &["host"]);
    put(
        &mut event,
        [
            ("message", json!(row.text(7))),
            ("device", device(row.text(4))),
            ("actor", json!({ "app_name": row.text(3) })),
            ("unmapped", object([("span_uid", json!(row.span(9)))])),
        ],
    );
    outcome(&mut event, severity >= 17, row.maybe(10));
    metadata(
        &mut event,
        [
            ("uid", json!(row.trace(0))),
            ("log_name", json!(row.text(5))),
            ("correlation_uid", json!(row.trace(8))),
            ("logged_time", json!(row.integer(2).map(milliseconds))),
        ],
    );
    Value::Object(event)
}

fn sample(row: &Row<'_>, series: &[(Value, String, String)]) -> Value {
    let mut event = event(Activity::sample(), row.time(1), 9, &["host"]);
    let known = row.integer(0).and_then(|id| usize::try_from(id).ok()).and_then(|id| series.get(id));
    if let Some((metric, service, instance)) = known {
        let mut metric = metric.clone();
        metric["value"] = json!(row.batch.real(2, row.row));
        put(
            &mut event,
            [
                ("message", metric["name"].clone()),
                ("device", device(instance)),
                ("actor", json!({ "app_name": service })),
                ("unmapped", json!({ "metric": metric })),
            ],
        );
    }
    Value::Object(event)
}

fn change(row: &Row<'_>) -> Value {
    let failed = matches!(row.text(1), "exited" | "unhealthy" | "killing");
    let mut event = event(Activity::of_change(row.text(1)), row.time(0), if failed { 13 } else { 9 }, &["host"]);
    let version = json!(row.maybe(5).filter(|_| row.text(1) == "deployment"));
    put(
        &mut event,
        [
            ("app", object([("name", json!(row.text(2))), ("version", version)])),
            ("message", json!(row.text(6))),
            ("device", row.maybe(3).map_or(Value::Null, device)),
            (
                "unmapped",
                object([("kind", json!(row.text(1))), ("from", json!(row.maybe(4))), ("to", json!(row.maybe(5)))]),
            ),
        ],
    );
    Value::Object(event)
}
