//! The tables of truth about faults: rows come block by block from whoever compares worlds, and go to disk as they come.

use super::table::{Stream, Written};
use crate::error::Result;
use crate::folder::FileSystem;
use crate::tables::{Blame, Effects, LogLabels, SampleLabels, SpanLabels, Windows};
use crate::truth::{BlameRow, EffectRow, LogLabel, MetricName, SampleLabel, SpanLabel, WindowRow};
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::record::Catalogue;
use std::path::Path;
use std::sync::Arc;

/// Writes `truth/effects`, `truth/windows`, the labels and the blame of a run.
///
/// Rows that are handed over at once are put into the order of their time, those of one instant stay as they came; what is
/// handed over later follows, whatever its times. Each call encodes and writes on the caller's thread what fills a chunk, so
/// memory holds one row group a table, however long the run. An error leaves tables that are not complete: the run is to be given up.
pub struct TruthTables {
    effects: Stream<Effects>,
    windows: Stream<Windows>,
    span_labels: Stream<SpanLabels>,
    log_labels: Stream<LogLabels>,
    sample_labels: Stream<SampleLabels>,
    blame: Stream<Blame>,
    /// Time and place of rows; kept for its memory.
    places: Vec<(Time, usize)>,
}

impl TruthTables {
    /// Opens the tables in a run folder.
    pub(crate) fn create(
        files: &Arc<dyn FileSystem>,
        run: &Path,
        catalogue: &Catalogue,
        blueprint: &Arc<Blueprint>,
        metrics: impl IntoIterator<Item = MetricName>,
    ) -> Result<Self> {
        Ok(Self {
            effects: Stream::create(files, run, Effects::new(catalogue, blueprint))?,
            windows: Stream::create(files, run, Windows::new(metrics, blueprint))?,
            span_labels: Stream::create(files, run, SpanLabels::new())?,
            log_labels: Stream::create(files, run, LogLabels::new())?,
            sample_labels: Stream::create(files, run, SampleLabels::new(blueprint))?,
            blame: Stream::create(files, run, Blame::new(blueprint))?,
            places: Vec::new(),
        })
    }

    /// Takes requests that differ, of one or of several contrasts.
    ///
    /// # Errors
    /// If the file system refuses.
    ///
    /// # Panics
    /// If a row names a process or an operation that the run's catalogue has not.
    pub fn effects(&mut self, rows: &[EffectRow]) -> Result<()> {
        in_order(&mut self.places, rows, |row| row.sent, |row| self.effects.push(row))
    }

    /// Takes numbers that differ in their windows.
    ///
    /// # Errors
    /// If the file system refuses.
    ///
    /// # Panics
    /// If a row is of a metric that the tables were opened without.
    pub fn windows(&mut self, rows: &[WindowRow]) -> Result<()> {
        in_order(&mut self.places, rows, |row| row.start, |row| self.windows.push(row))
    }

    /// Takes labels of spans.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn span_labels(&mut self, labels: &[SpanLabel]) -> Result<()> {
        in_order(&mut self.places, labels, |label| label.start, |label| self.span_labels.push(label))
    }

    /// Takes labels of log lines.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn log_labels(&mut self, labels: &[LogLabel]) -> Result<()> {
        in_order(&mut self.places, labels, |label| label.time, |label| self.log_labels.push(label))
    }

    /// Takes labels of samples.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn sample_labels(&mut self, labels: &[SampleLabel]) -> Result<()> {
        in_order(&mut self.places, labels, |label| label.time, |label| self.sample_labels.push(label))
    }

    /// Takes blame of windows.
    ///
    /// # Errors
    /// If the file system refuses.
    ///
    /// # Panics
    /// If a row names a component that the run's blueprint has not.
    pub fn blame(&mut self, rows: &[BlameRow]) -> Result<()> {
        in_order(&mut self.places, rows, |row| row.start, |row| self.blame.push(row))
    }

    /// Writes what still waits, and the footers.
    pub(crate) fn finish(self) -> Result<Vec<Written>> {
        Ok(vec![
            self.effects.close()?,
            self.windows.close()?,
            self.span_labels.close()?,
            self.log_labels.close()?,
            self.sample_labels.close()?,
            self.blame.close()?,
        ])
    }
}

impl std::fmt::Debug for TruthTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TruthTables").finish_non_exhaustive()
    }
}

/// Hands rows on in the order of (time, arrival).
fn in_order<R>(
    places: &mut Vec<(Time, usize)>,
    rows: &[R],
    time: impl Fn(&R) -> Time,
    mut out: impl FnMut(&R) -> Result<()>,
) -> Result<()> {
    places.clear();
    places.extend(rows.iter().map(time).zip(0..));
    places.sort_unstable();
    places.iter().try_for_each(|&(_, place)| out(&rows[place]))
}
