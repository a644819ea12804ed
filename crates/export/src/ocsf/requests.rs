//! What request a line was written for: its span, found while lines and spans are read side by side.

use crate::error::Result;
use crate::source::Rows;
use std::collections::BTreeMap;

/// How long after its span's end a line may still be written for it, in nanoseconds.
const AFTER: i64 = 60_000_000_000;

/// What is known of a span.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) code: i64,
    /// In milliseconds.
    pub(super) duration: f64,
    pub(super) failed: bool,
    end: i64,
}

/// Spans that lines may be of, as far as they have been read: those that have begun and are not long over.
pub(super) struct Requests {
    spans: Rows,
    open: BTreeMap<(u128, u128), Request>,
    /// When those that are over were last put away.
    swept: i64,
}

impl Requests {
    /// The columns that are read of spans.
    pub(super) const COLUMNS: [&'static str; 9] = [
        "trace_id",
        "span_id",
        "start_time",
        "end_time",
        "http_request_method",
        "http_route",
        "http_response_status_code",
        "status",
        "kind",
    ];

    pub(super) const fn of(spans: Rows) -> Self {
        Self { spans, open: BTreeMap::new(), swept: i64::MIN }
    }

    /// The span that a line of an instant belongs to. Instants must not go back.
    pub(super) fn find(&mut self, time: i64, trace: u128, span: u128) -> Result<Option<&Request>> {
        while let Some((batch, row)) = self.spans.peek()? {
            let start = batch.integer(2, row).unwrap_or_default();
            if start > time {
                break;
            }
            let end = batch.integer(3, row).unwrap_or(start);
            if let (Some(trace), Some(span)) = (batch.id(0, row), batch.id(1, row)) {
                let text = |column| batch.text(column, row).unwrap_or_default().to_owned();
                let request = Request {
                    method: text(4),
                    path: text(5),
                    code: batch.integer(6, row).unwrap_or_default(),
                    duration: (end - start) as f64 / 1e6,
                    failed: batch.text(7, row) == Some("ERROR"),
                    end,
                };
                self.open.insert((trace, span), request);
            }
            self.spans.advance();
        }
        if self.swept.saturating_add(AFTER) < time {
            self.swept = time;
            self.open.retain(|_, request| request.end + AFTER >= time);
        }
        Ok(self.open.get(&(trace, span)))
    }
}
