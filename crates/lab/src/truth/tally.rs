//! What a world leaves behind that is compared with other worlds: the ends of its requests and, where tables are written, of its spans,
//! its log lines and its samples.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};

/// Records since it was last emptied. With `OBSERVES`, those too that only labels of tables need. It is switched off while nothing is compared.
#[derive(Clone, Debug, Default)]
pub struct Tally<const OBSERVES: bool> {
    on: bool,
    /// Ends of requests, in order of time.
    pub(super) requests: Vec<RequestRecord>,
    /// Ends of spans, in order of time.
    pub(super) spans: Vec<SpanRecord>,
    /// Log lines.
    pub(super) logs: Vec<LogRecord>,
    /// Samples.
    pub(super) samples: Vec<SampleRecord>,
}

impl<const OBSERVES: bool> Tally<OBSERVES> {
    /// Whether it takes anything in.
    pub(super) fn switch(&mut self, on: bool) {
        self.on = on;
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.spans.clear();
        self.logs.clear();
        self.samples.clear();
    }
}

impl<const OBSERVES: bool> Sink for Tally<OBSERVES> {
    const OBSERVES: bool = OBSERVES;
    const LEDGER: bool = false;
    const REQUESTS: bool = true;
    fn span(&mut self, record: SpanRecord) {
        if self.on {
            self.spans.push(record);
        }
    }
    fn log(&mut self, record: LogRecord) {
        if self.on {
            self.logs.push(record);
        }
    }
    fn sample(&mut self, record: SampleRecord) {
        if self.on {
            self.samples.push(record);
        }
    }
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, record: RequestRecord) {
        if self.on {
            self.requests.push(record);
        }
    }
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}
