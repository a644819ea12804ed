//! Lines as the runtimes write them. The expected texts are those of real logs, or of the projects' sources.

use super::*;
use knockon_kernel::Time;
use knockon_model::blueprint::{
    Admission, CPython, Collector, Cores, CpuDiscipline, Endpoint, Heap, Limits, Memory, OnOutOfMemory, PauseCost,
    PoolKind, Postgres, Recordings, Redis, RestartPolicy, Site,
};
use knockon_model::id::{ExecutorId, PolicyId, ProcessId, SamplerId};
use knockon_model::record::{CollectionCause, CollectionKind, ErrorType, ProcessInfo};

fn heap(collector: Collector, on_out_of_memory: OnOutOfMemory) -> Runtime {
    let none = PauseCost { base: Duration::ZERO, per_mib: Duration::ZERO };
    Runtime::Jvm(Heap {
        maximum: 48 << 20,
        collector,
        base: 0,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: none,
        major_pause: none,
        concurrent_milli_cores: 0,
        mark_bytes_per_second: 0,
        pause_target: Duration::ZERO,
        overhead_limit: true,
        pause_scale: 1.0,
        on_out_of_memory,
    })
}

fn http(route: &str) -> Endpoint {
    let operation = Operation::Http { method: "POST".into(), route: route.into() };
    Endpoint {
        name: route.into(),
        operation,
        program: vec![],
        choices: vec![],
        messages: vec!["cart 7 is empty".into()],
    }
}

fn service(name: &str, runtime: Runtime, endpoint: Endpoint, pool: Option<(PoolKind, u32)>) -> Service {
    let pool = pool.map(|(kind, overflow)| Pool {
        name: "pool".into(),
        database: ServiceId(6),
        kind,
        maximum: 5,
        minimum_idle: 5,
        overflow,
        acquire_timeout: Duration::from_secs(30),
        idle_timeout: None,
        maximum_lifetime: None,
        lifetime_variance_permille: 0,
        keepalive: None,
        validate_after_idle: None,
        leak_detection: None,
        barging: false,
    });
    Service {
        name: name.into(),
        draw_name: name.into(),
        runtime,
        replicas: 1,
        workers: None,
        places: None,
        cores: Cores::Unlimited,
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
        stop_grace: Duration::ZERO,
        cancels_abandoned: false,
        storage: None,
        admission: Admission::default(),
        endpoints: vec![endpoint],
        pools: pool.into_iter().collect(),
        consumers: Vec::new(),
    }
}

const WEB: u32 = 0;
const G1: u32 = 1;
const PYTHON: u32 = 2;
const NODE: u32 = 3;
const NATIVE: u32 = 4;
const REDIS: u32 = 5;
const POSTGRES: u32 = 6;

/// Services by the constants above, one process each; web-api, python and native call node's `/verify`.
fn dialect() -> Dialect {
    let calls_node = |route| {
        let mut endpoint = http(route);
        let (site, service, endpoint_id, policy) = (Site(0), ServiceId(NODE), EndpointId(0), PolicyId(0));
        endpoint.program = vec![Step::Call { site, service, endpoint: endpoint_id, policy, optional: false }];
        endpoint
    };
    let python = CPython { base: 0, object_bytes: 1, thresholds: [700, 10, 10], per_object: Duration::ZERO };
    let redis = Redis::default();
    let postgres = Postgres::standard(SamplerId(0));
    let sql = Operation::Sql { operation: "SELECT".into(), table: "".into(), text: "select 1".into() };
    let query = Endpoint { operation: sql, ..http("select_one") };
    let sql = Operation::Sql { operation: "SELECT".into(), table: "".into(), text: "select $1::int".into() };
    let with_parameter = Endpoint { operation: sql, ..http("select_what_is_given") };
    let exit = heap(Collector::Serial, OnOutOfMemory::Exit);
    let mut services = vec![
        service("web-api", exit, calls_node("/api/checkout"), Some((PoolKind::HikariCp, 0))),
        service("g1", heap(Collector::G1, OnOutOfMemory::Continue), http("/"), None),
        service("python", Runtime::CPython(python), calls_node("/jobs"), Some((PoolKind::QueuePool, 10))),
        service("auth-service", Runtime::Node, http("/verify"), None),
        service("native", Runtime::Native, calls_node("/"), None),
        service("redis", Runtime::Redis(redis), http("/"), None),
        service("postgres", Runtime::Postgres(postgres), query, None),
    ];
    services[POSTGRES as usize].endpoints.push(with_parameter);
    let process = |(id, service): (u32, &Service)| ProcessInfo {
        service: Some(ServiceId(id)),
        name: service.name.clone(),
        instance: format!("{}-0", service.name),
    };
    let catalogue = Catalogue { processes: (0..).zip(&services).map(process).collect(), ..Catalogue::default() };
    let blueprint = Blueprint {
        seed: 1,
        epoch_unix_ns: 0,
        duration: Duration::ZERO,
        services,
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
    };
    Dialect::new(&catalogue, &Arc::new(blueprint))
}

