//! `truth/windows`: the numbers of components that a fault changed, window by window.

use super::arrays::{NULL, Words, answers, reals_or_null, times};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::truth::{MetricName, WindowRow};
use arrow::array::{ArrayRef, UInt32Array};
use knockon_model::blueprint::Blueprint;
use std::sync::Arc;

/// The table.
pub(super) static WINDOWS: Table = Table {
    path: "truth/windows",
    meaning: "One row for each contrast of a fault, window and number of a component that is not the same with the fault and without \
              it, by chance or not (`outside`, `labelled`). Numbers that are the same have no row. Rows are in the order of the \
              windows within a block of them, and blocks follow each other.",
    columns: &[
        required(
            "contrast",
            Kind::U32,
            "",
            "Number of the contrast: one comparison of a world with a fault and without it.",
        ),
        required("component", Kind::Word, "", "Service or load source that the number is of."),
        optional(
            "part",
            Kind::Word,
            "",
            "Part of the component: a pool, a key space, a link `a -> b`, an endpoint that a source asks for, an instance or a part of \
             one; null where it is of the whole.",
        ),
        required(
            "metric",
            Kind::Word,
            "",
            "What was measured: a statistic as `expect:` names it (`latency.p99`), a level as it is at the end of the window, the mean \
             time that an endpoint's requests spent in a part of the ledger (`pool.mean`), or an observed series with its \
             attributes (`name{key=\"value\"}`).",
        ),
        required(
            "unit",
            Kind::Word,
            "",
            "Its unit: `s`, `1/s`, `count`, `1` for a share …; empty for an observed series.",
        ),
        required(
            "window_start",
            Kind::Time,
            "ns",
            "Where the window begins: what happened at this very instant belongs to the window before.",
        ),
        required("window_end", Kind::Time, "ns", "Where it ends: what happened at this instant belongs to it."),
        optional("with_value", Kind::F64, "", "Value with the fault; null where there was nothing to measure."),
        optional("without_value", Kind::F64, "", "Value without the fault."),
        optional(
            "placebo_value",
            Kind::F64,
            "",
            "Value without the fault and with the components' phases redrawn at every window.",
        ),
        optional(
            "band_low",
            Kind::F64,
            "",
            "Least value that chance alone explains: as far below without_value as the band is wide; null where no number is \
             beyond chance.",
        ),
        optional("band_high", Kind::F64, "", "Greatest value that chance alone explains, as far above."),
        required("outside", Kind::Bool, "", "Whether with_value lies outside the band."),
        required(
            "labelled",
            Kind::Bool,
            "",
            "Whether it is outside, or beyond chance together with the windows before it, at a time when its component was affected: whether the \
             fault did that.",
        ),
        required(
            "hurt",
            Kind::Bool,
            "",
            "Whether it is labelled, and worse with the fault, at a time when its component fared worse.",
        ),
    ],
};

/// Makes window rows.
#[derive(Debug)]
pub(crate) struct Windows {
    epoch: Epoch,
    /// By metric: numbers of component, part, name and unit.
    named: Vec<[i32; 4]>,
    words: [Words; 4],
}

impl Windows {
    pub(crate) fn new(metrics: impl IntoIterator<Item = MetricName>, blueprint: &Blueprint) -> Self {
        let mut words: [Words; 4] = Default::default();
        let name = |metric: MetricName| {
            let [components, parts, names, units] = &mut words;
            let part = metric.part.as_deref().map_or(NULL, |part| parts.key(part));
            [components.key(&metric.component), part, names.key(&metric.name), units.key(&metric.unit)]
        };
        let named = metrics.into_iter().map(name).collect();
        Self { epoch: Epoch(blueprint.epoch_unix_ns), named, words }
    }
}

impl Encoder for Windows {
    type Record = WindowRow;
    const TABLE: &'static Table = &WINDOWS;

    fn encode(&mut self, rows: &[WindowRow]) -> Vec<ArrayRef> {
        let Self { epoch, named, words } = self;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.contrast)))];
        for (place, words) in words.iter_mut().enumerate() {
            columns.push(words.column(rows.iter().map(|r| named[r.metric as usize][place]).collect()));
        }
        columns.extend([
            times(rows.iter().map(|r| epoch.unix_ns(r.start))),
            times(rows.iter().map(|r| epoch.unix_ns(r.end))),
            reals_or_null(rows.iter().map(|r| r.with)),
            reals_or_null(rows.iter().map(|r| r.without)),
            reals_or_null(rows.iter().map(|r| r.placebo)),
            reals_or_null(rows.iter().map(|r| r.without - r.band)),
            reals_or_null(rows.iter().map(|r| r.without + r.band)),
            answers(rows.iter().map(|r| r.outside)),
            answers(rows.iter().map(|r| r.labelled)),
            answers(rows.iter().map(|r| r.hurt)),
        ]);
        columns
    }
}
