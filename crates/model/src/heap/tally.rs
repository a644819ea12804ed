//! Counters of a heap: collections by kind with their pauses, bytes allocated and promoted.

use crate::record::CollectionKind;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Kinds that are counted apart: six of HotSpot's and CPython's three generations.
const KINDS: usize = 9;

/// How often one kind of collection ran, and for how long in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collections {
    /// How many.
    pub(crate) count: u64,
    /// Their pauses, summed.
    pub(crate) paused: Duration,
}

/// The counters of one heap since the process started.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    kinds: [Collections; KINDS],
    paused: Duration,
    allocated: u64,
    promoted: u64,
    live_after_last_full: u64,
    number: u32,
}

impl Tally {
    pub(super) fn new(base: u64) -> Self {
        Self { live_after_last_full: base, ..Self::default() }
    }

    /// Counts collections, whose pauses are so long together, and gives the number of the first.
    pub(super) fn count(&mut self, kind: CollectionKind, times: u64, pause: Duration) -> u32 {
        let counter = &mut self.kinds[Self::index(kind)];
        counter.count += times;
        counter.paused = counter.paused.saturating_add(pause);
        self.paused = self.paused.saturating_add(pause);
        let number = self.number;
        self.number = self.number.wrapping_add(times as u32);
        number
    }

    #[inline]
    pub(super) fn add_allocated(&mut self, bytes: u64) {
        self.allocated = self.allocated.wrapping_add(bytes);
    }

    pub(super) fn add_promoted(&mut self, bytes: u64) {
        self.promoted = self.promoted.wrapping_add(bytes);
    }

    pub(super) fn set_live_after_full(&mut self, bytes: u64) {
        self.live_after_last_full = bytes;
    }

    /// Collections of one kind.
    pub(crate) fn of(&self, kind: CollectionKind) -> Collections {
        self.kinds[Self::index(kind)]
    }

    /// All pauses so far.
    pub(crate) fn paused(&self) -> Duration {
        self.paused
    }

    /// Bytes allocated so far.
    pub(crate) fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Bytes promoted so far.
    pub(crate) fn promoted(&self) -> u64 {
        self.promoted
    }

    /// Live bytes at the end of the last full collection.
    pub(crate) fn live_after_last_full(&self) -> u64 {
        self.live_after_last_full
    }

    fn index(kind: CollectionKind) -> usize {
        match kind {
            CollectionKind::Young => 0,
            CollectionKind::ConcurrentStart => 1,
            CollectionKind::ConcurrentMark => 2,
            CollectionKind::Remark => 3,
            CollectionKind::Mixed => 4,
            CollectionKind::Full => 5,
            CollectionKind::Generation(generation) => 6 + usize::from(generation.min(2)),
        }
    }
}
