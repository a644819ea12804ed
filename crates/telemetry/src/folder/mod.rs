//! The run folder: staged, filled with tables and documents, committed with a manifest, put in place in one step.
//!
//! ```text
//! out/<name>/
//!   manifest.json   written last: a folder with a manifest is a finished run
//!   observed/       spans/ logs/ metrics/ series/ changes/      Parquet parts
//!   truth/          ledger/ requests/; effects/ windows/ labels_*/ blame/ where worlds were compared; observer/
//!                   where records met one; the documents that the caller writes,
//!                   and the files that the scenario reads
//! ```
//!
//! Nothing of a staged folder lies in the place of the run, and nothing but data lies in a table's folder: readers take
//! every file that they find there.

mod check;
mod files;
mod manifest;
mod stage;

pub use check::check_tables;
pub use files::{Disk, Entry, FileSystem, FolderLock, OutputFile};
pub use manifest::{Epochs, MANIFEST, Manifest, TABLES_EPOCH, TableSummary};

use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::recorder::Recorder;
use crate::tables::TABLES;
use crate::truth::MetricName;
use crate::writer::{Tables, TruthTables, digest};
use crate::{Digest, writer};
use knockon_kernel::Duration;
use knockon_model::blueprint::Blueprint;
use knockon_model::observing::Observing;
use knockon_model::record::Catalogue;
use serde::Serialize;
use stage::{FOLDERS, Stage};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Component, Path};
use std::sync::Arc;

/// Name in [`Manifest::limits_hit`]: so many times were rows written out of order, since too many spans waited for an earlier one to end.
pub const LIMIT_WAITING_ROWS: &str = "waiting_rows";

/// Documents of truth: those that every run has, and those of what faults did.
const DOCUMENTS: [&str; 7] = [
    "scenario.ron",
    "faults.json",
    "milestones.json",
    "incidents.json",
    "propagation.json",
    "propagation.dot",
    "difficulty.json",
];

/// How a run is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// With 2 or more, tables are encoded and written on a thread of their own. The bytes are the same.
    pub threads: usize,
    /// Spans that may wait for an earlier one to end before rows are written out of order. Each takes about 210 bytes.
    pub waiting_rows: usize,
    /// Where to write.
    pub files: Arc<dyn FileSystem>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 2, waiting_rows: 1_000_000, files: Arc::new(Disk) }
    }
}

/// What the manifest says of results that moved between versions. [`TABLES_EPOCH`] is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Meta {
    /// Epoch of random draws.
    pub draws_epoch: u32,
    /// Epoch of the model.
    pub model_epoch: u32,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closing {
    /// Digest of the run.
    pub run_digest: String,
    /// Simulated time that was run.
    pub simulated: Duration,
    /// Named bounds that were hit, with how often.
    pub limits_hit: BTreeMap<String, u64>,
}

/// Writes one run folder. Dropped before [`RunWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct RunWriter {
    stage: Stage,
    catalogue: Catalogue,
    blueprint: Arc<Blueprint>,
    options: Options,
    manifest: Manifest,
    /// Whether the recorder has been given out, and the tables of truth: who has them gives them back.
    recording: Cell<bool>,
    comparing: Cell<bool>,
}

impl RunWriter {
    /// Stages a run that will lie at `out`.
    ///
    /// # Errors
    /// If something other than a finished run is there, or the file system refuses.
    pub fn create(
        out: &Path,
        meta: Meta,
        catalogue: &Catalogue,
        blueprint: &Blueprint,
        options: Options,
    ) -> Result<Self> {
        let stage = Stage::create(Arc::clone(&options.files), out)?;
        for folder in FOLDERS {
            let path = stage.path.join(folder);
            options.files.create_folder(&path).map_err(|source| Error::io("create", &path, source))?;
        }
        let epochs = Epochs { draws: meta.draws_epoch, model: meta.model_epoch, tables: TABLES_EPOCH };
        let manifest = Manifest::new(epochs, blueprint.seed, blueprint.epoch_unix_ns);
        Ok(Self {
            stage,
            catalogue: catalogue.clone(),
            blueprint: Arc::new(blueprint.clone()),
            options,
            manifest,
            recording: Cell::new(false),
            comparing: Cell::new(false),
        })
    }

    /// The sink for the world's records. To be called once: it opens the tables.
    ///
    /// # Errors
    /// If the tables' files cannot be created.
    pub fn recorder(&self) -> Result<Recorder> {
        self.recorder_observing(None)
    }

    /// The same, with something between the world and the tables of what was observed, whose doings are in `truth/observer`.
    ///
    /// # Errors
    /// If the tables' files cannot be created.
    pub fn recorder_observing(&self, observing: Option<&Observing>) -> Result<Recorder> {
        self.recording.set(true);
        let Options { files, waiting_rows, threads } = &self.options;
        let (run, catalogue, blueprint) = (&self.stage.path, &self.catalogue, &self.blueprint);
        let tables = Tables::create(files, run, catalogue, blueprint, *waiting_rows, observing.is_some())?;
        let observer = observing.map(|plan| Box::new(Observer::new(plan, catalogue, blueprint)));
        Ok(Recorder::new(tables, *threads > 1, observer))
    }

    /// The tables of what faults did. To be called once, if worlds are compared: it opens them. `metrics` are what
    /// [`WindowRow::metric`](crate::WindowRow::metric) counts through.
    ///
    /// # Errors
    /// If the tables' files cannot be created.
    pub fn truth_tables(&self, metrics: impl IntoIterator<Item = MetricName>) -> Result<TruthTables> {
        self.comparing.set(true);
        let files = &self.options.files;
        TruthTables::create(files, &self.stage.path, &self.catalogue, &self.blueprint, metrics)
    }

