//! The tables of a run, as a format reads them: columns by name, in batches, with a count of rows for whoever watches.

use crate::error::Result;
use knockon_telemetry::{Batch, RunReader};

/// A run that is read from end to end.
pub(crate) struct Source<'a> {
    run: &'a RunReader,
    progress: &'a mut dyn FnMut(u64, u64),
    done: u64,
    all: u64,
}

impl<'a> Source<'a> {
    /// The observed tables of a run.
    pub(crate) fn of(run: &'a RunReader, progress: &'a mut dyn FnMut(u64, u64)) -> Self {
        let tables = run.manifest().tables.iter();
        let all = tables.filter(|(name, _)| name.starts_with("observed/")).map(|(_, table)| table.rows).sum();
        Self { run, progress, done: 0, all }
    }

    /// The instant at which the run begins, in nanoseconds since the Unix epoch.
    pub(crate) fn start_unix_ns(&self) -> i64 {
        self.run.manifest().start_unix_ns
    }

    /// Says that a table will be read once more than the once that is counted on, for whoever watches.
    pub(crate) fn again(&mut self, table: &str) {
        self.all += self.run.manifest().tables.get(table).map_or(0, |table| table.rows);
    }

    /// Reads columns of a table, batch by batch.
    pub(crate) fn each(
        &mut self,
        table: &str,
        columns: &[&str],
        mut take: impl FnMut(&Batch) -> Result<()>,
    ) -> Result<()> {
        for batch in self.run.read(table, columns)? {
            let batch = batch?;
            take(&batch)?;
            self.done += batch.rows() as u64;
            (self.progress)(self.done, self.all);
        }
        Ok(())
    }
}
