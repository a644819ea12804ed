//! A look-aside cache that is flushed: who hits, who asks the database, who gives up.

use super::Observables;
use super::numbers::{S, count, millis, p95, share};
use knockon_scenario::original::FlushExperiment;

/// One read. Instants and durations in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) asked: i64,
    pub(super) hit: bool,
    pub(super) latency: i64,
    pub(super) timed_out: bool,
    /// Queries that waited for a worker of the database when it missed.
    pub(super) queue: i64,
}

/// What is left out at the beginning.
const WARM_UP: i64 = 5 * S;
/// The last part of a run.
const LAST: i64 = 10 * S;

/// `queries` are the instants at which the database began with each.
pub(super) fn observe(reads: &[Read], queries: &[i64], experiment: FlushExperiment) -> Observables {
    let [flush, end] = [experiment.flush_s, experiment.end_s].map(|second| (second * S as f64).round() as i64);
    let within = |from: i64, to: i64| reads.iter().filter(move |read| (from..to).contains(&read.asked));
    let hit = |from: i64, to: i64| share(within(from, to).filter(|read| read.hit).count(), within(from, to).count());
    let timeouts =
        |from: i64, to: i64| share(within(from, to).filter(|read| read.timed_out).count(), within(from, to).count());
    let begun = |from: i64, to: i64| queries.iter().filter(|at| (from..to).contains(at)).count();
    let before = hit(WARM_UP, flush);
    let recovered = (0..(end - flush) / S - 2).find(|second| {
        let again = hit(flush + second * S, flush + (second + 3) * S);
        again.zip(before).is_some_and(|(again, before)| again >= 0.9 * before)
    });
    let latencies: Vec<f64> = within(flush, flush + 5 * S).map(|read| millis(read.latency)).collect();
    Observables::from([
        ("hit_before".into(), before),
        ("hit_first_5s".into(), hit(flush, flush + 5 * S)),
        ("hit_10_to_20s".into(), hit(flush + 10 * S, flush + 20 * S)),
        ("hit_last_10s".into(), hit(end - LAST, end)),
        ("seconds_to_90pc_of_before".into(), recovered.map(|second| second as f64)),
        ("queries_per_s_first_5s".into(), Some(begun(flush, flush + 5 * S) as f64 / 5.0)),
        ("queries_per_s_last_10s".into(), Some(begun(end - LAST, end) as f64 / 10.0)),
        ("queries_after_flush".into(), count(begun(flush, end))),
        ("timeout_share_after".into(), timeouts(flush, i64::MAX)),
        ("timeout_share_last_10s".into(), timeouts(end - LAST, i64::MAX)),
        ("peak_db_queue".into(), reads.iter().map(|read| read.queue).max().map(|most| most as f64)),
        ("latency_after_flush_5s_ms_p95".into(), p95(&latencies)),
    ])
}
