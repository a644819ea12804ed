//! What was done to a record on its way.

use knockon_kernel::Time;
use knockon_model::record::{SpanId, TraceId};

/// What was done to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Alteration {
    /// The true time of the record: the start of a span, the instant of a line or scrape.
    pub(crate) time: Time,
    pub(crate) altered: Altered,
    pub(crate) what: What,
    /// How late it came, or how far a clock is ahead.
    pub(crate) amount_ns: Option<i64>,
}

impl Alteration {
    pub(super) fn of_span(time: Time, (trace, span): (TraceId, SpanId), what: What) -> Self {
        Self { time, altered: Altered::Span { trace, span }, what, amount_ns: None }
    }
}

/// What it was done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Altered {
    Span { trace: TraceId, span: SpanId },
    Line { uid: u128 },
    Scrape { process: u32 },
    Clock { process: u32 },
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum What {
    SampledAtHead,
    SampledAtTail,
    DroppedTooEarly,
    Lost,
    Duplicated,
    Delayed,
    WithoutParent,
    WithoutPeer,
    WithoutStatusCode,
    WithoutTrace,
    Skewed,
}

impl What {
    pub(crate) const ALL: [Self; 11] = [
        Self::SampledAtHead,
        Self::SampledAtTail,
        Self::DroppedTooEarly,
        Self::Lost,
        Self::Duplicated,
        Self::Delayed,
        Self::WithoutParent,
        Self::WithoutPeer,
        Self::WithoutStatusCode,
        Self::WithoutTrace,
        Self::Skewed,
    ];

    /// The word in the table.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SampledAtHead => "sampled_out_at_head",
            Self::SampledAtTail => "sampled_out_at_tail",
            Self::DroppedTooEarly => "dropped_too_early",
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Delayed => "delayed",
            Self::WithoutParent => "without_parent",
            Self::WithoutPeer => "without_peer",
            Self::WithoutStatusCode => "without_status_code",
            Self::WithoutTrace => "without_trace",
            Self::Skewed => "skewed",
        }
    }
}