fn line(dialect: &Dialect, process: u32, event: LogEvent) -> String {
    let uid = 0x5e2c_3d18_u128 << 96;
    let record = LogRecord { time: Time::ZERO, process: ProcessId(process), uid, context: None, event };
    let mut body = String::new();
    let Some(heading) = dialect.word(&record, &mut body) else { return "silence".into() };
    format!("{} {} | {body} | {}", heading.severity_text(), heading.logger, heading.error.unwrap_or("-"))
}

fn check(cases: &[(u32, LogEvent, &str)]) {
    let dialect = dialect();
    for &(process, event, expected) in cases {
        assert_eq!(line(&dialect, process, event), expected);
    }
}

const POOL: PoolId = PoolId(0);
const CALL: EndpointId = EndpointId(0);

fn failed(error: ErrorType, peer: Option<u32>) -> LogEvent {
    LogEvent::RequestFailed { endpoint: CALL, status: 500, error, peer: peer.map(ServiceId) }
}

fn pool_timeout(waited_ms: u64, total: u32) -> LogEvent {
    LogEvent::PoolTimeout {
        pool: POOL,
        waited: Duration::from_millis(waited_ms),
        total,
        active: total,
        idle: 0,
        waiting: 23,
    }
}

#[test]
fn life() {
    let started = LogEvent::Started { after: Duration::from_millis(4_107) };
    check(&[
        (
            WEB,
            LogEvent::Starting,
            "INFO com.example.webapi.WebApiApplication | Starting WebApiApplication using Java 17.0.13 with PID 1 (/app/app.jar started by root in /app) | -",
        ),
        (
            WEB,
            started,
            "INFO com.example.webapi.WebApiApplication | Started WebApiApplication in 4.107 seconds (process running for 4.107) | -",
        ),
        (
            WEB,
            LogEvent::Stopping,
            "INFO org.springframework.boot.web.embedded.tomcat.GracefulShutdown | Commencing graceful shutdown. Waiting for active requests to complete | -",
        ),
        (PYTHON, started, "INFO gunicorn.error | Listening at: http://0.0.0.0:8000 (1) | -"),
        (NODE, started, "INFO auth-service | Server listening at http://0.0.0.0:3000 | -"),
        (NATIVE, started, "INFO native | listening on :8080 | -"),
        (REDIS, started, "INFO redis | Ready to accept connections tcp | -"),
        (POSTGRES, started, "INFO postgres | database system is ready to accept connections | -"),
        (POSTGRES, LogEvent::Stopping, "INFO postgres | received fast shutdown request | -"),
    ]);
}

#[test]
fn collections() {
    let event = |number, kind, cause| LogEvent::Collection {
        number,
        kind,
        cause,
        before: (7 << 20) - 1,
        after: 3 << 20,
        committed: 48 << 20,
        pause: Duration::from_nanos(16_146_999),
    };
    use CollectionCause as Cause;
    use CollectionKind as Kind;
    check(&[
        (
            WEB,
            event(0, Kind::Young, Cause::AllocationFailure),
            "INFO gc | GC(0) Pause Young (Allocation Failure) 6M->3M(48M) 16.146ms | -",
        ),
        (
            WEB,
            event(1, Kind::Full, Cause::Ergonomics),
            "INFO gc | GC(1) Pause Full (Ergonomics) 6M->3M(48M) 16.146ms | -",
        ),
        (
            G1,
            event(0, Kind::Young, Cause::EvacuationPause),
            "INFO gc | GC(0) Pause Young (Normal) (G1 Evacuation Pause) 6M->3M(48M) 16.146ms | -",
        ),
        (
            G1,
            event(2, Kind::ConcurrentStart, Cause::HumongousAllocation),
            "INFO gc | GC(2) Pause Young (Concurrent Start) (G1 Humongous Allocation) 6M->3M(48M) 16.146ms | -",
        ),
        (
            G1,
            event(3, Kind::ConcurrentMark, Cause::EvacuationPause),
            "INFO gc | GC(3) Concurrent Mark Cycle 16.146ms | -",
        ),
        (G1, event(3, Kind::Remark, Cause::EvacuationPause), "INFO gc | GC(3) Pause Remark 6M->3M(48M) 16.146ms | -"),
        (
            G1,
            event(4, Kind::Mixed, Cause::EvacuationPause),
            "INFO gc | GC(4) Pause Young (Mixed) (G1 Evacuation Pause) 6M->3M(48M) 16.146ms | -",
        ),
        (
            G1,
            event(5, Kind::Full, Cause::CompactionPause),
            "INFO gc | GC(5) Pause Full (G1 Compaction Pause) 6M->3M(48M) 16.146ms | -",
        ),
        (PYTHON, event(0, Kind::Generation(1), Cause::Threshold), "silence"),
    ]);
}

