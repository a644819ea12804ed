//! Connection pools: callers who hold a connection, wait for one, or give up.

use super::Observables;
use super::numbers::{MS, S, count, mean, median, millis, open, p95, peak, seconds, share};
use super::seen::{Seen, nanos};
use knockon_model::record::{ErrorType, LedgerRecord, Part, SpanRecord};
use knockon_scenario::original::PoolExperiment;

/// What became of a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Ok,
    /// No connection in time.
    Timeout,
    /// It had a connection and its statement failed.
    Error,
}

/// One caller. Instants and durations in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// When it asked for a connection.
    pub(super) asked: i64,
    /// How long it waited for it.
    pub(super) wait: i64,
    /// How long its statement took that locks the row.
    pub(super) lock: i64,
    /// How long it held the connection.
    pub(super) held: i64,
    /// Whether it locks the row that others want too.
    pub(super) hot: bool,
    pub(super) outcome: Outcome,
}

impl Caller {
    /// When it got its connection, or gave up.
    pub(super) fn got(&self) -> i64 {
        self.asked + self.wait
    }
}

/// How long after the fault's end the peak may still come before the queue is looked at.
const PEAK_AFTER: i64 = 5 * S;
/// A wait that a user may notice.
const LONG: i64 = 5 * MS;
/// What comes before is warming up.
const HEALTHY_FROM: i64 = 3 * S;

pub(super) fn observe(callers: &[Caller], experiment: PoolExperiment) -> Observables {
    let [t0, t1, end] =
        [experiment.t0_s, experiment.t1_s, experiment.end_s].map(|second| (second * S as f64).round() as i64);
    let of = |outcome: Outcome| move |caller: &&Caller| caller.outcome == outcome;
    let within = |from: i64, to: i64| move |caller: &&Caller| (from..to).contains(&caller.asked);
    let timed_out: Vec<&Caller> = callers.iter().filter(of(Outcome::Timeout)).collect();
    let healthy_to = if t0 > HEALTHY_FROM { t0 } else { end };
    let healthy: Vec<&Caller> =
        callers.iter().filter(within(HEALTHY_FROM, healthy_to)).filter(of(Outcome::Ok)).collect();
    let held: i64 = healthy.iter().map(|caller| caller.held).sum();
    let lasting = |callers: &[&Caller]| median(&callers.iter().map(|caller| millis(caller.held)).collect::<Vec<_>>());
    let healthy_waits: Vec<f64> = healthy.iter().map(|caller| millis(caller.wait)).collect();
    let long = healthy.iter().filter(|caller| caller.wait > LONG).count();
    let fault: Vec<&Caller> = callers.iter().filter(within(t0, t1.max(t0 + S))).collect();
    let fault_timeouts = fault.iter().copied().filter(of(Outcome::Timeout)).count();
    let waits: Vec<f64> = fault.iter().copied().filter(of(Outcome::Ok)).map(|caller| millis(caller.wait)).collect();
    let waiting = open(callers.iter().filter(|caller| caller.wait > 0).map(|caller| (caller.asked, caller.got())));
    let errors = callers.iter().filter(of(Outcome::Error)).count();
    let gave_up: Vec<f64> = timed_out.iter().map(|caller| millis(caller.wait)).collect();
    let first = timed_out.iter().map(|caller| caller.got()).min();
    let last = timed_out.iter().map(|caller| caller.got()).max();
    let served: Vec<&Caller> = fault.iter().copied().filter(of(Outcome::Ok)).collect();
    Observables::from([
        ("healthy_in_use_mean".into(), Some(held as f64 / (healthy_to - HEALTHY_FROM) as f64)),
        ("timeouts".into(), count(timed_out.len())),
        ("errors".into(), count(errors)),
        ("timeout_share_fault".into(), share(fault_timeouts, fault.len())),
        ("first_timeout_after_t0_s".into(), first.map(|at| seconds(at - t0))),
        ("ok_wait_fault_ms_median".into(), median(&waits)),
        ("ok_wait_fault_ms_p95".into(), p95(&waits)),
        ("peak_waiting".into(), Some(peak(&waiting).map_or(0.0, |(_, most)| most as f64))),
        ("queue_empty_after_t1_s".into(), queue_empty(&waiting, t1).map(|at| seconds(at - t1))),
        ("timed_out_wait_ms_median".into(), median(&gave_up)),
        ("healthy_held_ms_median".into(), lasting(&healthy)),
        ("fault_held_ms_median".into(), lasting(&served)),
        ("healthy_wait_ms_mean".into(), mean(&healthy_waits)),
        ("healthy_share_waiting_over_5ms".into(), share(long, healthy.len())),
        ("timeout_share_all".into(), share(timed_out.len(), callers.len())),
        ("last_timeout_after_t1_s".into(), last.map(|at| seconds(at - t1))),
        ("peak_waiting_after_t0_s".into(), peak(&waiting).map(|(at, _)| seconds(at - t0))),
    ])
}

/// The first instant after the fault's end, and after the peak if that follows soon, at which nobody waits.
fn queue_empty(waiting: &[(i64, i64)], t1: i64) -> Option<i64> {
    let (peaked, _) = peak(waiting)?;
    let from = if (t1 + 1..=t1 + PEAK_AFTER).contains(&peaked) { peaked } else { t1 };
    let before = waiting.partition_point(|&(at, _)| at <= from);
    if before == 0 || waiting[before - 1].1 == 0 {
        return Some(from);
    }
    waiting[before..].iter().find(|(_, open)| *open == 0).map(|(at, _)| *at)
}

/// The callers of a simulated run: requests to the service that has the pool. Each takes one connection and does nothing else.
pub(super) fn callers(seen: &Seen, service: &str) -> Vec<Caller> {
    seen.served(service).map(|(span, ledger)| caller(span, ledger)).collect()
}

pub(super) fn caller(span: &SpanRecord, ledger: &LedgerRecord) -> Caller {
    let (asked, ended) = (nanos(span.start), nanos(span.end));
    let wait = ledger.parts[Part::Pool as usize] as i64;
    let outcome = match span.error {
        None => Outcome::Ok,
        Some(ErrorType::PoolTimeout) => Outcome::Timeout,
        Some(_) => Outcome::Error,
    };
    Caller { asked, wait, lock: 0, held: ended - asked - wait, hot: false, outcome }
}
