//! Request programs: what an endpoint does, step by step, and how it calls others.

use crate::id::{EndpointId, ExecutorId, KeyspaceId, PolicyId, PoolId, SamplerId, ServiceId};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// An endpoint, a query class or a cache command: one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name within its service: `GET /api/users/{id}`, `select_user`, `GET`.
    pub name: String,
    /// How telemetry names it.
    pub operation: Operation,
    /// Steps; running past the last one answers with success. Jumps are positions in this vector.
    pub program: Vec<Step>,
    /// Tables of [`Step::Choose`].
    pub choices: Vec<Choice>,
    /// Texts of [`Step::Log`].
    pub messages: Vec<String>,
}

/// How telemetry names an endpoint (OpenTelemetry semantic conventions).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// An HTTP route.
    Http {
        /// Request method.
        method: String,
        /// Route template, never a raw path.
        route: String,
    },
    /// A query class of a relational database.
    Sql {
        /// `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `COMMIT`, `ROLLBACK` …
        operation: String,
        /// Table, empty where there is none.
        table: String,
        /// Statement text, for the slow-query log.
        text: String,
    },
    /// A cache command: `GET`, `SET` …
    Cache {
        /// Command.
        command: String,
    },
    /// Work within a process that no request waits for alone.
    Internal {
        /// What it does: `load users`.
        name: String,
    },
    /// A publication to a queue.
    Publish {
        /// `rabbitmq`, `redis`.
        system: String,
        /// Queue.
        queue: String,
    },
    /// What a consumer does with a message.
    Process {
        /// `rabbitmq`, `redis`.
        system: String,
        /// Queue.
        queue: String,
        /// The task, by its name at the service.
        task: String,
    },
}

impl Operation {
    /// The first word of a statement; `None` for what is none.
    #[must_use]
    pub fn statement(&self) -> Option<&str> {
        match self {
            Self::Sql { operation, .. } => Some(operation),
            Self::Http { .. }
            | Self::Cache { .. }
            | Self::Internal { .. }
            | Self::Publish { .. }
            | Self::Process { .. } => None,
        }
    }
}

/// The address of a step for its draws: a hash of what the step is and how many like it came before, so that inserting
/// another step leaves it as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site(pub u32);

