//! What can go wrong while a run is told again: what, where, and what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run cannot be told again. The message says what and where; [`Error::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] knockon_telemetry::Error),
    /// The run's series cannot be read.
    #[error(transparent)]
    Export(#[from] knockon_export::Error),
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The answer.
        reason: String,
    },
    /// The network failed while it was listened to.
    #[error("cannot take requests any more: {0}")]
    Network(std::io::Error),
    /// The receiver's address cannot be used.
    #[error("cannot send to {to}: {why}")]
    Address {
        /// As it was given.
        to: String,
        /// What speaks against it.
        why: &'static str,
    },
    /// The receiver refuses for good.
    #[error("{url} answers {status}: {said}")]
    Refused {
        /// Where.
        url: String,
        /// As what.
        status: u16,
        /// In its own words.
        said: String,
    },
    /// The file of progress cannot be used.
    #[error("{} {why}", path.display())]
    Progress {
        /// Which.
        path: PathBuf,
        /// What speaks against it.
        why: String,
    },
    /// There is nothing to tell.
    #[error("the run has no samples of metrics")]
    Empty,
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Run(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Listen { .. } => "choose another port with --listen, such as 127.0.0.1:0 for any that is free",
            Self::Network(_) => "start it again; the run itself is as it was",
            Self::Address { .. } => {
                "give the receiver's base, such as http://127.0.0.1:4318, and headers as NAME=VALUE"
            }
            Self::Refused { .. } => {
                "see whether the receiver speaks this --protocol at this address; what it took stays taken, and --resume goes on from there"
            }
            Self::Progress { .. } => "name another file with --resume to begin anew, or take this one away",
            Self::Empty => "run the scenario with its telemetry, and for longer than a scrape interval",
        }
    }
}
