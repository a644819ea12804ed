//! Knock-outs: a loop, a queue, a pool, a cause of standing still or a cache is taken away, and the same faults act.
//!
//! Taken away *from the start*, the harm shows whether it *amplifies* the incident. Taken away only *from when all faults are undone*, recovery
//! where there was none shows that it *sustains* it. The world without the faults has it taken away too.
//!
//! | what | how it is taken away |
//! | --- | --- |
//! | retries of a link, and of all links | no retries, of any call over it; budgets have nothing to bound then |
//! | a queue | no places; where the system is not healthy so, as few as it can be healthy with (1, 2, 4 …) |
//! | a pool | as many connections as there are workers, as far as the database takes them |
//! | an executor | a thread for each task: as many as tasks can be, and no queue before them |
//! | pauses | collections that take no time; vacations that take none; expired keys that are deleted in no time; no processor quota |
//! | a cache | what is stored in it expires at once |
//! | probes | so many failures are needed that they never count |
//! | what ends gunicorn's workers | no time-out; no number of requests after which one exits |
//!
//! Harm is clearly less if at most [`SHARE`] of the requests are left that failed or were lost, or that were hurt in any way, and the difference is more than
//! [`DEVIATIONS`] times the square root of both counts together, as chance alone gives counts.
//!
//! Left out: coalescing of loads and what guards a link, which no patch takes away.

use super::ground::{Described, Ground, Measure};
use super::parameter::{self, Setting};
use super::share::side_by_side;
use crate::truth::{Harm, Recovery};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{
    ExecutorField, ExecutorKind, HeapField, KeyspaceField, PolicyField, PoolField, ProbeField, ProbeKind, Redis,
    Runtime, ServiceField, Target, Vacation, VacationField, Value,
};
use knockon_model::id::{ExecutorId, KeyspaceId, PoolId, ServiceId};
use serde::Serialize;
use std::collections::BTreeMap;

/// The share of the harm that is clearly less of it, or of which it is clearly more.
const SHARE: f64 = 0.8;
/// What the difference must be more than, in square roots of all that is counted.
const DEVIATIONS: f64 = 4.0;

/// What is taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Kind {
    Retries,
    Queue,
    Pool,
    Executor,
    Pauses,
    Cache,
    Probes,
    Workers,
}

/// What a component does to the harm, by what it is without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Clearly less harm without it.
    Amplifies,
    /// Clearly more.
    Dampens,
    /// Clearly fewer requests that fail and clearly more that are hurt, or the other way round.
    Trades,
    /// Neither.
    Neither,
}

/// What comes of taking it away from the start.
#[derive(Clone, Debug)]
pub enum FromStart {
    /// The system is not healthy without it, or its run hits a limit.
    NotComparable(String),
    /// The harm that is left.
    Compared(Effect, Harm),
}

/// What comes of taking it away when all faults are undone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Afterwards {
    /// Nothing to see: faults are in force to the end.
    InForce,
    /// Nothing to see: users recover with it too.
    RecoversAnyway,
    /// Nothing to see: the system cannot do without it.
    NotComparable,
    /// Users recover at this instant, and not with it: it sustains the incident.
    Sustains(Option<Time>),
    /// They do not recover without it either.
    SustainedWithout,
}

/// What was taken away, and what came of it.
#[derive(Clone, Debug)]
pub struct KnockOut {
    /// What it is.
    pub kind: Kind,
    /// Its name: `retries clients -> server`, `queue server`, `pool web-api/pool`.
    pub name: String,
    /// How it was taken away.
    pub settings: Vec<Described>,
    /// From the start.
    pub from_start: FromStart,
    /// From when all faults are undone.
    pub afterwards: Afterwards,
}

/// Something that can be taken away, in several ways of which the first healthy one counts.
struct Candidate {
    kind: Kind,
    name: String,
    ways: Vec<Vec<Setting>>,
}

/// All of what the incident touched.
pub(super) fn all(ground: &Ground) -> Vec<KnockOut> {
    let mut candidates = Vec::new();
    retries(ground, &mut candidates);
    for service in ground.services() {
        queue(ground, service, &mut candidates);
        pools(ground, service, &mut candidates);
        executors(ground, service, &mut candidates);
        pauses(ground, service, &mut candidates);
        caches(ground, service, &mut candidates);
        probes(ground, service, &mut candidates);
        workers(ground, service, &mut candidates);
    }
    candidates.retain(|candidate| !candidate.ways.iter().flatten().any(|&(target, _)| ground.is_own(target)));
    side_by_side(&candidates, ground.threads, |candidate| take_away(ground, candidate))
}

