//! The manifest: what a finished run is made of. A folder is a finished run if and only if it has one.
//!
//! It lies beside the observed tables, so it says nothing that they do not, but how much the tables of truth hold: no names of
//! faults or scenarios, nothing about the documents of truth.

use crate::error::{Error, Result};
use crate::writer::Written;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The manifest's name in a run folder.
pub const MANIFEST: &str = "manifest.json";

/// What the first field of every manifest says.
const PRODUCER: &str = "knockon";

/// Counts the changes of the tables' shapes and wordings: the same records give the same digests as long as it stays.
pub const TABLES_EPOCH: u32 = 2;

/// A finished run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `knockon`: the folder is ours.
    pub producer: String,
    /// Version that wrote it.
    pub version: String,
    /// What a difference between two versions' results comes from.
    pub epochs: Epochs,
    /// Seed of every draw.
    pub seed: u64,
    /// Simulated time zero, in nanoseconds since the Unix epoch, UTC.
    pub start_unix_ns: i64,
    /// Simulated time that was run, in nanoseconds.
    pub simulated_ns: u64,
    /// Digest of the run: the same for the same scenario, seed and version, whatever was recorded of it.
    pub run_digest: String,
    /// Named bounds that were hit, with how often; empty for a run that was complete.
    pub limits_hit: BTreeMap<String, u64>,
    /// Tables by path.
    pub tables: BTreeMap<String, TableSummary>,
}

/// Counters of changes that move results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Epochs {
    /// Of random draws.
    pub draws: u32,
    /// Of the model.
    pub model: u32,
    /// Of tables and wordings.
    pub tables: u32,
}

/// What was written of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableSummary {
    /// Rows.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Files.
    pub parts: u32,
    /// Digest of its decoded values: independent of compression, parts, batches and threads.
    pub digest: String,
}

impl Manifest {
    pub(super) fn new(epochs: Epochs, seed: u64, start_unix_ns: i64) -> Self {
        Self {
            producer: PRODUCER.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            epochs,
            seed,
            start_unix_ns,
            simulated_ns: 0,
            run_digest: String::new(),
            limits_hit: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, written: &Written) {
        let Written { table, rows, bytes, parts, digest } = *written;
        self.tables.insert(table.path.into(), TableSummary { rows, bytes, parts, digest: digest.to_string() });
    }

    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self> {
        let refused = |message: String| Error::Manifest { path: path.into(), message };
        let manifest: Self = serde_json::from_slice(text).map_err(|error| refused(error.to_string()))?;
        if manifest.producer != PRODUCER {
            return Err(refused(format!("it was written by \"{}\"", manifest.producer.escape_debug())));
        }
        Ok(manifest)
    }
}