#[test]
fn memory() {
    let heap_space = LogEvent::OutOfMemory { overhead_limit: false };
    check(&[
        (
            WEB,
            heap_space,
            "FATAL jvm | Terminating due to java.lang.OutOfMemoryError: Java heap space | java.lang.OutOfMemoryError",
        ),
        (
            G1,
            LogEvent::OutOfMemory { overhead_limit: true },
            "ERROR com.example.g1.G1Application | java.lang.OutOfMemoryError: GC overhead limit exceeded | java.lang.OutOfMemoryError",
        ),
        (PYTHON, heap_space, "ERROR app | MemoryError | MemoryError"),
    ]);
}

#[test]
fn pools() {
    let refused = LogEvent::PoolConnectFailed { pool: POOL, error: ErrorType::ConnectionRefused };
    let full = LogEvent::PoolConnectFailed { pool: POOL, error: ErrorType::TooManyConnections };
    check(&[
        (
            WEB,
            LogEvent::PoolStarting { pool: POOL },
            "INFO com.zaxxer.hikari.HikariDataSource | HikariPool-1 - Starting... | -",
        ),
        (
            WEB,
            LogEvent::PoolStarted { pool: POOL },
            "INFO com.zaxxer.hikari.HikariDataSource | HikariPool-1 - Start completed. | -",
        ),
        (
            WEB,
            pool_timeout(30_001, 10),
            "ERROR com.zaxxer.hikari.pool.HikariPool | java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms (total=10, active=10, idle=0, waiting=23) | java.sql.SQLTransientConnectionException",
        ),
        (
            WEB,
            full,
            "DEBUG com.zaxxer.hikari.pool.HikariPool | HikariPool-1 - Cannot acquire connection from data source: org.postgresql.util.PSQLException: FATAL: remaining connection slots are reserved for non-replication superuser connections | org.postgresql.util.PSQLException",
        ),
        (
            WEB,
            refused,
            "DEBUG com.zaxxer.hikari.pool.HikariPool | HikariPool-1 - Cannot acquire connection from data source: org.postgresql.util.PSQLException: Connection to postgres:5432 refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections. | org.postgresql.util.PSQLException",
        ),
        (
            WEB,
            LogEvent::PoolConnectionBroken { pool: POOL },
            "WARN com.zaxxer.hikari.pool.PoolBase | HikariPool-1 - Failed to validate connection org.postgresql.jdbc.PgConnection@5e2c3d18 (This connection has been closed.). Possibly consider using a shorter maxLifetime value. | org.postgresql.util.PSQLException",
        ),
        (
            PYTHON,
            pool_timeout(30_000, 15),
            "ERROR app | QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r) | sqlalchemy.exc.TimeoutError",
        ),
        (
            PYTHON,
            full,
            "ERROR app | (psycopg2.OperationalError) connection to server at \"postgres\", port 5432 failed: FATAL:  remaining connection slots are reserved for non-replication superuser connections | sqlalchemy.exc.OperationalError",
        ),
    ]);
}

#[test]
fn nginx_beside_any_runtime_tells_what_it_limits() {
    let limited = |excess_milli, delayed| LogEvent::RateLimited { endpoint: EndpointId(0), excess_milli, delayed };
    check(&[
        (
            NODE,
            limited(1_034, false),
            "ERROR nginx | limiting requests, excess: 1.034 by zone \"auth-service\", server: _, request: \"POST /verify HTTP/1.1\", host: \"auth-service\" | -",
        ),
        (
            WEB,
            limited(340, true),
            "WARN nginx | delaying request, excess: 0.340, by zone \"web-api\", server: _, request: \"POST /api/checkout HTTP/1.1\", host: \"web-api\" | -",
        ),
    ]);
}

