//! A look-aside cache that is flushed: who hits, who asks the database, who gives up.

use super::Observables;
use super::numbers::{S, count, millis, p95, percentile, share};
use super::seen::{Seen, nanos};
use knockon_model::record::{Part, TraceId};
use knockon_scenario::original::FlushExperiment;
use std::collections::BTreeMap;

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
        ("hit_first_1s".into(), hit(flush, flush + S)),
        ("hit_5_to_10s".into(), hit(flush + 5 * S, flush + 10 * S)),
        ("timeouts_before".into(), count(within(0, flush).filter(|read| read.timed_out).count())),
        ("latency_after_flush_5s_ms_p50".into(), percentile(&latencies, 50)),
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

/// What the clients of a simulated run saw of an application with a cache and a database, and when it began with its queries.
pub(super) fn of_run(seen: &Seen, application: &str) -> (Vec<Read>, Vec<i64>) {
    let begun: BTreeMap<TraceId, i64> = seen.queries(application).map(|span| (span.trace, nanos(span.start))).collect();
    // Whose work waited for a connection to the database: from when to when.
    let mut waits: BTreeMap<TraceId, (i64, i64)> = BTreeMap::new();
    for (span, ledger) in seen.worked(application) {
        let wait = ledger.parts[Part::Pool as usize] as i64;
        let to = begun.get(&span.trace).copied().unwrap_or(nanos(span.end));
        if wait > 0 {
            waits.insert(span.trace, (to - wait, to));
        }
    }
    let (mut joined, mut left): (Vec<i64>, Vec<i64>) = waits.values().copied().unzip();
    joined.sort_unstable();
    left.sort_unstable();
    let waiting =
        |at: i64| joined.partition_point(|&from| from < at) as i64 - left.partition_point(|&to| to <= at) as i64;
    let missed = seen.missed(application);
    let reads = seen.requests().iter().map(|request| Read {
        asked: nanos(request.sent),
        hit: !missed.contains(&request.trace),
        latency: nanos(request.ended) - nanos(request.sent),
        // Giving up is the only way in which a read fails here.
        timed_out: request.error.is_some() || request.status >= 500,
        queue: waits.get(&request.trace).map_or(0, |&(from, _)| waiting(from)),
    });
    (reads.collect(), begun.into_values().collect())
}
