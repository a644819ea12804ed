//! A sink that takes every record and keeps none: what observing a run costs before anything is encoded or written.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};

/// Records that are held before they are dropped, as many as a recorder hands over at a time.
const BATCH: usize = 4_096;

/// Batches that are emptied instead of handed over.
#[derive(Debug, Default)]
pub struct Collected {
    spans: Vec<SpanRecord>,
    logs: Vec<LogRecord>,
    samples: Vec<SampleRecord>,
    ledgers: Vec<LedgerRecord>,
    requests: Vec<RequestRecord>,
    room: usize,
}

impl Collected {
    #[inline]
    fn count(&mut self) {
        if self.room == 0 {
            self.empty();
        }
        self.room -= 1;
    }

    #[cold]
    fn empty(&mut self) {
        self.spans.clear();
        self.logs.clear();
        self.samples.clear();
        self.ledgers.clear();
        self.requests.clear();
        self.room = BATCH;
    }
}

impl Sink for Collected {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;

    #[inline]
    fn span(&mut self, record: SpanRecord) {
        self.count();
        self.spans.push(record);
    }

    #[inline]
    fn log(&mut self, record: LogRecord) {
        self.count();
        self.logs.push(record);
    }

    #[inline]
    fn sample(&mut self, record: SampleRecord) {
        self.count();
        self.samples.push(record);
    }

    #[inline]
    fn ledger(&mut self, record: LedgerRecord) {
        self.count();
        self.ledgers.push(record);
    }

    #[inline]
    fn request(&mut self, record: RequestRecord) {
        self.count();
        self.requests.push(record);
    }

    fn change(&mut self, _: ChangeRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}
