//! Keys from the least to the most recently used: a doubly linked list through an array, O(1) whatever is done.

use super::NONE;
use serde::{Deserialize, Serialize};

/// A list of keys, each in it once at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recency {
    oldest: u32,
    newest: u32,
    /// Neighbours of each key: the next older and the next newer one.
    links: Vec<(u32, u32)>,
}

impl Recency {
    /// An empty list of keys below `keys`.
    pub(super) fn new(keys: usize) -> Self {
        Self { oldest: NONE, newest: NONE, links: vec![(NONE, NONE); keys] }
    }

    /// The key that was not used for longest.
    #[inline]
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Adds a key that is not in it as the newest.
    pub(super) fn push(&mut self, key: u32) {
        self.links[key as usize] = (self.newest, NONE);
        match self.newest {
            NONE => self.oldest = key,
            newest => self.links[newest as usize].1 = key,
        }
        self.newest = key;
    }

    /// Takes out a key that is in it.
    pub(super) fn remove(&mut self, key: u32) {
        let (older, newer) = self.links[key as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.links[older as usize].1 = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.links[newer as usize].0 = older,
        }
    }

    /// A key that is in it was used.
    #[inline]
    pub(super) fn touch(&mut self, key: u32) {
        if self.newest != key {
            self.remove(key);
            self.push(key);
        }
    }

    /// Takes all keys out.
    pub(super) fn clear(&mut self) {
        (self.oldest, self.newest) = (NONE, NONE);
    }
}
