//! What a world leaves behind that is compared with other worlds: the ends of its requests and, where tables are written, of its spans,
//! its log lines and its samples.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};

/// What is taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Wanted {
    /// Nothing: nothing is compared.
    #[default]
    Nothing,
    /// Samples, for what is usual.
    Samples,
    /// Everything.
    All,
}

/// Records since it was last emptied. With `OBSERVES`, those too that only labels of tables need. It is switched off while nothing is compared.
#[derive(Clone, Debug, Default)]
pub struct Tally<const OBSERVES: bool> {
    wanted: Wanted,
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
    /// What it takes in from now on.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
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
    const PARTS: bool = OBSERVES;
    fn span(&mut self, record: SpanRecord) {
        if self.wanted == Wanted::All {
            self.spans.push(record);
        }
    }
    fn log(&mut self, record: LogRecord) {
        if self.wanted == Wanted::All {
            self.logs.push(record);
        }
    }
    fn sample(&mut self, record: SampleRecord) {
        if self.wanted != Wanted::Nothing {
            self.samples.push(record);
        }
    }
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, record: RequestRecord) {
        if self.wanted == Wanted::All {
            self.requests.push(record);
        }
    }
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}
