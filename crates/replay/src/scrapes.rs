//! The samples of a run, one scrape after the other: what every series was at an instant. Holds one batch and one scrape.

use crate::error::{Error, Result};
use knockon_telemetry::{Batch, Batches, RunReader};

/// A run's scrapes, read from the first to the last.
#[derive(Debug)]
pub struct Scrapes {
    batches: Batches,
    batch: Option<Batch>,
    row: usize,
    time_ns: i64,
    values: Vec<Option<f64>>,
}

impl Scrapes {
    /// Reads the first one of a run with so many series.
    ///
    /// # Errors
    /// If the run cannot be read, or has no samples.
    pub fn open(run: &RunReader, series: usize) -> Result<Self> {
        let batches = run.read("observed/metrics", &["series_id", "time", "value"])?;
        let mut scrapes = Self { batches, batch: None, row: 0, time_ns: i64::MIN, values: vec![None; series] };
        if scrapes.step()? { Ok(scrapes) } else { Err(Error::Empty) }
    }

    /// The instant of the scrape, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        self.time_ns
    }

    /// What a series was, if the scrape found it.
    #[must_use]
    pub fn value(&self, series: usize) -> Option<f64> {
        self.values.get(series).copied().flatten()
    }

    /// Goes on to the last scrape that is not after an instant.
    ///
    /// # Errors
    /// If the run cannot be read.
    pub fn advance(&mut self, now_ns: i64) -> Result<()> {
        while self.coming()?.is_some_and(|time| time <= now_ns) {
            self.step()?;
        }
        Ok(())
    }

    /// Goes on to the next scrape; false where there is none, which leaves the last one.
    ///
    /// # Errors
    /// If the run cannot be read.
    pub fn step(&mut self) -> Result<bool> {
        let Some(time) = self.coming()? else { return Ok(false) };
        self.time_ns = time;
        self.values.fill(None);
        while self.coming()? == Some(time) {
            if let Some(batch) = &self.batch {
                let series = batch.integer(0, self.row).and_then(|id| usize::try_from(id).ok());
                if let Some(value) = series.and_then(|id| self.values.get_mut(id)) {
                    *value = batch.real(2, self.row);
                }
            }
            self.row += 1;
        }
        Ok(true)
    }

    /// The instant of the next row.
    fn coming(&mut self) -> Result<Option<i64>> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.rows()) {
            self.batch = self.batches.next().transpose()?;
            self.row = 0;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
        Ok(self.batch.as_ref().and_then(|batch| batch.integer(1, self.row)))
    }
}
