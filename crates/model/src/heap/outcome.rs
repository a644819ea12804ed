//! What an allocation led to: pauses in order, concurrent marking, or no memory.

use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// What an allocation, or the end of a mark, led to. Usually nothing; then it owns no memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// The collections that ran, in order; each stops the process for its pause.
    pub(crate) collections: Vec<Collection>,
    /// Concurrent marking starts after the last of them.
    pub(crate) concurrent: Option<ConcurrentMark>,
    /// The allocation failed.
    pub(crate) out_of_memory: Option<OutOfMemory>,
}

impl Outcome {
    /// Whether nothing happened: the allocation succeeded at once.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.collections.is_empty() && self.concurrent.is_none() && self.out_of_memory.is_none()
    }

    /// Takes up what a later allocation led to.
    #[inline]
    pub(crate) fn append(&mut self, later: Self) {
        if later.is_quiet() {
            return;
        }
        self.collections.extend(later.collections);
        self.concurrent = later.concurrent.or(self.concurrent);
        self.out_of_memory = later.out_of_memory;
    }

    /// The time that the process stands still.
    pub(crate) fn pause(&self) -> Duration {
        self.collections.iter().fold(Duration::ZERO, |sum, collection| sum.saturating_add(collection.pause))
    }
}

/// One collection. Bytes are of the whole heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collection {
    /// How many this process had before it.
    pub(crate) number: u32,
    /// How many of its kind it stands for: many of CPython's that one step led to are told as one.
    pub(crate) times: u64,
    /// What it was.
    pub(crate) kind: CollectionKind,
    /// Why it ran.
    pub(crate) cause: CollectionCause,
    /// Bytes in use when it began.
    pub(crate) before: u64,
    /// Bytes in use when it ended.
    pub(crate) after: u64,
    /// Committed bytes.
    pub(crate) committed: u64,
    /// Reachable bytes when it ended.
    pub(crate) live_after: u64,
    /// How long the process stands still, for all of them.
    pub(crate) pause: Duration,
}

/// Marking beside the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConcurrentMark {
    /// Processor taken, in thousandths of a core.
    pub(crate) milli_cores: u32,
    /// How long it takes when it gets that much.
    pub(crate) duration: Duration,
}

/// The heap could not serve an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory {
    /// `GC overhead limit exceeded` rather than `Java heap space`.
    pub(crate) overhead_limit: bool,
}
