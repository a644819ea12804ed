//! What can go wrong while a run is exported: what, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run cannot be exported. The message says what and where; [`Error::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] knockon_telemetry::Error),
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// Something lies where the export would be, and it is no earlier export.
    #[error("{} is there already and is no export of a run: {found}", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
        /// What speaks against it.
        found: String,
    },
    /// The format tells the truth, and the run has none.
    #[error("{} has no truth to export: nobody compared it with the same run without its faults", path.display())]
    NoTruth {
        /// The run.
        path: PathBuf,
    },
    /// The format is of incidents, and the run has none.
    #[error("{} has no incident to export: no fault acted in it, or none had an effect", path.display())]
    NoIncident {
        /// The run.
        path: PathBuf,
    },
    /// A document of truth is not as this version writes it.
    #[error("{} is not as it should be: {source}", path.display())]
    Document {
        /// Which.
        path: PathBuf,
        /// What speaks against it.
        source: serde_json::Error,
    },
    /// The path cannot name a folder.
    #[error("{} does not name a folder", path.display())]
    NoFolderName {
        /// The path.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Run(error) => error.hint(),
            Self::Io { source, .. } => knockon_telemetry::hint_of_a_full_or_closed_disk(source.kind())
                .unwrap_or("check the disk and the path, then export again; the run itself is as it was"),
            Self::Occupied { .. } => {
                "choose another folder with --out, or move this one away; only earlier exports are replaced"
            }
            Self::NoTruth { .. } => {
                "run the scenario again without --no-truth; formats that tell no truth (otlp, prometheus, ocsf) take this run as it is"
            }
            Self::NoIncident { .. } => {
                "export a run of a scenario whose faults have an effect; `sim explain` tells of it"
            }
            Self::Document { .. } => "the run was changed after it was written; run the scenario again",
            Self::NoFolderName { .. } => "give a folder's name with --out, such as out/my-run-otlp",
        }
    }
}
