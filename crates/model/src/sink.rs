//! Where records go. The world never learns what a sink does with them (law 5).

use crate::record::{ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord};
use knockon_kernel::Time;

/// A consumer of records. A sink whose `OBSERVES` (or `LEDGER`, `REQUESTS`, `PARTS`) is false makes the world skip that work entirely.
pub trait Sink {
    /// Whether spans, logs, samples and changes are wanted.
    const OBSERVES: bool;
    /// Whether ledgers are wanted.
    const LEDGER: bool;
    /// Whether requests are wanted.
    const REQUESTS: bool;
    /// Whether it is wanted where the time of requests went: then the world follows it from frame to frame.
    const PARTS: bool;
    /// A span has ended.
    fn span(&mut self, record: SpanRecord);
    /// A line was logged.
    fn log(&mut self, record: LogRecord);
    /// A series was sampled.
    fn sample(&mut self, record: SampleRecord);
    /// Something was changed.
    fn change(&mut self, record: ChangeRecord);
    /// Truth: where a span's time went.
    fn ledger(&mut self, record: LedgerRecord);
    /// Truth: a source's request has ended, as its client saw it.
    fn request(&mut self, record: RequestRecord);
    /// Truth: a machine entered a state worth a milestone. Rare; always delivered.
    fn state(&mut self, record: StateRecord);
    /// No span, ledger or request row to come starts before this instant. Called now and then, so that a sink can order its rows.
    fn watermark(&mut self, before: Time);
}

/// Drops everything: a bare run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Sink for Null {
    const OBSERVES: bool = false;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn span(&mut self, _: SpanRecord) {}
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

/// A sink that may not be there.
impl<S: Sink> Sink for Option<S> {
    const OBSERVES: bool = S::OBSERVES;
    const LEDGER: bool = S::LEDGER;
    const REQUESTS: bool = S::REQUESTS;
    const PARTS: bool = S::PARTS;
    fn span(&mut self, record: SpanRecord) {
        if let Some(sink) = self {
            sink.span(record);
        }
    }
    fn log(&mut self, record: LogRecord) {
        if let Some(sink) = self {
            sink.log(record);
        }
    }
    fn sample(&mut self, record: SampleRecord) {
        if let Some(sink) = self {
            sink.sample(record);
        }
    }
    fn change(&mut self, record: ChangeRecord) {
        if let Some(sink) = self {
            sink.change(record);
        }
    }
    fn ledger(&mut self, record: LedgerRecord) {
        if let Some(sink) = self {
            sink.ledger(record);
        }
    }
    fn request(&mut self, record: RequestRecord) {
        if let Some(sink) = self {
            sink.request(record);
        }
    }
    fn state(&mut self, record: StateRecord) {
        if let Some(sink) = self {
            sink.state(record);
        }
    }
    fn watermark(&mut self, before: Time) {
        if let Some(sink) = self {
            sink.watermark(before);
        }
    }
}

/// Two sinks, each getting every record it wants.
#[derive(Clone, Debug, Default)]
pub struct Tee<A, B>(pub A, pub B);

impl<A: Sink, B: Sink> Sink for Tee<A, B> {
    const OBSERVES: bool = A::OBSERVES || B::OBSERVES;
    const LEDGER: bool = A::LEDGER || B::LEDGER;
    const REQUESTS: bool = A::REQUESTS || B::REQUESTS;
    const PARTS: bool = A::PARTS || B::PARTS;
    fn span(&mut self, record: SpanRecord) {
        self.0.span(record);
        self.1.span(record);
    }
    fn log(&mut self, record: LogRecord) {
        self.0.log(record);
        self.1.log(record);
    }
    fn sample(&mut self, record: SampleRecord) {
        self.0.sample(record);
        self.1.sample(record);
    }
    fn change(&mut self, record: ChangeRecord) {
        self.0.change(record);
        self.1.change(record);
    }
    fn ledger(&mut self, record: LedgerRecord) {
        self.0.ledger(record);
        self.1.ledger(record);
    }
    fn request(&mut self, record: RequestRecord) {
        self.0.request(record);
        self.1.request(record);
    }
    fn state(&mut self, record: StateRecord) {
        self.0.state(record);
        self.1.state(record);
    }
    fn watermark(&mut self, before: Time) {
        self.0.watermark(before);
        self.1.watermark(before);
    }
}
