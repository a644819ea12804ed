//! Managed memory: the heap of a JVM and the memory of CPython, as machines that the world calls.
//!
//! A frame that allocates adds bytes to its own [`Share`]; when it ends its bytes are garbage where they lie. Retained bytes live
//! until the process ends or they are discarded. An allocation that finds no room leads to collections: the [`Outcome`] says
//! which, how long each stops the process, whether concurrent marking begins, and whether the memory was there in the end. The
//! machine never waits and knows no calendar: the world plays the pauses one after the other and calls
//! [`Heap::mark_finished`] when the marking that it was told about has had its time.
//!
//! Bytes are a fluid: they divide over spaces, and no space is lost to the tail of a region or to an object that does not fit.
//! Deliberately not here: objects and references, humongous objects, soft references (but the second full collection that
//! clears them before an out-of-memory error is there), metaspace and native memory.

mod adaptive;
mod average;
mod batches;
mod contents;
mod core;
mod cpython;
mod generational;
mod jvm;
mod outcome;
mod regional;
mod share;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use cpython::CPythonHeap;
pub(crate) use jvm::JvmHeap;
pub(crate) use outcome::{Collection, ConcurrentMark, OutOfMemory, Outcome};
pub(crate) use share::Share;
pub(crate) use tally::Collections;

use crate::blueprint;
use crate::record::CollectionKind;
use knockon_kernel::{Key, Time};
use serde::{Deserialize, Serialize};

/// Bytes of short-lived objects that are live at a time.
const CHURN_LIVE: u64 = 128 << 10;
/// Bytes in a MiB, the unit of a pause's variable part.
const MIB: u64 = 1 << 20;

/// The managed memory of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one a process, and the larger one is the usual one")]
pub(crate) enum Heap {
    /// A HotSpot heap.
    Jvm(JvmHeap),
    /// Reference counts and a cycle collector.
    CPython(CPythonHeap),
}

impl Heap {
    /// The heap of a JVM at process start: the base live set lies in the old space, everything else is free.
    pub(crate) fn jvm(config: &blueprint::Heap) -> Self {
        Self::Jvm(JvmHeap::new(config))
    }

    /// The memory of a CPython process at its start.
    pub(crate) fn cpython(config: &blueprint::CPython) -> Self {
        Self::CPython(CPythonHeap::new(config))
    }

    /// A frame allocates `bytes` that live until it ends.
    ///
    /// On an out-of-memory outcome the frame still holds what it got of them, until it is released.
    #[inline]
    pub(crate) fn allocate(&mut self, now: Time, share: &mut Share, bytes: u64) -> Outcome {
        match self {
            Self::Jvm(heap) => heap.allocate(now, share, bytes),
            Self::CPython(heap) => heap.allocate(share, bytes),
        }
    }

    /// The application allocates `bytes` in small objects and drops each before it makes many more: at any time at most
    /// [`CHURN_LIVE`] of them are live.
    #[inline]
    pub(crate) fn churn(&mut self, now: Time, bytes: u64) -> Outcome {
        let heap = match self {
            Self::Jvm(heap) => heap,
            Self::CPython(heap) => return heap.churn(bytes),
        };
        let mut outcome = Outcome::default();
        let mut left = bytes;
        while outcome.out_of_memory.is_none() {
            left -= heap.churn_in_eden(left, CHURN_LIVE);
            if left == 0 {
                break;
            }
            // The next piece finds eden full.
            let mut share = Share::default();
            let piece = left.min(CHURN_LIVE);
            left -= piece;
            let led_to = heap.allocate(now, &mut share, piece);
            heap.release(&mut share);
            outcome.append(led_to);
        }
        outcome
    }

    /// The application keeps `bytes` until the process ends or they are discarded. Nothing is kept on an out-of-memory outcome.
    pub(crate) fn retain(&mut self, now: Time, bytes: u64) -> Outcome {
        match self {
            Self::Jvm(heap) => heap.retain(now, bytes),
            Self::CPython(heap) => heap.retain(bytes),
        }
    }

    /// The application drops up to `bytes` of what it retained, the oldest first (an eviction); they are garbage where they lie.
    pub(crate) fn discard(&mut self, bytes: u64) {
        match self {
            Self::Jvm(heap) => heap.discard(bytes),
            Self::CPython(heap) => heap.discard(bytes),
        }
    }

