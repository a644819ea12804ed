//! `truth/labels_spans`, `truth/labels_logs`, `truth/labels_metrics`: which rows of the observed tables a fault touched, by their keys.

use super::arrays::{Words, answers, ids, nanoseconds_or_null, times, wide_ids};
use super::declaration::{optional, required};
use super::{Column, Encoder, Epoch, Kind, Table};
use crate::truth::{LogLabel, Role, SampleLabel, SpanLabel};
use arrow::array::{ArrayRef, UInt32Array};
use knockon_model::blueprint::Blueprint;
use std::sync::Arc;

const CONTRAST: Column = required(
    "contrast",
    Kind::U32,
    "",
    "Number of the contrast: one comparison of a world with a fault and without it.",
);
const ROLE: Column = required(
    "role",
    Kind::Word,
    "",
    "cause (of a component that the fault itself was set on) or propagated (the fault came to it from elsewhere).",
);

/// The table of spans.
pub(super) static LABELS_SPANS: Table = Table {
    path: "truth/labels_spans",
    meaning: "One row for each contrast of a fault and each row of observed/spans that the fault touched: which would not be there \
              without it, or not as it is, beyond chance. A span that no fault touches (a bystander) has no row. Rows are in the order \
              of the spans' start within a block of windows, and blocks follow each other.",
    columns: &[
        required("trace_id", Kind::Id(16), "", "The request that the span belongs to."),
        required("span_id", Kind::Id(8), "", "The span, unique within its trace."),
        CONTRAST,
        ROLE,
        optional(
            "difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Duration with the fault less that without; null where the span is not in both worlds.",
        ),
        required(
            "hurt",
            Kind::Bool,
            "",
            "Whether it took longer or failed because of the fault, at a time when its component fared worse.",
        ),
    ],
};

/// The table of log lines.
pub(super) static LABELS_LOGS: Table = Table {
    path: "truth/labels_logs",
    meaning: "One row for each contrast of a fault and each row of observed/logs that the fault touched: which would not be there \
              without it. A line that no fault touches (a bystander) has no row. Rows are in the order of time within a block of \
              windows, and blocks follow each other.",
    columns: &[
        required(
            "uid",
            Kind::Id(16),
            "",
            "log.record.uid: the line's identity, the same in every run in which it is written.",
        ),
        CONTRAST,
        ROLE,
    ],
};

/// The table of samples.
pub(super) static LABELS_METRICS: Table = Table {
    path: "truth/labels_metrics",
    meaning: "One row for each contrast of a fault and each row of observed/metrics that the fault touched: whose value (for a \
              counter: whose increase) it moved beyond chance. A sample that no fault touches (a bystander) has no row. Rows are in the \
              order of time within a block of windows, and blocks follow each other.",
    columns: &[
        required("series_id", Kind::U32, "", "Series, described in observed/series."),
        required("time", Kind::Time, "ns", "Instant of the sample."),
        CONTRAST,
        ROLE,
        required("hurt", Kind::Bool, "", "Whether its component fares worse because of the fault."),
    ],
};

/// Roles, as a column of words.
#[derive(Debug)]
struct Roles(Words);

impl Roles {
    fn new() -> Self {
        Self(Words::of(Role::ALL.map(Role::word)))
    }

    fn column(&mut self, roles: impl Iterator<Item = Role>) -> ArrayRef {
        self.0.column(roles.map(|role| role as i32).collect())
    }
}

fn contrasts(numbers: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(numbers))
}

/// Makes rows of span labels.
#[derive(Debug)]
pub(crate) struct SpanLabels(Roles);

/// Makes rows of log labels.
#[derive(Debug)]
pub(crate) struct LogLabels(Roles);

/// Makes rows of sample labels.
#[derive(Debug)]
pub(crate) struct SampleLabels(Roles, Epoch);

impl SpanLabels {
    pub(crate) fn new() -> Self {
        Self(Roles::new())
    }
}

impl LogLabels {
    pub(crate) fn new() -> Self {
        Self(Roles::new())
    }
}

impl SampleLabels {
    pub(crate) fn new(blueprint: &Blueprint) -> Self {
        Self(Roles::new(), Epoch(blueprint.epoch_unix_ns))
    }
}

impl Encoder for SpanLabels {
    type Record = SpanLabel;
    const TABLE: &'static Table = &LABELS_SPANS;

    fn encode(&mut self, labels: &[SpanLabel]) -> Vec<ArrayRef> {
        vec![
            wide_ids(labels.iter().map(|l| l.trace.0), None),
            ids(labels.iter().map(|l| l.span.0), None),
            contrasts(labels.iter().map(|l| l.contrast)),
            self.0.column(labels.iter().map(|l| l.role)),
            nanoseconds_or_null(labels.iter().map(|l| l.difference_ns)),
            answers(labels.iter().map(|l| l.hurt)),
        ]
    }
}

impl Encoder for LogLabels {
    type Record = LogLabel;
    const TABLE: &'static Table = &LABELS_LOGS;

    fn encode(&mut self, labels: &[LogLabel]) -> Vec<ArrayRef> {
        vec![
            wide_ids(labels.iter().map(|l| l.uid), None),
            contrasts(labels.iter().map(|l| l.contrast)),
            self.0.column(labels.iter().map(|l| l.role)),
        ]
    }
}

impl Encoder for SampleLabels {
    type Record = SampleLabel;
    const TABLE: &'static Table = &LABELS_METRICS;

    fn encode(&mut self, labels: &[SampleLabel]) -> Vec<ArrayRef> {
        let Self(roles, epoch) = self;
        vec![
            Arc::new(UInt32Array::from_iter_values(labels.iter().map(|l| l.series.0))),
            times(labels.iter().map(|l| epoch.unix_ns(l.time))),
            contrasts(labels.iter().map(|l| l.contrast)),
            roles.column(labels.iter().map(|l| l.role)),
            answers(labels.iter().map(|l| l.hurt)),
        ]
    }
}
