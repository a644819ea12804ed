//! A row that some callers lock while another transaction holds it: they fill the pool, and callers who want other rows wait too.

use super::Observables;
use super::numbers::{S, count, mean, millis, open, peak, seconds};
use super::pool::{self, Caller, Outcome};
use super::seen::Seen;
use knockon_scenario::original::{LockExperiment, PoolExperiment};

pub(super) fn observe(callers: &[Caller], experiment: &LockExperiment) -> Observables {
    let &LockExperiment { t0_s, t1_s, end_s, connections, .. } = experiment;
    let mut observables = pool::observe(callers, PoolExperiment { t0_s, t1_s, end_s });
    let t0 = (t0_s * S as f64).round() as i64;
    let of = |hot: bool, outcome: Outcome| {
        callers.iter().filter(move |caller| caller.hot == hot && caller.outcome == outcome)
    };
    let connected = || callers.iter().filter(|caller| caller.hot && caller.outcome != Outcome::Timeout);
    let holding = open(connected().map(|caller| (caller.got(), caller.got() + caller.held)));
    // Measured ends overlap the next beginnings by microseconds, so that there seems to be one connection more than there are.
    let most = peak(&holding).map_or(0, |(_, most)| most).min(i64::from(connections));
    let locks: Vec<f64> = connected().map(|caller| millis(caller.lock)).collect();
    let first_cold = of(false, Outcome::Timeout).map(Caller::got).min();
    observables.extend([
        ("hot_timeouts".into(), count(of(true, Outcome::Timeout).count())),
        ("cold_timeouts".into(), count(of(false, Outcome::Timeout).count())),
        ("hot_errors".into(), count(of(true, Outcome::Error).count())),
        ("first_cold_timeout_after_t0_s".into(), first_cold.map(|at| seconds(at - t0))),
        ("peak_hot_connections".into(), Some(most as f64)),
        ("lock_wait_ms_mean".into(), mean(&locks)),
        ("lock_wait_ms_max".into(), locks.iter().copied().reduce(knockon_kernel::math::max)),
    ]);
    // Those were measured of what comes before the commit.
    for name in ["healthy_held_ms_median", "fault_held_ms_median"] {
        observables.remove(name);
    }
    observables
}

/// The callers of a simulated run. Only a statement that got its lock has a time: one that failed has 0, as in the measurements.
pub(super) fn callers(seen: &Seen, service: &str, experiment: &LockExperiment) -> Vec<Caller> {
    let locks = seen.durations_of(&experiment.lock_statement);
    seen.served(service)
        .map(|(span, ledger)| {
            let caller = pool::caller(span, ledger);
            let lock = locks.get(&(span.trace, span.span)).copied().unwrap_or(0);
            let lock = if caller.outcome == Outcome::Ok { lock } else { 0 };
            Caller { lock, hot: seen.endpoint(span) == experiment.hot_endpoint, ..caller }
        })
        .collect()
}