fn retries(ground: &Ground, candidates: &mut Vec<Candidate>) {
    let blueprint = &ground.blueprint;
    let mut links: BTreeMap<String, Vec<Setting>> = BTreeMap::new();
    for call in parameter::calls(blueprint) {
        let Some(callee) = call.callee.map(|callee| &blueprint[callee].name) else { continue };
        if blueprint[call.policy].retries > 0 && (ground.touches(&call.caller) || ground.touches(callee)) {
            let setting = (Target::Policy(call.policy, PolicyField::Retries), Value::Count(0));
            links.entry(format!("{} -> {callee}", call.caller)).or_default().push(setting);
        }
    }
    let every: Vec<Setting> = links.values().flatten().copied().collect();
    let several = links.len() > 1;
    for (link, settings) in links {
        candidates.push(Candidate { kind: Kind::Retries, name: format!("retries {link}"), ways: vec![settings] });
    }
    if several {
        candidates.push(Candidate { kind: Kind::Retries, name: "all retries".to_owned(), ways: vec![every] });
    }
}

/// Places that a queue may be left with at most, where it has no bound.
const FEW_PLACES: u64 = 1_024;

fn queue(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    // A database has no queue that could be bounded: its back ends wait for the processor.
    if service.workers.is_none() || matches!(service.runtime, Runtime::Postgres(_)) {
        return;
    }
    let most = service.places.map_or(FEW_PLACES, |places| u64::from(places) / 2);
    if service.places == Some(0) {
        return;
    }
    let places = std::iter::once(0).chain((0..32).map(|n| 1 << n).take_while(|&places| places <= most));
    let ways = places.map(|places| vec![(Target::Service(id, ServiceField::Places), Value::Limit(Some(places)))]);
    candidates.push(Candidate { kind: Kind::Queue, name: format!("queue {}", service.name), ways: ways.collect() });
}

fn pools(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    for (n, pool) in service.pools.iter().enumerate() {
        let workers = service.workers.map_or(u64::from(pool.maximum) * 8, u64::from);
        let room = room(ground, id, n);
        let maximum = workers.min(room);
        if maximum > u64::from(pool.maximum) {
            let target = Target::Pool(id, PoolId(n as u32), PoolField::Maximum);
            candidates.push(Candidate {
                kind: Kind::Pool,
                name: format!("pool {}/{}", service.name, pool.name),
                ways: vec![vec![(target, Value::Count(maximum))]],
            });
        }
    }
}

/// Threads without end, for a JVM's also without a queue that keeps them from coming to be. An executor that fills its queue first has places
/// when its process starts only: where it is taken away later, more of its core do what the queue would have kept.
const ENDLESS: u64 = 100_000;

fn executors(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    for (n, executor) in service.executors.iter().enumerate() {
        let of = |field| Target::Executor(id, ExecutorId(n as u32), field);
        let mut way = vec![(of(ExecutorField::Threads), Value::Count(ENDLESS))];
        if executor.kind == ExecutorKind::ThreadPoolExecutor {
            // A core is not above the maximum, so that is set before.
            way.insert(0, (of(ExecutorField::Maximum), Value::Count(ENDLESS)));
        }
        let name = format!("executor {}/{}", service.name, executor.name);
        candidates.push(Candidate { kind: Kind::Executor, name, ways: vec![way] });
    }
}

/// Connections that a pool may have in each process, by what the database takes and others have.
fn room(ground: &Ground, id: ServiceId, pool: usize) -> u64 {
    let blueprint = &ground.blueprint;
    let service = &blueprint[id];
    let database = service.pools[pool].database;
    let Runtime::Postgres(postgres) = &blueprint[database].runtime else { return u64::MAX };
    let mut taken = u64::from(postgres.reserved);
    for (n, other) in blueprint.services.iter().enumerate() {
        for (m, one) in other.pools.iter().enumerate().filter(|(_, one)| one.database == database) {
            if (n, m) != (id.index(), pool) {
                taken += u64::from(one.maximum + one.overflow) * u64::from(other.replicas);
            }
        }
    }
    let own = u64::from(service.pools[pool].overflow);
    let left = u64::from(postgres.max_connections).saturating_sub(taken);
    (left / u64::from(service.replicas.max(1))).saturating_sub(own)
}

fn pauses(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    let mut add = |name: &str, target, value| {
        let name = format!("{name} {}", service.name);
        candidates.push(Candidate { kind: Kind::Pauses, name, ways: vec![vec![(target, value)]] });
    };
    if let Runtime::Jvm(heap) = &service.runtime
        && heap.pause_scale > 0.0
    {
        add("collections", Target::Heap(id, HeapField::PauseScale), Value::Number(0.0));
    }
    if let Some(Vacation::Periodic { .. }) = service.vacation {
        add("vacations", Target::Vacation(id, VacationField::Length), Value::Sampler(ground.no_time));
    }
    if let Runtime::Redis(Redis { expiry: Some(_), .. }) = &service.runtime {
        let field = ServiceField::ExpiryDelete;
        add("expire cycles", Target::Service(id, field), Value::Duration(Duration::ZERO));
    }
    if service.quota.is_some() {
        add("quota", Target::Service(id, ServiceField::Quota), Value::Limit(None));
    }
}

