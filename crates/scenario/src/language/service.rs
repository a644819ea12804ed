//! Services: what they run on, their memory, pools and endpoints.

use super::{ConcurrencyText, ConsumerText, EndpointText, Law, LocalCacheText, OverflowText, QueueText, RateLimitText};
use crate::decode::{Entry, Map, choice, record};
use crate::leaf::{Bytes, Capacity, Count, Factor, Limit, Name, Period};
use knockon_kernel::Duration;

record! {
    /// An application: one program, one or more processes.
    ServiceText as "service" {
        /// Its former name: draws stay as they were over a rename.
        was: Option<Name>,
        /// What it runs on; decides machines, log dialect and names of metrics.
        runtime: RuntimeText = [Native],
        /// Processes.
        replicas: Count<1> = [1],
        /// Requests worked on at once by a process: threads, or the event loop's concurrency.
        workers: Limit<1> = [50],
        /// Places of the accept queue before the workers; what becomes of one more request, `overflow` says.
        places: Limit = [100],
        /// Processor capacity of a process.
        cores: Capacity = ["1 cpu"],
        /// The container's processor limit (CFS quota): so much time in each period of 100 ms, shared by all threads; when it is burnt
        /// nothing runs until the next period.
        quota: Capacity = [Unlimited],
        /// How requests that run at once slow each other down.
        contention: Option<ContentionText>,
        /// How runnable requests share the cores; by default `FirstCome` on Node, else `Shared`.
        discipline: Option<DisciplineText>,
        /// Memory outside the managed heap, and the container's limit.
        memory: MemoryText = [()],
        /// From the start of a process to its first accepted request.
        start_up: Law = ["5s"],
        /// Demands are larger in a young process.
        warm_up: Option<WarmUpText>,
        /// Its workers are processes of their own, forked before requests come (CPython only). Then `workers` is their number.
        prefork: Option<PreforkText>,
        /// Times at which each process stands still of itself.
        vacation: Option<VacationText>,
        /// When its certificate expires, from the start of the run: then callers over links with `tls` cannot connect anew. None is never.
        certificate_expires: Option<Duration>,
        /// What the platform does when a process exits.
        restart: RestartText = [Kubernetes],
        /// How the platform asks its processes for their health; without it nobody asks, and whoever is there is called.
        health: Option<HealthText>,
        /// How long a stopping process may finish what it has before it is killed.
        stop_grace: Duration = ["30s"],
        /// Whether work whose caller has left is dropped: at once when queued, at its next step when running.
        cancels_abandoned: bool = [false],
        /// In which order queued requests are taken up, and which are dropped.
        queue: QueueText = [()],
        /// What becomes of a request that finds no place in the queue.
        overflow: OverflowText = [Refuse],
        /// A limit of the rate of requests, counted by each process over all endpoints that have none of their own.
        rate_limit: Option<RateLimitText>,
        /// A limit of the requests in work at once.
        concurrency: Option<ConcurrencyText>,
        /// Connection pools of each process, by name.
        pools: Map<PoolText>,
        /// Executors of each process, by name: threads to which steps hand work over (Jvm and CPython).
        executors: Map<ExecutorText>,
        /// Caches within each process, by name.
        caches: Map<LocalCacheText>,
        /// Endpoints by method and route: "GET /api/users/{id}".
        endpoints: Map<EndpointText>,
        /// What it does with messages from queues, by the name of the task.
        consumers: Map<ConsumerText>,
    }
}

record! {
    /// The universal scalability law: among N that run at once each takes 1 + sigma (N - 1) + kappa N (N - 1) times as long as alone.
    ContentionText as "contention" {
        /// The share that only one can do at a time.
        sigma: Factor<true>,
        /// What each costs each other.
        kappa: Factor<true> = [0],
    }
}

choice! {
    /// Servers that fork their workers before requests come.
    PreforkText as "prefork" {
        /// gunicorn with workers of the class sync: each is a process that serves one request at a time, and an arbiter keeps their number.
        Gunicorn(GunicornText),
    }
}

record! {
    /// gunicorn's settings.
    GunicornText as "Gunicorn" {
        /// `timeout`: a worker that serves one request for longer is killed, and its request with it. The arbiter looks each second. None is never.
        timeout: Option<Period> = ["30s"],
        /// `graceful_timeout`: how long workers may finish what they have when the process stops.
        graceful_timeout: Period = ["30s"],
        /// `max_requests`: a worker exits after so many, and another one is forked. 0 is never.
        max_requests: Count = [0],
        /// `max_requests_jitter`: up to so many more, drawn for each worker.
        max_requests_jitter: Count = [0],
        /// From a worker's fork until it takes requests up: loading the application.
        boot: Law = ["2s"],
    }
}

