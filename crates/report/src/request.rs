//! Requests, found by their number or their trace in the tables that tell of them.

use crate::error::{Error, Result};
use crate::files::{Files, difference_columns};
use knockon_lab::story::{Client, Incident, Log, Parts, Span, Twin, Waterfall};
use knockon_model::record::Part;
use knockon_telemetry::Batch;
use std::collections::{BTreeMap, BTreeSet};

/// Which request is meant.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// That of a trace.
    Trace(u128),
    /// That of a number within its source, which must be said where several sources have one of this number.
    Number(u64, Option<&'a str>),
}

/// Reads everything about a request.
///
/// # Errors
/// If there is no such request, or the run cannot be read.
pub fn waterfall(files: &Files, asked: Asked<'_>) -> Result<Waterfall> {
    let trace = match asked {
        Asked::Trace(trace) => trace,
        Asked::Number(number, source) => numbered(files, number, source)?,
    };
    let mut found = waterfalls(files, &BTreeSet::from([trace]))?;
    found.pop().ok_or_else(|| Error::NoRequest {
        message: format!("there is no request with the trace {trace:032x}"),
        hint: "traces are in the column `trace_id` of observed/spans and truth/requests, in hexadecimal".to_owned(),
    })
}

/// Reads everything about some requests, each table once; in the order of their traces, without those of which no table tells.
///
/// # Errors
/// If the run cannot be read.
pub(crate) fn waterfalls(files: &Files, wanted: &BTreeSet<u128>) -> Result<Vec<Waterfall>> {
    let mut clients = clients(files, wanted)?;
    let mut spans = spans(files, wanted)?;
    let mut logs = logs(files, wanted)?;
    let incidents = files.incidents()?.unwrap_or_default();
    let mut twins = twins(files, wanted, &incidents)?;
    let mut all = Vec::new();
    for &trace in wanted {
        let client = clients.remove(&trace);
        let spans = spans.remove(&trace).unwrap_or_default();
        let logs = logs.remove(&trace).unwrap_or_default();
        let twins = twins.remove(&trace).unwrap_or_default();
        if client.is_none() && spans.is_empty() && logs.is_empty() && twins.is_empty() {
            continue;
        }
        let mut waterfall = Waterfall::new(format!("{trace:032x}"), client, spans, logs);
        let sent_ns = waterfall.client.as_ref().map_or(waterfall.extent_ns().0, |client| client.sent_ns);
        let compared =
            |incident: &Incident| incident.start.offset_ns <= sent_ns && sent_ns <= incident.compared_until.offset_ns;
        waterfall.compared = incidents.iter().any(compared);
        waterfall.twins = twins;
        all.push(waterfall);
    }
    files.each_blame(|row| all.iter_mut().for_each(|waterfall| waterfall.blame(row)))?;
    Ok(all.into_iter().map(Waterfall::finish).collect())
}

const CLIENT: [&str; 10] = [
    "source",
    "number",
    "trace_id",
    "name",
    "sent_time",
    "latency_ns",
    "attempts",
    "outcome",
    "http_response_status_code",
    "error_type",
];

fn client_columns() -> Vec<&'static str> {
    CLIENT.into_iter().chain(Part::ALL.map(Part::column)).collect()
}

fn client(files: &Files, batch: &Batch, row: usize) -> Client {
    Client {
        source: owned(batch, 0, row),
        number: batch.integer(1, row).unwrap_or(0).cast_unsigned(),
        trace_id: format!("{:032x}", batch.id(2, row).unwrap_or(0)),
        name: owned(batch, 3, row),
        sent_ns: files.offset_ns(batch.integer(4, row).unwrap_or(0)),
        latency_ns: batch.integer(5, row).unwrap_or(0),
        attempts: batch.integer(6, row).unwrap_or(0).cast_unsigned(),
        outcome: owned(batch, 7, row),
        status: batch.integer(8, row),
        error: batch.text(9, row).map(str::to_owned),
        parts: parts(batch, CLIENT.len(), row),
    }
}

fn owned(batch: &Batch, column: usize, row: usize) -> String {
    batch.text(column, row).unwrap_or_default().to_owned()
}

/// The parts of the ledger from a column on.
fn parts(batch: &Batch, first: usize, row: usize) -> Parts {
    let mut columns = [None; Part::COUNT];
    for (place, part) in columns.iter_mut().enumerate() {
        *part = batch.integer(first + place, row);
    }
    Parts::of(columns)
}

fn clients(files: &Files, wanted: &BTreeSet<u128>) -> Result<BTreeMap<u128, Client>> {
    let mut found = BTreeMap::new();
    files.each("truth/requests", &client_columns(), |batch, row| {
        if let Some(trace) = batch.id(2, row).filter(|trace| wanted.contains(trace)) {
            found.insert(trace, client(files, batch, row));
        }
    })?;
    Ok(found)
}

