//! Prometheus: the samples of a whole run as OpenMetrics text, and what its series are called, for whoever serves them one scrape at a time.
//!
//! ```text
//! observed/series ──► names ──► families: metrics, with the series whose lines each has
//! observed/metrics ──several passes──► range: one metric after the other, its times ascending
//! ```
//!
//! Source: OpenMetrics 1.0, "Text format"; Prometheus, "Exposition formats". Deliberately not here: sockets and clocks, and metrics with
//! exemplars, which the tables have none of.

mod family;
mod names;
mod range;
#[cfg(test)]
mod tests;
mod text;

pub use family::{Families, Family, Labels, Line, Metric};
pub use text::{Text, put_time, put_value};

pub(crate) use range::write;

use crate::error::Result;
use crate::series;
use crate::source::Source;
use knockon_telemetry::RunReader;

/// The metric families of a run.
///
/// # Errors
/// If the run cannot be read.
pub fn families(run: &RunReader, labels: Labels) -> Result<Families> {
    let mut unwatched = |_, _| {};
    let series = series::read(&mut Source::of(run, &mut unwatched))?;
    Ok(Families::of(&series, labels))
}
