//! `logs.csv` and `traces.csv`: lines and spans of an incident's time, in the columns of RE2.

use super::{Case, SECOND};
use crate::error::Result;
use crate::fault::hyphenated;
use crate::hex::{SpanId, TraceId};
use crate::source::Source;
use crate::target::{Csv, Target};

pub(super) fn logs(source: &mut Source<'_>, cases: &[Case], target: &Target) -> Result<()> {
    let header = ["time", "timestamp", "container_name", "message", "level", "req_path", "error"];
    let mut files = files(cases, target, "logs.csv", &header)?;
    source.each("observed/logs", &["time", "service", "body", "severity_text", "error_type"], |batch| {
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).unwrap_or_default();
            let Some(time) = batch.integer(0, row) else { continue };
            for (_, file) in cases.iter().zip(&mut files).filter(|(case, _)| case.has(time)) {
                let (nanoseconds, service) = (time.to_string(), hyphenated(text(1)));
                file.row([clock(time).as_str(), &nanoseconds, &service, text(2), text(3), "", text(4)])?;
            }
        }
        Ok(())
    })?;
    files.into_iter().try_for_each(Csv::finish)
}

pub(super) fn traces(source: &mut Source<'_>, cases: &[Case], target: &Target) -> Result<()> {
    let header = [
        "time",
        "traceID",
        "spanID",
        "serviceName",
        "methodName",
        "operationName",
        "startTimeMillis",
        "startTime",
        "duration",
        "statusCode",
        "parentSpanID",
    ];
    let columns = [
        "trace_id",
        "span_id",
        "parent_span_id",
        "service",
        "name",
        "start_time",
        "duration_ns",
        "http_response_status_code",
    ];
    let mut files = files(cases, target, "traces.csv", &header)?;
    source.each("observed/spans", &columns, |batch| {
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).unwrap_or_default();
            let (Some(start), Some(duration)) = (batch.integer(5, row), batch.integer(6, row)) else { continue };
            for (_, file) in cases.iter().zip(&mut files).filter(|(case, _)| case.has(start)) {
                let span = |column| batch.id(column, row).map(|id| SpanId::new(id).to_string()).unwrap_or_default();
                let trace = batch.id(0, row).map(|id| TraceId::new(id).to_string()).unwrap_or_default();
                let status = batch.integer(7, row).map(|status| status.to_string()).unwrap_or_default();
                file.row([
                    clock(start).as_str(),
                    &trace,
                    &span(1),
                    &hyphenated(text(3)),
                    text(4),
                    text(4),
                    &(start / 1_000_000).to_string(),
                    &(start / 1_000).to_string(),
                    &(duration / 1_000).to_string(),
                    &status,
                    &span(2),
                ])?;
            }
        }
        Ok(())
    })?;
    files.into_iter().try_for_each(Csv::finish)
}

fn files<'a>(cases: &[Case], target: &'a Target, name: &str, header: &[&str]) -> Result<Vec<Csv<'a>>> {
    let open = |case: &Case| Csv::begin(target.file(&format!("{}/{name}", case.folder))?, header);
    cases.iter().map(open).collect()
}

/// The time of day, as the data sets show it.
fn clock(time: i64) -> String {
    let minutes = time.div_euclid(60 * SECOND).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
