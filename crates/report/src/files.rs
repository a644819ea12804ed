//! The files of a run as the rows and documents that stories are made of.

use crate::error::{Error, Result};
use knockon_lab::story::{BlameRow, EffectRow, Ended, Fault, Graph, Incident, Milestones, WindowRow};
use knockon_lab::{Calendar, topology};
use knockon_model::record::Part;
use knockon_scenario::{Loaded, Options, Scenario};
use knockon_telemetry::{Batch, Manifest, RunReader};
use serde::de::DeserializeOwned;
use std::path::Path;

/// A finished run.
#[derive(Debug)]
pub struct Files {
    run: RunReader,
    /// What it was a run of; where that cannot be read by this version, the story does without.
    scenario: Option<Loaded>,
}

impl Files {
    /// Opens a finished run.
    ///
    /// # Errors
    /// If the folder is none, or of another version.
    pub fn open(folder: &Path) -> Result<Self> {
        let run = RunReader::open(folder).map_err(|error| match error {
            knockon_telemetry::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Error::NoRun { path: folder.into(), source }
            }
            error => error.into(),
        })?;
        let options = Options { seed: run.manifest().seed, ..Options::default() };
        let scenario = Scenario::load(&folder.join("truth/scenario.ron"), &options).ok();
        Ok(Self { run, scenario })
    }

    /// What the run is made of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.run.manifest()
    }

    /// What it was a run of.
    #[must_use]
    pub fn scenario(&self) -> Option<&Loaded> {
        self.scenario.as_ref()
    }

    /// The folder's name.
    #[must_use]
    pub fn name(&self) -> String {
        let folder = self.run.folder();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
        folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// What the scenario shows.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.scenario.as_ref().map(|loaded| loaded.title.as_str()).filter(|title| !title.is_empty())
    }

    /// The first line of a story.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.title() {
            Some(title) => format!("{}: {title}", self.name()),
            None => self.name(),
        }
    }

    /// Who calls whom.
    #[must_use]
    pub fn system(&self) -> Option<String> {
        self.scenario.as_ref().map(|loaded| topology::in_words(&loaded.blueprint))
    }

    /// How its simulated time is told.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar { epoch_unix_ns: self.run.manifest().start_unix_ns }
    }

    /// `None` if the run was not compared with a world without its faults.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn incidents(&self) -> Result<Option<Vec<Incident>>> {
        self.document("truth/incidents.json")
    }

    /// How each incident came about; nothing where worlds were not compared.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn graphs(&self) -> Result<Vec<Graph>> {
        Ok(self.document("truth/propagation.json")?.unwrap_or_default())
    }

    /// What acted.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn faults(&self) -> Result<Vec<Fault>> {
        Ok(self.document("truth/faults.json")?.unwrap_or_default())
    }

    /// States that a reader would name.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn milestones(&self) -> Result<Milestones> {
        Ok(self.document("truth/milestones.json")?.unwrap_or_default())
    }

    fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(bytes) = self.run.document(name)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| Error::Document { path: self.run.folder().join(name), source })
    }

    /// An instant of a table since the run began; one before it counts as its beginning.
    #[must_use]
    pub fn offset_ns(&self, unix_ns: i64) -> u64 {
        unix_ns.saturating_sub(self.run.manifest().start_unix_ns).max(0).cast_unsigned()
    }

    /// Hands over every row of a table, as a batch and the row's place in it.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn each(&self, table: &str, columns: &[&str], mut take: impl FnMut(&Batch, usize)) -> Result<()> {
        for batch in self.run.read(table, columns)? {
            let batch = batch?;
            (0..batch.rows()).for_each(|row| take(&batch, row));
        }
        Ok(())
    }

    /// Hands over the rows of `truth/windows`, of all contrasts.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn each_window(&self, mut take: impl FnMut(&WindowRow<'_>)) -> Result<()> {
        const COLUMNS: [&str; 11] = [
            "contrast",
            "component",
            "part",
            "metric",
            "unit",
            "window_start",
            "window_end",
            "with_value",
            "without_value",
            "labelled",
            "hurt",
        ];
        self.each("truth/windows", &COLUMNS, |batch, row| {
            take(&WindowRow {
                contrast: contrast(batch, row),
                component: batch.text(1, row).unwrap_or_default(),
                part: batch.text(2, row),
                metric: batch.text(3, row).unwrap_or_default(),
                unit: batch.text(4, row).unwrap_or_default(),
                start_ns: self.offset_ns(batch.integer(5, row).unwrap_or(0)),
                end_ns: self.offset_ns(batch.integer(6, row).unwrap_or(0)),
                with: batch.real(7, row),
                without: batch.real(8, row),
                labelled: batch.answer(9, row).unwrap_or(false),
                hurt: batch.answer(10, row).unwrap_or(false),
            });
        })
    }

    /// Hands over the rows of `truth/effects`, of all contrasts.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn each_effect(&self, mut take: impl FnMut(&EffectRow<'_>)) -> Result<()> {
        const FIXED: [&str; 13] = [
            "contrast",
            "source",
            "name",
            "hurt",
            "with_latency_ns",
            "with_outcome",
            "with_status",
            "with_error_type",
            "without_latency_ns",
            "without_outcome",
            "without_status",
            "without_error_type",
            "sent_time",
        ];
        let parts = difference_columns();
        let columns: Vec<&str> = FIXED.into_iter().chain(parts.iter().map(String::as_str)).collect();
        self.each("truth/effects", &columns, |batch, row| {
            let ended = |first: usize| {
                batch.integer(first, row).map(|latency_ns| Ended {
                    latency_ns,
                    failed: batch.text(first + 1, row) == Some("failed"),
                    status: batch.integer(first + 2, row),
                    error: batch.text(first + 3, row),
                })
            };
            let mut differences_ns = [0; Part::COUNT];
            for (place, difference) in differences_ns.iter_mut().enumerate() {
                *difference = batch.integer(FIXED.len() + place, row).unwrap_or(0);
            }
            take(&EffectRow {
                contrast: contrast(batch, row),
                source: batch.text(1, row).unwrap_or_default(),
                name: batch.text(2, row).unwrap_or_default(),
                sent_ns: self.offset_ns(batch.integer(12, row).unwrap_or(0)),
                with: ended(4),
                without: ended(8),
                differences_ns,
                hurt: batch.answer(3, row).unwrap_or(false),
            });
        })
    }

    /// Every request that ended: when, and whether it failed.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn each_request(&self, mut take: impl FnMut(u64, bool)) -> Result<()> {
        self.each("truth/requests", &["ended_time", "outcome"], |batch, row| {
            take(self.offset_ns(batch.integer(0, row).unwrap_or(0)), batch.text(1, row) == Some("failed"));
        })
    }

    /// Rows of blame, where the run has any.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn each_blame(&self, mut take: impl FnMut(&BlameRow<'_>)) -> Result<()> {
        const COLUMNS: [&str; 8] =
            ["resource", "kind", "waiting", "holding", "holding_activity", "window_start", "window_end", "waited_ns"];
        self.each("truth/blame", &COLUMNS, |batch, row| {
            take(&BlameRow {
                resource: batch.text(0, row).unwrap_or_default(),
                kind: batch.text(1, row).unwrap_or_default(),
                waiting: batch.text(2, row).unwrap_or_default(),
                holding: batch.text(3, row),
                holding_activity: batch.text(4, row).unwrap_or_default(),
                start_ns: self.offset_ns(batch.integer(5, row).unwrap_or(0)),
                end_ns: self.offset_ns(batch.integer(6, row).unwrap_or(0)),
                waited_ns: batch.integer(7, row).unwrap_or(0).cast_unsigned(),
            });
        })
    }
}

/// Number of a row's contrast, which is its first column.
fn contrast(batch: &Batch, row: usize) -> u32 {
    batch.integer(0, row).and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}

/// Columns of `truth/effects` with the differences by part of the ledger.
pub(crate) fn difference_columns() -> [String; Part::COUNT] {
    Part::ALL.map(|part| format!("{}_difference_ns", part.column().trim_end_matches("_ns")))
}
