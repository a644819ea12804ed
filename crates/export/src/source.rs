//! The tables of a run, as a format reads them: columns by name, in batches, with a count of rows for whoever watches.

use crate::error::Result;
use knockon_telemetry::{Batch, Batches, RunReader};

/// Rows of a table, one by one.
#[derive(Debug)]
pub(crate) struct Rows {
    batches: Batches,
    batch: Option<Batch>,
    row: usize,
}

impl Rows {
    /// The next row: a batch and its place in it. `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<(&Batch, usize)>> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.rows()) {
            let Some(batch) = self.batches.next() else { return Ok(None) };
            (self.batch, self.row) = (Some(batch?), 0);
        }
        Ok(self.batch.as_ref().map(|batch| (batch, self.row)))
    }

    /// Goes on to the row after it.
    pub(crate) const fn advance(&mut self) {
        self.row += 1;
    }
}

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

    /// The instant at which it ends.
    pub(crate) fn end_unix_ns(&self) -> i64 {
        self.start_unix_ns().saturating_add_unsigned(self.run.manifest().simulated_ns)
    }

    /// Says that a table will be read once more than the once that is counted on, for whoever watches.
    pub(crate) fn again(&mut self, table: &str) {
        self.all += self.count(table);
    }

    /// The rows of a table.
    pub(crate) fn count(&self, table: &str) -> u64 {
        self.run.manifest().tables.get(table).map_or(0, |table| table.rows)
    }

    /// Rows of an observed table, for whoever reads two tables side by side. Nobody is told how many are done.
    pub(crate) fn rows(&self, table: &str, columns: &[&str]) -> Result<Rows> {
        assert!(table.starts_with("observed/"), "{table} is not observed");
        Ok(Rows { batches: self.run.read(table, columns)?, batch: None, row: 0 })
    }

    /// Reads columns of an observed table, batch by batch. The truth is not to be had here: that takes a [`Truth`](crate::truth::Truth).
    pub(crate) fn each(
        &mut self,
        table: &str,
        columns: &[&str],
        mut take: impl FnMut(&Batch) -> Result<()>,
    ) -> Result<()> {
        assert!(table.starts_with("observed/"), "{table} is not observed");
        for batch in self.run.read(table, columns)? {
            let batch = batch?;
            take(&batch)?;
            self.done += batch.rows() as u64;
            (self.progress)(self.done, self.all);
        }
        Ok(())
    }
}
