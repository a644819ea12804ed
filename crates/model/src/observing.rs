//! How a run is observed: what becomes of records on their way to whoever reads them.
//!
//! Plain data. No world sees it (observing never disturbs): it is for whoever takes records down. Off unless asked for.

use crate::id::ServiceId;
use knockon_kernel::{Duration, Sampler};

/// What becomes of records. The default changes nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Observing {
    /// Of spans.
    pub spans: SpanObserving,
    /// Of log lines.
    pub logs: LogObserving,
    /// Share of scrapes of a process that fail: none of its series has a sample then.
    pub failed_scrapes: f64,
    /// Clocks that go wrong.
    pub clocks: Vec<Clock>,
}

/// What becomes of spans.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SpanObserving {
    /// Share of traces that are kept, decided where they begin by the trace's id (OpenTelemetry's `TraceIdRatioBased`: the low 56 bits).
    pub head: Option<f64>,
    /// Which traces are kept once their spans have come.
    pub tail: Option<TailSampling>,
    /// What is lost on the way.
    pub transport: Transport,
    /// Share of spans that do not name their parent.
    pub without_parent: f64,
    /// Share of spans that do not say whom they called.
    pub without_peer: f64,
    /// Share of spans that do not have the answer's status code.
    pub without_status_code: f64,
}

/// Sampling of whole traces by a collector (`tail_sampling` of the OpenTelemetry collector): any policy that wants a trace keeps it.
#[derive(Clone, PartialEq, Debug)]
pub struct TailSampling {
    /// Keeps traces that have a span in error.
    pub errors: bool,
    /// Keeps traces that take longer, from the first start to the last end of their spans.
    pub slower_than: Option<Duration>,
    /// Share of all traces that is kept anyway.
    pub share: f64,
    /// `decision_wait`: from the first span of a trace to the decision. Spans that come later are decided on by themselves.
    pub wait: Duration,
    /// `num_traces`: traces that wait at most; of one more, the oldest is dropped undecided.
    pub traces: u32,
}

/// What becomes of single records on their way.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Transport {
    /// Share that never arrives.
    pub lost: f64,
    /// Share that arrives twice: an exporter that tried again.
    pub duplicated: f64,
    /// Share that arrives late.
    pub delayed: f64,
    /// How late.
    pub delay: Option<Sampler>,
}

/// What becomes of log lines.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LogObserving {
    /// What is lost on the way.
    pub transport: Transport,
    /// Share of lines that do not name the trace and span that they belong to.
    pub without_trace: f64,
}

/// The clocks of a service's processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// The service.
    pub service: ServiceId,
    /// So much ahead of the true time in nanoseconds; negative is behind.
    pub ahead_ns: i64,
    /// Each process' clock differs from that by up to so much, evenly distributed.
    pub spread: Duration,
}
