//! Keys in the order of something: when they expire, how often they were asked for. A binary heap in which every key knows its
//! place, so that one can be taken out or moved in O(log n) (Knuth, TAOCP vol. 3, 5.2.3, with an index).

use super::NONE;
use serde::{Deserialize, Serialize};

/// A set of keys with the least at the front.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order<W> {
    /// Weight and key; the children of n are 2n + 1 and 2n + 2.
    heap: Vec<(W, u32)>,
    /// Where each key stands in the heap; [`NONE`] where it does not.
    places: Vec<u32>,
}

impl<W: Ord + Copy> Order<W> {
    /// An empty order of keys below `keys`.
    pub(super) fn new(keys: usize) -> Self {
        Self { heap: Vec::new(), places: vec![NONE; keys] }
    }

    /// Makes place for keys below `keys`.
    pub(super) fn cover(&mut self, keys: usize) {
        if self.places.len() < keys {
            self.places.resize(keys, NONE);
        }
    }

    /// How many keys are in it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The least, by weight, then by key.
    #[inline]
    pub(super) fn first(&self) -> Option<(W, u32)> {
        self.heap.first().copied()
    }

    /// One of them, by a number below [`Self::len`]: which one a number means changes with every change.
    #[inline]
    pub(super) fn nth(&self, n: usize) -> u32 {
        self.heap[n].1
    }

    /// The weight of a key that is in it.
    pub(super) fn weight(&self, key: u32) -> Option<W> {
        let place = self.places[key as usize];
        (place != NONE).then(|| self.heap[place as usize].0)
    }

    /// Puts a key in, or gives it another weight.
    pub(super) fn put(&mut self, key: u32, weight: W) {
        let place = match self.places[key as usize] {
            NONE => {
                self.heap.push((weight, key));
                self.heap.len() - 1
            }
            place => {
                self.heap[place as usize].0 = weight;
                place as usize
            }
        };
        let place = self.rise(place);
        self.sink(place);
    }

    /// Takes a key out, if it is in.
    pub(super) fn remove(&mut self, key: u32) {
        // An order that nothing was ever put in covers no keys.
        let Some(place) = self.places.get_mut(key as usize).filter(|place| **place != NONE) else { return };
        let place = std::mem::replace(place, NONE) as usize;
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            let place = self.rise(place);
            self.sink(place);
        }
    }

    /// Takes all keys out.
    pub(super) fn clear(&mut self) {
        for (_, key) in self.heap.drain(..) {
            self.places[key as usize] = NONE;
        }
    }

    /// Visits the keys whose weight is below a bound, in no order: O(1) for each.
    pub(super) fn below(&self, bound: W, mut visit: impl FnMut(u32)) {
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            if let Some(&(weight, key)) = self.heap.get(at)
                && weight < bound
            {
                visit(key);
                open.extend([2 * at + 1, 2 * at + 2]);
            }
        }
    }

    /// Moves an entry towards the front as far as it belongs; every place on the way, and its own, is noted.
    fn rise(&mut self, mut at: usize) -> usize {
        let entry = self.heap[at];
        while at > 0 && entry < self.heap[(at - 1) / 2] {
            self.set(at, self.heap[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        self.set(at, entry);
        at
    }

    /// Moves an entry away from the front as far as it belongs.
    fn sink(&mut self, mut at: usize) {
        let entry = self.heap[at];
        loop {
            let left = 2 * at + 1;
            let right = left + 1;
            let least = match (self.heap.get(left), self.heap.get(right)) {
                (Some(a), Some(b)) if b < a => right,
                (Some(_), _) => left,
                (None, _) => break,
            };
            if entry < self.heap[least] {
                break;
            }
            self.set(at, self.heap[least]);
            at = least;
        }
        self.set(at, entry);
    }

    #[inline]
    fn set(&mut self, at: usize, entry: (W, u32)) {
        self.heap[at] = entry;
        self.places[entry.1 as usize] = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn an_order_is_a_sorted_map(changes in proptest::collection::vec((0..12_u32, proptest::option::of(0..20_u64)), 0..300)) {
            let mut order = Order::new(12);
            let mut naive = BTreeMap::new();
            for (key, weight) in changes {
                match weight {
                    Some(weight) => {
                        order.put(key, weight);
                        naive.insert(key, weight);
                    }
                    None => {
                        order.remove(key);
                        naive.remove(&key);
                    }
                }
                let least = naive.iter().map(|(&key, &weight)| (weight, key)).min();
                prop_assert_eq!(order.first(), least);
                prop_assert_eq!(order.len(), naive.len());
                let mut below = Vec::new();
                order.below(7, |key| below.push(key));
                below.sort_unstable();
                let expected: Vec<u32> = naive.iter().filter(|(_, weight)| **weight < 7).map(|(&key, _)| key).collect();
                prop_assert_eq!(below, expected);
                let mut all: Vec<u32> = (0..order.len()).map(|n| order.nth(n)).collect();
                all.sort_unstable();
                prop_assert_eq!(all, naive.keys().copied().collect::<Vec<_>>());
                prop_assert!((0..12).all(|key| order.weight(key) == naive.get(&key).copied()));
            }
            order.clear();
            prop_assert_eq!((order.first(), order.weight(3)), (None, None));
        }
    }
}
