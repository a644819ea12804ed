//! `--profile tutorial`: flat tables with the names that tutorials on anomaly detection use, of which some spell the same thing in two ways.
//!
//! No value is missing: text that does not apply is empty, a number is 0. None of the columns is a label.

use super::class::{self, Activity};
use super::flat::{Cell, Flat};
use super::milliseconds;
use super::requests::{Request, Requests};
use crate::error::Result;
use crate::hex::{SpanId, TraceId};
use crate::series;
use crate::source::Source;
use crate::target::Target;
use knockon_telemetry::Batch;
use std::collections::BTreeSet;

pub(super) fn write(source: &mut Source<'_>, target: &Target) -> Result<()> {
    let mut lines = Flat::begin(target.file("ocsf_logs.parquet")?, &named(LINE, &line(&Line::default(), None)))?;
    each_line(source, |_, line, request| lines.row(line_cells(line, request)))?;
    lines.finish()?;
    spans(source, target)?;
    samples(source, target)
}

/// What a row says, with the names of its columns.
pub(super) fn line_cells(line: &Line<'_>, request: Option<&Request>) -> Vec<Cell> {
    self::line(line, request)
}

/// Names and values, side by side.
pub(super) fn named(names: &[&str], values: &[Cell]) -> Vec<(String, Cell)> {
    assert_eq!(names.len(), values.len(), "a column has a name and a value");
    names.iter().map(|&name| name.to_owned()).zip(values.iter().cloned()).collect()
}

/// Columns that all three tables have.
fn common(activity: Activity, time: i64, severity: i64, failed: bool, service: &str) -> Vec<Cell> {
    let (severity_id, level) = class::severity(severity);
    let (status_id, status) = class::status(failed);
    vec![
        time.into(),
        activity.class.category.into(),
        activity.class.number.into(),
        activity.class.name.into(),
        activity.number.into(),
        activity.name.into(),
        activity.type_number().into(),
        severity_id.into(),
        level.to_lowercase().as_str().into(),
        status_id.into(),
        status.into(),
        service.into(),
        // A simulated request has no user.
        "".into(),
    ]
}

/// The names of columns of lines: those of all tables, and those of a request.
pub(super) const LINE: &[&str] = &[
    "time",
    "category_uid",
    "class_uid",
    "class_name",
    "activity_id",
    "activity_name",
    "type_uid",
    "severity_id",
    "level",
    "status_id",
    "status",
    "service",
    "actor_user_name",
    "message",
    "status_code",
    "trace_id",
    "device_hostname",
    "http_method",
    "http_request_method",
    "http_request_url_path",
    "http_response_code",
    "duration",
];

/// A line, as it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line<'a> {
    pub(super) uid: u128,
    pub(super) time: i64,
    service: &'a str,
    instance: &'a str,
    severity: i64,
    body: &'a str,
    pub(super) trace: Option<u128>,
    pub(super) span: Option<u128>,
    error: &'a str,
}

/// Hands out all lines in their order, by number, each with what is known of its span.
pub(super) fn each_line(
    source: &mut Source<'_>,
    mut take: impl FnMut(u64, &Line<'_>, Option<&Request>) -> Result<()>,
) -> Result<()> {
    let columns =
        ["uid", "time", "service", "instance", "severity_number", "body", "trace_id", "span_id", "error_type"];
    let mut requests = Requests::of(source.rows("observed/spans", &Requests::COLUMNS)?);
    let mut number = 0;
    source.each("observed/logs", &columns, |batch| {
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).unwrap_or_default();
            let line = Line {
                uid: batch.id(0, row).unwrap_or_default(),
                time: batch.integer(1, row).unwrap_or_default(),
                service: text(2),
                instance: text(3),
                severity: batch.integer(4, row).unwrap_or_default(),
                body: text(5),
                trace: batch.id(6, row),
                span: batch.id(7, row),
                error: text(8),
            };
            let request = match line.trace.zip(line.span) {
                Some((trace, span)) => requests.find(line.time, trace, span)?,
                None => None,
            };
            take(number, &line, request)?;
            number += 1;
        }
        Ok(())
    })
}

fn line(line: &Line<'_>, request: Option<&Request>) -> Vec<Cell> {
    let failed = line.severity >= 17 || request.is_some_and(|request| request.failed);
    let activity = match request.filter(|request| !request.method.is_empty() && line.severity < 17) {
        Some(request) => Activity::of_span(Some(&request.method), None, None),
        None => Activity::of_line(line.severity),
    };
    let trace = line.trace.map(|trace| TraceId::new(trace).to_string()).unwrap_or_default();
    let unknown = Request::default();
    let request = request.unwrap_or(&unknown);
    let mut cells = common(activity, milliseconds(line.time), line.severity, failed, line.service);
    cells.extend([
        line.body.into(),
        line.error.into(),
        Cell::Text(trace),
        line.instance.into(),
        Cell::Text(request.method.clone()),
        Cell::Text(request.method.clone()),
        Cell::Text(request.path.clone()),
        request.code.into(),
        request.duration.into(),
    ]);
    cells
}

