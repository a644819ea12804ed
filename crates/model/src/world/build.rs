//! Building a world from a blueprint, and its first instant: everything is scheduled in name order.

use super::{ServiceState, SourceState, World, recorded, tables, upstreams};
use crate::blueprint::{Blueprint, Cores, Keyspace, Runtime, Service};
use crate::cpu::Cpu;
use crate::disk::Disk;
use crate::id::{FrameRef, ServiceId, SourceId};
use crate::loads::Loads;
use crate::meter::{CommandTimes, Meter};
use crate::metrics::Metrics;
use crate::process::{Life, Process, Runs, Stops};
use crate::queue::AcceptQueue;
use crate::record::{Catalogue, ProcessInfo};
use crate::replay::Replay;
use crate::restart::Restarts;
use crate::sink::Null;
use crate::statistics::{ExecutorStatistics, KeyspaceStatistics, PoolStatistics, ServiceStatistics, SourceStatistics};
use crate::topology::Topology;
use crate::world::{Event, Watch};
use knockon_kernel::{Calendar, Digest, Key, Sampler, Ticket, Time};
use std::collections::{BTreeMap, VecDeque};

impl World {
    /// Builds the world and its state at time 0: all services run and are warm, pools begin to fill, caches are as described.
    #[must_use]
    pub fn new(blueprint: Blueprint) -> Self {
        let mut catalogue = Catalogue::default();
        let mut tables = tables::compile(&blueprint, &mut catalogue);
        let seed = Key::new(blueprint.seed);
        let mut processes = Vec::new();
        let services = services(&blueprint, seed, &mut processes, &mut catalogue);
        let sources = sources(&blueprint, &mut processes, &mut catalogue);
        let (upstreams, rings) = upstreams::accounts(&blueprint, &processes, |n| services[n].first_process);
        upstreams::guard(&mut tables.edges, &blueprint, &upstreams);
        let metrics = Metrics::new(&blueprint, &processes, &upstreams, &mut catalogue);
        let mut calendar = Calendar::new();
        let components = (blueprint.services.len() + blueprint.sources.len()) as u64;
        calendar.set_events_per_instant(match blueprint.limits.events_per_instant {
            0 => 10_000 + 100 * components,
            limit => limit,
        });
        let policy_lanes = blueprint.policies.iter().map(|policy| policy.timeout.map(|timeout| calendar.lane(timeout)));
        let policy_lanes = policy_lanes.collect();
        let keyspace_keys =
            blueprint.keyspaces.iter().map(|keys| seed.name("keyspace").name(&keys.draw_name)).collect();
        let mut world = Self {
            topology: Topology::of(&blueprint),
            catalogue,
            metrics,
            tables,
            samplers: blueprint.samplers.clone(),
            draws: recorded::draws(&blueprint),
            exponential: Sampler::exponential(1.0).expect("a mean of 1 is a mean"),
            calendar,
            policy_lanes,
            frames: crate::frame::Frames::default(),
            forks: crate::fork::Forks::default(),
            shares: Vec::new(),
            spent: Vec::new(),
            processes,
            services,
            sources,
            loads: Loads::default(),
            keyspaces: keyspaces(&blueprint),
            upstreams,
            rings,
            keyspace_keys,
            aside: vec![false; blueprint.faults.len()],
            saved: vec![Vec::new(); blueprint.patches.len()],
            undo: vec![Vec::new(); blueprint.patches.len()],
            ready: Vec::new(),
            run: 0,
            effects: Vec::new(),
            turns: Vec::new(),
            stood: crate::record::Part::Paused,
            digest: Digest::new(),
            events: 0,
            events_per_instant: 0,
            next_scrape: Time::ZERO,
            ran_until: Time::ZERO,
            spans_since_watermark: 0,
            stopped: None,
            consumed: BTreeMap::new(),
            broker_effects: Vec::new(),
            blame: None,
            blueprint,
        };
        world.note_capacities();
        world.begin();
        world.note_capacities();
        world
    }

    fn begin(&mut self) {
        for process in 0..self.processes.len() as u32 {
            if !self.processes[process as usize].is_client() {
                self.furnish(process, &mut Null);
                self.processes[process as usize].served = u32::MAX;
                self.warm(process);
                self.begin_probing(process);
            }
        }
        for (index, patch) in self.blueprint.patches.iter().enumerate() {
            self.calendar.post(patch.at, Event::Patch { index: index as u32 }.packed());
            if let Some(until) = patch.until {
                self.calendar.post(until, Event::PatchEnd { index: index as u32 }.packed());
            }
        }
        for source in 0..self.sources.len() as u32 {
            self.open(source);
        }
    }

