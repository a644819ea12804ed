//! A synthetic world: the webshop's names, and records shaped like its own (nothing here is simulated).

#![expect(dead_code, reason = "each test binary uses its own part")]

use knockon_kernel::{Duration, Time};
use knockon_model::Sink;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(crate) const AUTH: usize = 0;
pub(crate) const POSTGRES: usize = 1;
pub(crate) const REDIS: usize = 2;
pub(crate) const WEB_API: usize = 3;
pub(crate) const WORKER: usize = 4;

fn http(method: &str, route: &str) -> Endpoint {
    endpoint(&format!("{method} {route}"), Operation::Http { method: method.into(), route: route.into() })
}

fn sql(operation: &str, table: &str, text: &str) -> Endpoint {
    endpoint(
        &format!("{operation} {table}"),
        Operation::Sql { operation: operation.into(), table: table.into(), text: text.into() },
    )
}

fn endpoint(name: &str, operation: Operation) -> Endpoint {
    Endpoint { name: name.into(), operation, program: vec![], choices: vec![], messages: vec!["cart is empty".into()] }
}

fn service(name: &str, runtime: Runtime, endpoints: Vec<Endpoint>, pools: Vec<Pool>) -> Service {
    Service {
        name: name.into(),
        draw_name: name.into(),
        runtime,
        replicas: 1,
        workers: Some(10),
        places: Some(100),
        cores: Cores::Milli(1000),
        discipline: CpuDiscipline::Shared,
        memory: Memory { baseline: 0, limit: None },
        start_up: SamplerId(0),
        warm_up: None,
        certificate: None,
        vacation: None,
        health: None,
        restart: RestartPolicy::Never,
        quota: None,
        contention: None,
        prefork: None,
        executors: Vec::new(),
        stop_grace: Duration::from_secs(30),
        cancels_abandoned: false,
        storage: None,
        admission: Admission::default(),
        endpoints,
        pools,
        consumers: Vec::new(),
    }
}

pub(crate) fn pool(kind: PoolKind, maximum: u32, overflow: u32) -> Pool {
    Pool {
        name: "pool".into(),
        database: ServiceId(POSTGRES as u32),
        kind,
        maximum,
        minimum_idle: maximum,
        overflow,
        acquire_timeout: Duration::from_secs(30),
        idle_timeout: None,
        maximum_lifetime: None,
        lifetime_variance_permille: 25,
        keepalive: None,
        validate_after_idle: None,
        leak_detection: None,
        barging: false,
    }
}

pub(crate) fn heap(collector: Collector, on_out_of_memory: OnOutOfMemory) -> Heap {
    let cost = PauseCost { base: Duration::ZERO, per_mib: Duration::ZERO };
    Heap {
        maximum: 1 << 28,
        collector,
        base: 0,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: cost,
        major_pause: cost,
        concurrent_milli_cores: 0,
        mark_bytes_per_second: 0,
        pause_target: Duration::from_millis(200),
        overhead_limit: true,
        pause_scale: 1.0,
        on_out_of_memory,
    }
}

/// auth-service, postgres, redis, web-api and a Python worker.
pub(crate) fn blueprint() -> Blueprint {
    let postgres = Postgres::standard(SamplerId(0));
    let redis = Redis::default();
    let python = CPython { base: 0, object_bytes: 64, thresholds: [700, 10, 10], per_object: Duration::ZERO };
    let mut web = vec![http("GET", "/api/users/{id}"), http("GET", "/api/search"), http("POST", "/api/checkout")];
    web[2].program = vec![Step::Call {
        site: Site(0),
        service: ServiceId(AUTH as u32),
        endpoint: EndpointId(0),
        policy: PolicyId(0),
        optional: false,
    }];
    let commands = ["GET", "SET"].map(|command| endpoint(command, Operation::Cache { command: command.into() }));
    let queries = vec![
        sql("SELECT", "users", "SELECT * FROM users WHERE id = $1"),
        sql("INSERT", "orders", "INSERT INTO orders VALUES ($1, $2)"),
        sql("COMMIT", "", "COMMIT"),
    ];
    Blueprint {
        seed: 1,
        epoch_unix_ns: 1_767_571_200_000_000_000,
        duration: Duration::from_secs(7200),
        services: vec![
            service("auth-service", Runtime::Node, vec![http("POST", "/verify")], vec![]),
            service("postgres", Runtime::Postgres(postgres), queries, vec![]),
            service("redis", Runtime::Redis(redis), commands.into(), vec![]),
            service(
                "web-api",
                Runtime::Jvm(heap(Collector::Serial, OnOutOfMemory::Exit)),
                web,
                vec![pool(PoolKind::HikariCp, 10, 0)],
            ),
            service(
                "worker",
                Runtime::CPython(python),
                vec![http("POST", "/jobs")],
                vec![pool(PoolKind::QueuePool, 5, 10)],
            ),
        ],
        links: vec![],
        sources: vec![],
        keyspaces: vec![],
        local_caches: vec![],
        recordings: Recordings::default(),
        samplers: vec![],
        traffic: vec![],
        policies: vec![],
        faults: vec![],
        patches: vec![],
        scrape_interval: Duration::from_secs(15),
        limits: Limits::default(),
    }
}

