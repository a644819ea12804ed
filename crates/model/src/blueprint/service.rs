//! Services as described: an application process, a database or a cache, and the memory it lives in.

use super::{Admission, Broker, CPython, Consumer, Endpoint, Executor, Health, Heap, Pool, Redis, Step, Storage};
use crate::cpu::Contention;
use crate::id::SamplerId;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// One service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    /// Its name in every table.
    pub name: String,
    /// The name that addresses its component draws: `was:` of the scenario, else `name`.
    pub draw_name: String,
    /// What it runs on; decides machines, log dialect and metric names.
    pub runtime: Runtime,
    /// Processes, each an own instance `name-0`, `name-1` …
    pub replicas: u32,
    /// Requests worked on at once (threads, event-loop concurrency, database back ends); `None` is unlimited.
    pub workers: Option<u32>,
    /// Places of the bounded accept queue before a worker; one more request is refused. `None` is unlimited.
    pub places: Option<u32>,
    /// Processor capacity of one process.
    pub cores: Cores,
    /// How runnable jobs share the cores.
    pub discipline: CpuDiscipline,
    /// The container's processor quota in thousandths of a core: so much time in each period of 100 ms. `None` is none.
    pub quota: Option<u32>,
    /// How jobs that run at once slow each other down.
    pub contention: Option<Contention>,
    /// Memory outside the managed heap, and the container's limit.
    pub memory: Memory,
    /// From start of the process to its first accepted request.
    pub start_up: SamplerId,
    /// Demands are larger in a young process (just-in-time compilation, cold caches).
    pub warm_up: Option<WarmUp>,
    /// Times at which each process serves nobody.
    pub vacation: Option<Vacation>,
    /// When the certificate expires that its processes begin with; `None` is none, or never.
    pub certificate: Option<Time>,
    /// What the platform does when the process exits.
    pub restart: RestartPolicy,
    /// How the platform asks its processes for their health; `None` does not ask, and calls whoever is there.
    pub health: Option<Health>,
    /// Its workers are processes of their own, which an arbiter keeps.
    pub prefork: Option<Prefork>,
    /// How long a stopping process may finish what it has before it is killed.
    pub stop_grace: Duration,
    /// Whether work whose caller has left is dropped: at once when queued, at its next step when running.
    pub cancels_abandoned: bool,
    /// Queue discipline, overflow, limits.
    pub admission: Admission,
    /// Endpoints, query classes or commands.
    pub endpoints: Vec<Endpoint>,
    /// Connection pools owned by each process.
    pub pools: Vec<Pool>,
    /// Threads of each process to which programs hand tasks over.
    pub executors: Vec<Executor>,
    /// What each process consumes from brokers.
    pub consumers: Vec<Consumer>,
    /// What a database's tables lie on, where that is described.
    pub storage: Option<Storage>,
}

impl Service {
    /// Whether jobs can make each other wait for the processor, or slow each other down.
    #[must_use]
    pub fn shares_processor(&self) -> bool {
        self.cores != Cores::Unlimited || self.quota.is_some() || self.contention.is_some()
    }

    /// Whether a request can keep the event loop without computing.
    #[must_use]
    pub fn blocks_its_loop(&self) -> bool {
        let mut steps = self.endpoints.iter().flat_map(|endpoint| &endpoint.program);
        steps.any(|step| matches!(step, Step::Block { .. }))
    }

    /// Whether it is a cache server with commands beside those that every one has.
    #[must_use]
    pub fn has_slow_commands(&self) -> bool {
        let is_common = |step: &Step| matches!(step, Step::Lookup | Step::Store | Step::Flush);
        let is_slow = |endpoint: &Endpoint| !endpoint.program.iter().any(is_common);
        matches!(self.runtime, Runtime::Redis(_)) && self.endpoints.iter().any(is_slow)
    }
}

/// What a process runs on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Runtime {
    /// No managed memory: only `Memory::baseline`.
    Native,
    /// A Java virtual machine with a tracing collector.
    Jvm(Heap),
    /// CPython: reference counts, a cycle collector, resident memory that only grows.
    CPython(CPython),
    /// Node.js: one event loop.
    Node,
    /// PostgreSQL.
    Postgres(Postgres),
    /// Redis: one thread.
    Redis(Redis),
    /// A message broker.
    Broker(Broker),
}

/// Processor capacity in thousandths of a core; `Unlimited` means that computing never waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cores {
    /// Never a wait for a core.
    Unlimited,
    /// So many thousandths of a core.
    Milli(u32),
}

/// How runnable jobs share the cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CpuDiscipline {
    /// Processor sharing: each of n jobs runs at min(1, c/n).
    Shared,
    /// Each core runs one job to its end, first come first served (an event loop, a single-threaded server).
    FirstCome,
}

/// Memory of one process outside any managed heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Resident bytes beside the heap: code, stacks, metaspace, shared buffers.
    pub baseline: u64,
    /// The container's limit; resident memory above it gets the process OOM-killed. `None` is no limit.
    pub limit: Option<u64>,
}