choice! {
    /// Times at which a process stands still of itself.
    VacationText as "vacation" {
        /// At intervals, whatever it is doing.
        Periodic(PeriodicVacation),
        /// Whenever it has nothing to do.
        WhenIdle(IdleVacation),
    }
}

record! {
    /// At intervals.
    PeriodicVacation as "Periodic" {
        /// From one start to the next, but not before the end; also from the start of the process to the first.
        every: Law,
        /// How long each is.
        length: Law,
    }
}

record! {
    /// When idle.
    IdleVacation as "WhenIdle" {
        /// How long each is.
        length: Law,
        /// Whether it leaves again when nobody waits at its return (multiple vacations), else it stays for the next (single).
        repeats: bool = [true],
    }
}

record! {
    /// How the kubelet asks a container for its health, and what it does then. A question is a real request: it queues, takes a worker and does the
    /// steps of its endpoint. Requests of probes have no traces.
    HealthText as "health" {
        /// Endpoints that are there for probes alone, by method and route: "GET /healthz".
        endpoints: Map<EndpointText>,
        /// Failing, the container is asked to stop, killed after `stop_grace`, and started again with the restart policy's back-off.
        liveness: Option<ProbeText>,
        /// Failing, the process is called by nobody; where no process is ready, calls are refused.
        readiness: Option<ProbeText>,
        /// Until it has passed, the other probes are not asked; failing, the container is ended as for `liveness`.
        startup: Option<ProbeText>,
        /// From a change of readiness until callers send elsewhere.
        propagation: Duration = ["1s"],
    }
}

record! {
    /// A probe. Its ticks lie on a grid that belongs to the process, whatever lives it has.
    ProbeText as "probe" {
        /// The endpoint that is asked (`httpGet`), of the service or of `health`: a status from 200 to 399 is good. None only opens a
        /// connection (`tcpSocket`).
        endpoint: Option<String>,
        /// `periodSeconds`: from one question to the next.
        period: Period = ["10s"],
        /// `timeoutSeconds`: no answer within it is a failure.
        timeout: Period = ["1s"],
        /// `failureThreshold`: so many failures in a row count.
        failures: Count<1> = [3],
        /// `successThreshold`: so many successes in a row count; above 1 for `readiness` only.
        successes: Count<1> = [1],
        /// `initialDelaySeconds`: a container younger than this is not asked.
        initial_delay: Duration = ["0s"],
    }
}

choice! {
    /// What a service runs on.
    RuntimeText as "runtime" {
        /// No managed memory.
        Native,
        /// One event loop: Node.js.
        Node,
        /// A Java virtual machine with a tracing collector.
        Jvm(JvmText),
        /// CPython: reference counts, a cycle collector, resident memory that only grows.
        CPython(CPythonText),
    }
}

record! {
    /// A Java virtual machine.
    JvmText as "Jvm" {
        /// Its heap.
        heap: Box<HeapText> = [()],
    }
}

record! {
    /// A heap with a tracing collector (HotSpot, JDK 17).
    HeapText as "heap" {
        /// `-Xmx` and `-Xms`: the committed heap.
        maximum: Bytes<8_388_608> = ["512MiB"],
        /// Which collector.
        collector: CollectorText = [Parallel],
        /// Live bytes of an idle, fully started application.
        base: Bytes = ["96MiB"],
        /// `-XX:NewRatio`: old to young. 0 is one space without generations or survivors, always collected whole (Serial only).
        new_ratio: Count = [2],
        /// `-XX:SurvivorRatio`: eden to one survivor space.
        survivor_ratio: Count<1> = [8],
        /// `-XX:InitiatingHeapOccupancyPercent` (G1).
        initiating_occupancy_percent: Count<1> = [45],
        /// Pause of a minor collection, by surviving bytes.
        minor_pause: PauseText = [(base: "2ms", per_mib: "0.5ms")],
        /// Pause of a full collection, by live bytes.
        major_pause: PauseText = [(base: "11ms", per_mib: "0.41ms")],
        /// Cores that mark concurrently (G1).
        concurrent_cores: Capacity = ["0.5 cpu"],
        /// Bytes marked in a second by them (G1).
        mark_rate: Bytes<1> = ["500MiB"],
        /// `-XX:MaxGCPauseMillis` (G1).
        pause_target: Period = ["200ms"],
        /// Whether the overhead limit can throw (Parallel): over 98 % of the time spent and under 2 % of the heap freed, five times.
        overhead_limit: bool = [true],
        /// Scales every pause: 1 is the real thing, 0 a heap whose collections take no time.
        pause_scale: Factor<true> = [1],
        /// What an OutOfMemoryError does to the process.
        on_out_of_memory: OutOfMemory = [Exit],
    }
}

