//! In what order the application's bytes came to lie in the old space of a heap with regions, and so which of them leave whole
//! regions behind when they die.
//!
//! Threads that collect in parallel copy what one collection promotes into regions in no particular order, so a region of that batch
//! is free of live bytes only when the last of its batch has died; until then the dead ones lie scattered between the living.
//! A full collection slides everything together in the order of the addresses: what it moved dies region by region.
//!
//! Deliberately not here: regions themselves, and what frames leave behind.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// More than this are joined in pairs: a store that only grows would keep one for each of its collections.
const MOST: usize = 1024;

/// The application's bytes in the old space, oldest first: those in order, then batch by batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Batches {
    /// Live bytes that lie in the order in which they die.
    ordered: u64,
    /// Bytes of each batch, those that died from the first one included.
    sizes: VecDeque<u64>,
    /// Of the first batch, what has died and lies scattered.
    dead: u64,
}

impl Batches {
    /// All of it in order: at the start, and after a full collection.
    pub(super) fn in_order(bytes: u64) -> Self {
        Self { ordered: bytes, ..Self::default() }
    }

    /// A collection has promoted so many bytes.
    pub(super) fn promote(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        if self.sizes.len() == MOST {
            // The first one keeps its own account of the dead.
            let first = self.sizes.pop_front();
            let rest: Vec<u64> = self.sizes.drain(..).collect();
            self.sizes.extend(first.into_iter().chain(rest.chunks(2).map(|pair| pair.iter().sum())));
        }
        self.sizes.push_back(bytes);
    }

    /// The oldest `bytes` die. Gives how many of the dead became scattered, and how many that were lie in whole regions now.
    pub(super) fn die(&mut self, bytes: u64) -> (u64, u64) {
        let in_order = bytes.min(self.ordered);
        self.ordered -= in_order;
        let mut left = bytes - in_order;
        let mut together = 0;
        while let Some(&size) = self.sizes.front()
            && left >= size - self.dead
        {
            left -= size - self.dead;
            together += std::mem::take(&mut self.dead);
            self.sizes.pop_front();
        }
        self.dead += left;
        (left, together)
    }

    /// Of `scattered` bytes of garbage so many are gone, the first batch's among them in proportion.
    pub(super) fn reclaim(&mut self, reclaimed: u64, scattered: u64) {
        if scattered == 0 {
            return;
        }
        let share = u128::from(self.dead) * u128::from(reclaimed) / u128::from(scattered);
        let gone = u64::try_from(share).expect("no more than the dead").min(self.dead);
        self.dead -= gone;
        if let Some(first) = self.sizes.front_mut() {
            *first -= gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_full_collection_has_put_in_order_dies_in_whole_regions() {
        let mut batches = Batches::in_order(10);
        assert_eq!(batches.die(10), (0, 0));
    }

    #[test]
    fn a_batch_lies_scattered_until_the_last_of_it_has_died() {
        let mut batches = Batches::default();
        batches.promote(10);
        batches.promote(6);
        assert_eq!(batches.die(4), (4, 0));
        assert_eq!(batches.die(5), (5, 0));
        assert_eq!(batches.die(3), (2, 9), "one ends the first batch, two are of the second");
        assert_eq!(batches.die(4), (0, 2));
    }

    proptest! {
        /// Against a list of every byte: a dead byte is scattered while a living one of its batch is left.
        #[test]
        fn a_byte_is_scattered_while_one_of_its_batch_lives(steps in prop::collection::vec((any::<bool>(), 1u64..20), 1..60)) {
            let mut batches = Batches::default();
            let (mut naive, mut first, mut scattered) = (Vec::<(u64, u64)>::new(), 0, 0u64);
            for (promotes, bytes) in steps {
                if promotes {
                    batches.promote(bytes);
                    naive.push((bytes, bytes));
                } else {
                    let living: u64 = naive.iter().map(|batch| batch.1).sum();
                    let bytes = bytes.min(living);
                    let (more, less) = batches.die(bytes);
                    scattered = scattered + more - less;
                    for _ in 0..bytes {
                        while naive[first].1 == 0 {
                            first += 1;
                        }
                        naive[first].1 -= 1;
                    }
                }
                let expected: u64 = naive.iter().filter(|batch| batch.1 > 0).map(|batch| batch.0 - batch.1).sum();
                prop_assert_eq!(scattered, expected);
            }
        }
    }
}
