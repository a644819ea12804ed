//! Whom shipped incidents are blamed on, from the accounts alone.

use crate::support::{self, load, minutes};
use knockon_kernel::{Duration, Time};
use knockon_model::record::{Activity, BlameRecord, ResourceKind, Who};
use knockon_model::{Null, World};
use knockon_scenario::Options;
use std::collections::BTreeMap;

/// The blame of a shipped scenario between two instants.
fn blamed(name: &str, from: Time, until: Time) -> (World, Vec<BlameRecord>) {
    let mut world = World::new(load(name, &Options::default()).blueprint);
    world.run_until(from, &mut Null).expect("no limit is hit");
    world.watch_blame();
    world.run_until(until, &mut Null).expect("no limit is hit");
    assert_eq!(world.audit(), Vec::<String>::new());
    let records = world.take_blame();
    (world, records)
}

/// Nanoseconds of the records of one resource that `of` names, by what it says of them; the largest first.
fn sums(records: &[BlameRecord], of: impl Fn(&BlameRecord) -> Option<String>) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for record in records {
        if let Some(name) = of(record) {
            *sums.entry(name).or_default() += record.ns;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|&(_, ns)| std::cmp::Reverse(ns));
    sums
}

fn is_of(world: &World, record: &BlameRecord, service: &str, kind: fn(ResourceKind) -> bool) -> bool {
    record.resource.name(world.blueprint()).split('/').next() == Some(service) && kind(record.resource.kind)
}

/// Who held what was waited for at a service, and as what.
fn holders(
    world: &World,
    records: &[BlameRecord],
    service: &str,
    kind: fn(ResourceKind) -> bool,
) -> Vec<(String, u64)> {
    let words = |record: &BlameRecord| {
        let (who, blueprint) = (record.holding.who, world.blueprint());
        format!("{} {}", who.name(blueprint), record.holding.activity.words(who, blueprint)).trim().to_owned()
    };
    sums(records, |record| is_of(world, record, service, kind).then(|| words(record)))
}

const fn is_pool(kind: ResourceKind) -> bool {
    matches!(kind, ResourceKind::Pool(_))
}

const fn is_running(kind: ResourceKind) -> bool {
    matches!(kind, ResourceKind::Running)
}

#[test]
fn an_exhausted_pool_is_held_by_those_who_wait_for_the_slow_query() {
    let (world, records) = blamed("pool_exhaustion", minutes(21), minutes(29));
    let held = holders(&world, &records, "web-api", is_pool);
    let all: u64 = held.iter().map(|(_, ns)| ns).sum();
    assert!(all > 60_000_000_000, "requests wait: {held:?}");
    assert_eq!(held[0].0, "web-api/GET /api/search child postgres/search_products", "{held:?}");
    assert!(held[0].1 * 2 > all, "more than all others together: {held:?}");
    // The others' own queries take long since they queue for the database's workers, which the slow one has.
    let workers = holders(&world, &records, "postgres", |kind| kind == ResourceKind::Workers);
    let waited: u64 = workers.iter().map(|(_, ns)| ns).sum();
    assert_eq!(workers[0].0, "postgres/search_products computing", "{workers:?}");
    assert!(workers[0].1 * 2 > waited, "{workers:?}");
    // Before the fault next to nobody waits, whatever is held.
    let (world, before) = blamed("pool_exhaustion", minutes(10), minutes(18));
    let before: u64 = holders(&world, &before, "web-api", is_pool).iter().map(|(_, ns)| ns).sum();
    assert!(before * 100 < all, "{before} of {all}");
}

#[test]
fn full_collections_of_a_leaking_process_are_the_leaking_endpoints_doing() {
    let options = Options::default();
    let loaded = load("memory_leak", &options);
    // The last minutes before its first death, as a run tells when that is.
    let run = support::run(&loaded);
    let dies = run.times(knockon_lab::milestones::State::OutOfMemoryError)[0];
    let before = |seconds| Time::ZERO + (dies - Time::ZERO).saturating_sub(Duration::from_secs(seconds));
    let (world, records) = blamed("memory_leak", before(120), before(1));
    let held = holders(&world, &records, "web-api", is_running);
    assert_eq!(held[0].0, "web-api/POST /api/checkout retained", "{held:?}");
    let all: u64 = held.iter().map(|(_, ns)| ns).sum();
    assert!(held[0].1 * 2 > all, "it is most of what is live: {held:?}");
    // Nobody else retains anything.
    let retains = |record: &BlameRecord| record.holding.activity == Activity::Retained;
    let others = records.iter().filter(|record| retains(record) && matches!(record.holding.who, Who::Endpoint(..)));
    assert!(others.map(|record| record.holding.who).collect::<std::collections::BTreeSet<_>>().len() == 1);
    // And the pool is full of those who stand still.
    let pool = holders(&world, &records, "web-api", is_pool);
    let paused: u64 = pool.iter().filter(|(who, _)| who.ends_with(" paused")).map(|(_, ns)| ns).sum();
    let waited: u64 = pool.iter().map(|(_, ns)| ns).sum();
    assert!(paused * 2 > waited && waited > 1_000_000_000, "{paused} of {waited}: {pool:?}");
}
