//! Records to tables: Parquet parts, staged and renamed, with a manifest.
//!
//! ```text
//! world ──records──► Recorder ──batches──► order ──► table ──► part          (writer's thread, if there are two)
//!                    (a Sink, with an      by start   chunks     Parquet file
//!                    observer if asked)
//! other worlds ──rows, block by block──► TruthTables ──► table ──► part
//! RunWriter: staged folder, documents of truth, manifest, one step into place
//! ```
//!
//! [`RunReader`] reads a finished run back. [`RunWriter::create`] stages a folder, [`RunWriter::recorder`] opens its tables,
//! [`RunWriter::truth_tables`] those of what faults did, [`RunWriter::finish`] commits. Only this crate
//! knows Arrow and Parquet, and the wording of logs. Deliberately not here: which states are milestones, what a fault did,
//! what a scenario is; whoever knows writes a document of truth.

mod dialect;
mod error;
mod folder;
mod observer;
mod reader;
mod recorder;
mod tables;
mod truth;
mod writer;

pub use error::{Error, Result, hint_of_a_full_or_closed_disk};
pub use folder::{
    Closing, Disk, Entry, Epochs, FileSystem, FolderLock, LIMIT_WAITING_ROWS, MANIFEST, Manifest, Meta, Options,
    OutputFile, RunWriter, TABLES_EPOCH, TableSummary, check_tables, read_manifest,
};
pub use reader::{Batch, Batches, RunReader};
pub use recorder::Recorder;
pub use tables::{Column, Kind, TABLES, Table, data_dictionary};
pub use truth::{BlameRow, EffectRow, End, LogLabel, MetricName, Role, SampleLabel, SpanLabel, WindowRow};
pub use writer::TruthTables;
pub use writer::digest::Digest;
