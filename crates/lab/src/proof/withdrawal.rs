//! The point of no return: had the faults been withdrawn before it, users would have recovered; withdrawn after it, they do not.
//!
//! Faults are withdrawn by ending their patches and sources at an instant; what was to come later never comes. A deploy is rolled back: the
//! processes are replaced again, by ones with the values before. What passes in an instant (a kill, a flush) cannot be withdrawn.
//!
//! The instant is of this seed: another one would draw another crowd. It is looked for as if there were but one; where outcomes do not change
//! once only, that is said.

use super::ground::Ground;
use super::original::original;
use super::share::side_by_side;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Action, Blueprint, Patch};
use knockon_model::id::FaultId;

/// Instants that are tried at once: their number decides which they are, so it is not that of the threads.
const INSTANTS: u64 = 3;
/// To within what it is found.
const RESOLUTION: Duration = Duration::from_secs(1);

/// When it is too late.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Withdrawal {
    /// Users recover if all is withdrawn at the first instant, and do not if at the second.
    Between(Time, Time),
    /// They recover whenever it is withdrawn, of what was tried.
    Always,
    /// They do not recover even if it is withdrawn at once.
    Never,
    /// All was done in an instant.
    Nothing,
}

/// When it is too late, and by what it is known.
#[derive(Clone, Debug)]
pub struct PointOfNoReturn {
    /// When.
    pub withdrawal: Withdrawal,
    /// Instants of withdrawal that were tried, and whether users recovered.
    pub tried: Vec<(Time, bool)>,
}

impl PointOfNoReturn {
    /// Whether no instant after one at which it was too late was early enough.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.tried.windows(2).all(|pair| pair[0].1 || !pair[1].1)
    }
}

pub(super) fn find(ground: &Ground) -> PointOfNoReturn {
    let lasting = |fault: &FaultId| lasts(&ground.blueprint, *fault);
    if !ground.acting.iter().any(lasting) {
        return PointOfNoReturn { withdrawal: Withdrawal::Nothing, tried: Vec::new() };
    }
    let resolution = RESOLUTION.as_nanos();
    let end = Time::ZERO + ground.blueprint.duration;
    let (mut from, mut until) = (ground.from.as_nanos(), ground.undone.unwrap_or(end).as_nanos());
    let between = |from: u64, until: u64| {
        let within = (1..=INSTANTS).map(move |n| from + (until - from) / (INSTANTS + 1) * n);
        within.filter(move |&at| at > from && at < until)
    };
    let try_all = |instants: Vec<u64>| {
        let recovers = side_by_side(&instants, ground.threads, |&at| recovers(ground, Time::from_nanos(at)));
        instants.into_iter().zip(recovers).collect::<Vec<(u64, bool)>>()
    };
    let first = (from + resolution).min(until.saturating_sub(1));
    let mut tried = try_all(std::iter::once(first).chain(between(first, until)).chain([until]).collect());
    loop {
        tried.sort_unstable();
        // The last change for the worse.
        let turn = tried.windows(2).rposition(|pair| pair[0].1 && !pair[1].1);
        let Some(turn) = turn else { break };
        (from, until) = (tried[turn].0, tried[turn + 1].0);
        let next: Vec<u64> = between(from, until).collect();
        if until - from <= resolution || next.is_empty() {
            break;
        }
        tried.extend(try_all(next));
    }
    let withdrawal = match (tried.iter().any(|one| one.1), tried.last().is_some_and(|last| last.1)) {
        (false, _) => Withdrawal::Never,
        (true, true) => Withdrawal::Always,
        (true, false) => Withdrawal::Between(Time::from_nanos(from), Time::from_nanos(until)),
    };
    let tried = tried.into_iter().map(|(at, recovers)| (Time::from_nanos(at), recovers)).collect();
    PointOfNoReturn { withdrawal, tried }
}

