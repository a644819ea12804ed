//! The tables of a run: one file each, with its declaration and how its rows are made of records.
//!
//! Tables that need names look them up in the [`Catalogue`] and the [`Blueprint`] once, when a run begins; a row is then
//! numbers only. Deliberately not here: files, threads and the order of rows (`writer`), and log wording (`dialect`).

mod arrays;
mod asked;
mod blame;
mod changes;
mod declaration;
mod dictionary;
mod effects;
mod labels;
mod ledger;
mod logs;
mod metrics;
mod observer;
mod requests;
mod series;
mod spans;
mod windows;

pub use declaration::{Column, Kind, Table};
pub use dictionary::data_dictionary;

pub(crate) use blame::Blame;
pub(crate) use changes::Changes;
pub(crate) use effects::Effects;
pub(crate) use labels::{LogLabels, SampleLabels, SpanLabels};
pub(crate) use ledger::Ledger;
pub(crate) use logs::Logs;
pub(crate) use metrics::Metrics;
pub(crate) use observer::Alterations;
pub(crate) use requests::Requests;
pub(crate) use series::{SERIES, series};
pub(crate) use spans::Spans;
pub(crate) use windows::Windows;

use arrow::array::ArrayRef;
use knockon_kernel::Time;

/// All tables, in the order of the data dictionary.
pub static TABLES: [&Table; 14] = [
    &spans::SPANS,
    &logs::LOGS,
    &metrics::METRICS,
    &SERIES,
    &changes::CHANGES,
    &ledger::LEDGER,
    &requests::REQUESTS,
    &effects::EFFECTS,
    &windows::WINDOWS,
    &labels::LABELS_SPANS,
    &labels::LABELS_LOGS,
    &labels::LABELS_METRICS,
    &blame::BLAME,
    &observer::OBSERVER,
];

/// Makes a table's columns of records.
pub(crate) trait Encoder {
    /// What rows are made of.
    type Record: Copy + Send;
    /// The table.
    const TABLE: &'static Table;
    /// The columns of some records' rows, in the order of the declaration.
    fn encode(&mut self, records: &[Self::Record]) -> Vec<ArrayRef>;
}

/// Simulated instants as nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(pub(crate) i64);

impl Epoch {
    /// The instant in nanoseconds since the Unix epoch; instants that a timestamp cannot hold (after 2262) read as its last.
    #[inline]
    fn unix_ns(self, time: Time) -> i64 {
        self.0.saturating_add_unsigned(time.as_nanos())
    }
}
