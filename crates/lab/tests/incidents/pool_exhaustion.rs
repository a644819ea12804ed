//! A slower query exhausts the pool, and it heals.

use super::{assert_held, minutes, options, run, run_into};
use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::record::{ChangeRecord, LedgerRecord, LogRecord, SampleRecord, SpanRecord, StateRecord, Transition};

/// The last error and the last acquire timeout of a run: milestones only tell the first.
#[derive(Default)]
struct Last {
    error: Option<Time>,
    timeout: Option<Time>,
}

impl Sink for Last {
    const OBSERVES: bool = false;
    const LEDGER: bool = false;
    fn state(&mut self, record: StateRecord) {
        match record.transition {
            Transition::ServerError { .. } => self.error = Some(record.time),
            Transition::AcquireTimeout { .. } => self.timeout = Some(record.time),
            _ => {}
        }
    }
    fn span(&mut self, _: SpanRecord) {}
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn watermark(&mut self, _: Time) {}
}

#[test]
fn it_heals_after_the_query_is_fast_again() {
    for seed in 1..=3 {
        let loaded = super::load("pool_exhaustion", &options(seed, &[], &[]));
        let (ran, last) = run_into(&loaded, Last::default());
        assert_held(&ran);
        let (error, timeout) = (last.error.expect("errors"), last.timeout.expect("timeouts"));
        // Queries that were slow when the fault ended may still run for their last seconds.
        for at in [error, timeout] {
            assert!((minutes(29)..minutes(31)).contains(&at), "seed {seed}: the last one at {at}");
        }
    }
}

#[test]
fn without_the_slow_query_nothing_happens() {
    let ran = run("pool_exhaustion", &options(1, &[], &["slow-search"]));
    assert!(ran.milestones.kept.is_empty(), "{:?}", ran.milestones.kept);
    assert_eq!(ran.digest, run("healthy", &options(1, &[], &[])).digest, "without its fault it is the healthy shop");
}

#[test]
fn a_larger_pool_times_out_less() {
    let timeouts = |size: &str| {
        let ran = run("pool_exhaustion", &options(1, &[("web-api/pool.maximum", size)], &[]));
        ran.service("web-api").pools.iter().map(|pool| pool.timeouts).sum::<u64>()
    };
    let (ten, twenty) = (timeouts("10"), timeouts("20"));
    assert!(twenty < ten, "{twenty} with 20 connections, {ten} with 10");
}
