//! What holds for every span of every shipped scenario.

use super::{load, options, run, run_into};
use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, SampleRecord, SpanId, SpanRecord, StateRecord, Status, TraceId,
};
use std::collections::BTreeMap;

/// Keeps every span and its ledger.
#[derive(Default)]
struct Audit {
    spans: BTreeMap<(TraceId, SpanId), SpanRecord>,
    ledgers: BTreeMap<(TraceId, SpanId), LedgerRecord>,
}

impl Sink for Audit {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    fn span(&mut self, record: SpanRecord) {
        let twice = self.spans.insert((record.trace, record.span), record);
        assert_eq!(twice, None, "a span's id is its own");
    }
    fn ledger(&mut self, record: LedgerRecord) {
        let twice = self.ledgers.insert((record.trace, record.span), record);
        assert_eq!(twice, None);
    }
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

const SHIPPED: [&str; 4] = ["healthy", "memory_leak", "memory_leak_cpython", "pool_exhaustion"];

#[test]
fn ledgers_sum_to_spans_and_spans_nest() {
    for name in SHIPPED {
        let (_, audit) = run_into(&load(name, &options(1, &[], &[])), Audit::default());
        assert!(audit.spans.len() > 50_000, "{name} has {} spans", audit.spans.len());
        assert_eq!(audit.spans.len(), audit.ledgers.len(), "{name}");
        let mut outlived = 0;
        for (id, span) in &audit.spans {
            let ledger = &audit.ledgers[id];
            assert_eq!(
                ledger.parts.iter().sum::<u64>(),
                (span.end - span.start).as_nanos(),
                "{name}: {span:?} {ledger:?}"
            );
            assert_eq!(ledger.start, span.start, "{name}: {span:?}");
            let Some(parent) = audit.spans.get(&(span.trace, span.parent)) else { continue };
            assert!(span.start >= parent.start && span.start <= parent.end, "{name}: {span:?} in {parent:?}");
            if span.end > parent.end {
                // Only work whose caller left outlives it, and a caller that left has an error.
                assert_eq!(parent.status, Status::Error, "{name}: {span:?} in {parent:?}");
                outlived += 1;
            }
        }
        if name == "healthy" {
            assert_eq!(outlived, 0);
        }
    }
}

#[test]
fn observing_changes_nothing() {
    for name in SHIPPED {
        let options = options(2, &[], &[]);
        let (observed, _) = run_into(&load(name, &options), Audit::default());
        assert_eq!(observed.digest, run(name, &options).digest, "{name}");
    }
}
