//! `logs.jsonl`: log lines. The scope of a line is its logger.

use super::BATCH;
use super::json::{Attribute, LogRecord, LogsData, ResourceLogs, Scope, ScopeLogs, Text, Value};
use super::resource::{find_or_add, resource};
use crate::error::Result;
use crate::hex::{SpanId, TraceId};
use crate::semconv::{self, SemanticConventions};
use crate::source::Source;
use crate::target::Target;
use knockon_telemetry::Batch;

/// `LogRecordFlags`: the trace is sampled.
const SAMPLED: u32 = 1;

pub(super) const COLUMNS: [&str; 12] = [
    "uid",
    "time",
    "received_time",
    "service",
    "instance",
    "logger",
    "severity_text",
    "severity_number",
    "body",
    "trace_id",
    "span_id",
    "error_type",
];

/// Lines of one process, by logger.
type Loggers<'a> = Vec<(&'a str, Vec<LogRecord<'a>>)>;

pub(super) fn write(source: &mut Source<'_>, target: &Target, semconv: SemanticConventions) -> Result<()> {
    let mut file = target.file("logs.jsonl")?;
    source.each("observed/logs", &COLUMNS, |batch| {
        let mut from = 0;
        while from < batch.rows() {
            let until = batch.rows().min(from + BATCH);
            let mut processes: Vec<((&str, &str), Loggers<'_>)> = Vec::new();
            for row in from..until {
                let text = |column| batch.text(column, row).unwrap_or_default();
                let loggers = find_or_add(&mut processes, (text(3), text(4)), Vec::new);
                find_or_add(loggers, text(5), Vec::new).push(record(batch, row, semconv));
            }
            file.json_line(&data(processes), until - from)?;
            from = until;
        }
        Ok(())
    })?;
    file.finish()
}

fn data<'a>(processes: Vec<((&'a str, &'a str), Loggers<'a>)>) -> LogsData<'a> {
    let of = |((service, instance), loggers): ((&'a str, &'a str), Loggers<'a>)| {
        let scopes = loggers.into_iter().map(|(name, records)| ScopeLogs { scope: Scope { name }, records });
        ResourceLogs { resource: resource(service, instance), scopes: scopes.collect() }
    };
    LogsData { resources: processes.into_iter().map(of).collect() }
}

pub(super) fn record(batch: &Batch, row: usize, semconv: SemanticConventions) -> LogRecord<'_> {
    let text = |column| batch.text(column, row).unwrap_or_default();
    let time = batch.integer(1, row).unwrap_or_default();
    let trace_id = batch.id(9, row).map(TraceId::new);
    let mut attributes = Vec::with_capacity(2);
    if let Some(uid) = batch.id(0, row) {
        let digits = TraceId::new(uid).digits(&mut [0; 32]).to_owned();
        attributes.push(Attribute { key: "log.record.uid", value: Value::String(digits.into()) });
    }
    if let Some(error) = batch.text(11, row) {
        // Lines have no older name for it: before there was one, instrumentation wrote the exception's type.
        attributes.extend(semconv::ERROR_TYPE.keys(semconv).map(|key| Attribute::text(key, error)));
        if semconv.is_old() {
            attributes.push(Attribute::text("exception.type", error));
        }
    }
    LogRecord {
        time_unix_nano: Text(time),
        observed_time_unix_nano: Text(batch.integer(2, row).unwrap_or(time)),
        severity_number: batch.integer(7, row).unwrap_or_default(),
        severity_text: text(6),
        body: Value::text(text(8)),
        attributes,
        flags: if trace_id.is_some() { SAMPLED } else { 0 },
        trace_id,
        span_id: batch.id(10, row).map(SpanId::new),
    }
}
