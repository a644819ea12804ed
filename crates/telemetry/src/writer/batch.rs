//! A batch of records on its way from the world to the writer.

use crate::observer::Alteration;
use knockon_kernel::Time;
use knockon_model::record::{ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord};
use std::ops::Deref;

/// A record as it was received.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Received<R> {
    pub(crate) record: R,
    /// When, if that was late; time 0 if it was at once.
    pub(crate) late: Time,
    /// Whether a span does not say whom it called.
    pub(crate) peerless: bool,
}

impl<R> Received<R> {
    /// A record that nothing was in the way of.
    #[inline]
    pub(crate) fn at_once(record: R) -> Self {
        Self { record, late: Time::ZERO, peerless: false }
    }
}

impl<R> Deref for Received<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

/// Records in the order of their arrival, by kind.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) spans: Vec<Received<SpanRecord>>,
    pub(crate) ledgers: Vec<LedgerRecord>,
    pub(crate) requests: Vec<RequestRecord>,
    pub(crate) logs: Vec<Received<LogRecord>>,
    pub(crate) samples: Vec<SampleRecord>,
    pub(crate) changes: Vec<ChangeRecord>,
    /// What an observer did.
    pub(crate) alterations: Vec<Alteration>,
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
        self.alterations.clear();
    }
}