/// One process a service, both sides of every endpoint, some series.
pub(crate) fn catalogue(blueprint: &Blueprint) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for (id, service) in (0..).map(ServiceId).zip(&blueprint.services) {
        let (name, instance) = (service.name.clone(), format!("{}-0", service.name));
        catalogue.processes.push(ProcessInfo { service: Some(id), name: name.clone(), instance: instance.clone() });
        let db_system = match service.runtime {
            Runtime::Postgres(_) => "postgresql",
            Runtime::Redis(_) => "redis",
            _ => "",
        };
        for (endpoint, described) in (0..).map(EndpointId).zip(&service.endpoints) {
            for kind in [SpanKind::Server, SpanKind::Client] {
                let (operation, db_system) = (described.operation.clone(), db_system.into());
                catalogue.operations.push(OperationInfo { kind, service: id, endpoint, operation, db_system });
            }
        }
        for (metric, kind) in [("requests_total", SeriesKind::Counter), ("in_flight", SeriesKind::Gauge)] {
            let attributes = if metric == "in_flight" {
                vec![]
            } else {
                vec![("method".into(), "GET".into()), ("status".into(), "200".into())]
            };
            let (name, unit) = (metric.into(), "1".into());
            let (service, instance) = (service.name.clone(), instance.clone());
            catalogue.series.push(SeriesInfo { name, unit, kind, service, instance, attributes });
        }
    }
    catalogue
}

/// The operation of one side of an endpoint.
pub(crate) fn operation(catalogue: &Catalogue, service: usize, endpoint: u32, kind: SpanKind) -> OperationId {
    let wanted = (kind, ServiceId(service as u32), EndpointId(endpoint));
    let found = catalogue.operations.iter().position(|info| (info.kind, info.service, info.endpoint) == wanted);
    OperationId(found.expect("the endpoint is described") as u32)
}

/// Requests to web-api as traces of six to eleven spans, delivered in the order of their ends, with ledgers, logs and samples.
pub(crate) struct Generator {
    state: u64,
    request: u64,
    now: u64,
    next_sample: u64,
    /// Ends of spans that are still to be delivered.
    open: BinaryHeap<Reverse<(u64, u64, Slot)>>,
    starts: BinaryHeap<Reverse<(u64, u64)>>,
    slots: Vec<(SpanRecord, LedgerRecord)>,
    free: Vec<usize>,
    series: u32,
    server: Vec<OperationId>,
    client: Vec<OperationId>,
    pub(crate) spans: u64,
    pub(crate) rows: u64,
}

type Slot = usize;

const TARGETS: [(usize, u32); 7] =
    [(WEB_API, 0), (WEB_API, 2), (REDIS, 0), (REDIS, 1), (POSTGRES, 0), (POSTGRES, 1), (AUTH, 0)];