fn caches(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let blueprint = &ground.blueprint;
    for (n, keys) in blueprint.keyspaces.iter().enumerate().filter(|(_, keys)| keys.cache == id) {
        let target = Target::Keyspace(KeyspaceId(n as u32), KeyspaceField::Ttl);
        let name = format!("cache {}/{}", blueprint[id].name, blueprint.keyspace_name(keys));
        let at_once = Value::Duration(Duration::from_nanos(1));
        candidates.push(Candidate { kind: Kind::Cache, name, ways: vec![vec![(target, at_once)]] });
    }
}

fn probes(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    let Some(health) = &service.health else { return };
    for kind in ProbeKind::ALL.into_iter().filter(|&kind| health.probe(kind).is_some()) {
        let never = (Target::Probe(id, kind, ProbeField::Failures), Value::Count(u64::from(u32::MAX)));
        let name = format!("{} probe {}", kind.name().to_lowercase(), service.name);
        candidates.push(Candidate { kind: Kind::Probes, name, ways: vec![vec![never]] });
    }
}

fn workers(ground: &Ground, id: ServiceId, candidates: &mut Vec<Candidate>) {
    let service = &ground.blueprint[id];
    let Some(prefork) = &service.prefork else { return };
    let mut add = |name: &str, field, value| {
        let name = format!("{name} {}", service.name);
        candidates.push(Candidate { kind: Kind::Workers, name, ways: vec![vec![(Target::Service(id, field), value)]] });
    };
    if prefork.timeout.is_some() {
        add("worker time-outs", ServiceField::WorkerTimeout, Value::Duration(Duration::MAX));
    }
    if prefork.max_requests > 0 {
        add("worker exits", ServiceField::MaxRequests, Value::Count(0));
    }
}

fn take_away(ground: &Ground, candidate: &Candidate) -> KnockOut {
    let mut ails = None;
    let healthy = candidate.ways.iter().find_map(|way| {
        let changed = parameter::with(&ground.blueprint, way, None);
        match ground.ails(&changed) {
            None => Some((way, changed)),
            Some(why) => {
                ails = Some(why);
                None
            }
        }
    });
    let Candidate { kind, name, .. } = candidate;
    let Some((way, changed)) = healthy else {
        return KnockOut {
            kind: *kind,
            name: name.clone(),
            settings: ground.described(&candidate.ways[0]),
            from_start: FromStart::NotComparable(ails.unwrap_or_default()),
            afterwards: Afterwards::NotComparable,
        };
    };
    let from_start = match ground.try_out(&changed, |_| false) {
        Ok(Some(trial)) => FromStart::Compared(effect(&ground.before, &trial.harm), trial.harm),
        Ok(None) => unreachable!("nothing is enough"),
        Err(stop) => FromStart::NotComparable(format!("it hits a limit: {stop}")),
    };
    KnockOut {
        kind: *kind,
        name: name.clone(),
        settings: ground.described(way),
        from_start,
        afterwards: afterwards(ground, way),
    }
}

fn afterwards(ground: &Ground, way: &[Setting]) -> Afterwards {
    let Some(undone) = ground.undone else { return Afterwards::InForce };
    if ground.recovers {
        return Afterwards::RecoversAnyway;
    }
    let changed = parameter::with(&ground.blueprint, way, Some(undone));
    match ground.patiently(changed, undone) {
        Ok(trial) if trial.recovers() => Afterwards::Sustains(match trial.recovery {
            Recovery::At(at) => Some(at),
            _ => None,
        }),
        Ok(_) | Err(_) => Afterwards::SustainedWithout,
    }
}

/// What a component does to the harm: to the requests that fail or are lost, and to those that are hurt in any way.
fn effect(with: &Harm, without: &Harm) -> Effect {
    use Effect::{Amplifies, Dampens, Neither, Trades};
    let of = |measure: Measure| compare(measure.count(with), measure.count(without));
    match (of(Measure::Failed), of(Measure::Hurt)) {
        (Amplifies, Dampens) | (Dampens, Amplifies) => Trades,
        (Neither, other) | (other, _) => other,
    }
}

fn compare(with: u64, without: u64) -> Effect {
    let (with, without) = (with as f64, without as f64);
    let beyond_chance = (with - without).abs() > DEVIATIONS * libm::sqrt(with + without);
    match beyond_chance {
        true if without <= SHARE * with => Effect::Amplifies,
        true if with <= SHARE * without => Effect::Dampens,
        _ => Effect::Neither,
    }
}

impl Effect {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Amplifies => "amplifies",
            Self::Dampens => "dampens",
            Self::Trades => "trades",
            Self::Neither => "neither",
        }
    }
}
