//! A shop with one service of each runtime: a web application in front of an API, a session service, a cache and a database.

use crate::blueprint::{
    Action, Admission, Answers, Arrivals, Backoff, Blueprint, CPython, CallPolicy, Collector, Cores, CpuDiscipline,
    Endpoint, Heap, Jitter, Keyspace, Limits, Link, LinkEnd, Memory, Mix, OnOutOfMemory, Operation, Patch, PauseCost,
    Pool, PoolKind, Postgres, Recordings, Redis, RestartPolicy, RetryOn, Runtime, Service, Site, Source, Step,
    StepField, Target, Value,
};
use crate::id::{EndpointId, KeyspaceId, PolicyId, PoolId, SamplerId, ServiceId, SourceId};
use knockon_kernel::{Duration, Sampler, Time};

pub(super) const API: &str = "api";
pub(super) const AUTH: &str = "auth";
pub(super) const CACHE: &str = "cache";
pub(super) const DATABASE: &str = "db";
pub(super) const WEB: &str = "web";

const MIB: u64 = 1 << 20;

const SERVICES: [&str; 5] = [API, AUTH, CACHE, DATABASE, WEB];

pub(super) fn id(name: &str) -> ServiceId {
    ServiceId(SERVICES.iter().position(|&known| known == name).expect("it is a service") as u32)
}

/// The API keeps a piece of every request from now on.
pub(super) fn leak() -> Action {
    let step = Target::Step(id(API), EndpointId(0), 1, StepField::Bytes);
    Action::Set(vec![(step, Value::Bytes(64 << 10))])
}

const LATENCY: SamplerId = SamplerId(0);
const SHORT: SamplerId = SamplerId(1);
const STATEMENT: SamplerId = SamplerId(2);
const POPULARITY: SamplerId = SamplerId(3);
const START_UP: SamplerId = SamplerId(4);

const CALL: PolicyId = PolicyId(0);
const USERS: KeyspaceId = KeyspaceId(0);

pub(super) fn shop(patches: Vec<Patch>) -> Blueprint {
    let sampler = |sampler: Result<Sampler, _>| sampler.expect("the parameters are right");
    Blueprint {
        seed: 1,
        epoch_unix_ns: 1_767_571_200_000_000_000,
        duration: Duration::from_secs(600),
        services: vec![api(), auth(), cache(), database(), web()],
        links: vec![
            link(LinkEnd::Source(SourceId(0)), API, None),
            link(LinkEnd::Source(SourceId(1)), WEB, Some(100)),
            link(LinkEnd::Service(id(API)), DATABASE, None),
            link(LinkEnd::Service(id(WEB)), AUTH, Some(10)),
            link(LinkEnd::Service(id(WEB)), CACHE, Some(10)),
            link(LinkEnd::Service(id(WEB)), DATABASE, None),
        ],
        sources: vec![source("partners", API, 20.0), source("shoppers", WEB, 30.0)],
        keyspaces: vec![Keyspace {
            name: "users".into(),
            draw_name: "users".into(),
            cache: id(CACHE),
            keys: 100,
            popularity: POPULARITY,
            ttl: Some(Duration::from_secs(60)),
            value_bytes: 1000,
            warm: true,
            ..Keyspace::default()
        }],
        recordings: Recordings::default(),
        local_caches: Vec::new(),
        samplers: vec![
            sampler(Sampler::constant(200_000.0)),
            sampler(Sampler::exponential(2_000_000.0)),
            sampler(Sampler::exponential(60_000_000.0)),
            sampler(Sampler::zipf(100, 1.1)),
            sampler(Sampler::constant(5_000_000_000.0)),
        ],
        traffic: Vec::new(),
        policies: vec![CallPolicy {
            timeout: Some(Duration::from_secs(5)),
            retries: 0,
            backoff: Backoff {
                base: Duration::from_millis(100),
                factor: 2.0,
                maximum: Duration::from_secs(1),
                jitter: Jitter::None,
            },
            retry_on: RetryOn::default(),
            answers: Answers::Current,
            propagates_deadline: false,
            honours_retry_after: false,
        }],
        faults: Vec::new(),
        patches,
        scrape_interval: Duration::from_secs(15),
        limits: Limits::default(),
    }
}

