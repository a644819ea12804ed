//! A run beside the real thing: for each observable what the repeats gave, what was simulated, and whether that is a fair prediction.

use super::seen::Seen;
use super::{Observables, cache, certificate, heap, limit, lock, pool, retry, slots};
use knockon_scenario::Miss;
use knockon_scenario::original::{Experiment, Original};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is to be known of a measured set beside what is judged.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct About {
    /// What was measured, with versions.
    pub software: String,
    /// Load averages over a minute of the machine, before and after the repeats: the smallest and the largest.
    pub load: Option<[f64; 2]>,
    /// What of the scenario was read off these very repeats.
    pub constants: String,
    /// What is shown and not judged.
    pub beside: Vec<Beside>,
    /// Names of what was observed too and is not reckoned of a run.
    pub unseen: Vec<String>,
}

/// One observable that nobody set bounds for, of the real thing and of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Beside {
    /// The observable's name.
    pub observable: String,
    /// Median, smallest and largest of the real repeats.
    pub measured: [f64; 3],
    /// What was simulated; `None` where the run has no such value.
    pub simulated: Option<f64>,
    /// The mechanism that is absent, where the scenario names one.
    pub mechanism: Option<String>,
}

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
    /// Whether that hangs on what is drawn, so that with some seeds the prediction is fair.
    pub drawn: bool,
    /// Its set.
    pub about: Arc<About>,
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
pub fn judge(original: &Original, service: &str, misses: &BTreeMap<String, Miss>, seen: &Seen) -> Vec<Comparison> {
    let observables = observe(original, service, seen);
    let simulated = |name: &String| observables.get(name).copied().flatten();
    let mechanism = |name: &String| misses.get(name).map(|miss| miss.mechanism.clone());
    let about = Arc::new(About {
        software: original.software.clone(),
        load: original.load,
        constants: original.constants.clone(),
        beside: original
            .beside
            .iter()
            .map(|beside| Beside {
                observable: beside.name.clone(),
                measured: beside.spread(),
                simulated: simulated(&beside.name),
                mechanism: mechanism(&beside.name),
            })
            .collect(),
        unseen: original.unseen.clone(),
    });
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
            simulated: simulated(&observable.name),
            mechanism: mechanism(&observable.name),
            drawn: misses.get(&observable.name).is_some_and(|miss| miss.drawn),
            about: Arc::clone(&about),
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