/// Whether there is anything of a fault to withdraw.
fn lasts(blueprint: &Blueprint, fault: FaultId) -> bool {
    let described = &blueprint.faults[fault.index()];
    let mut patches = blueprint.patches.iter().filter(|patch| patch.fault == Some(fault));
    let sets = |patch: &Patch| matches!(patch.action, Action::Set(_) | Action::Deploy { .. });
    described.until.is_some() || described.kind == "surge" || patches.any(sets)
}

/// Whether users recover if all is withdrawn at an instant. Who hits a limit does not.
fn recovers(ground: &Ground, at: Time) -> bool {
    let withdrawn = withdrawn(&ground.blueprint, &ground.acting, at);
    ground.patiently(withdrawn, at).is_ok_and(|trial| trial.recovers())
}

/// The run in which some faults end at an instant.
pub(super) fn withdrawn(blueprint: &Blueprint, faults: &[FaultId], at: Time) -> Blueprint {
    let mut changed = blueprint.clone();
    let mut rolled_back = Vec::new();
    let is_one = |fault: Option<FaultId>| fault.is_some_and(|fault| faults.contains(&fault));
    changed.patches.retain(|patch| !is_one(patch.fault) || patch.at < at);
    for patch in changed.patches.iter_mut().filter(|patch| is_one(patch.fault)) {
        match &patch.action {
            Action::Deploy { service, set } => {
                let before = set.iter().map(|&(target, _)| (target, original(blueprint, target)));
                let action = Action::Deploy { service: *service, set: before.collect() };
                rolled_back.push(Patch { fault: patch.fault, at, until: None, action });
            }
            Action::Set(_) => patch.until = Some(patch.until.map_or(at, |until| until.min(at))),
            _ => patch.until = patch.until.map(|until| until.min(at)),
        }
    }
    let place = changed.patches.partition_point(|patch| patch.at <= at);
    changed.patches.splice(place..place, rolled_back);
    for source in changed.sources.iter_mut().filter(|source| is_one(source.fault)) {
        source.until = Some(source.until.map_or(at, |until| until.min(at)));
    }
    for source in &mut changed.sources {
        source
            .dropped
            .retain(|dropped| !is_one(Some(dropped.fault)) || blueprint.faults[dropped.fault.index()].at < at);
    }
    for &fault in faults {
        if lasts(blueprint, fault) {
            let described = &mut changed.faults[fault.index()];
            described.at = described.at.min(at);
            described.until = Some(described.until.map_or(at, |until| until.min(at)));
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_model::World;
    use knockon_model::blueprint::{Target, Value};
    use knockon_scenario::{Options, Scenario};
    use std::collections::BTreeSet;

    /// Deploys that set everything that a deploy can set; nothing bounds some of it before.
    const EVERYTHING: &str = r#"(
            duration: "20s",
            services: {
                "api": (
                    runtime: Jvm(heap: (maximum: "256MiB", collector: Parallel, base: "64MiB")),
                    start_up: "100ms", replicas: 1, workers: Unlimited, places: Unlimited, cores: "2 cpu",
                    rate_limit: TokenBucket(rate: "20/s", burst: 50),
                    concurrency: Aimd(minimum: 2, initial: 10, maximum: 100, excess: Queue),
                    vacation: Periodic(every: "10s", length: "1ms"),
                    pools: {"pool": HikariCp(database: "db", maximum: 10, acquire_timeout: "1s")},
                    caches: {"near": (keys: {"users": (count: 100, value: "1KiB")})},
                    endpoints: {"GET /": (
                        allocate: "1KiB",
                        steps: [
                            Compute("2ms"), Sleep("1ms"),
                            CacheAside(keys: "users", load: [Query("read")], timeout: "1s"),
                            Call(to: "back/GET /", timeout: "2s", retries: 1),
                        ],
                    )},
                ),
                "back": (
                    workers: 5, cores: Unlimited, concurrency: Fixed(limit: 4, excess: Queue),
                    endpoints: {"GET /": (steps: [Compute("1ms")])},
                ),
            },
            databases: {"db": (workers: 4, queries: {"read": (table: "users", text: "SELECT 1", demand: "1ms")})},
            load: {"clients": (target: "api", arrivals: Constant("5/s"), mix: {"GET /": 1}, timeout: "5s")},
            faults: {
                "api": Deploy(service: "api", at: "5s", set: {
                    "api.workers": 3,
                    "api.places": 7,
                    "api.cores": "1 cpu",
                    "api.quota": "0.5 cpu",
                    "api/queue.maximum_age": "1s",
                    "api/rate_limit.rate": "10/s",
                    "api/rate_limit.burst": 1,
                    "api/concurrency.minimum": 1,
                    "api/concurrency.maximum": 50,
                    "api/vacation.every": "5s",
                    "api/vacation.length": "2ms",
                    "api/memory.limit": "2GiB",
                    "api/heap.maximum": "128MiB",
                    "api/heap.base": "32MiB",
                    "api/heap.pause_scale": 2,
                    "api/pool.maximum": 2,
                    "api/pool.acquire_timeout": "2s",
                    "api/GET /.allocate": "2KiB",
                    "api/GET /.churn": "2KiB",
                    "api/GET /.retain": "2KiB",
                    "api/GET /.demand[1]": "3ms",
                    "api/GET /.time[1]": "3ms",
                    "api/GET /.timeout[1]": "3s",
                    "api/GET /.timeout[2]": "3s",
                    "api/GET /.retries[1]": 3,
                    "api/near.maximum_entries": 10,
                    "api/near.maximum_bytes": "1MiB",
                    "api/near/users.ttl": "3s",
                }),
                "back": Deploy(service: "back", at: "5s", set: {"back/concurrency.limit": 2}),
            },
        )"#;

    /// What stands in a world's blueprint at the end of its run.
    fn left(blueprint: &Blueprint) -> String {
        let mut world = World::new(blueprint.clone());
        world.run_unwatched(Time::ZERO + blueprint.duration).unwrap();
        let Blueprint { services, policies, keyspaces, local_caches, links, .. } = world.blueprint();
        format!("{services:#?} {policies:#?} {keyspaces:#?} {local_caches:#?} {links:#?}")
    }

    #[test]
    fn a_deploy_that_is_rolled_back_leaves_everything_as_it_was() {
        let no_systems = |_: &str| Err("there is none".to_owned());
        let loaded = Scenario::from_text("everything", EVERYTHING, &Options::default(), &no_systems);
        let Ok(loaded) = loaded else { panic!("{}", loaded.unwrap_err()) };
        let deployed = loaded.blueprint;
        let mut quiet = deployed.clone();
        quiet.patches.clear();
        let at = Time::ZERO + Duration::from_secs(10);
        let rolled_back = withdrawn(&deployed, &[FaultId(0), FaultId(1)], at);
        assert_ne!(left(&deployed), left(&quiet));
        assert_eq!(left(&rolled_back), left(&quiet));
        // Steps stand in no blueprint of a world.
        let set = |blueprint: &Blueprint, from: Time| {
            let patches = blueprint.patches.iter().filter(|patch| patch.at >= from);
            let sets = patches.map(|patch| match &patch.action {
                Action::Deploy { set, .. } => set.clone(),
                other => panic!("{other:?}"),
            });
            sets.flatten().collect::<Vec<_>>()
        };
        let (before, after) = (set(&deployed, Time::ZERO), set(&rolled_back, at));
        let targets = |all: &[(Target, Value)]| all.iter().map(|one| one.0).collect::<BTreeSet<_>>();
        assert_eq!(targets(&before), targets(&after));
        assert!(before.len() > 25 && before.iter().all(|one| !after.contains(one)), "{after:?}");
    }
}