    /// Fills the caches with what is there when the run starts.
    fn warm(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let filled = |keyspace: &Keyspace| keyspace.warm || !keyspace.expiries.is_empty();
        for (index, keyspace) in self.blueprint.keyspaces.iter().enumerate() {
            if keyspace.cache.0 != p.service || !filled(keyspace) {
                continue;
            }
            let store = match keyspace.local {
                None => p.store.as_deref_mut(),
                Some(local) => {
                    let mut mine = self.blueprint.local_caches_of(keyspace.cache);
                    mine.position(|(id, _)| id == local).and_then(|n| p.caches.get_mut(n))
                }
            };
            let Some(store) = store else { continue };
            let before = store.used();
            if keyspace.warm {
                store.warm(Time::ZERO, index as u32);
            } else {
                store.preload(Time::ZERO, index as u32, &keyspace.expiries);
            }
            if let (Some(_), Some(heap)) = (keyspace.local, &mut p.heap) {
                // Collections on the way there happened before the run began.
                heap.retain(Time::ZERO, store.used() - before);
            }
        }
    }
}

fn keyspaces(blueprint: &Blueprint) -> Vec<KeyspaceStatistics> {
    let named = |keyspace: &Keyspace| KeyspaceStatistics {
        cache: blueprint[keyspace.cache].name.clone(),
        name: blueprint.keyspace_name(keyspace),
        ..KeyspaceStatistics::default()
    };
    blueprint.keyspaces.iter().map(named).collect()
}

fn services(
    blueprint: &Blueprint,
    seed: Key,
    processes: &mut Vec<Process>,
    catalogue: &mut Catalogue,
) -> Vec<ServiceState> {
    let mut states = Vec::new();
    for (index, service) in blueprint.services.iter().enumerate() {
        let first_process = processes.len() as u32;
        for replica in 0..service.replicas {
            let key = seed.name("service").name(&service.draw_name).with(u64::from(replica));
            processes.push(process_of(service, index as u32, key));
            catalogue.processes.push(ProcessInfo {
                service: Some(ServiceId(index as u32)),
                name: service.name.clone(),
                instance: format!("{}-{replica}", service.name),
            });
        }
        let pools = service.pools.iter().map(|pool| PoolStatistics { name: pool.name.clone(), ..Default::default() });
        let named = |name: &String| ExecutorStatistics { name: name.clone(), ..Default::default() };
        let executors = service.executors.iter().map(|executor| named(&executor.name));
        states.push(ServiceState {
            first_process,
            replicas: service.replicas,
            out: 0,
            rotation: Vec::new(),
            maxclients: match &service.runtime {
                Runtime::Redis(redis) => redis.maxclients,
                _ => None,
            },
            certificate: service.certificate.unwrap_or(Time::MAX),
            version: 0,
            rollout: Vec::new(),
            standbys: Vec::new(),
            statistics: ServiceStatistics {
                name: service.name.clone(),
                pools: pools.collect(),
                executors: executors.collect(),
                ..Default::default()
            },
        });
    }
    for (index, service) in blueprint.services.iter().enumerate() {
        if let Runtime::Postgres(postgres) = service.runtime
            && let Some(replica) = postgres.replica
        {
            let standby = states[index].first_process;
            states[replica.primary.index()].standbys.push(standby);
        }
    }
    states
}

fn sources(blueprint: &Blueprint, processes: &mut Vec<Process>, catalogue: &mut Catalogue) -> Vec<SourceState> {
    let mut states = Vec::new();
    for (index, source) in blueprint.sources.iter().enumerate() {
        let state =
            SourceState { process: processes.len() as u32, ..SourceState::new(blueprint, SourceId(index as u32)) };
        let key = state.key;
        states.push(state);
        processes.push(client_of(SourceId(index as u32), key));
        catalogue.processes.push(ProcessInfo {
            service: None,
            name: source.name.clone(),
            instance: source.name.clone(),
        });
    }
    states
}

impl SourceState {
    /// A source that has sent nothing yet.
    pub(super) fn new(blueprint: &Blueprint, source: SourceId) -> Self {
        let source = &blueprint[source];
        Self {
            key: Key::new(blueprint.seed).name("source").name(&source.draw_name),
            process: u32::MAX,
            candidates: 0,
            numbered: 0,
            sent: 0,
            aside: false,
            dropped: source.dropped.iter().map(|dropped| dropped.number).collect(),
            users: Vec::new(),
            last: source.from,
            statistics: SourceStatistics { name: source.name.clone(), ..Default::default() },
        }
    }
}