/// One step. Steps are `Copy`; what is large lies in tables beside the program.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Needs the processor for a drawn demand.
    Compute {
        /// Draw address.
        site: Site,
        /// Demand at full speed.
        demand: SamplerId,
    },
    /// Allocates bytes that live until the frame ends.
    Allocate {
        /// Bytes.
        bytes: u64,
    },
    /// Allocates bytes that are dropped at once: garbage that the next collection finds dead.
    Churn {
        /// Bytes.
        bytes: u64,
    },
    /// Allocates bytes that stay reachable until the process ends: a leak, or a cache that never evicts.
    Retain {
        /// Bytes.
        bytes: u64,
    },
    /// Calls an endpoint of another service and waits for the answer.
    Call {
        /// Draw address.
        site: Site,
        /// Callee.
        service: ServiceId,
        /// Its endpoint.
        endpoint: EndpointId,
        /// Timeout and retries.
        policy: PolicyId,
        /// Whether the frame goes on when the call has failed for good.
        optional: bool,
    },
    /// Waits for a connection and holds it. At most one connection a pool, at most two pools, are held at a time.
    Acquire {
        /// Pool of this service.
        pool: PoolId,
    },
    /// Runs a query on the connection held from `pool`.
    Query {
        /// Draw address.
        site: Site,
        /// Pool of this service whose connection is used.
        pool: PoolId,
        /// Query class of the pool's database.
        endpoint: EndpointId,
        /// Timeout (no retries on a held connection).
        policy: PolicyId,
        /// Whether the connection is in a transaction from here on, so that a failure rolls back before giving it back.
        transaction: bool,
    },
    /// Forgets the connection now and then: nobody gives it back, for as long as the process lives.
    Leak {
        /// Draw address.
        site: Site,
        /// Pool of this service.
        pool: PoolId,
        /// How often.
        share: f64,
    },
    /// Gives the connection back.
    Release {
        /// Pool of this service.
        pool: PoolId,
    },
    /// Looks the request's key up in a cache; a hit jumps to `hit`. A cache that fails counts as a miss.
    CacheGet {
        /// Draw address.
        site: Site,
        /// Keys, and the cache that holds them.
        keyspace: KeyspaceId,
        /// The cache's command.
        endpoint: EndpointId,
        /// Timeout and retries.
        policy: PolicyId,
        /// Position to go on from after a hit.
        hit: u32,
    },
    /// Stores the request's key. A cache that fails is passed over.
    CacheSet {
        /// Draw address.
        site: Site,
        /// Keys, and the cache that holds them.
        keyspace: KeyspaceId,
        /// The cache's command.
        endpoint: EndpointId,
        /// Timeout and retries.
        policy: PolicyId,
    },
    /// Looks the request's key up in a cache of its own process, which takes no time; a hit jumps to `hit`.
    LocalGet {
        /// Keys, and the cache that holds them.
        keyspace: KeyspaceId,
        /// Position to go on from after a hit.
        hit: u32,
    },
    /// Stores the request's key in a cache of its own process. Its bytes lie on the process' heap.
    LocalSet {
        /// Keys, and the cache that holds them.
        keyspace: KeyspaceId,
    },
    /// Locks a row until the transaction ends: only in programs of a database. Waits, without a worker, while another
    /// transaction holds it. Row 0 where there is but one, else drawn by the request.
    Lock {
        /// The address of the table.
        table: Site,
        /// How many rows there are.
        rows: u32,
        /// Draws a rank in 1 … rows, or uniformly.
        popularity: SamplerId,
        /// Which of the request's draws among the rows: steps with the same number lock the same row.
        draw: u32,
    },
    /// Locks a table in a mode until the transaction ends: only in programs of a database. Waits, without a worker, while other
    /// transactions have it in modes that exclude this one, or wait for it so.
    LockTable {
        /// The address of the table.
        table: Site,
        /// The mode.
        mode: crate::lock::LockMode,
    },
    /// Reads pages of a table: only in programs of a database with a disk. What is not in memory is read from there.
    ReadPages {
        /// Draw address.
        site: Site,
        /// Which of the database's [`super::Storage::tables`].
        table: u32,
        /// How many, each any of the table's; 0 is all of them.
        pages: u32,
    },
    /// Writes rows into a table and the write-ahead log: only in programs of a database with a disk.
    WriteRows {
        /// Bytes of rows.
        bytes: u64,
        /// Bytes of the write-ahead log.
        wal: u64,
    },
    /// Waits until what was written into the write-ahead log is on the disk, where that ends a transaction: only in programs of a database
    /// with a disk.
    SyncLog {
        /// Draw address.
        site: Site,
    },
    /// Sees what the replica has replayed so far: only in programs of a replica.
    SeeReplayed,
    /// Runs the steps from here to [`Step::LoadEnd`] as a task of their own and waits for it. A stale read jumps over it, and has
    /// it run in the background.
    Load {
        /// Draw address of its span.
        site: Site,
        /// The key space whose value is loaded.
        keyspace: KeyspaceId,
        /// How long a caller waits; no retries.
        policy: PolicyId,
        /// Whether callers of the same key in the same process wait for the load that is under way.
        coalesce: bool,
        /// What becomes of a load whose callers have all left.
        abandoned: Abandoned,
        /// Position to go on from with the value.
        after: u32,
    },
    /// Ends the task of a [`Step::Load`].
    LoadEnd,
    /// The server side of a cache read: only in programs of a cache service.
    Lookup,
    /// The server side of a cache write: only in programs of a cache service.
    Store,
    /// The server side of `FLUSHALL`: only in programs of a cache service.
    Flush,
    /// Waits without using anything.
    Sleep {
        /// Draw address.
        site: Site,
        /// How long.
        time: SamplerId,
    },
    /// Keeps the event loop of its process without using the processor: synchronous work. Only in programs of a service whose
    /// runtime is [`Runtime::Node`](super::Runtime::Node).
    Block {
        /// Draw address.
        site: Site,
        /// How long.
        time: SamplerId,
    },
    /// Goes on at one of several positions, by weight.
    Choose {
        /// Draw address.
        site: Site,
        /// Index into [`Endpoint::choices`].
        choice: u32,
    },
    /// Goes on elsewhere.
    Jump {
        /// Position.
        to: u32,
    },
    /// Start of a loop: remembers how often the body, which follows, still runs. Loops nest two deep.
    LoopStart {
        /// Times.
        times: u32,
    },
    /// End of a loop's body: back to `body` while iterations remain.
    LoopEnd {
        /// Position of the body's first step.
        body: u32,
    },
    /// Start of a part that can be gone through again.
    RepeatStart {
        /// How many loops are around it.
        depth: u8,
        /// Position of its [`Step::RepeatEnd`].
        end: u32,
    },
    /// Goes back to the start of such a part, as its next pass.
    Again {
        /// How many loops are around that part.
        depth: u8,
        /// Position of its first step.
        body: u32,
        /// Passes at most; instead of one more the frame fails.
        most: u32,
    },
    /// End of such a part.
    RepeatEnd {
        /// How many loops are around it.
        depth: u8,
    },
    /// Runs branches concurrently and waits for them. So many [`Step::Branch`] follow, then the branches.
    Fork {
        /// Draw address.
        site: Site,
        /// How many.
        branches: u16,
        /// For which of them it waits.
        join: Join,
        /// How long at most.
        policy: PolicyId,
        /// Position to go on from.
        after: u32,
    },
    /// Where a branch begins.
    Branch {
        /// Position of its first step.
        to: u32,
    },
    /// End of a branch.
    BranchEnd,
    /// Hands the steps that follow, up to a [`Step::BranchEnd`], to an executor as a task.
    HandOver {
        /// Draw address.
        site: Site,
        /// Which of the service's.
        executor: ExecutorId,
        /// Whether it waits for the end of the task (`Future.get`), and fails if that fails.
        waits: bool,
        /// Whether a task for which it waits no longer is cancelled (`Future.cancel`), and stops at its next step.
        cancels: bool,
        /// How long it waits at most.
        policy: PolicyId,
        /// Position to go on from.
        after: u32,
    },
    /// Writes a log line of the application's own.
    Log {
        /// Severity.
        severity: Severity,
        /// Index into [`Endpoint::messages`].
        message: u32,
    },
    /// Answers with an error.
    Fail {
        /// HTTP status.
        status: u16,
    },
    /// Sends a message to a queue of a broker.
    Publish {
        /// Draw address.
        site: Site,
        /// Broker.
        service: ServiceId,
        /// Its endpoint for the queue.
        endpoint: EndpointId,
        /// Timeout and retries.
        policy: PolicyId,
        /// Bytes of the message's body.
        bytes: u32,
        /// Whether it waits until the broker has the message.
        confirm: bool,
        /// Whether the frame goes on when the publication has failed for good.
        optional: bool,
    },
    /// Takes the message of a publication into a queue: the end of a broker's endpoint.
    Enqueue {
        /// Which queue of the broker.
        queue: u32,
    },
    /// Acknowledges the message that is being handled: the beginning of the program of a consumer that does so early.
    Accept,
}