/// The trace of a number; of several sources, the source must be said.
fn numbered(files: &Files, number: u64, source: Option<&str>) -> Result<u128> {
    let mut found: Vec<u128> = Vec::new();
    let (mut sources, mut with_it): (BTreeSet<String>, BTreeSet<String>) = Default::default();
    let mut nearest: Option<(u64, u64)> = None;
    files.each("truth/requests", &["source", "number", "trace_id"], |batch, row| {
        let of = batch.text(0, row).unwrap_or_default();
        if !sources.contains(of) {
            sources.insert(of.to_owned());
        }
        if source.is_some_and(|source| source != of) {
            return;
        }
        let other = batch.integer(1, row).unwrap_or(0).cast_unsigned();
        if other == number {
            with_it.insert(of.to_owned());
            found.push(batch.id(2, row).unwrap_or(0));
        }
        let apart = other.abs_diff(number);
        if nearest.is_none_or(|nearest| (apart, other) < nearest) {
            nearest = Some((apart, other));
        }
    })?;
    let named =
        |sources: &BTreeSet<String>| sources.iter().map(|source| format!("`{source}`")).collect::<Vec<_>>().join(", ");
    if let Some(source) = source.filter(|&source| !sources.contains(source)) {
        let message = format!("no request of a source `{source}` ended in this run");
        return Err(Error::NoRequest { message, hint: format!("there are {}", named(&sources)) });
    }
    match (found.len(), found.pop()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) => {
            let hint = nearest.map_or_else(
                || "no request ended in this run".to_owned(),
                |(_, other)| format!("the nearest that ended is {other}"),
            );
            Err(Error::NoRequest { message: format!("there is no request {number} in truth/requests"), hint })
        }
        (several, _) => Err(Error::NoRequest {
            message: format!("{several} sources have a request {number}"),
            hint: format!("name one with `--source`: {}", named(&with_it)),
        }),
    }
}

fn spans(files: &Files, wanted: &BTreeSet<u128>) -> Result<BTreeMap<u128, Vec<Span>>> {
    let columns: Vec<&str> = ["trace_id", "span_id"].into_iter().chain(Part::ALL.map(Part::column)).collect();
    let mut ledger = BTreeMap::new();
    files.each("truth/ledger", &columns, |batch, row| {
        if let Some(trace) = batch.id(0, row).filter(|trace| wanted.contains(trace)) {
            ledger.insert((trace, batch.id(1, row)), parts(batch, 2, row));
        }
    })?;
    const SPAN: [&str; 12] = [
        "trace_id",
        "span_id",
        "parent_span_id",
        "service",
        "name",
        "kind",
        "peer",
        "start_time",
        "duration_ns",
        "status",
        "error_type",
        "http_request_resend_count",
    ];
    let mut spans: BTreeMap<u128, Vec<Span>> = BTreeMap::new();
    files.each("observed/spans", &SPAN, |batch, row| {
        let Some(trace) = batch.id(0, row).filter(|trace| wanted.contains(trace)) else { return };
        spans.entry(trace).or_default().push(Span {
            span_id: span_id(batch, 1, row).unwrap_or_default(),
            parent_span_id: span_id(batch, 2, row),
            service: owned(batch, 3, row),
            name: owned(batch, 4, row),
            kind: owned(batch, 5, row),
            peer: batch.text(6, row).map(str::to_owned),
            start_ns: files.offset_ns(batch.integer(7, row).unwrap_or(0)),
            duration_ns: batch.integer(8, row).unwrap_or(0),
            failed: batch.text(9, row) == Some("ERROR"),
            error: batch.text(10, row).map(str::to_owned),
            resends: batch.integer(11, row),
            parts: ledger.remove(&(trace, batch.id(1, row))).unwrap_or_default(),
        });
    })?;
    Ok(spans)
}

fn span_id(batch: &Batch, column: usize, row: usize) -> Option<String> {
    batch.id(column, row).map(|id| format!("{id:016x}"))
}

fn logs(files: &Files, wanted: &BTreeSet<u128>) -> Result<BTreeMap<u128, Vec<Log>>> {
    let mut logs: BTreeMap<u128, Vec<Log>> = BTreeMap::new();
    files.each(
        "observed/logs",
        &["trace_id", "span_id", "time", "service", "severity_text", "body"],
        |batch, row| {
            if let Some(trace) = batch.id(0, row).filter(|trace| wanted.contains(trace)) {
                logs.entry(trace).or_default().push(Log {
                    span_id: span_id(batch, 1, row),
                    time_ns: files.offset_ns(batch.integer(2, row).unwrap_or(0)),
                    service: owned(batch, 3, row),
                    severity: owned(batch, 4, row),
                    body: owned(batch, 5, row),
                });
            }
        },
    )?;
    Ok(logs)
}

/// The requests in the worlds that are the run but for some faults. Those with a single fault of several are not: what it took there is of
/// neither.
fn twins(files: &Files, wanted: &BTreeSet<u128>, incidents: &[Incident]) -> Result<BTreeMap<u128, Vec<Twin>>> {
    const FIXED: [&str; 10] = [
        "contrast",
        "trace_id",
        "without_outcome",
        "without_status",
        "without_error_type",
        "without_latency_ns",
        "difference_ns",
        "band_ns",
        "outside",
        "hurt",
    ];
    let names = difference_columns();
    let columns: Vec<&str> = FIXED.into_iter().chain(names.iter().map(String::as_str)).collect();
    let of_fact = incidents.iter().flat_map(|incident| &incident.contrasts).filter(|about| about.kind != "sufficiency");
    let contrasts: BTreeMap<_, _> = of_fact.map(|about| (Some(i64::from(about.contrast)), about)).collect();
    let mut twins: BTreeMap<u128, Vec<Twin>> = BTreeMap::new();
    files.each("truth/effects", &columns, |batch, row| {
        let Some(trace) = batch.id(1, row).filter(|trace| wanted.contains(trace)) else { return };
        let Some(about) = contrasts.get(&batch.integer(0, row)) else { return };
        twins.entry(trace).or_default().push(Twin {
            contrast: about.contrast,
            faults: about.faults.clone(),
            without_outcome: owned(batch, 2, row),
            without_status: batch.integer(3, row),
            without_error: batch.text(4, row).map(str::to_owned),
            without_latency_ns: batch.integer(5, row),
            difference_ns: batch.integer(6, row),
            band_ns: batch.integer(7, row),
            outside: batch.answer(8, row).unwrap_or(false),
            hurt: batch.answer(9, row).unwrap_or(false),
            differences: parts(batch, FIXED.len(), row),
        });
    })?;
    Ok(twins)
}
