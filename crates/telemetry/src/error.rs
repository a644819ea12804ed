//! What can go wrong while a run is written or read: what, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run cannot be written or read. The message says what and where; [`Error::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// The output folder is there, and it is not one that a run may replace.
    #[error("{} is there already and is not a finished run: {found}", path.display())]
    NotARun {
        /// The output folder.
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
    /// A manifest that cannot be read, or that a newer version wrote.
    #[error("{} is not a manifest that this version reads: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A table's values are not those of the manifest.
    #[error("{} has {found} where the manifest says {expected}", path.display())]
    Altered {
        /// The table's folder.
        path: PathBuf,
        /// What was read.
        found: String,
        /// What was written.
        expected: String,
    },
    /// The Parquet library refused.
    #[error("cannot encode or decode {}: {message}", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// A document of truth could not be turned into text.
    #[error("cannot turn {name} into JSON: {message}")]
    Document {
        /// Name of the document.
        name: String,
        /// What the serialiser said.
        message: String,
    },
    /// A file that the scenario reads has the name of something of the run's own.
    #[error("the data file {name} has a name that the run's folder truth/ needs for something else")]
    TakenName {
        /// Name of the file, as the scenario has it.
        name: String,
    },
    /// The system gave no thread to write on.
    #[error("cannot start the writer's thread: {source}")]
    Thread {
        /// The answer.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// What the user can do about it, as a sentence without capital and full stop.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path; if a folder vanished during the run, run again",
                kind => hint_of_a_full_or_closed_disk(kind).unwrap_or(
                    "check the disk and the path, then run again; an unfinished run is never mistaken for a finished one",
                ),
            },
            Self::NotARun { .. } => {
                "choose another folder with --out, or move this one away; only finished runs are replaced"
            }
            Self::NoFolderName { .. } => "give a folder's name with --out, such as out/my-run",
            Self::Manifest { .. } => "read the run with the version that wrote it, or run the scenario again",
            Self::Altered { .. } => "the run was changed after it was written; run the scenario again",
            Self::Encoding { .. } | Self::Document { .. } => {
                "this is a defect of knockon; please report it with the scenario"
            }
            Self::TakenName { .. } => "rename it, or put it into a folder beside the scenario",
            Self::Thread { .. } => "run with one thread, or raise the limit of processes",
        }
    }
}

/// What to do about a disk that takes no folder, for whoever writes one: there is no room, no permission, or something in the way.
#[must_use]
pub fn hint_of_a_full_or_closed_disk(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space, or choose a folder on another disk with --out; nothing was left behind"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write to with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the way; choose another folder with --out"
        }
        _ => return None,
    })
}
