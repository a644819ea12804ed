//! Observed log lines as events with typed fields; telemetry writes them in the dialect of the emitting runtime.

use super::{ErrorType, SpanId, TraceId};
use crate::blueprint::{LinkEnd, Severity};
use crate::id::{EndpointId, ExecutorId, PoolId, ProcessId, ServiceId};
use crate::lock::{Awaited, LockMode};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// One log line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogRecord {
    /// When it was written.
    pub time: Time,
    /// The process that wrote it.
    pub process: ProcessId,
    /// Hash of its address (who, what, how many before): the same in every world in which the line exists.
    pub uid: u128,
    /// Trace and span of the request that it belongs to.
    pub context: Option<(TraceId, SpanId)>,
    /// What it says.
    pub event: LogEvent,
}

/// What a line says. Each follows from one transition of one machine.
#[derive(Clone, Copy, PartialEq, Debug)]
#[expect(missing_docs, reason = "fields say what the variant's line shows")]
pub enum LogEvent {
    /// The process serves requests from now on.
    Started { after: Duration },
    /// The process begins to boot.
    Starting,
    /// The process was asked to stop and finishes what it has.
    Stopping,
    /// A collection has ended. Bytes are of the whole heap.
    Collection {
        number: u32,
        kind: CollectionKind,
        cause: CollectionCause,
        before: u64,
        after: u64,
        committed: u64,
        pause: Duration,
    },
    /// The heap has no room for a request's allocation.
    OutOfMemory { overhead_limit: bool },
    /// The pool begins to fill.
    PoolStarting { pool: PoolId },
    /// The pool is ready.
    PoolStarted { pool: PoolId },
    /// A caller has waited its whole acquire timeout.
    PoolTimeout { pool: PoolId, waited: Duration, total: u32, active: u32, idle: u32, waiting: u32 },
    /// Opening a connection failed.
    PoolConnectFailed { pool: PoolId, error: ErrorType },
    /// A connection was found dead.
    PoolConnectionBroken { pool: PoolId },
    /// A connection is held longer than the leak detection's threshold.
    PoolLeakSuspected { pool: PoolId, held: Duration },
    /// A request ended with an error that this process raised or passed on. `peer` is the callee where a call failed.
    RequestFailed { endpoint: EndpointId, status: u16, error: ErrorType, peer: Option<ServiceId> },
    /// A request ended because an executor had neither a thread nor a place for its task. `identity` is the executor's, `task` the task's; the
    /// numbers are those of its threads, of the busy ones, and of tasks.
    TaskRejected {
        endpoint: EndpointId,
        executor: ExecutorId,
        identity: u32,
        task: u32,
        threads: u32,
        active: u32,
        queued: u32,
        completed: u64,
    },
    /// A value could not be loaded, and no request was there to fail with it.
    LoadFailed { error: ErrorType, peer: Option<ServiceId>, refresh: bool },
    /// A statement is complete and took at least the slow-query threshold. `client` sent it.
    SlowQuery { endpoint: EndpointId, duration: Duration, client: LinkEnd },
    /// A connection was refused; `reserved` when only the superusers' slots were left.
    ConnectionRejected { reserved: bool, backend: u32 },
    /// nginx turned a request away, or held it back, for so many thousandths of a request over the rate.
    RateLimited { endpoint: EndpointId, excess_milli: u64, delayed: bool },
    /// The client of a connection went away while a statement ran.
    ClientLost { backend: u32 },
    /// A statement has waited for a row's lock for `deadlock_timeout` (`log_lock_waits`), or got it after a longer wait. `next`
    /// is a wait for `transaction` to end, else for the tuple lock.
    LockWait { backend: u32, transaction: u32, row: u32, next: bool, waited: Duration, acquired: bool },
    /// The same of a table.
    TableWait { backend: u32, table: u32, mode: LockMode, waited: Duration, acquired: bool },
    /// Below the line of a statement that failed of a deadlock: one session that waits for another, of the circle. `transaction` is the blocker's.
    DeadlockEdge { backend: u32, awaited: Awaited, next: bool, blocker: u32, transaction: u32, first: bool },
    /// Below those: where the statements are told.
    DeadlockHint,
    /// Below the line of a statement that found no room on the disk.
    DiskFullHint,
    /// The write-ahead log finds no room on the disk: the server panics, or does not start.
    LogFull { starting: bool },
    /// A checkpoint begins, for its time or for the size of the write-ahead log.
    Checkpoint { timed: bool },
    /// A worker process has given no sign of life for its timeout: the arbiter kills it. `worker` counts forks.
    WorkerTimeout { worker: u32 },
    /// A worker process exits when it is done with what it has.
    WorkerLastRequest { worker: u32 },
    /// A worker process exits.
    WorkerExiting { worker: u32 },
    /// The arbiter finds a worker process that has exited with an error.
    WorkerFailed { worker: u32 },
    /// A worker process was forked, and boots.
    WorkerBooting { worker: u32 },
    /// An administrator ended a back end.
    Terminated { backend: u32 },
    /// A worker has received a message.
    TaskReceived { endpoint: EndpointId, task: u128 },
    /// A worker has done with a message, after working on it for so long. `error` where it failed.
    TaskEnded { endpoint: EndpointId, task: u128, end: TaskEnd, took: Duration, error: ErrorType },
    /// A broker stops reading what publishers send, or goes on.
    MemoryAlarm { on: bool },
    /// A consumer of this queue had a delivery for too long: its channel is closed.
    ConsumerTimedOut { queue: u32 },
    /// The program's own line: index into the endpoint's messages.
    Application { endpoint: EndpointId, severity: Severity, message: u32 },
}

/// How a worker's task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TaskEnd {
    /// As it should.
    Succeeded,
    /// For good.
    Failed,
    /// It failed, and is tried again later.
    Retried,
}

/// What a collection was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CollectionKind {
    /// Minor collection of the young space.
    Young,
    /// Young collection of G1 that begins concurrent marking.
    ConcurrentStart,
    /// Concurrent marking, from start to remark; takes processor time, not a pause.
    ConcurrentMark,
    /// G1's short pause that ends marking.
    Remark,
    /// Young collection of G1 that takes old regions along.
    Mixed,
    /// Full collection.
    Full,
    /// CPython's cycle collector, by generation.
    Generation(u8),
}

/// Why a collection ran, in HotSpot's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CollectionCause {
    /// `Allocation Failure`
    AllocationFailure,
    /// `Ergonomics` (Parallel: promotion would not fit)
    Ergonomics,
    /// `G1 Evacuation Pause`
    EvacuationPause,
    /// `G1 Humongous Allocation`
    HumongousAllocation,
    /// `G1 Compaction Pause`
    CompactionPause,
    /// CPython: a generation's threshold was passed.
    Threshold,
}
