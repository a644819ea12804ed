//! `observed/metrics`: one row for each sample of each series.

use super::arrays::times;
use super::declaration::required;
use super::{Encoder, Epoch, Kind, Table};
use arrow::array::{ArrayRef, Float64Array, UInt32Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::SampleRecord;
use std::sync::Arc;

/// The table.
pub(super) static METRICS: Table = Table {
    path: "observed/metrics",
    meaning: "One row for each sample of each series, in the order of time: what scraping every process on a grid would have read.",
    columns: &[
        required("series_id", Kind::U32, "", "Series, described in observed/series."),
        required("time", Kind::Time, "ns", "Instant of the sample: a multiple of the scrape interval."),
        required("value", Kind::F64, "", "Value, in the series' unit. Counters count from the start of their process."),
    ],
};

/// Makes metric rows.
#[derive(Debug)]
pub(crate) struct Metrics {
    epoch: Epoch,
}

impl Metrics {
    pub(crate) fn new(blueprint: &Blueprint) -> Self {
        Self { epoch: Epoch(blueprint.epoch_unix_ns) }
    }
}

impl Encoder for Metrics {
    type Record = SampleRecord;
    const TABLE: &'static Table = &METRICS;

    fn encode(&mut self, records: &[SampleRecord]) -> Vec<ArrayRef> {
        vec![
            Arc::new(UInt32Array::from(records.iter().map(|r| r.series.0).collect::<Vec<_>>())),
            times(records.iter().map(|r| self.epoch.unix_ns(r.time))),
            // A negative zero would be another bit pattern of the same number.
            Arc::new(Float64Array::from(records.iter().map(|r| r.value + 0.0).collect::<Vec<_>>())),
        ]
    }
}
