//! Everything that a run records, and what must hold of each record when it comes.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, Part, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};

/// A sink that keeps everything and notes what cannot be.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Records {
    /// Spans in the order in which they ended.
    pub spans: Vec<SpanRecord>,
    /// The ledger of each.
    pub ledgers: Vec<LedgerRecord>,
    /// Log lines.
    pub logs: Vec<LogRecord>,
    /// Samples.
    pub samples: Vec<SampleRecord>,
    /// Changes.
    pub changes: Vec<ChangeRecord>,
    /// Requests as clients saw them.
    pub requests: Vec<RequestRecord>,
    /// States of machines.
    pub states: Vec<StateRecord>,
    /// What is impossible about them, at most a few.
    pub faults: Vec<String>,
    before: Time,
}

/// Records of a kind that are kept; a world that makes more in a few thousand events repeats itself.
const KEPT: usize = 300_000;

fn keep<T>(records: &mut Vec<T>, record: T) {
    if records.len() < KEPT {
        records.push(record);
    }
}

impl Records {
    /// Milliseconds that each request took, in the order of their sending.
    #[must_use]
    pub fn took_ms(&self) -> Vec<u64> {
        let mut requests: Vec<_> = self.requests.iter().collect();
        requests.sort_by_key(|request| request.sent);
        requests.iter().map(|request| (request.ended - request.sent).as_nanos() / 1_000_000).collect()
    }

    /// Whether there may have been more of a kind than are kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let kept = [
            self.spans.len(),
            self.ledgers.len(),
            self.logs.len(),
            self.samples.len(),
            self.changes.len(),
            self.requests.len(),
            self.states.len(),
        ];
        kept.contains(&KEPT)
    }

    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.faults.len() < 8 {
            self.faults.push(what());
        }
    }
}

impl Sink for Records {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;

    fn span(&mut self, record: SpanRecord) {
        self.must(record.start <= record.end, || format!("a span ends before it starts: {record:?}"));
        let before = self.before;
        self.must(record.start >= before, || format!("a span starts before the watermark {before}: {record:?}"));
        keep(&mut self.spans, record);
    }

    fn log(&mut self, record: LogRecord) {
        keep(&mut self.logs, record);
    }

    fn sample(&mut self, record: SampleRecord) {
        self.must(record.value.is_finite(), || format!("no number was sampled: {record:?}"));
        keep(&mut self.samples, record);
    }

    fn change(&mut self, record: ChangeRecord) {
        keep(&mut self.changes, record);
    }

    fn ledger(&mut self, record: LedgerRecord) {
        keep(&mut self.ledgers, record);
        let Some(&span) = self.spans.get(self.ledgers.len() - 1) else {
            return self.must(false, || format!("a ledger without a span: {record:?}"));
        };
        if self.ledgers.len() == KEPT {
            return;
        }
        let accounted: u64 = record.parts.iter().sum();
        let lasted = (span.end - span.start).as_nanos();
        self.must(accounted == lasted, || format!("{accounted} ns of {lasted} are accounted for: {span:?} {record:?}"));
    }

    fn request(&mut self, record: RequestRecord) {
        self.must(record.sent <= record.ended, || format!("a request ends before it was sent: {record:?}"));
        let accounted: u64 = record.parts.iter().sum();
        let lasted = record.ended.saturating_sub(record.sent).as_nanos();
        self.must(accounted == lasted, || format!("{accounted} ns of {lasted} are accounted for: {record:?}"));
        let unfollowed = record.parts[Part::Child as usize];
        self.must(unfollowed == 0, || format!("where {unfollowed} ns went was not followed: {record:?}"));
        keep(&mut self.requests, record);
    }

    fn state(&mut self, record: StateRecord) {
        keep(&mut self.states, record);
    }

    fn watermark(&mut self, before: Time) {
        let earlier = self.before;
        self.must(before >= earlier, || format!("the watermark falls from {earlier} to {before}"));
        self.before = before;
    }
}
