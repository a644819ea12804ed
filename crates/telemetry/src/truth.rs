//! Rows of truth about a fault: what differs between a world with it and the same world without it.
//!
//! They come from whoever compares worlds, block by block while these run, as plain values. A *contrast* is one comparison: a world
//! with a fault, the same without it, and the placebo of the latter. Deliberately not here: what a fault is, when two numbers
//! differ, and what is worth a label; whoever compares knows.

use knockon_kernel::Time;
use knockon_model::id::{OperationId, ProcessId, SeriesId};
use knockon_model::record::{BlameRecord, ErrorType, Part, SpanId, TraceId};

/// What became of one request in one world.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct End {
    /// From its sending until its client had an answer, or gave up.
    pub latency_ns: u64,
    /// Status of the answer; 0 where none came.
    pub status: u16,
    /// Why it failed.
    pub error: Option<ErrorType>,
    /// Nanoseconds of its latency by [`Part`].
    pub parts: [u64; Part::COUNT],
}

/// A request that is not the same with a fault and without it: a row of `truth/effects`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EffectRow {
    /// Number of the contrast.
    pub contrast: u32,
    /// The client side of the source.
    pub client: ProcessId,
    /// Number within the source, from 1.
    pub number: u64,
    /// Trace.
    pub trace: TraceId,
    /// What was asked for: the client's side in [`knockon_model::record::Catalogue::operations`].
    pub operation: OperationId,
    /// When the first attempt was sent.
    pub sent: Time,
    /// With the fault; `None` if it was not sent, or had not ended.
    pub with: Option<End>,
    /// Without.
    pub without: Option<End>,
    /// How far chance alone may move it, in nanoseconds; infinite where nothing is known.
    pub band_ns: f64,
    /// Whether it is further off.
    pub outside: bool,
    /// Whether it is outside, and its source affected.
    pub labelled: bool,
    /// Whether, in addition, it took longer, failed or was lost.
    pub hurt: bool,
}

/// Of what the numbers of `truth/windows` are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricName {
    /// A service, or a source of load.
    pub component: String,
    /// A part of it: a pool, a key space, a link, an endpoint, an instance.
    pub part: Option<String>,
    /// The metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
}

/// A number in a window that is not the same with a fault and without it: a row of `truth/windows`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WindowRow {
    /// Number of the contrast.
    pub contrast: u32,
    /// Position among the names that the tables were opened with.
    pub metric: u32,
    /// Where the window begins; this instant belongs to the one before.
    pub start: Time,
    /// Where it ends; this instant belongs to it.
    pub end: Time,
    /// With the fault; not a number where there was nothing to measure.
    pub with: f64,
    /// Without.
    pub without: f64,
    /// In the placebo.
    pub placebo: f64,
    /// How far chance alone may move it; infinite where nothing is known.
    pub band: f64,
    /// Whether it is further off.
    pub outside: bool,
    /// Whether it is outside, and its component affected.
    pub labelled: bool,
    /// Whether, in addition, it is worse.
    pub hurt: bool,
}

/// How a fault reached a row that it touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The row is of a component that the fault itself was set on.
    Cause,
    /// The fault came to it from elsewhere.
    Propagated,
}

impl Role {
    /// All roles, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Cause, Self::Propagated];

    /// The word in the tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Propagated => "propagated",
        }
    }
}

/// A span that a fault touched: a row of `truth/labels_spans`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SpanLabel {
    /// Number of the contrast.
    pub contrast: u32,
    /// Trace.
    pub trace: TraceId,
    /// Span.
    pub span: SpanId,
    /// Its start: the order of rows.
    pub start: Time,
    /// How the fault reached it.
    pub role: Role,
    /// Its duration with the fault less that without; `None` where it is in one of both worlds only.
    pub difference_ns: Option<i64>,
    /// Whether it took longer or failed because of the fault.
    pub hurt: bool,
}

/// A log line that a fault touched: a row of `truth/labels_logs`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogLabel {
    /// Number of the contrast.
    pub contrast: u32,
    /// The line's identity.
    pub uid: u128,
    /// When it was written: the order of rows.
    pub time: Time,
    /// How the fault reached it.
    pub role: Role,
}

/// A sample that a fault touched: a row of `truth/labels_metrics`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SampleLabel {
    /// Number of the contrast.
    pub contrast: u32,
    /// Series.
    pub series: SeriesId,
    /// Instant of the sample.
    pub time: Time,
    /// How the fault reached it.
    pub role: Role,
    /// Whether its component fares worse because of the fault.
    pub hurt: bool,
}

/// Who held what others waited for, in a window: a row of `truth/blame`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BlameRow {
    /// First instant of the window.
    pub start: Time,
    /// Its end.
    pub end: Time,
    /// What was taken of the world at its end.
    pub blame: BlameRecord,
}