    /// One of the processes that share this account has exited with so many bytes kept. Only CPython's does.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        if let Self::CPython(heap) = self {
            heap.give_back(bytes);
        }
    }

    /// The frame ended: its bytes become garbage where they lie, and the share is empty.
    pub(crate) fn release(&mut self, share: &mut Share) {
        match self {
            Self::Jvm(heap) => heap.release(share),
            Self::CPython(heap) => heap.release(share),
        }
    }

    /// The concurrent mark that an outcome started has had its time. One that a full collection has overtaken is ignored.
    pub(crate) fn mark_finished(&mut self, now: Time) -> Outcome {
        match self {
            Self::Jvm(heap) => heap.mark_finished(now),
            Self::CPython(_) => Outcome::default(),
        }
    }

    /// Scales every pause from now on; 0 is a heap whose collections take no time.
    pub(crate) fn set_pause_scale(&mut self, scale: f64) {
        match self {
            Self::Jvm(heap) => heap.set_pause_scale(scale),
            Self::CPython(heap) => heap.set_pause_scale(scale),
        }
    }

    /// Redraws how far it is from its next collection: see `world/phases`. What is live stays as it is.
    pub(crate) fn redraw_phase(&mut self, key: Key) {
        match self {
            Self::Jvm(heap) => heap.redraw_phase(key.unit()),
            Self::CPython(heap) => heap.redraw_phase(key),
        }
    }

    /// Bytes that the application keeps until the process ends, the base included.
    pub(crate) fn retained(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.retained(),
            Self::CPython(heap) => heap.retained(),
        }
    }

    /// Bytes in use, live and garbage.
    pub(crate) fn used(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.used(),
            Self::CPython(heap) => heap.live(),
        }
    }

    /// Bytes in use in the eden space.
    pub(crate) fn eden_used(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.eden_used(),
            Self::CPython(_) => 0,
        }
    }

    /// Bytes that eden takes until the next collection.
    pub(crate) fn eden_limit(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.eden_limit(),
            Self::CPython(_) => 0,
        }
    }

    /// Bytes in use in the survivor space.
    pub(crate) fn survivor_used(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.survivor_used(),
            Self::CPython(_) => 0,
        }
    }

    /// Bytes in use in the old space; all of them for CPython, which has no spaces.
    pub(crate) fn old_used(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.old_used(),
            Self::CPython(heap) => heap.live(),
        }
    }

    /// Bytes that the runtime has reserved for use, as its collection log gives them.
    pub(crate) fn committed(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.committed(),
            Self::CPython(heap) => heap.resident(),
        }
    }

    /// The configured limit (`-Xmx`); `None` where there is none.
    pub(crate) fn maximum(&self) -> Option<u64> {
        match self {
            Self::Jvm(heap) => Some(heap.maximum()),
            Self::CPython(_) => None,
        }
    }

    /// Bytes that are reachable, exactly: the base, what is retained, and what the frames hold.
    pub(crate) fn live(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.live(),
            Self::CPython(heap) => heap.live(),
        }
    }

    /// Live bytes with which the heap is full; `None` where nothing but the container limits it.
    pub(crate) fn usable(&self) -> Option<u64> {
        match self {
            Self::Jvm(heap) => Some(heap.usable()),
            Self::CPython(_) => None,
        }
    }

    /// Bytes of the heap that the container is charged for: the pages touched so far.
    pub(crate) fn resident(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.resident(),
            Self::CPython(heap) => heap.resident(),
        }
    }

    /// Collections of one kind so far, and their pauses.
    pub(crate) fn collections(&self, kind: CollectionKind) -> Collections {
        match self {
            Self::Jvm(heap) => heap.tally().of(kind),
            Self::CPython(heap) => heap.tally().of(kind),
        }
    }

    /// Bytes allocated since the start, the base not counted.
    pub(crate) fn allocated(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.tally().allocated(),
            Self::CPython(heap) => heap.tally().allocated(),
        }
    }

    /// Bytes that young collections moved to the old space since the start.
    pub(crate) fn promoted(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.tally().promoted(),
            Self::CPython(_) => 0,
        }
    }

    /// Live bytes at the end of the last full collection; the base before the first.
    pub(crate) fn live_after_last_full(&self) -> u64 {
        match self {
            Self::Jvm(heap) => heap.tally().live_after_last_full(),
            Self::CPython(heap) => heap.live(),
        }
    }
}
