//! What can go wrong while a run is read and told: what, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run cannot be told. The message says what and where; [`Error::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder that is to be read, and is no run.
    #[error("`{}` is not the folder of a finished run", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file system's answer.
        source: io::Error,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] knockon_telemetry::Error),
    /// A document of truth is not what this version writes.
    #[error("cannot read `{}`", path.display())]
    Document {
        /// The document.
        path: PathBuf,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// There is no such request.
    #[error("{message}")]
    NoRequest {
        /// What there is not.
        message: String,
        /// What there is.
        hint: String,
    },
    /// The file system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// Something lies where the report would be, and it is no earlier report.
    #[error("`{}` is there already and is no report of a run", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::NoRun { .. } => {
                "give a folder that `sim run` wrote, with a manifest.json in it, such as out/memory_leak-s1"
            }
            Self::Run(error) => error.hint(),
            Self::Document { .. } => "it was changed, or another version wrote it; run the scenario again",
            Self::NoRequest { hint, .. } => hint,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "free some space, or choose a file on another disk with --out; nothing was left behind"
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a file that you may write with --out"
                }
                _ => "choose another file with --out; the run itself is as it was",
            },
            Self::Occupied { .. } => {
                "choose another file with --out, or move this one away; only earlier reports are replaced"
            }
        }
    }
}
