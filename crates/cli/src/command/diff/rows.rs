//! Rows of two runs' tables, told to whoever joins them.

use knockon_lab::difference::{Request, Requests, Share, Span, Spans};
use knockon_model::record::Part;
use knockon_telemetry::{Batch, Error, RunReader};

/// Rows of the first run that wait in memory at once: of requests some 200 MB, of spans some 250 MB.
const WAITING_REQUESTS: u64 = 1 << 20;
const WAITING_SPANS: u64 = 1 << 21;

/// Joins what clients saw; `None` if a run has no table of it.
pub(super) fn requests(readers: &[RunReader; 2], list: usize, traces: Vec<u128>) -> Result<Option<Requests>, Error> {
    const TABLE: &str = "truth/requests";
    let Some(rows) = rows(readers, TABLE) else { return Ok(None) };
    let mut columns =
        vec!["trace_id", "source", "number", "name", "sent_time", "latency_ns", "outcome", STATUS, "error_type"];
    let first_part = columns.len();
    columns.extend(Part::ALL.map(Part::column));
    let mut requests = Requests::new(list, traces);
    for share in Share::all(rows, WAITING_REQUESTS) {
        for (side, reader) in readers.iter().enumerate() {
            each(reader, TABLE, &columns, share, |trace, batch, row| {
                let end = Request {
                    sent_unix_ns: batch.integer(4, row).unwrap_or_default(),
                    latency_ns: batch.integer(5, row).unwrap_or_default(),
                    failed: batch.text(6, row) == Some("failed"),
                    status: batch.integer(7, row).and_then(|status| status.try_into().ok()).unwrap_or(0),
                    error: batch.text(8, row).map(|error| requests.words.number(error)),
                    parts: std::array::from_fn(|part| batch.integer(first_part + part, row).unwrap_or_default()),
                };
                let number = batch.integer(2, row).unwrap_or_default().cast_unsigned();
                let text = |column| batch.text(column, row).unwrap_or_default();
                let asked = (text(1), number, text(3));
                if side == 0 { requests.first(trace, asked, end) } else { requests.second(trace, asked, end) }
            })?;
        }
        requests.end_of(share);
    }
    Ok(Some(requests))
}

/// Joins what services did; `None` if a run has no table of it.
pub(super) fn spans(readers: &[RunReader; 2]) -> Result<Option<Spans>, Error> {
    const TABLE: &str = "observed/spans";
    let Some(rows) = rows(readers, TABLE) else { return Ok(None) };
    let columns = ["trace_id", "span_id", "service", "duration_ns", "status", "error_type"];
    let mut spans = Spans::default();
    for share in Share::all(rows, WAITING_SPANS) {
        for (side, reader) in readers.iter().enumerate() {
            each(reader, TABLE, &columns, share, |trace, batch, row| {
                let span = Span {
                    trace,
                    span: batch.id(1, row).unwrap_or_default() as u64,
                    duration_ns: batch.integer(3, row).unwrap_or_default(),
                };
                let text = |column| batch.text(column, row).unwrap_or_default();
                let (component, status, error) = (text(2), text(4), batch.text(5, row));
                if side == 0 {
                    spans.first(span, component, status, error);
                } else {
                    spans.second(span, component, status, error);
                }
            })?;
        }
        spans.end_of(share);
    }
    Ok(Some(spans))
}

const STATUS: &str = "http_response_status_code";

/// How many rows the first run has, if both have the table.
fn rows(readers: &[RunReader; 2], table: &str) -> Option<u64> {
    let [first, _] = readers.each_ref().map(|reader| reader.manifest().tables.get(table).map(|table| table.rows));
    first.filter(|_| readers[1].has(table))
}

/// Tells every row of a share, with its trace: the first of the columns.
fn each(
    reader: &RunReader,
    table: &str,
    columns: &[&str],
    share: Share,
    mut tell: impl FnMut(u128, &Batch, usize),
) -> Result<(), Error> {
    for batch in reader.read(table, columns)? {
        let batch = batch?;
        for row in 0..batch.rows() {
            if let Some(trace) = batch.id(0, row).filter(|&trace| share.has(trace)) {
                tell(trace, &batch, row);
            }
        }
    }
    Ok(())
}
