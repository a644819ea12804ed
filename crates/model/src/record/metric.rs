//! Observed metric samples.

use crate::id::SeriesId;
use knockon_kernel::Time;

/// One sample of one series, on the scrape grid.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SampleRecord {
    /// Series, described in [`super::Catalogue::series`].
    pub series: SeriesId,
    /// Grid time.
    pub time: Time,
    /// Value; counters are cumulative since the start of their process.
    pub value: f64,
}
