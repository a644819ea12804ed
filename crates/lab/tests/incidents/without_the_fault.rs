//! Taking the fault away leaves every record before it, and every arrival and demand after it, as it was.

use super::{load, minutes, options, run_into};
use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, Part, SampleRecord, SpanId, SpanRecord, StateRecord, TraceId,
};
use std::collections::BTreeMap;

/// Every record of a run.
#[derive(Default)]
struct Records {
    spans: Vec<SpanRecord>,
    logs: Vec<LogRecord>,
    samples: Vec<SampleRecord>,
    ledgers: BTreeMap<(TraceId, SpanId), LedgerRecord>,
}

impl Sink for Records {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    fn span(&mut self, record: SpanRecord) {
        self.spans.push(record);
    }
    fn log(&mut self, record: LogRecord) {
        self.logs.push(record);
    }
    fn sample(&mut self, record: SampleRecord) {
        self.samples.push(record);
    }
    fn ledger(&mut self, record: LedgerRecord) {
        self.ledgers.insert((record.trace, record.span), record);
    }
    fn change(&mut self, _: ChangeRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

impl Records {
    fn before(&self, time: Time) -> (Vec<SpanRecord>, Vec<LogRecord>, Vec<SampleRecord>) {
        (
            self.spans.iter().filter(|span| span.end < time).copied().collect(),
            self.logs.iter().filter(|log| log.time < time).copied().collect(),
            self.samples.iter().filter(|sample| sample.time < time).copied().collect(),
        )
    }
}

/// Both worlds of a scenario, and when they part.
fn worlds(name: &str, fault: &str) -> [Records; 2] {
    [&[][..], &[fault]].map(|without| run_into(&load(name, &options(3, &[], without)), Records::default()).1)
}

#[test]
fn records_before_the_fault_are_the_same() {
    for (name, fault) in [("memory_leak", "leak"), ("pool_exhaustion", "slow-search")] {
        let [with, without] = worlds(name, fault);
        let (with, without) = (with.before(minutes(20)), without.before(minutes(20)));
        assert!(with.0.len() > 10_000 && with.1.len() > 100 && with.2.len() > 1_000, "{name}");
        assert!(with.0 == without.0, "{name}: spans before the fault differ");
        assert!(with.1 == without.1, "{name}: logs before the fault differ");
        assert!(with.2 == without.2, "{name}: samples before the fault differ");
    }
}

#[test]
fn arrivals_and_demands_after_the_fault_are_the_same() {
    let [with, without] = worlds("pool_exhaustion", "slow-search");
    let roots = |records: &Records| -> BTreeMap<(TraceId, SpanId), Time> {
        records
            .spans
            .iter()
            .filter(|span| span.parent == SpanId(0))
            .map(|span| ((span.trace, span.span), span.start))
            .collect()
    };
    let (arrived_with, arrived_without) = (roots(&with), roots(&without));
    let shared: Vec<_> = arrived_with.keys().filter(|id| arrived_without.contains_key(*id)).collect();
    assert!(shared.len() > 30_000, "{} requests in both", shared.len());
    for id in shared {
        assert_eq!(arrived_with[id], arrived_without[id], "a request arrives when it arrives");
    }
    // The web-api is never restarted, so what its requests compute is the same whatever they wait for.
    let computing = |records: &Records, id: &(TraceId, SpanId)| records.ledgers[id].parts[Part::Computing as usize];
    let mut compared = 0;
    for span in with.spans.iter().filter(|span| span.end > minutes(20) && span.error.is_none()) {
        let key = (span.trace, span.span);
        let id = &key;
        let Some(other) = without.ledgers.get(id) else { continue };
        if other.server && arrived_with.contains_key(id) {
            assert_eq!(computing(&with, id), computing(&without, id), "{span:?}");
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared} demands compared");
}