/// The replay of a replica.
fn replay_of(service: &Service) -> Option<Box<Replay>> {
    let Runtime::Postgres(postgres) = service.runtime else { return None };
    postgres.replica.map(|replica| Box::new(Replay::new(replica.rate, replica.delay)))
}

fn process_of(service: &Service, index: u32, key: Key) -> Process {
    let traced = !matches!(service.runtime, Runtime::Postgres(_) | Runtime::Redis(_) | Runtime::Broker(_));
    Process {
        service: index,
        traced,
        workers: service.workers.unwrap_or(u32::MAX),
        places: service.places.unwrap_or(u32::MAX),
        queue: AcceptQueue::new(&service.admission.queue),
        cpu: Cpu::new(service.cores, service.discipline).with_contention(service.contention).with_quota(service.quota),
        unlimited_cores: !service.shares_processor(),
        has_quota: service.quota.is_some(),
        replay: replay_of(service),
        disk: service.storage.as_ref().map(|storage| Box::new(Disk::new(&storage.disk))),
        vacations_when_idle: service.vacation.is_some_and(|vacation| vacation.when_idle()),
        restarts: Restarts::new(service.restart),
        watch: service.health.as_ref().map(|health| Box::new(Watch::new(health))),
        meter: meter_of(service),
        ..bare(key)
    }
}

fn meter_of(service: &Service) -> Meter {
    let mut meter = Meter::new(Time::ZERO, service.endpoints.len(), service.pools.len(), service.executors.len());
    if let Runtime::Redis(redis) = &service.runtime
        && service.has_slow_commands()
    {
        meter.commands = Some(Box::new(CommandTimes::new(service.endpoints.len(), redis.slow_log)));
    }
    meter
}

fn client_of(source: SourceId, key: Key) -> Process {
    Process { source: source.0, life: Life::Running, ..bare(key) }
}

/// A process that is not there yet.
fn bare(key: Key) -> Process {
    Process {
        service: u32::MAX,
        source: u32::MAX,
        key,
        component: key,
        traced: false,
        life: Life::Starting,
        incarnation: 0,
        started: Time::ZERO,
        restarts: Restarts::new(crate::blueprint::RestartPolicy::Never),
        restart_count: 0,
        stops: Stops::default(),
        stopped_since: Time::ZERO,
        stopped_total_ns: 0,
        halted_total_ns: 0,
        halted_before_ns: 0,
        halted_since: Time::ZERO,
        inbox: VecDeque::new(),
        workers: u32::MAX,
        busy: 0,
        places: u32::MAX,
        queue: AcceptQueue::default(),
        served: 0,
        cpu: Cpu::new(Cores::Unlimited, crate::blueprint::CpuDiscipline::Shared),
        unlimited_cores: true,
        times_statements: false,
        guarded: false,
        guard: None,
        has_quota: false,
        vacations_when_idle: false,
        runs: Runs::Plainly,
        vacations: 0,
        computed_ns: 0,
        cpu_ticket: Ticket::NONE,
        heap: None,
        origins: None,
        collections: VecDeque::new(),
        collected: Ticket::NONE,
        pause_ends: Time::ZERO,
        pause_left: None,
        starved: None,
        marking_milli_cores: 0,
        marking_since: Time::ZERO,
        marking_mark_ns: 0,
        marking_ns: 0,
        marking_number: 0,
        pools: Vec::new(),
        connection_timers: Vec::new(),
        housekeeping: Vec::new(),
        pool_full: Vec::new(),
        watch: None,
        redeploys: false,
        kept_down: 0,
        exit_code: 0,
        oom_killed_last: false,
        keep_alive: Vec::new(),
        closed: Vec::new(),
        certificate: Time::MAX,
        postmaster_free: Time::ZERO,
        executors: Vec::new(),
        prefork: None,
        arbiter: Ticket::NONE,
        blocker: FrameRef::NONE,
        blocked_until: Time::ZERO,
        loop_delay: None,
        away_since: Time::ZERO,
        vacation_due: Time::ZERO,
        connections: 0,
        backends: 0,
        store: None,
        turn: None,
        dialled: Vec::new(),
        rejected: 0,
        broker: None,
        caches: Vec::new(),
        locks: None,
        disk: None,
        buffers: None,
        replay: None,
        statement_timers: BTreeMap::new(),
        lines: 0,
        meter: Meter::new(Time::ZERO, 0, 0, 0),
    }
}
