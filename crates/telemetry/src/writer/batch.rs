//! A batch of records on its way from the world to the writer.

use knockon_kernel::Time;
use knockon_model::record::{ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord};

/// Records in the order of their arrival, by kind.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) spans: Vec<SpanRecord>,
    pub(crate) ledgers: Vec<LedgerRecord>,
    pub(crate) requests: Vec<RequestRecord>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) samples: Vec<SampleRecord>,
    pub(crate) changes: Vec<ChangeRecord>,
    /// The last watermark: no span, ledger or request to come starts before it.
    pub(crate) watermark: Time,
}

impl Batch {
    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.ledgers.clear();
        self.requests.clear();
        self.logs.clear();
        self.samples.clear();
        self.changes.clear();
    }
}