choice! {
    /// Collectors of HotSpot.
    CollectorText as "collector" {
        /// Many threads, stop the world, generations, overhead limit.
        Parallel,
        /// One thread, stop the world, generations.
        Serial,
        /// Regions, concurrent marking, mixed collections, a full one when it cannot keep up.
        G1,
    }
}

choice! {
    /// What an OutOfMemoryError does.
    OutOfMemory as "reaction to an OutOfMemoryError" {
        /// `-XX:+ExitOnOutOfMemoryError`: the process exits with code 3.
        Exit,
        /// The request that asked fails with a 500; the process goes on.
        Continue,
    }
}

record! {
    /// A stop-the-world time: `base` and `per_mib` for each MiB that is traced.
    PauseText as "pause" {
        /// Fixed part.
        base: Duration,
        /// Part for each MiB.
        per_mib: Duration,
    }
}

record! {
    /// CPython's memory.
    CPythonText as "CPython" {
        /// Live bytes of an idle, started application, beside the baseline.
        base: Bytes = ["40MiB"],
        /// Mean size of an object that the cycle collector tracks.
        object_bytes: Bytes<1> = ["120B"],
        /// First number of `gc.get_threshold()`.
        threshold_0: Count<1> = [700],
        /// Second number of `gc.get_threshold()`.
        threshold_1: Count<1> = [10],
        /// Third number of `gc.get_threshold()`.
        threshold_2: Count<1> = [10],
        /// Time to examine a tracked object.
        per_object: Duration = ["30ns"],
    }
}

choice! {
    /// How runnable requests share cores.
    DisciplineText as "discipline" {
        /// Processor sharing: each of n requests runs at min(1, cores/n).
        Shared,
        /// Each core runs one request's step to its end, first come first served.
        FirstCome,
    }
}

record! {
    /// Memory of a process outside any managed heap.
    MemoryText as "memory" {
        /// Resident bytes beside the heap: code, stacks, metaspace, buffers.
        baseline: Bytes = ["64MiB"],
        /// The container's limit: above it the process is killed. None is no limit.
        limit: Option<Bytes<1>>,
    }
}

record! {
    /// A process that was restarted needs a multiple of the demand, which falls linearly with each request: when k requests have been taken
    /// up, the one that computes included, demands take 1 + (factor - 1) * (1 - k / requests) times as long, and as long as ever from
    /// k = requests on. Processes that run when the world begins are warm.
    WarmUpText as "warm-up" {
        /// The multiplier from which it falls, at least 1: the first request has one step less, (factor - 1) / requests.
        factor: Factor = [3],
        /// The request from which on demands are as long as ever; with 1 there is no warm-up.
        requests: Count<1> = [200],
    }
}

choice! {
    /// What the platform does when a process exits.
    RestartText as "restart policy" {
        /// Stays down.
        Never,
        /// kubelet: the first restart is immediate, then `initial` doubling to `maximum`, forgotten after `reset` of running.
        Kubernetes(KubernetesRestart),
        /// Docker compose `restart: always`: `initial` doubling to `maximum`, forgotten after `reset` of running.
        Compose(ComposeRestart),
    }
}

record! {
    /// Back-off of the kubelet.
    KubernetesRestart as "Kubernetes" {
        /// First back-off.
        initial: Period = ["10s"],
        /// Longest back-off.
        maximum: Period = ["300s"],
        /// Running so long, a process is forgiven.
        reset: Period = ["10min"],
    }
}

record! {
    /// Back-off of Docker.
    ComposeRestart as "Compose" {
        /// First delay.
        initial: Period = ["100ms"],
        /// Longest delay.
        maximum: Period = ["1min"],
        /// Running so long, a process is forgiven.
        reset: Period = ["10s"],
    }
}

choice! {
    /// A connection pool of each process, by the library that it behaves like.
    PoolText as "pool" {
        /// HikariCP: filled in the background by one thread, direct hand-off, lifetimes.
        HikariCp(PoolFields),
        /// SQLAlchemy's QueuePool: the caller connects, first in first out, overflow.
        QueuePool(QueuePoolFields),
    }
}

