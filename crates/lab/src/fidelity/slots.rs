//! Connections opened one by one and all at once to a database with few slots: who gets one, who is refused, and after how long.

use super::Observables;
use super::numbers::{count, median, millis};
use super::seen::{Seen, nanos};
use knockon_scenario::original::SlotExperiment;

/// One client's attempt to connect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connect {
    /// Whether all came at once.
    pub(super) at_once: bool,
    pub(super) accepted: bool,
    /// Until it was open or refused, in nanoseconds.
    pub(super) took: i64,
}

pub(super) fn observe(connects: &[Connect]) -> Observables {
    let mut observables = Observables::new();
    for (mode, at_once) in [("sequential", false), ("at_once", true)] {
        for (end, accepted) in [("accepted", true), ("refused", false)] {
            let these = connects.iter().filter(|one| (one.at_once, one.accepted) == (at_once, accepted));
            let took: Vec<f64> = these.map(|one| millis(one.took)).collect();
            observables.insert(format!("{mode}_{end}"), count(took.len()));
            observables.insert(format!("{mode}_{end}_ms_median"), median(&took));
        }
    }
    observables
}

/// What the clients of a simulated run met with: each request opens a connection and keeps it.
pub(super) fn connects(seen: &Seen, experiment: &SlotExperiment) -> Vec<Connect> {
    let one = |request: &knockon_model::record::RequestRecord| Connect {
        at_once: seen.requested(request) == experiment.at_once_endpoint,
        accepted: request.error.is_none() && request.status < 500,
        took: nanos(request.ended) - nanos(request.sent),
    };
    seen.requests().iter().map(one).collect()
}