fn service(name: &str, runtime: Runtime, endpoints: Vec<Endpoint>) -> Service {
    Service {
        name: name.into(),
        draw_name: name.into(),
        runtime,
        replicas: 1,
        workers: Some(40),
        places: None,
        cores: Cores::Milli(2000),
        discipline: CpuDiscipline::Shared,
        memory: Memory { baseline: 40 * MIB, limit: Some(1024 * MIB) },
        start_up: START_UP,
        warm_up: None,
        certificate: None,
        vacation: None,
        health: None,
        restart: RestartPolicy::Kubernetes {
            initial: Duration::from_secs(10),
            maximum: Duration::from_secs(300),
            reset: Duration::from_secs(600),
        },
        quota: None,
        contention: None,
        prefork: None,
        executors: Vec::new(),
        stop_grace: Duration::from_secs(10),
        cancels_abandoned: false,
        storage: None,
        admission: Admission::default(),
        endpoints,
        pools: Vec::new(),
        consumers: Vec::new(),
    }
}

fn endpoint(operation: Operation, program: Vec<Step>) -> Endpoint {
    let name = match &operation {
        Operation::Http { method, route } => format!("{method} {route}"),
        Operation::Sql { operation, .. } => operation.clone(),
        Operation::Cache { command } | Operation::Internal { name: command } => command.clone(),
        Operation::Publish { queue, .. } => queue.clone(),
        Operation::Process { task, .. } => task.clone(),
    };
    Endpoint { name, operation, program, choices: Vec::new(), messages: Vec::new() }
}

fn http(method: &str, route: &str, program: Vec<Step>) -> Endpoint {
    endpoint(Operation::Http { method: method.into(), route: route.into() }, program)
}

fn sql(operation: &str, demand: SamplerId) -> Endpoint {
    let operation = Operation::Sql { operation: operation.into(), table: "users".into(), text: "…".into() };
    endpoint(operation, vec![compute(1, demand)])
}

fn compute(site: u32, demand: SamplerId) -> Step {
    Step::Compute { site: Site(site), demand }
}

fn query(site: u32, endpoint: u32, transaction: bool) -> Step {
    Step::Query { site: Site(site), pool: PoolId(0), endpoint: EndpointId(endpoint), policy: CALL, transaction }
}

fn api() -> Service {
    let program = vec![
        compute(1, SHORT),
        Step::Retain { bytes: 0 },
        Step::Allocate { bytes: 100_000 },
        Step::Acquire { pool: PoolId(0) },
        query(2, 0, false),
        Step::Release { pool: PoolId(0) },
    ];
    let runtime = Runtime::CPython(CPython {
        base: 20 * MIB,
        object_bytes: 200,
        thresholds: [700, 10, 10],
        per_object: Duration::from_nanos(20),
    });
    Service {
        pools: vec![pool(PoolKind::QueuePool, 5, 10)],
        consumers: Vec::new(),
        memory: Memory { baseline: 40 * MIB, limit: Some(100 * MIB) },
        ..service(API, runtime, vec![http("GET", "/v1/stock", program)])
    }
}

fn auth() -> Service {
    Service {
        discipline: CpuDiscipline::FirstCome,
        cores: Cores::Milli(1000),
        ..service(AUTH, Runtime::Node, vec![http("POST", "/session", vec![compute(1, SHORT)])])
    }
}

fn cache() -> Service {
    let redis = Redis { entry_overhead: 100, ..Redis::default() };
    let command = |word: &str, step| endpoint(Operation::Cache { command: word.into() }, vec![step]);
    service(CACHE, Runtime::Redis(redis), vec![command("GET", Step::Lookup), command("SET", Step::Store)])
}

