//! A run beside the real thing: for each observable what the repeats gave, what was simulated, and whether that is a fair prediction.

use super::seen::Seen;
use super::{Observables, cache, certificate, heap, limit, lock, pool, retry, slots};
use knockon_scenario::original::{Experiment, Original};
use std::collections::BTreeMap;

/// One observable of the real thing and of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Family of experiments.
    pub family: &'static str,
    /// Measured set.
    pub set: String,
    /// The observable's name.
    pub observable: String,
    /// Median of the real repeats.
    pub median: f64,
    /// Smallest of them.
    pub smallest: f64,
    /// Largest of them.
    pub largest: f64,
    /// Smallest and largest fair prediction.
    pub fair: [f64; 2],
    /// Whether it counts where shares of fair predictions are reckoned.
    pub counted: bool,
    /// What was simulated; `None` where the run has no such value.
    pub simulated: Option<f64>,
    /// The mechanism that is absent, where the scenario declares that this is missed.
    pub mechanism: Option<String>,
}

impl Comparison {
    /// Whether the simulated value lies between the fair bounds.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        let [low, high] = self.fair;
        self.simulated.is_some_and(|value| (low..=high).contains(&value))
    }
}

/// Holds a run of `service` against what was measured. `misses` are the observables that are declared as missed, each with the mechanism
/// that is absent.
#[must_use]
pub fn judge(original: &Original, service: &str, misses: &BTreeMap<String, String>, seen: &Seen) -> Vec<Comparison> {
    let observables = observe(original, service, seen);
    let compare = |observable: &knockon_scenario::original::Observable| {
        let [median, smallest, largest] = observable.spread();
        Comparison {
            family: original.experiment.family(),
            set: original.set.clone(),
            observable: observable.name.clone(),
            median,
            smallest,
            largest,
            fair: observable.fair,
            counted: original.counted,
            simulated: observables.get(&observable.name).copied().flatten(),
            mechanism: misses.get(&observable.name).cloned(),
        }
    };
    original.observables.iter().map(compare).collect()
}

fn observe(original: &Original, service: &str, seen: &Seen) -> Observables {
    match &original.experiment {
        Experiment::Pool(experiment) => pool::observe(&pool::callers(seen, service), *experiment),
        Experiment::RowLock(experiment) => lock::observe(&lock::callers(seen, service, experiment), experiment),
        Experiment::RetryStorm(experiment) => retry::observe(&retry::attempts(seen, service), *experiment),
        Experiment::Leak {} => heap::observe_leak(&heap::course(seen, service)),
        Experiment::Steady(experiment) => heap::observe_steady(&heap::course(seen, service), experiment),
        Experiment::CacheFlush(experiment) => {
            let (reads, queries) = cache::of_run(seen, service);
            cache::observe(&reads, &queries, *experiment)
        }
        Experiment::RateLimit {} => limit::of_run(seen, service),
        Experiment::Slots(experiment) => slots::observe(&slots::connects(seen, experiment)),
        Experiment::Certificate(experiment) => {
            certificate::observe(&certificate::tries(seen, experiment), experiment.expires_s)
        }
    }
}
