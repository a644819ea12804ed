//! `observed/series`: what the samples of `observed/metrics` are samples of. A run has thousands at most, so they are held.

use crate::error::Result;
use crate::source::Source;

/// A series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// By UCUM: `s`, `By`, `1`, `{request}`.
    pub(crate) unit: String,
    /// `gauge`, `counter`, `histogram_bucket`, `histogram_count` or `histogram_sum`.
    pub(crate) kind: String,
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) labels: Vec<(String, String)>,
}

/// All series, by their number.
pub(crate) fn read(source: &mut Source<'_>) -> Result<Vec<Series>> {
    let columns = ["series_id", "name", "unit", "kind", "service", "instance", "attributes"];
    let mut series = Vec::new();
    source.each("observed/series", &columns, |batch| {
        for row in 0..batch.rows() {
            let text = |column| batch.text(column, row).unwrap_or_default().to_owned();
            let labels = batch.pairs(6, row).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            let id = batch.integer(0, row).and_then(|id| usize::try_from(id).ok());
            debug_assert_eq!(id, Some(series.len()), "series are numbered in their order");
            series.push(Series {
                name: text(1),
                unit: text(2),
                kind: text(3),
                service: text(4),
                instance: text(5),
                labels,
            });
        }
        Ok(())
    })?;
    Ok(series)
}
