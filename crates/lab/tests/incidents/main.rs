//! The shipped scenarios as theory: what must emerge, what must not, and what taking one link away changes.

mod healthy;
mod invariants;
mod memory_leak;
mod pool_exhaustion;
mod without_the_fault;

use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_lab::expectations::{Judgement, judge};
use knockon_lab::milestones::{Milestones, State, Watcher};
use knockon_model::statistics::{ServiceStatistics, SourceStatistics, Statistics};
use knockon_model::{Sink, Tee, World};
use knockon_scenario::{Loaded, Options, Scenario};
use std::path::Path;

/// A run of a shipped scenario.
struct Ran {
    milestones: Milestones,
    statistics: Statistics,
    judgements: Vec<Judgement>,
    digest: u128,
}

impl Ran {
    fn source(&self, name: &str) -> &SourceStatistics {
        self.statistics.sources.iter().find(|source| source.name == name).expect("a source of this name")
    }

    fn service(&self, name: &str) -> &ServiceStatistics {
        self.statistics.services.iter().find(|service| service.name == name).expect("a service of this name")
    }

    /// The first time of a state after an instant.
    fn first(&self, state: State, after: Time) -> Option<Time> {
        self.milestones.of(state).map(|milestone| milestone.time).find(|&time| time > after)
    }

    fn count(&self, state: State) -> usize {
        self.milestones.of(state).count()
    }
}

fn minutes(minutes: u64) -> Time {
    Time::ZERO + Duration::from_secs(60) * minutes
}

/// Options from `--set` pairs and names of faults to leave out.
fn options(seed: u64, set: &[(&str, &str)], without: &[&str]) -> Options {
    Options {
        seed,
        overrides: set.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect(),
        without: without.iter().map(|&name| name.to_owned()).collect(),
        ..Options::default()
    }
}

fn load(name: &str, options: &Options) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../scenarios/{name}.ron"));
    Scenario::load(&path, options).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Runs a shipped scenario beside a sink; nothing may be lost.
fn run_into<S: Sink>(loaded: &Loaded, sink: S) -> (Ran, S) {
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let mut both = Tee(Watcher::new(world.catalogue(), &loaded.blueprint), sink);
    world.run_until(end, &mut both).expect("no limit is hit");
    let statistics = world.statistics();
    assert_eq!(conservation::breaches(&statistics), []);
    let milestones = both.0.finish(end);
    let judgements = judge(&loaded.expectations, &statistics, &milestones);
    (Ran { milestones, statistics, judgements, digest: world.digest() }, both.1)
}

fn run(name: &str, options: &Options) -> Ran {
    run_into(&load(name, options), knockon_model::Null).0
}

/// What a scenario promises holds.
#[track_caller]
fn assert_held(ran: &Ran) {
    let broken: Vec<_> = ran.judgements.iter().filter(|judgement| !judgement.held).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