record! {
    /// HikariCP.
    PoolFields as "HikariCp" {
        /// The database it connects to.
        database: Name,
        /// `maximumPoolSize`: connections at most.
        maximum: Count<1> = [10],
        /// `minimumIdle`: idle connections kept; the maximum when left out.
        minimum_idle: Option<Count>,
        /// `connectionTimeout`: how long a caller waits for a connection.
        acquire_timeout: Period = ["30s"],
        /// `idleTimeout`: idle connections above the minimum are closed after so long. None is never.
        idle_timeout: Option<Period> = ["10min"],
        /// `maxLifetime`: a connection is closed, when idle, after so long. None is never.
        maximum_lifetime: Option<Period> = ["30min"],
        /// The lifetime of each is shortened by a uniform share of up to so many thousandths.
        lifetime_variance_permille: Count = [25],
        /// `keepaliveTime`: idle connections are pinged so often. None is never.
        keepalive: Option<Period>,
        /// A connection idle for longer is validated by a round trip before it is handed out. None is never.
        validate_after_idle: Option<Period> = ["500ms"],
        /// `leakDetectionThreshold`: a leak is logged when a connection is held for longer. None is never.
        leak_detection: Option<Period>,
        /// Whether an arriving caller can take a connection that was freed in the same instant before a waiter does.
        barging: bool = [false],
    }
}

record! {
    /// SQLAlchemy's QueuePool.
    QueuePoolFields as "QueuePool" {
        /// The database it connects to.
        database: Name,
        /// `pool_size`: connections kept.
        maximum: Count<1> = [5],
        /// `max_overflow`: further connections, closed when given back.
        overflow: Count = [10],
        /// `timeout`: how long a caller waits for a connection.
        acquire_timeout: Period = ["30s"],
        /// `pool_recycle`: a connection is replaced, when taken, after so long. None is never.
        maximum_lifetime: Option<Period>,
        /// `pool_pre_ping`: whether a connection is validated by a round trip before it is handed out.
        pre_ping: bool = [false],
    }
}

record! {
    /// An executor: threads apart from those that serve requests, and the queue before them. On a JVM a `ThreadPoolExecutor`: below `threads`
    /// a task gets a new thread, else it is queued, in a full queue's place it gets a new one up to `maximum`, and then it is rejected. In CPython
    /// `concurrent.futures.ThreadPoolExecutor`, which has `threads` alone (`max_workers`), a queue without end and threads for ever.
    ExecutorText as "executor" {
        /// `corePoolSize`: below so many threads each task gets a new one, even where others are idle. In CPython `max_workers`.
        threads: Count,
        /// `maximumPoolSize`: threads when the queue is full; as many as `threads` when left out.
        maximum: Option<Count<1>>,
        /// Places of its queue. 0 is a `SynchronousQueue`: a task is taken by an idle thread at once or not at all. Unlimited is a
        /// `LinkedBlockingQueue` without capacity, which is never full.
        queue: Limit = [Unlimited],
        /// `keepAliveTime`: threads above `threads` die after so long without a task.
        keep_alive: Duration = ["60s"],
        /// `allowCoreThreadTimeOut`: all threads do.
        core_timeout: bool = [false],
        /// What happens to a task for which there is neither a thread nor a place.
        rejection: RejectionText = [Abort],
    }
}

choice! {
    /// Handlers of rejected tasks.
    RejectionText as "handler of rejected tasks" {
        /// `AbortPolicy`: the request that hands it over gets a RejectedExecutionException.
        Abort,
        /// `CallerRunsPolicy`: the request that hands it over does it, on its own thread.
        CallerRuns,
        /// `DiscardPolicy`: it is thrown away without a word. Whoever waits for it does so for ever, or until its timeout.
        Discard,
        /// `DiscardOldestPolicy`: the task that waits longest is thrown away instead. Not with `queue: 0`.
        DiscardOldest,
    }
}

impl ServiceText {
    /// Endpoints of the service, then those that are there for probes: their order is that of their numbers.
    pub(crate) fn all_endpoints(&self) -> impl Iterator<Item = (&String, &Entry<EndpointText>)> + Clone {
        let of_health = self.health.value.iter().flat_map(|health| health.endpoints.iter());
        self.endpoints.iter().chain(of_health)
    }

    /// An endpoint of either kind.
    pub(crate) fn endpoint_mut(&mut self, name: &str) -> Option<&mut EndpointText> {
        if self.endpoints.entries.contains_key(name) {
            return self.endpoints.entries.get_mut(name).map(|entry| &mut entry.value);
        }
        let health = self.health.value.as_mut()?;
        health.endpoints.entries.get_mut(name).map(|entry| &mut entry.value)
    }
}

impl HealthText {
    /// A probe by its name as part of a path.
    pub(crate) fn probe(&self, name: &str) -> Option<&ProbeText> {
        match name {
            "liveness" => self.liveness.value.as_ref(),
            "readiness" => self.readiness.value.as_ref(),
            "startup" => self.startup.value.as_ref(),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn probe_mut(&mut self, name: &str) -> Option<&mut ProbeText> {
        match name {
            "liveness" => self.liveness.value.as_mut(),
            "readiness" => self.readiness.value.as_mut(),
            "startup" => self.startup.value.as_mut(),
            _ => None,
        }
    }
}