#[test]
fn failed_requests() {
    let tomcat = "ERROR org.apache.catalina.core.ContainerBase.[Tomcat].[localhost].[/].[dispatcherServlet] | Servlet.service() for servlet [dispatcherServlet] in context with path [] threw exception";
    check(&[
        (
            WEB,
            failed(ErrorType::PoolTimeout, None),
            &format!(
                "{tomcat} [Request processing failed: org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection] with root cause | java.sql.SQLTransientConnectionException"
            ),
        ),
        (
            WEB,
            failed(ErrorType::Timeout, Some(NODE)),
            &format!(
                "{tomcat} [Request processing failed: org.springframework.web.client.ResourceAccessException: I/O error on POST request for \"http://auth-service:3000/verify\": Read timed out] with root cause | java.net.SocketTimeoutException"
            ),
        ),
        (
            WEB,
            failed(ErrorType::OutOfMemory, None),
            &format!(
                "{tomcat} [Handler dispatch failed: java.lang.OutOfMemoryError: Java heap space] with root cause | java.lang.OutOfMemoryError"
            ),
        ),
        (
            WEB,
            failed(ErrorType::ConnectionRefused, Some(REDIS)),
            &format!(
                "{tomcat} [Request processing failed: org.springframework.data.redis.RedisConnectionFailureException: Unable to connect to Redis] with root cause | io.lettuce.core.RedisConnectionException"
            ),
        ),
        (
            WEB,
            LogEvent::TaskRejected {
                endpoint: CALL,
                executor: ExecutorId(0),
                identity: 0x8b9a_45b3,
                task: 0x4e50_df2e,
                threads: 10,
                active: 10,
                queued: 20,
                completed: 1234,
            },
            &format!(
                "{tomcat} [Request processing failed: java.util.concurrent.RejectedExecutionException: Task \
                 java.util.concurrent.FutureTask@4e50df2e[Not completed, task = com.example.webapi.WebApiApplication$$Lambda@5f2e4e50] \
                 rejected from java.util.concurrent.ThreadPoolExecutor@b9a45b3[Running, pool size = 10, active threads = 10, \
                 queued tasks = 20, completed tasks = 1234]] with root cause | java.util.concurrent.RejectedExecutionException"
            ),
        ),
        (
            WEB,
            failed(ErrorType::TaskTimeout, None),
            &format!(
                "{tomcat} [Request processing failed: java.util.concurrent.TimeoutException] with root cause | java.util.concurrent.TimeoutException"
            ),
        ),
        (
            PYTHON,
            failed(ErrorType::TaskTimeout, None),
            "ERROR app | Exception on /jobs [POST]: TimeoutError | TimeoutError",
        ),
        (
            PYTHON,
            failed(ErrorType::Timeout, Some(NODE)),
            "ERROR app | Exception on /jobs [POST]: requests.exceptions.ReadTimeout: HTTPConnectionPool(host='auth-service', port=3000): Read timed out. | requests.exceptions.ReadTimeout",
        ),
        (
            NODE,
            failed(ErrorType::ConnectionRefused, Some(REDIS)),
            "ERROR auth-service | connect ECONNREFUSED redis:6379 | ECONNREFUSED",
        ),
        (
            NATIVE,
            failed(ErrorType::Timeout, Some(NODE)),
            "ERROR native | Post \"http://auth-service:3000/verify\": context deadline exceeded (Client.Timeout exceeded while awaiting headers) | context.deadlineExceededError",
        ),
    ]);
}

