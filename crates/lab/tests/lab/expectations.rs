//! What shipped scenarios promise, judged as `sim run` judges it: from milestones and aggregates, over several seeds.

use knockon_kernel::{Duration, Time};
use knockon_lab::expectations::{judge, times};
use knockon_lab::milestones::{Milestones, State, Watcher};
use knockon_lab::{Measurement, conservation, expectations::Judgement};
use knockon_model::World;
use knockon_model::statistics::{ServiceStatistics, SourceStatistics, Statistics};
use knockon_scenario::{Options, Scenario};
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

    #[track_caller]
    fn assert_held(&self) {
        let broken: Vec<_> = self.judgements.iter().filter(|judgement| !judgement.held()).collect();
        assert!(!self.judgements.is_empty() && broken.is_empty(), "{broken:#?}");
    }
}

fn run(name: &str, seed: u64, set: &[(&str, &str)], without: &[&str]) -> Ran {
    let options = Options {
        seed,
        overrides: set.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect(),
        without: without.iter().map(|&name| name.to_owned()).collect(),
        ..Options::default()
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../scenarios/{name}.ron"));
    let loaded = Scenario::load(&path, &options).unwrap_or_else(|errors| panic!("{errors}"));
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let mut watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let mut measurement = Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration);
    measurement.run_until(&mut world, end, &mut watcher).expect("no limit is hit");
    let (statistics, milestones) = (world.statistics(), watcher.finish(end));
    assert_eq!(conservation::breaches(&statistics), []);
    let judgements = judge(&loaded.expectations, &measurement, &statistics, &milestones, None);
    Ran { milestones, statistics, judgements, digest: world.digest() }
}

#[test]
fn the_leak_shows_its_whole_chain_whatever_the_seed() {
    use State::{AcquireTimeout, GcShareOver30Percent, OutOfMemoryError, PoolFull, Restarted, ServerError};
    let chain = [GcShareOver30Percent, PoolFull, AcquireTimeout, ServerError, OutOfMemoryError, Restarted];
    for seed in 1..=5 {
        let ran = run("memory_leak", seed, &[], &[]);
        ran.assert_held();
        let found = times(&ran.milestones, "web-api", &chain);
        assert!(found >= 3, "seed {seed}: the chain shows {found} times");
        let deploy = Time::ZERO + Duration::from_secs(1_200);
        assert!(ran.milestones.kept.iter().all(|milestone| milestone.time >= deploy), "seed {seed}");
    }
}

#[test]
fn without_the_leak_its_expectations_do_not_hold() {
    let ran = run("memory_leak", 1, &[], &["leak"]);
    assert!(ran.judgements.iter().any(|judgement| !judgement.held()), "{:?}", ran.judgements);
}

#[test]
fn without_the_slow_query_it_is_the_healthy_shop() {
    let ran = run("pool_exhaustion", 1, &[], &["slow-search"]);
    assert_eq!(ran.milestones, Milestones::default());
    assert_eq!(ran.digest, run("healthy", 1, &[], &[]).digest);
}

#[test]
fn a_larger_pool_before_a_database_that_can_serve_it_never_times_out() {
    let timeouts = |pool: &str, workers: &str| {
        let set = [("web-api/pool.maximum", pool), ("postgres.workers", workers)];
        let ran = run("pool_exhaustion", 1, &set, &[]);
        ran.service("web-api").pools.iter().map(|pool| pool.timeouts).sum::<u64>()
    };
    // More connections alone only move the queue into the database, whose eight workers are what is short.
    assert!(timeouts("10", "8") > 100 && timeouts("20", "8") > 100);
    assert_eq!(timeouts("20", "24"), 0);
}

#[test]
fn the_other_shipped_incidents_hold() {
    for (name, seed) in [("memory_leak_cpython", 1), ("pool_exhaustion", 1), ("pool_exhaustion", 2), ("healthy", 7)] {
        run(name, seed, &[], &[]).assert_held();
    }
}

#[test]
fn latencies_and_hit_ratio_are_those_of_a_healthy_shop() {
    let ran = run("healthy", 1, &[], &[]);
    let latency = &ran.source("clients").latency;
    let (median, tail) = (latency.quantile(500), latency.quantile(990));
    assert!((Duration::from_millis(5)..Duration::from_millis(80)).contains(&median), "median {median}");
    let spread = tail.as_secs_f64() / median.as_secs_f64();
    assert!((3.0..=20.0).contains(&spread), "p99 is {spread} times the median");
    let redis = ran.service("redis");
    let hit_ratio = redis.hits as f64 / (redis.hits + redis.misses) as f64;
    assert!((0.80..0.90).contains(&hit_ratio), "hit ratio {hit_ratio}");
}
