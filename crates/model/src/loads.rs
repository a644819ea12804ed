//! Loads under way: values that are fetched for a cache apart from the requests that want them, and who waits for each.
//!
//! States of a load: wanted (a caller waits, or it refreshes a value that is there), abandoned (all its callers have left), ended.
//! A *shared* load is the only one of its key in its process, and whoever misses that key joins it (Go's `singleflight`, Caffeine's
//! loading caches): all get its value, or all its failure. What becomes of an abandoned load is the world's business, as is
//! everything that takes time.

use crate::id::{FrameRef, ServiceId};
use knockon_kernel::Key;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Which value of which cache is loaded, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) process: u32,
    pub(crate) keyspace: u32,
    pub(crate) key: u32,
}

/// A load under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Its frame.
    pub(crate) frame: FrameRef,
    pub(crate) place: Place,
    /// The step that began it.
    pub(crate) step: u32,
    /// Whether it stores what it loads even when nobody waits for it.
    pub(crate) fills: bool,
    /// Whether it fetches a value anew that is there.
    pub(crate) refresh: bool,
    /// Whether others join it.
    shared: bool,
    /// Who waits, in the order in which they came.
    pub(crate) waiters: VecDeque<FrameRef>,
    /// Address of its span, and of the span that began it.
    pub(crate) span: Key,
    pub(crate) parent: Key,
    /// The callee whose failure it passes on.
    pub(crate) peer: Option<ServiceId>,
}

impl Load {
    /// A load that nobody waits for yet.
    pub(crate) fn new(frame: FrameRef, place: Place, step: u32, fills: bool, span: Key, parent: Key) -> Self {
        Self {
            frame,
            place,
            step,
            fills,
            refresh: false,
            shared: false,
            waiters: VecDeque::new(),
            span,
            parent,
            peer: None,
        }
    }
}

/// The loads of a world.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Loads {
    /// By the slot of their frames.
    under_way: BTreeMap<u32, Load>,
    #[serde(with = "crate::pairs")]
    shared: BTreeMap<Place, FrameRef>,
}

impl Loads {
    /// A load begins; a shared one must be the only one of its key.
    pub(crate) fn begin(&mut self, mut load: Load, shared: bool) {
        load.shared = shared;
        if shared {
            let other = self.shared.insert(load.place, load.frame);
            debug_assert_eq!(other, None, "a key has one shared load at most");
        }
        let other = self.under_way.insert(load.frame.slot, load);
        debug_assert_eq!(other, None, "a frame is one load at most");
    }

    /// The shared load of a key.
    pub(crate) fn of(&self, place: Place) -> Option<FrameRef> {
        self.shared.get(&place).copied()
    }

    /// A caller waits for a load.
    pub(crate) fn wait(&mut self, load: FrameRef, waiter: FrameRef) {
        if let Some(load) = self.find(load) {
            load.waiters.push_back(waiter);
        }
    }

    /// A caller waits no longer. True when that abandons the load: nobody waits, and it is not made to fill anyway.
    pub(crate) fn leave(&mut self, load: FrameRef, waiter: FrameRef) -> bool {
        let Some(load) = self.find(load) else { return false };
        let Some(at) = load.waiters.iter().position(|&waiting| waiting == waiter) else { return false };
        load.waiters.remove(at);
        load.waiters.is_empty() && !load.fills
    }

    /// Whether anybody would be served by its result.
    pub(crate) fn is_wanted(&self, load: FrameRef) -> bool {
        self.get(load).is_some_and(|load| load.fills || !load.waiters.is_empty())
    }

    /// From now on nobody joins it: the next to miss its key begins another.
    pub(crate) fn part(&mut self, load: FrameRef) {
        let Some(load) = self.find(load) else { return };
        let place = load.place;
        if std::mem::take(&mut load.shared) {
            self.shared.remove(&place);
        }
    }

    /// A load has ended, or is gone with its process.
    pub(crate) fn end(&mut self, load: FrameRef) -> Option<Load> {
        self.part(load);
        self.get(load)?;
        self.under_way.remove(&load.slot)
    }

    /// A load under way.
    pub(crate) fn get(&self, load: FrameRef) -> Option<&Load> {
        self.under_way.get(&load.slot).filter(|found| found.frame == load)
    }

    /// A load under way, to be changed.
    pub(crate) fn find(&mut self, load: FrameRef) -> Option<&mut Load> {
        self.under_way.get_mut(&load.slot).filter(|found| found.frame == load)
    }

    /// All of them, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Load> {
        self.under_way.values()
    }
}

#[cfg(test)]
mod tests;