/// What becomes of a load whose callers have all left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Abandoned {
    /// It is cancelled: it leaves the queue for a connection at once, and else stops at its next step.
    Cancel,
    /// It is cancelled, and does not wait for the answer to what it asks either.
    Interrupt,
    /// It runs on, and its result is dropped (a zombie).
    Drop,
    /// It runs on and stores its result.
    Fill,
}

/// Severity of an application's own log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Severity {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// For which branches a fork waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Join {
    /// For all to end; fails if one of them failed, as the first one did.
    All,
    /// For the first to succeed; fails if none does, as the last one did. The others are left.
    First,
}

/// Weighted branches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Weight and position of each branch; weights are positive.
    pub branches: Vec<(f64, u32)>,
}

/// Timeout, retries and what counts as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallPolicy {
    /// Each attempt's timer, from sending; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// Further attempts after the first.
    pub retries: u32,
    /// Pause before each further attempt.
    pub backoff: Backoff,
    /// Which outcomes are retried.
    pub retry_on: RetryOn,
    /// Which of its attempts' answers a call takes.
    pub answers: Answers,
    /// Whether the callee learns the time that is left and gives up itself when it has passed.
    pub propagates_deadline: bool,
    /// Whether the pause before another attempt is at least as long as the answer's `Retry-After` says.
    pub honours_retry_after: bool,
}

/// Which answers a call takes. Those of attempts that it has given up count only if they succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Answers {
    /// That of the current attempt alone (strict).
    #[default]
    Current,
    /// That of any attempt of the call, while one is outstanding (lenient).
    Outstanding,
    /// Also one that comes in the wait before the next attempt, which is then not sent.
    Any,
}

/// Back-off: `min(maximum, base · factor^(attempt − 1))`, then jitter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Before the second attempt.
    pub base: Duration,
    /// Growth from attempt to attempt.
    pub factor: f64,
    /// Longest.
    pub maximum: Duration,
    /// Randomisation.
    pub jitter: Jitter,
}

/// Kinds of jitter (Brooker, "Exponential Backoff and Jitter", 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// As computed.
    None,
    /// Uniform in 0 … value.
    Full,
    /// Half the value, and uniform in 0 … the other half.
    Equal,
    /// Uniform in base … 3 × the previous back-off, at most the maximum.
    Decorrelated,
}

/// Outcomes that are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetryOn {
    /// No answer in time.
    pub timeout: bool,
    /// Refused at the connection: nobody listens, or the accept queue is full.
    pub refused: bool,
    /// The connection broke while waiting.
    pub reset: bool,
    /// An answer of 500 or above.
    pub server_error: bool,
    /// An answer of 429: over a rate limit.
    pub rate_limited: bool,
    /// Never sent: an open breaker, a full bulkhead or the caller's own throttling was in the way.
    pub rejected: bool,
}