    /// Writes a document of truth as JSON: `faults.json`, `milestones.json`. Returns the digest of its bytes.
    ///
    /// # Errors
    /// If the value has no JSON form, or the file system refuses.
    pub fn write_truth_json(&self, name: &str, value: &impl Serialize) -> Result<Digest> {
        let refused = |error: serde_json::Error| Error::Document { name: name.into(), message: error.to_string() };
        let mut text = serde_json::to_string_pretty(value).map_err(refused)?;
        text.push('\n');
        self.write_truth_text(name, &text)
    }

    /// Writes a document of truth: `scenario.ron`. Returns the digest of its bytes.
    ///
    /// # Errors
    /// If the file system refuses.
    ///
    /// # Panics
    /// If the name is that of a table's folder or has a separator.
    pub fn write_truth_text(&self, name: &str, text: &str) -> Result<Digest> {
        let is_free = tables_of_truth().all(|table| table != name);
        assert!(!name.contains(['/', '\\']) && is_free, "documents of truth are files of truth/");
        self.write_file(&self.stage.path.join("truth").join(name), text.as_bytes())?;
        Ok(digest::of_bytes(text.as_bytes()))
    }

    /// Writes a file that `scenario.ron` reads, by the same name beside it: a run can be run again from its folder alone.
    ///
    /// # Errors
    /// If the name is one of a document or table of truth, or the file system refuses.
    ///
    /// # Panics
    /// If the name leads out of the folder.
    pub fn write_input(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let parts: Vec<_> = Path::new(name).components().collect();
        assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "a checked name stays in its folder");
        let first = parts.first().map(|part| part.as_os_str());
        if tables_of_truth().chain(DOCUMENTS).any(|taken| first.is_some_and(|first| first.eq_ignore_ascii_case(taken)))
        {
            return Err(Error::TakenName { name: name.into() });
        }
        let files = &self.options.files;
        let path = self.stage.path.join("truth").join(name);
        let folder = path.parent().expect("it lies in a folder");
        files.create_folders(folder).map_err(|source| Error::io("create", folder, source))?;
        self.write_file(&path, bytes)?;
        let inner = folder.ancestors().take_while(|folder| !folder.ends_with("truth"));
        for folder in inner {
            files.synchronise_folder(folder).map_err(|source| Error::io("synchronise", folder, source))?;
        }
        Ok(())
    }

    /// Completes the run and puts it in place. Tables that were not opened have no folders to read: without a recorder nothing was
    /// recorded, without `truth` no worlds were compared.
    ///
    /// # Errors
    /// The first one that the recorder met, or one of the file system's. The staged folder is gone then, and whatever was in the
    /// run's place is still there; only if removing the *replaced* run fails, the new one is in place already.
    ///
    /// # Panics
    /// If tables were opened and are not given back: they would lie there without an end.
    pub fn finish(
        mut self,
        recorder: Option<Recorder>,
        truth: Option<TruthTables>,
        closing: Closing,
    ) -> Result<Manifest> {
        let given_back = (recorder.is_some(), truth.is_some());
        assert_eq!(given_back, (self.recording.get(), self.comparing.get()), "tables that were opened are given back");
        self.manifest.run_digest = closing.run_digest;
        self.manifest.simulated_ns = closing.simulated.as_nanos();
        self.manifest.limits_hit = closing.limits_hit;
        if let Some(recorder) = recorder {
            self.add(&recorder.finish()?);
        }
        if let Some(truth) = truth {
            truth.finish()?.iter().for_each(|written| self.manifest.add(written));
        }
        for folder in self.folders() {
            let path = self.stage.path.join(folder);
            self.options.files.synchronise_folder(&path).map_err(|source| Error::io("synchronise", &path, source))?;
        }
        let mut text = serde_json::to_string_pretty(&self.manifest).expect("a manifest has a JSON form");
        text.push('\n');
        self.write_file(&self.stage.path.join(MANIFEST), text.as_bytes())?;
        let root = &self.stage.path;
        self.options.files.synchronise_folder(root).map_err(|source| Error::io("synchronise", root, source))?;
        self.stage.put_in_place()?;
        Ok(self.manifest)
    }

    fn add(&mut self, summary: &writer::Summary) {
        for written in &summary.tables {
            self.manifest.add(written);
        }
        if summary.order_overflows > 0 {
            self.manifest.limits_hit.insert(LIMIT_WAITING_ROWS.into(), summary.order_overflows);
        }
    }

    /// Every folder that is there, inner ones first.
    fn folders(&self) -> impl Iterator<Item = &str> {
        self.manifest.tables.keys().map(String::as_str).chain(FOLDERS)
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = self.options.files.create_file(path).map_err(|source| Error::io("create", path, source))?;
        file.write_all(bytes).map_err(|source| Error::io("write", path, source))?;
        file.synchronise().map_err(|source| Error::io("synchronise", path, source))
    }
}

/// Folders of tables within `truth/`.
fn tables_of_truth() -> impl Iterator<Item = &'static str> {
    TABLES.iter().filter_map(|table| table.path.strip_prefix("truth/"))
}

/// Reads the manifest of a finished run.
///
/// # Errors
/// If the folder has none, or one that this version does not read.
pub fn read_manifest(run: &Path) -> Result<Manifest> {
    let path = run.join(MANIFEST);
    let text = Disk.read(&path).map_err(|source| Error::io("read", &path, source))?;
    Manifest::parse(&path, &text)
}
