//! The observed row that shows a milestone. Records and states of one transition reach a sink at the same instant but in no
//! promised order, so the last row of each kind is remembered and a milestone without one waits a little for its own.

use super::State;
use crate::Calendar;
use knockon_kernel::Time;
use knockon_model::id::{ProcessId, SeriesId};
use knockon_model::record::{SpanId, TraceId};
use serde::Serialize;

/// Where to look a milestone up.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// Table, as a path below the run's folder.
    pub table: &'static str,
    /// The row.
    pub key: Key,
}

/// What finds one row in a table.
#[derive(Clone, PartialEq, Debug)]
pub enum Key {
    /// A log line.
    Log {
        /// `uid`.
        uid: u128,
    },
    /// A span.
    Span {
        /// `trace_id`.
        trace: TraceId,
        /// `span_id`.
        span: SpanId,
    },
    /// A metric sample.
    Sample {
        /// `series_id`.
        series: SeriesId,
        /// `time`.
        time: Time,
    },
    /// A change.
    Change {
        /// `time`.
        time: Time,
        /// `kind`.
        kind: &'static str,
        /// `instance`.
        instance: String,
    },
}

impl Shown {
    pub(super) fn log(uid: u128) -> Self {
        Self { table: "observed/logs", key: Key::Log { uid } }
    }

    pub(super) fn span(trace: TraceId, span: SpanId) -> Self {
        Self { table: "observed/spans", key: Key::Span { trace, span } }
    }

    pub(super) fn sample(series: SeriesId, time: Time) -> Self {
        Self { table: "observed/metrics", key: Key::Sample { series, time } }
    }

    pub(super) fn change(time: Time, kind: &'static str, instance: String) -> Self {
        Self { table: "observed/changes", key: Key::Change { time, kind, instance } }
    }

    /// The row as a file names it: ids in lower-case hexadecimal, times as dates.
    pub(super) fn citation(&self, calendar: Calendar) -> Citation {
        let key = match &self.key {
            Key::Log { uid } => Columns::Log { uid: format!("{uid:032x}") },
            Key::Span { trace, span } => {
                Columns::Span { trace_id: format!("{:032x}", trace.0), span_id: format!("{:016x}", span.0) }
            }
            Key::Sample { series, time } => Columns::Sample { series_id: series.0, time: calendar.rfc3339(*time) },
            Key::Change { time, kind, instance } => {
                Columns::Change { time: calendar.rfc3339(*time), kind, instance: instance.clone() }
            }
        };
        Citation { table: self.table, key }
    }
}

/// `{table, key: {column: value}}`.
#[derive(Serialize)]
pub(super) struct Citation {
    table: &'static str,
    key: Columns,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Columns {
    Log { uid: String },
    Span { trace_id: String, span_id: String },
    Sample { series_id: u32, time: String },
    Change { time: String, kind: &'static str, instance: String },
}

/// Kinds of rows that can show a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Witness {
    CollectionLine,
    PoolTimeoutLine,
    OutOfMemoryLine,
    StartedLine,
    ExitedChange,
    OomKilledChange,
    RestartedChange,
    PendingSample,
    RefusedSpan,
    RejectedSpan,
    UnhealthyChange,
    KillingChange,
    TaskRejectedLine,
    WorkerTimeoutLine,
}

impl Witness {
    pub(super) const COUNT: usize = 14;

    /// Whether a row of this kind shows the state.
    pub(super) const fn shows(self, state: State) -> bool {
        matches!(
            (self, state),
            (Self::CollectionLine, State::GcShareOver30Percent)
                | (Self::PoolTimeoutLine, State::AcquireTimeout | State::PoolFull)
                | (Self::PendingSample, State::PoolFull)
                | (Self::OutOfMemoryLine, State::OutOfMemoryError)
                | (Self::StartedLine | Self::RestartedChange, State::Restarted)
                | (Self::ExitedChange, State::Exited)
                | (Self::OomKilledChange, State::OomKilled | State::Exited)
                | (Self::UnhealthyChange, State::ProbeFailed | State::NotReady)
                | (Self::KillingChange, State::ProbeKilled)
                | (Self::TaskRejectedLine, State::TaskRejected)
                | (Self::WorkerTimeoutLine, State::WorkerKilled)
                | (Self::RefusedSpan, State::Refused)
                | (Self::RejectedSpan, State::Refused | State::Shed | State::Limited)
        )
    }

    /// How long after the state such a row may come and still be its own.
    pub(super) const fn patience_ns(self) -> u64 {
        match self {
            Self::CollectionLine | Self::OutOfMemoryLine | Self::ExitedChange | Self::OomKilledChange => 0,
            Self::UnhealthyChange | Self::KillingChange => 0,
            Self::TaskRejectedLine | Self::WorkerTimeoutLine => 0,
            Self::StartedLine | Self::RestartedChange | Self::RefusedSpan | Self::RejectedSpan => 1_000_000_000,
            Self::PoolTimeoutLine | Self::PendingSample => 60_000_000_000,
        }
    }
}

/// The last row of each kind from one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    rows: [Option<(Time, Shown)>; Witness::COUNT],
}

impl Recent {
    pub(super) fn note(&mut self, witness: Witness, time: Time, shown: Shown) {
        self.rows[witness as usize] = Some((time, shown));
    }

    /// A row of this very instant that shows the state.
    pub(super) fn showing(&self, state: State, time: Time) -> Option<Shown> {
        ALL.iter().filter(|witness| witness.shows(state)).find_map(|&witness| {
            self.rows[witness as usize].as_ref().filter(|(at, _)| *at == time).map(|(_, shown)| shown.clone())
        })
    }
}

const ALL: [Witness; Witness::COUNT] = [
    Witness::CollectionLine,
    Witness::PoolTimeoutLine,
    Witness::OutOfMemoryLine,
    Witness::StartedLine,
    Witness::ExitedChange,
    Witness::OomKilledChange,
    Witness::RestartedChange,
    Witness::PendingSample,
    Witness::RefusedSpan,
    Witness::RejectedSpan,
    Witness::UnhealthyChange,
    Witness::KillingChange,
    Witness::TaskRejectedLine,
    Witness::WorkerTimeoutLine,
];

/// A milestone that has not met its row yet.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) milestone: usize,
    pub(super) process: ProcessId,
    pub(super) state: State,
    pub(super) since: Time,
}

impl Waiting {
    /// No row of any kind can still show it.
    pub(super) fn is_hopeless(&self, now: Time) -> bool {
        let waited_ns = now.as_nanos().saturating_sub(self.since.as_nanos());
        !ALL.iter().any(|witness| witness.shows(self.state) && waited_ns <= witness.patience_ns())
    }

    pub(super) fn accepts(&self, witness: Witness, process: ProcessId, time: Time) -> bool {
        self.process == process
            && witness.shows(self.state)
            && time >= self.since
            && time.as_nanos() - self.since.as_nanos() <= witness.patience_ns()
    }
}