impl Generator {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let side = |kind| TARGETS.map(|(service, endpoint)| operation(catalogue, service, endpoint, kind)).to_vec();
        Self {
            state: 1,
            request: 0,
            now: 0,
            next_sample: 0,
            open: BinaryHeap::new(),
            starts: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            series: catalogue.series.len() as u32,
            server: side(SpanKind::Server),
            client: side(SpanKind::Client),
            spans: 0,
            rows: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Roughly exponential, in nanoseconds: a logarithm in straight pieces, whose bits are the same everywhere.
    fn duration(&mut self, mean: f64) -> u64 {
        let draw = self.next() | 1;
        let halvings = draw.leading_zeros();
        let rest = (draw << halvings) as f64 / 18_446_744_073_709_551_616.0;
        ((f64::from(halvings) + 2.0 * (1.0 - rest)) * std::f64::consts::LN_2 * mean) as u64
    }

    /// One more request, and everything that ends before it.
    pub(crate) fn step<S: Sink>(&mut self, sink: &mut S) {
        self.now += self.duration(5e6);
        self.request += 1;
        while let Some(&Reverse((end, ..))) = self.open.peek() {
            if end > self.now {
                break;
            }
            self.deliver(sink);
        }
        while self.next_sample <= self.now {
            for series in 0..self.series {
                let value = if series % 2 == 0 { self.request as f64 } else { (self.next() % 20) as f64 };
                sink.sample(SampleRecord { series: SeriesId(series), time: Time::from_nanos(self.next_sample), value });
                self.rows += 1;
            }
            self.next_sample += 1_000_000_000;
        }
        let kind = self.next() % 100;
        let trace = TraceId(u128::from(mix(self.request)) << 64 | u128::from(mix(self.request ^ 0x5555)));
        let checkout = kind >= 60;
        let calls: &[usize] = match kind {
            0..50 => &[2, 2],
            50..60 => &[2, 4, 3],
            _ => &[6, 4, 5, 5, 5],
        };
        let failed = kind == 99;
        let mut at = self.now + self.duration(2e5);
        let root = self.next() | 1;
        let begin = self.now;
        for &target in calls {
            let (service, _) = TARGETS[target];
            let sent = at;
            let arrived = sent + 100_000 + self.duration(5e4);
            let answered = arrived + self.duration(if service == REDIS { 2e5 } else { 3e6 });
            let back = answered + 100_000 + self.duration(5e4);
            let (call, serve) = (self.next() | 1, self.next() | 1);
            let mut parts = [0; Part::COUNT];
            parts[Part::Network as usize] = (arrived - sent) + (back - answered);
            parts[Part::Child as usize] = answered - arrived;
            self.span(
                trace,
                call,
                root,
                WEB_API,
                Some(service),
                self.client[target],
                sent,
                back,
                None,
                200,
                false,
                parts,
            );
            let mut parts = [0; Part::COUNT];
            parts[Part::Computing as usize] = answered - arrived;
            self.span(
                trace,
                serve,
                call,
                service,
                None,
                self.server[target],
                arrived,
                answered,
                None,
                200,
                true,
                parts,
            );
            at = back + self.duration(1e5);
        }
        let error = failed.then_some(ErrorType::PoolTimeout);
        let mut parts = [0; Part::COUNT];
        parts[Part::Queued as usize] = (at - begin) / 7;
        parts[Part::Child as usize] = (at - begin) / 2;
        parts[Part::Computing as usize] = (at - begin) - parts.iter().sum::<u64>();
        let status = if failed { 500 } else { 200 };
        self.span(
            trace,
            root,
            0,
            WEB_API,
            None,
            self.server[usize::from(checkout)],
            begin,
            at,
            error,
            status,
            true,
            parts,
        );
        if kind.is_multiple_of(10) {
            let (number, pause) = (self.request as u32, Duration::from_nanos(self.duration(5e6)));
            let before = self.next() % (1 << 28);
            let (kind, cause) = (CollectionKind::Young, CollectionCause::AllocationFailure);
            let event =
                LogEvent::Collection { number, kind, cause, before, after: before / 2, committed: 1 << 28, pause };
            self.log(event, None, sink);
        }
        if failed {
            let (pool, waited) = (PoolId(0), Duration::from_millis(2_000));
            self.log(
                LogEvent::PoolTimeout { pool, waited, total: 10, active: 10, idle: 0, waiting: 3 },
                Some((trace, SpanId(root))),
                sink,
            );
        }
        if self.request.is_multiple_of(1_000) {
            while self.starts.peek().is_some_and(|Reverse((_, end))| *end <= self.now) {
                self.starts.pop();
            }
            let before = self.starts.peek().map_or(self.now, |Reverse((start, _))| *start).min(self.now);
            sink.watermark(Time::from_nanos(before));
        }
    }

    /// Everything that is still open.
    pub(crate) fn finish<S: Sink>(&mut self, sink: &mut S) {
        let service = ServiceId(WEB_API as u32);
        let time = Time::from_nanos(self.now);
        sink.change(ChangeRecord { time, kind: ChangeKind::Deployment { from: 0, to: 1 }, service, process: None });
        self.rows += 1;
        while !self.open.is_empty() {
            self.deliver(sink);
        }
    }

    fn log<S: Sink>(&mut self, event: LogEvent, context: Option<(TraceId, SpanId)>, sink: &mut S) {
        let uid = u128::from(self.next()) << 64 | u128::from(self.next());
        sink.log(LogRecord {
            time: Time::from_nanos(self.now),
            process: ProcessId(WEB_API as u32),
            uid,
            context,
            event,
        });
        self.rows += 1;
    }

    #[expect(clippy::too_many_arguments, reason = "a record's fields")]
    fn span(
        &mut self,
        trace: TraceId,
        span: u64,
        parent: u64,
        process: usize,
        peer: Option<usize>,
        operation: OperationId,
        start: u64,
        end: u64,
        error: Option<ErrorType>,
        http_status: u16,
        server: bool,
        parts: [u64; Part::COUNT],
    ) {
        let (start_at, end_at) = (Time::from_nanos(start), Time::from_nanos(end));
        let record = SpanRecord {
            trace,
            span: SpanId(span),
            parent: SpanId(parent),
            process: ProcessId(process as u32),
            peer: peer.map(|peer| ProcessId(peer as u32)),
            operation,
            start: start_at,
            end: end_at,
            status: if error.is_some() { Status::Error } else { Status::Unset },
            error,
            http_status,
            resend: 0,
            link: Default::default(),
        };
        let ledger = LedgerRecord { trace, span: SpanId(span), start: start_at, server, parts };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((record, ledger));
            self.slots.len() - 1
        });
        self.slots[slot] = (record, ledger);
        self.open.push(Reverse((end, span, slot)));
        self.starts.push(Reverse((start, end)));
    }

    fn deliver<S: Sink>(&mut self, sink: &mut S) {
        let Some(Reverse((_, _, slot))) = self.open.pop() else { return };
        let (span, ledger) = self.slots[slot];
        sink.span(span);
        sink.ledger(ledger);
        self.free.push(slot);
        self.spans += 1;
        self.rows += 2;
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