/// The cache has one thread, and whoever reads runs a slow command as well.
pub(super) fn with_slow_commands(mut blueprint: Blueprint) -> Blueprint {
    let cache = &mut blueprint.services[id(CACHE).index()];
    cache.workers = Some(1);
    cache.cores = Cores::Milli(1000);
    cache.discipline = CpuDiscipline::FirstCome;
    cache.endpoints.push(endpoint(Operation::Cache { command: "KEYS".into() }, vec![compute(1, STATEMENT)]));
    let keys = Step::Call { site: Site(9), service: id(CACHE), endpoint: EndpointId(2), policy: CALL, optional: true };
    blueprint.services[id(WEB).index()].endpoints[0].program.push(keys);
    blueprint
}

fn database() -> Service {
    let postgres = Postgres::standard(SHORT);
    Service {
        workers: Some(8),
        ..service(DATABASE, Runtime::Postgres(postgres), vec![sql("SELECT", SHORT), sql("INSERT", STATEMENT)])
    }
}

fn web() -> Service {
    let read = vec![
        Step::Allocate { bytes: MIB / 2 },
        compute(1, SHORT),
        Step::Call { site: Site(2), service: id(AUTH), endpoint: EndpointId(0), policy: CALL, optional: false },
        Step::CacheGet { site: Site(3), keyspace: USERS, endpoint: EndpointId(0), policy: CALL, hit: 8 },
        Step::Acquire { pool: PoolId(0) },
        query(4, 0, false),
        Step::Release { pool: PoolId(0) },
        Step::CacheSet { site: Site(5), keyspace: USERS, endpoint: EndpointId(1), policy: CALL },
    ];
    let write = vec![
        Step::Allocate { bytes: MIB },
        Step::Acquire { pool: PoolId(0) },
        query(1, 1, true),
        compute(2, STATEMENT),
        Step::Release { pool: PoolId(0) },
    ];
    let missing = vec![compute(1, SHORT), Step::Fail { status: 404 }];
    let heap = Heap {
        maximum: 48 * MIB,
        collector: Collector::Parallel,
        base: 20 * MIB,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: PauseCost { base: Duration::from_millis(1), per_mib: Duration::from_millis(1) },
        major_pause: PauseCost { base: Duration::from_millis(5), per_mib: Duration::from_millis(2) },
        concurrent_milli_cores: 500,
        mark_bytes_per_second: 500_000_000,
        pause_target: Duration::from_millis(200),
        overhead_limit: false,
        pause_scale: 1.0,
        on_out_of_memory: OnOutOfMemory::Continue,
    };
    let endpoints =
        vec![http("GET", "/users/{id}", read), http("POST", "/orders", write), http("GET", "/robots.txt", missing)];
    Service { pools: vec![pool(PoolKind::HikariCp, 2, 0)], ..service(WEB, Runtime::Jvm(heap), endpoints) }
}

fn pool(kind: PoolKind, maximum: u32, overflow: u32) -> Pool {
    Pool {
        name: "pool".into(),
        database: id(DATABASE),
        kind,
        maximum,
        minimum_idle: maximum,
        overflow,
        acquire_timeout: Duration::from_millis(300),
        idle_timeout: None,
        maximum_lifetime: None,
        lifetime_variance_permille: 25,
        keepalive: None,
        validate_after_idle: None,
        leak_detection: None,
        barging: false,
    }
}

fn link(from: LinkEnd, to: &str, keep_alive: Option<u32>) -> Link {
    Link { from, to: id(to), latency: LATENCY, connect_round_trips: 1, tls: false, keep_alive }
}

fn source(name: &str, target: &str, rate: f64) -> Source {
    let endpoints = if target == WEB { 3 } else { 1 };
    let mix = (0..endpoints).map(|endpoint| Mix { endpoint: EndpointId(endpoint), site: Site(endpoint), weight: 1.0 });
    Source {
        name: name.into(),
        draw_name: name.into(),
        target: id(target),
        arrivals: Arrivals::Poisson { rate },
        profile: None,
        mix: mix.collect(),
        rows: None,
        batch: None,
        policy: CALL,
        patience: None,
        from: Time::ZERO,
        until: None,
        requests: None,
        class: 0,
        fault: None,
        dropped: Vec::new(),
    }
}
