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
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "free some space, or choose a folder on another disk with --out; nothing was left behind"
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a folder that you may write to with --out"
                }
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "a file is in the way; choose another folder with --out"
                }
                _ => "check the disk and the path, then export again; the run itself is as it was",
            },
            Self::Occupied { .. } => {
                "choose another folder with --out, or move this one away; only earlier exports are replaced"
            }
            Self::NoFolderName { .. } => "give a folder's name with --out, such as out/my-run-otlp",
        }
    }
}
