//! Small blueprints by hand, and a sink that keeps everything.

use knockon_kernel::{Duration, Sampler, Time};
use knockon_model::Sink;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::Statistics;

pub(crate) const MS: f64 = 1e6;

/// Requests are somewhere, and Little's law holds at every station to the nanosecond.
#[track_caller]
pub(crate) fn assert_conserved(statistics: &Statistics) {
    for source in &statistics.sources {
        assert_eq!(source.sent, source.answered + source.failed + source.in_flight());
        assert_eq!(source.latency.count(), source.answered, "each that was answered has a latency, and no other");
    }
    for service in &statistics.services {
        let ended = service.answered + service.failed + service.refused + service.lost;
        assert_eq!(service.arrived, ended + service.in_flight(), "{}", service.name);
    }
    for balance in &statistics.balances {
        assert!(balance.holds(), "{balance:?}");
    }
}

/// A blueprint under construction.
pub(crate) struct Builder(pub(crate) Blueprint);

impl Builder {
    pub(crate) fn new(duration: Duration) -> Self {
        Self(Blueprint {
            seed: 1,
            epoch_unix_ns: 1_767_571_200_000_000_000,
            duration,
            services: Vec::new(),
            links: Vec::new(),
            sources: Vec::new(),
            keyspaces: Vec::new(),
            local_caches: Vec::new(),
            samplers: Vec::new(),
            recordings: Recordings::default(),
            traffic: Vec::new(),
            policies: Vec::new(),
            faults: Vec::new(),
            patches: Vec::new(),
            scrape_interval: Duration::from_secs(15),
            limits: Limits::default(),
        })
    }

    pub(crate) fn sampler(&mut self, sampler: Sampler) -> SamplerId {
        self.0.samplers.push(sampler);
        SamplerId(self.0.samplers.len() as u32 - 1)
    }

    pub(crate) fn constant(&mut self, ns: f64) -> SamplerId {
        self.sampler(Sampler::constant(ns).unwrap())
    }

    pub(crate) fn exponential(&mut self, mean_ns: f64) -> SamplerId {
        self.sampler(Sampler::exponential(mean_ns).unwrap())
    }

    pub(crate) fn policy(&mut self, timeout: Option<Duration>, retries: u32) -> PolicyId {
        self.0.policies.push(CallPolicy {
            timeout,
            retries,
            backoff: Backoff {
                base: Duration::ZERO,
                factor: 2.0,
                maximum: Duration::from_secs(10),
                jitter: Jitter::None,
            },
            retry_on: RetryOn { timeout: true, refused: true, reset: true, server_error: true, ..RetryOn::default() },
            answers: Answers::Current,
            propagates_deadline: false,
            honours_retry_after: false,
        });
        PolicyId(self.0.policies.len() as u32 - 1)
    }

    /// A service with one endpoint, unlimited cores and no memory.
    pub(crate) fn service(&mut self, name: &str, workers: Option<u32>, program: Vec<Step>) -> ServiceId {
        let start_up = self.constant(1000.0 * MS);
        self.0.services.push(Service {
            name: name.into(),
            draw_name: name.into(),
            runtime: Runtime::Native,
            replicas: 1,
            workers,
            places: None,
            cores: Cores::Unlimited,
            discipline: CpuDiscipline::Shared,
            memory: Memory { baseline: 1 << 20, limit: None },
            start_up,
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
            stop_grace: Duration::from_secs(30),
            cancels_abandoned: false,
            storage: None,
            admission: Admission::default(),
            endpoints: vec![endpoint("GET /", program)],
            pools: Vec::new(),
            consumers: Vec::new(),
        });
        ServiceId(self.0.services.len() as u32 - 1)
    }

    /// A database with one query class, ROLLBACK and COMMIT.
    pub(crate) fn database(&mut self, name: &str, workers: u32, demand: SamplerId) -> ServiceId {
        let id = self.service(name, Some(workers), Vec::new());
        let connect = self.constant(2.0 * MS);
        let small = self.constant(0.1 * MS);
        let service = &mut self.0.services[id.index()];
        service.runtime = Runtime::Postgres(Postgres::standard(connect));
        let sql = |name: &str, demand| Endpoint {
            name: name.into(),
            operation: Operation::Sql { operation: name.into(), table: String::new(), text: name.into() },
            program: vec![Step::Compute { site: Site(1), demand }],
            choices: Vec::new(),
            messages: Vec::new(),
        };
        service.endpoints = vec![sql("query", demand), sql("COMMIT", small), sql("ROLLBACK", small)];
        id
    }

