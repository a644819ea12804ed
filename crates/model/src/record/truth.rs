//! Truth records: the ledger of each span, the end of each request as its client saw it, and the state transitions that a reader would name.

use super::{ErrorType, SpanId, TraceId};
use crate::blueprint::ProbeKind;
use crate::breaker::BreakerState;
use crate::id::{ExecutorId, LinkId, OperationId, PoolId, ProcessId};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// The parts of a span's duration (law 6). Every nanosecond of a frame is in exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Part {
    /// In the accept queue, or waiting for a worker, or for a thread of an executor.
    Queued,
    /// Waiting for a connection from a pool, or for a permit of a bulkhead.
    Pool,
    /// Its own demand, at full speed.
    Computing,
    /// Runnable without a core.
    CpuWait,
    /// Runnable while the quota is burnt.
    Throttled,
    /// The process stood still.
    Paused,
    /// On the wire: connecting, request and answer.
    Network,
    /// Backing off between attempts, sleeping, or keeping the event loop without computing.
    BackingOff,
    /// Waiting for a lock.
    Lock,
    /// Waiting for a child (in a client span: for the server).
    Child,
}

impl Part {
    /// Number of parts.
    pub const COUNT: usize = 10;
    /// All parts, in column order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Queued,
        Self::Pool,
        Self::Computing,
        Self::CpuWait,
        Self::Throttled,
        Self::Paused,
        Self::Network,
        Self::BackingOff,
        Self::Lock,
        Self::Child,
    ];

    /// Column name in the ledger table.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Queued => "queued_ns",
            Self::Pool => "pool_ns",
            Self::Computing => "computing_ns",
            Self::CpuWait => "cpu_wait_ns",
            Self::Throttled => "throttled_ns",
            Self::Paused => "paused_ns",
            Self::Network => "network_ns",
            Self::BackingOff => "backing_off_ns",
            Self::Lock => "lock_ns",
            Self::Child => "child_ns",
        }
    }

    /// Whether the part can occur in a server (or else client) span; where it cannot, the column is null.
    #[must_use]
    pub const fn occurs(self, server: bool) -> bool {
        if server { !matches!(self, Self::Network) } else { matches!(self, Self::Network | Self::Child | Self::Paused) }
    }
}

/// Where a span's time went. Emitted with its [`super::SpanRecord`], on the truth channel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LedgerRecord {
    /// Trace.
    pub trace: TraceId,
    /// Span.
    pub span: SpanId,
    /// The span's start: the order of rows.
    pub start: Time,
    /// Whether it is a server (or internal) span, else a client span.
    pub server: bool,
    /// Nanoseconds by [`Part`].
    pub parts: [u64; Part::COUNT],
}

/// A source's request has ended, as its client saw it: also one that no server ever saw or finished.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RequestRecord {
    /// The client side of the source.
    pub client: ProcessId,
    /// Number within the source, from 1. Numbers that a profile thinned out are missing.
    pub number: u64,
    /// Trace.
    pub trace: TraceId,
    /// What was asked for: the client's side in [`super::Catalogue::operations`].
    pub operation: OperationId,
    /// When the first attempt was sent.
    pub sent: Time,
    /// When the client had its answer or gave up.
    pub ended: Time,
    /// Attempts sent.
    pub attempts: u16,
    /// Status of the answer; 0 where none came.
    pub status: u16,
    /// Why it failed.
    pub error: Option<ErrorType>,
    /// Where its time went along its critical path, over all services: nanoseconds by [`Part`], which sum to `ended` − `sent`.
    pub parts: [u64; Part::COUNT],
}

/// A state that a reader would name, entered by a machine at this instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StateRecord {
    /// When.
    pub time: Time,
    /// The component.
    pub process: ProcessId,
    /// What it entered.
    pub transition: Transition,
}

/// Transitions worth a milestone.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by their unit or meaning")]
pub enum Transition {
    /// A collection's pause has ended; the watcher computes shares over a window from these.
    Collected { pause: Duration, live_after: u64, usable: u64, full: bool },
    /// Every connection is in use and a caller waits.
    PoolFull { pool: PoolId, waiting: u32 },
    /// A connection is idle, or may be opened, again and nobody waits.
    PoolRelieved { pool: PoolId },
    /// A caller gave up waiting for a connection.
    AcquireTimeout { pool: PoolId },
    /// A request was answered with a status of 500 or above.
    ServerError { status: u16, trace: TraceId, span: SpanId },
    /// The accept queue was full for a request.
    Refused,
    /// A request was dropped from the accept queue.
    Shed,
    /// A request was turned away by a rate limit or a concurrency limit.
    Limited,
    /// The heap had no room.
    OutOfMemory,
    /// The kernel killed the process for its memory.
    OomKilled,
    /// The process ended with this code.
    Exited { code: u16 },
    /// The process accepts requests (again); `restarts` since the run began.
    Running { restarts: u32 },
    /// The process was stopped from outside, or goes on.
    Paused { on: bool },
    /// The circuit breaker of a caller is in another state.
    Breaker { link: LinkId, state: BreakerState },
    /// A caller leaves this process out for its failures.
    Ejected { link: LinkId },
    /// A caller's bulkhead had no permit for an attempt.
    BulkheadFull { link: LinkId },
    /// A caller gave an attempt up by itself.
    Throttled { link: LinkId },
    /// A caller's retry budget did not allow a retry.
    RetryRefused { link: LinkId },
    /// A broker refused a message: its queue was full, or its memory.
    QueueFull { queue: u32 },
    /// A message became a dead letter.
    DeadLettered { queue: u32 },
    /// A message of this queue is gone, and nobody has handled it.
    MessageDropped { queue: u32 },
    /// A message that somebody may have handled before was delivered.
    Redelivered { queue: u32 },
    /// A message was taken back from a consumer that had it for too long.
    TakenBack { queue: u32 },
    /// A broker blocks its publishers, or does no longer.
    MemoryAlarm { on: bool },
    /// A worker's task failed for good.
    TaskFailed,
    /// An executor had neither a thread nor a place for a task.
    TaskRejected { executor: ExecutorId },
    /// The arbiter killed a worker process that gave no sign of life.
    WorkerKilled,
    /// A probe of the platform failed.
    ProbeFailed { kind: ProbeKind },
    /// A probe failed for good, and the platform ends the process.
    ProbeKilled { kind: ProbeKind },
    /// The process is not ready to be called any more, or again.
    Ready { on: bool },
}