/// A process that was restarted needs a multiple of the demand, which falls linearly with each request.
///
/// When k requests have been taken up since its start, the one that computes included, the multiple is 1 + (factor − 1)(1 − k / requests), and
/// 1 from k = requests on. It is taken once for each Compute, when that begins. A just-in-time compiler counts calls too, of each method
/// and of its loops; here one count stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// The multiple from which it falls, at least 1; that of the first request is smaller by (factor − 1) / requests.
    pub factor: f64,
    /// The request from which on the multiple is 1; with 1 there is no warm-up.
    pub requests: u32,
}

/// Times at which a process stands still of itself. Draws are addressed by process and ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vacation {
    /// Whatever it is doing: a housekeeping job that stops it, a batch window.
    Periodic {
        /// From one start to the next, but not before the end; also from the process' start to the first.
        every: SamplerId,
        /// Length.
        length: SamplerId,
    },
    /// When it has nothing to do: the vacations of queueing theory with exhaustive service (Doshi 1986).
    WhenIdle {
        /// Length.
        length: SamplerId,
        /// Whether it leaves again if nobody waits when it comes back (multiple vacations), else it waits for work (single).
        repeats: bool,
    },
}

impl Vacation {
    pub(crate) fn when_idle(self) -> bool {
        matches!(self, Self::WhenIdle { .. })
    }
}

/// Worker processes that are forked before requests come: gunicorn's sync workers. There are [`Service::workers`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefork {
    /// `timeout`: who has given no sign of life for longer is killed; `None` is nobody.
    pub timeout: Option<Duration>,
    /// `graceful_timeout`: how long workers may finish what they have when the process stops.
    pub graceful_timeout: Duration,
    /// `max_requests`: a worker exits after so many; 0 is never.
    pub max_requests: u32,
    /// `max_requests_jitter`: up to so many more, drawn for each worker.
    pub max_requests_jitter: u32,
    /// From a worker's fork until it takes requests up.
    pub boot: SamplerId,
}

impl Prefork {
    /// What gunicorn does when nothing is set.
    #[must_use]
    pub const fn gunicorn(boot: SamplerId) -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            graceful_timeout: Duration::from_secs(30),
            max_requests: 0,
            max_requests_jitter: 0,
            boot,
        }
    }
}

/// What the platform does when a process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Stays down.
    Never,
    /// kubelet: the first restart is immediate, then `initial` doubling to `maximum`, forgotten after `reset` of running.
    Kubernetes {
        /// First back-off, 10 s.
        initial: Duration,
        /// Longest back-off, 300 s.
        maximum: Duration,
        /// Time of running after which the back-off starts afresh, 10 min.
        reset: Duration,
    },
    /// Docker compose `restart: always`: `initial` doubling to `maximum`, forgotten after `reset` of running.
    Compose {
        /// First delay, 100 ms.
        initial: Duration,
        /// Longest delay, 1 min.
        maximum: Duration,
        /// Time of running after which the delay starts afresh, 10 s.
        reset: Duration,
    },
}

/// PostgreSQL's own parameters; its parallel workers are [`Service::workers`], its query classes [`Service::endpoints`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Postgres {
    /// `max_connections`.
    pub max_connections: u32,
    /// `superuser_reserved_connections`: an ordinary role is refused `reserved` earlier.
    pub reserved: u32,
    /// `log_min_duration_statement`; `None` logs no statement.
    pub slow_query: Option<Duration>,
    /// Forking a back end and authenticating; a refusal costs as much.
    pub connect: SamplerId,
    /// Share of that for which the postmaster is busy with it: connections that come at once queue for so long each.
    pub serial_share: f64,
    /// `lock_timeout`: each stage of a wait for a row's lock may take so long; `None` is for ever.
    pub lock_timeout: Option<Duration>,
    /// `statement_timeout`, from the arrival of a statement; `None` is for ever.
    pub statement_timeout: Option<Duration>,
    /// `deadlock_timeout`: after so long a wait for a lock a session looks whether others wait for it in turn.
    pub deadlock_timeout: Duration,
    /// Whose replica it is, if anybody's.
    pub replica: Option<Replica>,
    /// `log_lock_waits`: whether waits that take longer than that are logged.
    pub log_lock_waits: bool,
}

/// What a replica replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// The database whose write-ahead log it replays.
    pub primary: crate::id::ServiceId,
    /// Bytes a second.
    pub rate: u64,
    /// How long after they were written records come (`recovery_min_apply_delay`, and the way there).
    pub delay: Duration,
}

impl Postgres {
    /// What PostgreSQL does when nothing is set, but that it logs no slow statement.
    #[must_use]
    pub const fn standard(connect: SamplerId) -> Self {
        Self {
            max_connections: 100,
            reserved: 3,
            slow_query: None,
            connect,
            serial_share: 0.0,
            lock_timeout: None,
            statement_timeout: None,
            deadlock_timeout: crate::lock::DEADLOCK_TIMEOUT,
            replica: None,
            log_lock_waits: false,
        }
    }
}