    pub(crate) fn pool(&mut self, service: ServiceId, database: ServiceId, maximum: u32, acquire_timeout: Duration) {
        self.0.services[service.index()].pools.push(Pool {
            name: "pool".into(),
            database,
            kind: PoolKind::HikariCp,
            maximum,
            minimum_idle: maximum,
            overflow: 0,
            acquire_timeout,
            idle_timeout: None,
            maximum_lifetime: Some(Duration::from_secs(1800)),
            lifetime_variance_permille: 25,
            keepalive: None,
            validate_after_idle: None,
            leak_detection: None,
            barging: false,
        });
    }

    /// Another size for the first pool of a service.
    pub(crate) fn pool_size(&mut self, service: ServiceId, size: u32) {
        let pool = &mut self.0.services[service.index()].pools[0];
        (pool.maximum, pool.minimum_idle) = (size, size);
    }

    pub(crate) fn link(&mut self, from: LinkEnd, to: ServiceId, latency_ns: f64) {
        let latency = self.constant(latency_ns);
        self.0.links.push(Link { from, to, latency, connect_round_trips: 1, tls: false, keep_alive: None });
    }

    /// The traffic policy of a link that is there, by its ends.
    pub(crate) fn traffic(&mut self, from: LinkEnd, to: ServiceId) -> &mut TrafficPolicy {
        let link = self.0.links.iter().position(|link| link.from == from && link.to == to).unwrap();
        self.0.traffic.push(TrafficPolicy::plain(LinkId(link as u32)));
        self.0.traffic.last_mut().unwrap()
    }

    pub(crate) fn source(&mut self, name: &str, target: ServiceId, arrivals: Arrivals, policy: PolicyId) -> SourceId {
        self.0.sources.push(Source {
            name: name.into(),
            draw_name: name.into(),
            target,
            arrivals,
            profile: None,
            mix: vec![Mix { endpoint: EndpointId(0), site: Site(7), weight: 1.0 }],
            rows: None,
            batch: None,
            policy,
            patience: None,
            from: Time::ZERO,
            until: None,
            requests: None,
            class: 0,
            fault: None,
            dropped: Vec::new(),
        });
        let id = SourceId(self.0.sources.len() as u32 - 1);
        self.link(LinkEnd::Source(id), target, 0.0);
        id
    }
}

pub(crate) fn endpoint(name: &str, program: Vec<Step>) -> Endpoint {
    let (method, route) = name.split_once(' ').unwrap();
    Endpoint {
        name: name.into(),
        operation: Operation::Http { method: method.into(), route: route.into() },
        program,
        choices: Vec::new(),
        messages: Vec::new(),
    }
}

/// Keeps every record.
#[derive(Default)]
pub(crate) struct Keep {
    pub(crate) spans: Vec<SpanRecord>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) samples: Vec<SampleRecord>,
    pub(crate) changes: Vec<ChangeRecord>,
    pub(crate) ledgers: Vec<LedgerRecord>,
    pub(crate) requests: Vec<RequestRecord>,
    pub(crate) states: Vec<StateRecord>,
    pub(crate) watermark: Time,
}

impl Sink for Keep {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    const REQUESTS: bool = true;
    const PARTS: bool = true;
    fn span(&mut self, record: SpanRecord) {
        assert!(record.start >= self.watermark, "no row starts before the watermark");
        self.spans.push(record);
    }
    fn log(&mut self, record: LogRecord) {
        self.logs.push(record);
    }
    fn sample(&mut self, record: SampleRecord) {
        self.samples.push(record);
    }
    fn change(&mut self, record: ChangeRecord) {
        self.changes.push(record);
    }
    fn ledger(&mut self, record: LedgerRecord) {
        self.ledgers.push(record);
    }
    fn request(&mut self, record: RequestRecord) {
        assert!(record.sent >= self.watermark, "no row starts before the watermark");
        self.requests.push(record);
    }
    fn state(&mut self, record: StateRecord) {
        self.states.push(record);
    }
    fn watermark(&mut self, before: Time) {
        assert!(before >= self.watermark, "the watermark never goes back");
        self.watermark = before;
    }
}