const SPAN: &[&str] = &[
    "trace_id",
    "span_id",
    "parent_span_id",
    "service",
    "instance",
    "name",
    "start_time",
    "end_time",
    "status",
    "error_type",
    "peer",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "db_system_name",
    "db_operation_name",
    "messaging_operation_name",
    "kind",
    "peer_instance",
];

fn spans(source: &mut Source<'_>, target: &Target) -> Result<()> {
    let names = [
        &LINE[..13],
        &[
            "message",
            "status_code",
            "trace_id",
            "span_id",
            "parent_span_id",
            "device_hostname",
            "http_method",
            "http_request_method",
            "http_request_url_path",
            "http_response_code",
            "src_endpoint_name",
            "dst_endpoint_name",
            "duration",
        ],
    ]
    .concat();
    let mut file = None;
    let mut waiting = Some(target.file("ocsf_traces.parquet")?);
    source.each("observed/spans", SPAN, |batch| {
        for row in 0..batch.rows() {
            let cells = span(batch, row);
            if let Some(output) = waiting.take() {
                file = Some(Flat::begin(output, &named(&names, &cells))?);
            }
            file.as_mut().map_or(Ok(()), |file| file.row(cells))?;
        }
        Ok(())
    })?;
    match (file, waiting) {
        (Some(file), _) => file.finish(),
        (None, Some(output)) => Flat::begin(output, &[("time".to_owned(), Cell::Whole(0))])?.finish(),
        (None, None) => Ok(()),
    }
}

fn span(batch: &Batch, row: usize) -> Vec<Cell> {
    let text = |column| batch.text(column, row).unwrap_or_default();
    let id = |column| batch.id(column, row).map(|id| SpanId::new(id).to_string()).unwrap_or_default();
    let time = |column| batch.integer(column, row).unwrap_or_default();
    let failed = text(8) == "ERROR";
    let database = batch.text(14, row).map(|_| text(15));
    let activity = Activity::of_span(batch.text(11, row), database, batch.text(16, row));
    let (source, destination) = match text(17) {
        "SERVER" | "CONSUMER" => ("", text(3)),
        _ => (text(3), text(10)),
    };
    let mut cells = common(activity, milliseconds(time(6)), class::severity_of_span(failed), failed, text(3));
    cells.extend([
        text(5).into(),
        text(9).into(),
        Cell::Text(batch.id(0, row).map(|id| TraceId::new(id).to_string()).unwrap_or_default()),
        Cell::Text(id(1)),
        Cell::Text(id(2)),
        text(4).into(),
        text(11).into(),
        text(11).into(),
        text(12).into(),
        batch.integer(13, row).unwrap_or_default().into(),
        source.into(),
        destination.into(),
        Cell::Real((time(7) - time(6)) as f64 / 1e6),
    ]);
    cells
}

fn samples(source: &mut Source<'_>, target: &Target) -> Result<()> {
    let series = series::read(source)?;
    let keys: BTreeSet<&str> = series.iter().flat_map(|one| one.labels.iter().map(|(key, _)| key.as_str())).collect();
    let own = ["device_hostname", "metric_name", "metric_value", "metric_type", "metric_unit", "endpoint", "method"];
    let mut columns: Vec<_> = named(&LINE[..13], &common(Activity::sample(), 0, 9, false, ""));
    columns.extend(own.map(|name| (name.to_owned(), if name == "metric_value" { Cell::Real(0.0) } else { "".into() })));
    columns.extend(keys.iter().map(|key| (format!("label_{key}"), "".into())));
    let mut file = Flat::begin(target.file("ocsf_metrics.parquet")?, &columns)?;
    source.each("observed/metrics", &["series_id", "time", "value"], |batch| {
        for row in 0..batch.rows() {
            let known = batch.integer(0, row).and_then(|id| usize::try_from(id).ok()).and_then(|id| series.get(id));
            let (Some(one), Some(time), Some(value)) = (known, batch.integer(1, row), batch.real(2, row)) else {
                continue;
            };
            let label = |wanted: &[&str]| {
                let found = one.labels.iter().find(|(key, _)| wanted.contains(&key.as_str()));
                found.map_or("", |(_, value)| value.as_str())
            };
            let mut cells = common(Activity::sample(), milliseconds(time), 9, false, &one.service);
            cells.extend([
                one.instance.as_str().into(),
                one.name.as_str().into(),
                value.into(),
                one.kind.as_str().into(),
                one.unit.as_str().into(),
                label(&["uri", "route", "handler", "path", "endpoint"]).into(),
                label(&["method"]).into(),
            ]);
            cells.extend(keys.iter().map(|key| Cell::from(label(&[key]))));
            file.row(cells)?;
        }
        Ok(())
    })?;
    file.finish()
}
