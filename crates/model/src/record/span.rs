//! Observed spans, with OpenTelemetry's meanings.

use crate::id::{OperationId, ProcessId};
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// The trace of one request: derived from the request's draw address, so that it is the same in every world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct TraceId(pub u128);

/// A span within its trace; 0 means none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct SpanId(pub u64);

/// One span, handed over when it ends. A process that dies takes its unfinished spans with it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SpanRecord {
    /// Trace.
    pub trace: TraceId,
    /// Span.
    pub span: SpanId,
    /// Parent span, [`SpanId`] 0 for a root. The parent's own row can be missing: its process may have died.
    pub parent: SpanId,
    /// The process that reports the span.
    pub process: ProcessId,
    /// The process at the other end, for client spans.
    pub peer: Option<ProcessId>,
    /// Name, kind and constant attributes: [`super::Catalogue::operations`].
    pub operation: OperationId,
    /// First nanosecond.
    pub start: Time,
    /// End; `end − start` is the exact sum of the span's [`super::LedgerRecord`].
    pub end: Time,
    /// Status by the conventions: server 4xx unset, client 4xx and any 5xx error.
    pub status: Status,
    /// `error.type`, where status is an error.
    pub error: Option<ErrorType>,
    /// `http.response.status_code`; 0 where there is none.
    pub http_status: u16,
    /// `http.request.resend_count`: 0 for a first try.
    pub resend: u16,
    /// The span that published the message that this one handles; zeros for none.
    pub link: (TraceId, SpanId),
}

/// Kinds of spans.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "OpenTelemetry's names")]
pub enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// Status of a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "OpenTelemetry's names")]
pub enum Status {
    Unset,
    Ok,
    Error,
}

/// Why a frame or a call failed. Telemetry words it by the runtime that reports it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ErrorType {
    /// The attempt's timer expired before an answer.
    Timeout,
    /// Nobody listens, or the accept queue is full.
    ConnectionRefused,
    /// The connection broke while waiting for the answer.
    ConnectionReset,
    /// No connection from the pool within its acquire timeout.
    PoolTimeout,
    /// The pool could not open a connection: the database's slots are taken (SQLSTATE 53300).
    TooManyConnections,
    /// The connection to the database broke (SQLSTATE 08006).
    ConnectionLost,
    /// The process had no memory for this request.
    OutOfMemory,
    /// A call answered with a server error that this frame passes on.
    Upstream,
    /// The program failed by itself.
    Application,
    /// The deadline that the caller propagated had passed, or the caller had left.
    Cancelled,
    /// The cache refused a write for want of memory.
    CacheFull,
    /// The server had no room for the request: its queue or its concurrency limit was full, or requests stood too long.
    Overloaded,
    /// The request was over the server's rate limit.
    RateLimited,
    /// The statement waited for a lock for the whole `lock_timeout` (SQLSTATE 55P03).
    LockTimeout,
    /// The statement took the whole `statement_timeout` (SQLSTATE 57014).
    StatementTimeout,
    /// An administrator ended the database's back end (SQLSTATE 57P01).
    Terminated,
    /// The server's certificate has expired: the caller does not go on with the handshake.
    Certificate,
    /// The caller's circuit breaker let no attempt through.
    CallNotPermitted,
    /// The caller's bulkhead had no permit for an attempt.
    BulkheadFull,
    /// The caller gave the attempt up by itself, for what the callee had refused before.
    ClientThrottled,
    /// The broker's queue was full and rejects what comes (`basic.nack`).
    Nacked,
    /// The statement waited in a circle with others, and gave way (SQLSTATE 40P01).
    Deadlock,
    /// The database could not extend a table: its disk is full (SQLSTATE 53100).
    DiskFull,
    /// An executor had neither a thread nor a place for a task.
    TaskRejected,
    /// The result of a task did not come within the time that was given to it.
    TaskTimeout,
}
