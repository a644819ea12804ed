//! `observed/logs`: one row for each line, worded in the dialect of the runtime that wrote it.

use super::arrays::{NULL, Words, ids, late_times, present, times, wide_ids};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::dialect::Dialect;
use crate::writer::Received;
use arrow::array::{ArrayRef, StringBuilder, UInt16Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{Catalogue, LogRecord};
use std::sync::Arc;

/// The table.
pub(super) static LOGS: Table = Table {
    path: "observed/logs",
    meaning: "One row for each log line, in the order in which they were written, worded as the runtime that wrote it words it.",
    columns: &[
        required(
            "uid",
            Kind::Id(16),
            "",
            "log.record.uid: the line's identity, the same in every run in which it is written.",
        ),
        required("time", Kind::Time, "ns", "When it was written."),
        required("service", Kind::Word, "", "Service whose process wrote it."),
        required("instance", Kind::Word, "", "Process that wrote it."),
        required("severity_text", Kind::Word, "", "DEBUG, INFO, WARN, ERROR or FATAL."),
        required("severity_number", Kind::U16, "", "OpenTelemetry's number of the severity: 5, 9, 13, 17 or 21."),
        required("logger", Kind::Word, "", "Logger, or the part of the program that wrote it."),
        required("body", Kind::Text, "", "The message, without what other columns say."),
        optional("trace_id", Kind::Id(16), "", "The request that the line belongs to."),
        optional("span_id", Kind::Id(8), "", "The span that the line belongs to."),
        optional(
            "error_type",
            Kind::Word,
            "",
            "Exception class, SQLSTATE or error code, where the line reports an error.",
        ),
        optional(
            "received_time",
            Kind::Time,
            "ns",
            "When the record arrived, where that was late (the scenario's `observer`); null where it was at once.",
        ),
    ],
};

/// Makes log rows.
#[derive(Debug)]
pub(crate) struct Logs {
    epoch: Epoch,
    dialect: Dialect,
    services: Words,
    /// By process: number of its service's name.
    service_of: Vec<i32>,
    instances: Words,
    severities: Words,
    loggers: Words,
    errors: Words,
}

impl Logs {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Arc<Blueprint>) -> Self {
        let (mut services, mut instances) = (Words::default(), Words::default());
        let mut service_of = Vec::new();
        for process in &catalogue.processes {
            service_of.push(services.key(&process.name));
            instances.key(&process.instance);
        }
        Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            dialect: Dialect::new(catalogue, blueprint),
            services,
            service_of,
            instances,
            severities: Words::default(),
            loggers: Words::default(),
            errors: Words::default(),
        }
    }
}

impl Encoder for Logs {
    type Record = Received<LogRecord>;
    const TABLE: &'static Table = &LOGS;

    /// Fewer rows than records where a runtime writes no line about an event.
    fn encode(&mut self, records: &[Received<LogRecord>]) -> Vec<ArrayRef> {
        let mut written = Vec::with_capacity(records.len());
        let mut keys: [Vec<i32>; 3] = Default::default();
        let mut numbers = Vec::with_capacity(records.len());
        let mut bodies = StringBuilder::with_capacity(records.len(), records.len() * 96);
        let mut body = String::new();
        for record in records {
            body.clear();
            let Some(heading) = self.dialect.word(record, &mut body) else { continue };
            written.push(record);
            keys[0].push(self.severities.key(heading.severity_text()));
            keys[1].push(self.loggers.key(&heading.logger));
            keys[2].push(heading.error.map_or(NULL, |error| self.errors.key(error)));
            numbers.push(heading.severity_number());
            bodies.append_value(&body);
        }
        let [severity_keys, logger_keys, error_keys] = keys;
        let contexts = Some(present(written.len(), |row| written[row].context.is_some()));
        vec![
            wide_ids(written.iter().map(|r| r.uid), None),
            times(written.iter().map(|r| self.epoch.unix_ns(r.time))),
            self.services.column(written.iter().map(|r| self.service_of[r.process.index()]).collect()),
            self.instances.column(written.iter().map(|r| r.process.0 as i32).collect()),
            self.severities.column(severity_keys),
            Arc::new(UInt16Array::from(numbers)),
            self.loggers.column(logger_keys),
            Arc::new(bodies.finish()),
            wide_ids(written.iter().map(|r| r.context.map_or(0, |(trace, _)| trace.0)), contexts.clone()),
            ids(written.iter().map(|r| r.context.map_or(0, |(_, span)| span.0)), contexts),
            self.errors.column(error_keys),
            late_times(self.epoch, written.iter().map(|r| r.late)),
        ]
    }
}