#[test]
fn database_and_cache() {
    let slow = |endpoint, client: u32| LogEvent::SlowQuery {
        endpoint: EndpointId(endpoint),
        duration: Duration::from_nanos(250_699_123),
        client: LinkEnd::Service(ServiceId(client)),
    };
    let waits = |next, acquired| LogEvent::LockWait {
        backend: 7,
        transaction: 9,
        row: 200,
        next,
        waited: Duration::from_nanos(1_000_123_456),
        acquired,
    };
    check(&[
        (POSTGRES, slow(0, WEB), "INFO postgres | duration: 250.699 ms  execute <unnamed>: select 1 | -"),
        (POSTGRES, slow(0, NODE), "INFO postgres | duration: 250.699 ms  statement: select 1 | -"),
        (POSTGRES, slow(0, PYTHON), "INFO postgres | duration: 250.699 ms  statement: select 1 | -"),
        (POSTGRES, slow(0, NATIVE), "INFO postgres | duration: 250.699 ms  execute <unnamed>: select 1 | -"),
        (POSTGRES, slow(1, NODE), "INFO postgres | duration: 250.699 ms  execute <unnamed>: select $1::int | -"),
        (
            POSTGRES,
            LogEvent::ConnectionRejected { reserved: true, backend: 7 },
            "FATAL postgres | remaining connection slots are reserved for non-replication superuser connections | 53300",
        ),
        (
            POSTGRES,
            LogEvent::ConnectionRejected { reserved: false, backend: 7 },
            "FATAL postgres | sorry, too many clients already | 53300",
        ),
        (POSTGRES, LogEvent::ClientLost { backend: 7 }, "FATAL postgres | connection to client lost | 08006"),
        (
            POSTGRES,
            failed(ErrorType::Timeout, None),
            "ERROR postgres | canceling statement due to statement timeout | 57014",
        ),
        (
            POSTGRES,
            failed(ErrorType::StatementTimeout, None),
            "ERROR postgres | canceling statement due to statement timeout | 57014",
        ),
        (
            POSTGRES,
            failed(ErrorType::LockTimeout, None),
            "ERROR postgres | canceling statement due to lock timeout | 55P03",
        ),
        (
            POSTGRES,
            LogEvent::Terminated { backend: 7 },
            "FATAL postgres | terminating connection due to administrator command | 57P01",
        ),
        (
            POSTGRES,
            waits(true, false),
            "INFO postgres | process 77 still waiting for ShareLock on transaction 11 after 1000.123 ms | -",
        ),
        (
            POSTGRES,
            waits(false, true),
            "INFO postgres | process 77 acquired ExclusiveLock on tuple (1,16) of relation 16384 of database 5 after 1000.123 ms | -",
        ),
        (REDIS, failed(ErrorType::TooManyConnections, None), "silence"),
        (REDIS, failed(ErrorType::CacheFull, None), "silence"),
    ]);
}

#[test]
fn the_applications_own_lines_are_as_written() {
    let event = LogEvent::Application { endpoint: CALL, severity: Severity::Warn, message: 0 };
    check(&[
        (WEB, event, "WARN com.example.webapi.WebApiApplication | cart 7 is empty | -"),
        (NODE, event, "WARN auth-service | cart 7 is empty | -"),
    ]);
}

/// Every error has words in every runtime, whoever was called: no panic, and no name of a type of ours.
#[test]
fn every_failure_has_words() {
    use ErrorType as E;
    let errors = [
        E::Timeout,
        E::ConnectionRefused,
        E::ConnectionReset,
        E::PoolTimeout,
        E::TooManyConnections,
        E::ConnectionLost,
        E::OutOfMemory,
        E::Upstream,
        E::Application,
        E::Cancelled,
        E::CacheFull,
        E::Overloaded,
        E::RateLimited,
        E::LockTimeout,
        E::StatementTimeout,
        E::Terminated,
        E::Deadlock,
        E::DiskFull,
        E::Certificate,
        E::TaskRejected,
        E::TaskTimeout,
    ];
    let dialect = dialect();
    for process in WEB..=POSTGRES {
        for error in errors {
            for peer in [None, Some(NODE), Some(REDIS), Some(POSTGRES)] {
                let line = line(&dialect, process, failed(error, peer));
                assert!(
                    (line.contains(" | ") || process == REDIS)
                        && !line.contains("RequestFailed")
                        && !line.contains("|  |"),
                    "{line}"
                );
                assert!(!line.contains("http:///"), "{line}");
            }
        }
    }
}

#[test]
fn loads_that_fail_for_nobody() {
    let failed = |refresh| LogEvent::LoadFailed { error: ErrorType::PoolTimeout, peer: None, refresh };
    check(&[
        (
            WEB,
            failed(true),
            "WARN com.github.benmanes.caffeine.cache.BoundedLocalCache | Exception thrown during refresh | java.sql.SQLTransientConnectionException",
        ),
        (
            WEB,
            failed(false),
            "WARN com.github.benmanes.caffeine.cache.LocalAsyncCache | Exception thrown during asynchronous load | java.sql.SQLTransientConnectionException",
        ),
        (PYTHON, failed(false), "ERROR asyncio | Task exception was never retrieved | sqlalchemy.exc.TimeoutError"),
        (NODE, failed(false), "ERROR auth-service | timeout exceeded when trying to connect | Error"),
        (NATIVE, failed(false), "WARN native | context deadline exceeded | context.deadlineExceededError"),
    ]);
}
