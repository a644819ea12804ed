//! A heap of 16-byte keys with four children a node, the four in one cache line.
//!
//! Payloads lie elsewhere, so that a step down the heap reads one line and writes one key. Unused cells hold a key above
//! all others: a group is always searched whole, without asking how many children there are.
//!
//! A key that is taken leaves a hole in the root, which the next key fills from above: nearly every event schedules another,
//! and so saves sifting the last key down and the new one up. Cancelling is not here: the calendar recognises keys whose event
//! is gone, and rebuilds the heap when they outnumber the living.

use super::ticket::{NO_KEY, Order};
use serde::{Deserialize, Serialize};

/// The children of one node.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Group([Order; 4]);

impl Group {
    /// The least of four keys and its place, by comparisons that need no branch.
    #[inline]
    fn least(&self) -> (Order, usize) {
        let [a, b, c, d] = self.0;
        let (left, left_at) = if b < a { (b, 1) } else { (a, 0) };
        let (right, right_at) = if d < c { (d, 3) } else { (c, 2) };
        if right < left { (right, right_at) } else { (left, left_at) }
    }
}

/// The root is alone in its group, in the last cell; the children of cell `i` are group `i - 2`.
const ROOT: usize = 3;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(super) struct Heap {
    groups: Vec<Group>,
    /// The first unused cell.
    end: usize,
    /// Whether the least key has been taken and its cell not been filled yet.
    hole: bool,
}

impl Heap {
    pub(super) fn new() -> Self {
        Self { groups: vec![Group([NO_KEY; 4])], end: ROOT, hole: false }
    }

    pub(super) fn len(&self) -> usize {
        self.end - ROOT - usize::from(self.hole)
    }

    /// The least key, or [`NO_KEY`].
    #[inline]
    pub(super) fn least(&self) -> Order {
        if !self.hole {
            return self.groups[0].0[ROOT];
        }
        #[cfg(test)]
        count::add(3);
        self.groups.get(1).map_or(NO_KEY, |group| group.least().0)
    }

    #[inline]
    pub(super) fn push(&mut self, key: Order) {
        if self.hole {
            self.hole = false;
            self.sink(ROOT, key);
            return;
        }
        if self.end >> 2 == self.groups.len() {
            self.groups.push(Group([NO_KEY; 4]));
        }
        self.end += 1;
        self.rise(self.end - 1, key);
    }

    /// Takes the least key away.
    #[inline]
    pub(super) fn pop(&mut self) {
        if self.hole {
            self.fill();
        }
        self.hole = true;
    }

    /// Fills the hole with the last key.
    #[inline]
    fn fill(&mut self) {
        self.end -= 1;
        let last = self.get(self.end);
        self.set(self.end, NO_KEY);
        if self.end > ROOT {
            self.sink(ROOT, last);
        }
        if self.end & 3 == 0 && self.end >> 2 < self.groups.len() {
            self.groups.pop();
        }
        self.hole = false;
    }

    /// Puts `key` in the place of the least key.
    #[inline]
    pub(super) fn replace_least(&mut self, key: Order) {
        if self.hole {
            self.fill();
        }
        self.sink(ROOT, key);
    }

    /// Drops every key that `keep` refuses and gives back spare memory.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Order) -> bool) {
        let kept: Vec<Order> = self.keys().filter(|&key| keep(key)).collect();
        *self = kept.into_iter().collect();
    }

    fn keys(&self) -> impl Iterator<Item = Order> + '_ {
        (ROOT + usize::from(self.hole)..self.end).map(|cell| self.get(cell))
    }

    #[inline]
    fn get(&self, cell: usize) -> Order {
        self.groups[cell >> 2].0[cell & 3]
    }

    #[inline]
    fn set(&mut self, cell: usize, key: Order) {
        self.groups[cell >> 2].0[cell & 3] = key;
    }

    /// Puts `key` at `cell` or above, moving greater parents down.
    #[inline]
    fn rise(&mut self, mut cell: usize, key: Order) {
        while cell > ROOT {
            let parent = (cell >> 2) + 2;
            let above = self.get(parent);
            #[cfg(test)]
            count::add(1);
            if above < key {
                break;
            }
            self.set(cell, above);
            cell = parent;
        }
        self.set(cell, key);
    }

    /// Puts `key` at `cell` or below, moving lesser children up.
    #[inline]
    fn sink(&mut self, mut cell: usize, key: Order) {
        while let Some(group) = self.groups.get(cell - 2) {
            let (least, at) = group.least();
            #[cfg(test)]
            count::add(4);
            if key < least {
                break;
            }
            self.set(cell, least);
            cell = (cell - 2) * 4 + at;
        }
        self.set(cell, key);
    }
}

/// Builds a heap bottom-up (Floyd, 1964).
impl FromIterator<Order> for Heap {
    fn from_iter<I: IntoIterator<Item = Order>>(keys: I) -> Self {
        let mut heap = Self::new();
        for key in keys {
            if heap.end >> 2 == heap.groups.len() {
                heap.groups.push(Group([NO_KEY; 4]));
            }
            heap.set(heap.end, key);
            heap.end += 1;
        }
        for cell in (ROOT..heap.end).rev() {
            heap.sink(cell, heap.get(cell));
        }
        heap
    }
}

impl From<Heap> for Vec<(u64, u64)> {
    fn from(heap: Heap) -> Self {
        heap.keys().map(|key| ((key >> 64) as u64, key as u64)).collect()
    }
}

impl From<Vec<(u64, u64)>> for Heap {
    fn from(keys: Vec<(u64, u64)>) -> Self {
        keys.into_iter().map(|(time, ticket)| u128::from(time) << 64 | u128::from(ticket)).collect()
    }
}

/// Comparisons of keys that a thread has made: tests show that they grow with the logarithm of what is pending.
#[cfg(test)]
pub(super) mod count {
    use std::cell::Cell;

    thread_local!(static COMPARISONS: Cell<u64> = const { Cell::new(0) });

    pub(in super::super) fn add(n: u64) {
        COMPARISONS.set(COMPARISONS.get() + n);
    }

    pub(in super::super) fn take() -> u64 {
        COMPARISONS.replace(0)
    }
}
