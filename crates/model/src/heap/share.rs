//! What one frame holds in a heap, kept beside the frame.
//!
//! A collection moves the bytes of every frame, but touches no share: a share says where its bytes lay when it was last brought
//! up to date, and [`super::contents::Contents`] knows what has happened to bytes of that date since. A collection is thus O(1)
//! in frames.

use serde::{Deserialize, Serialize};

/// What one frame holds in a heap. The default is an empty share, good for any heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Bytes in eden at `eden_epoch`; all of them for a heap without spaces.
    pub(super) eden: u64,
    /// Bytes in the survivor space at `eden_epoch`.
    pub(super) survivor: u64,
    /// Bytes in the old space at `eden_epoch`; they stay there.
    pub(super) old: u64,
    /// The epoch when the share was last brought up to date, which is as good as the birth of its bytes in eden.
    pub(super) eden_epoch: u32,
    /// An epoch in which bytes as old as those in the survivor space were allocated.
    pub(super) survivor_epoch: u32,
}

impl Share {
    /// Whether it stands for no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.eden == 0 && self.survivor == 0 && self.old == 0
    }
}

impl Share {
    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.eden + self.survivor + self.old
    }
}
