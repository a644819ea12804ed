//! Resilience4j's semaphore bulkhead: at most so many attempts of a process over a link are under way; others wait for a
//! permit in the order in which they came, for a while, or are refused at once.
//!
//! The semaphore is fair (`fairCallHandlingStrategy` is on by default): whoever comes while others wait goes to their end. A
//! permit that comes back is handed over. Deliberately not here: the thread-pool bulkhead.
//!
//! Source: Resilience4j 2.2, `SemaphoreBulkhead` (`maxConcurrentCalls` 25, `maxWaitDuration` 0).

use crate::id::FrameRef;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What becomes of an attempt at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It has a permit.
    Admitted,
    /// No permit is there: it may wait.
    Full,
}

/// Permits of one caller for one callee, for which frames wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulkhead<W = FrameRef> {
    maximum: u32,
    taken: u32,
    waiting: VecDeque<W>,
}

impl<W: Copy + PartialEq> Bulkhead<W> {
    /// All permits are there.
    #[must_use]
    pub fn new(maximum: u32) -> Self {
        Self { maximum, taken: 0, waiting: VecDeque::new() }
    }

    /// Takes a permit if one is there and nobody waits for it.
    pub fn enter(&mut self) -> Entry {
        if self.taken >= self.maximum || !self.waiting.is_empty() {
            return Entry::Full;
        }
        self.taken += 1;
        Entry::Admitted
    }

    /// Waits behind those who do.
    pub fn wait(&mut self, who: W) {
        self.waiting.push_back(who);
    }

    /// A permit comes back: whom it is handed to.
    ///
    /// # Panics
    /// If no permit was out.
    pub fn leave(&mut self) -> Option<W> {
        self.taken = self.taken.checked_sub(1).expect("a permit that comes back was given");
        self.admit_one()
    }

    /// One of those who wait does so no more. True if it did.
    pub fn give_up(&mut self, who: W) -> bool {
        // All may wait equally long, so whoever gives up has nearly always come first: looking there first makes it constant time.
        let Some(at) = self.waiting.iter().position(|&waiting| waiting == who) else { return false };
        self.waiting.remove(at).is_some()
    }

    /// There are more or fewer permits from now on; whom that admits. Attempts that have one keep it.
    pub fn set_maximum(&mut self, maximum: u32) -> Vec<W> {
        self.maximum = maximum;
        std::iter::from_fn(|| self.admit_one()).collect()
    }

    fn admit_one(&mut self) -> Option<W> {
        if self.taken >= self.maximum {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.taken += 1;
        Some(next)
    }

    /// Permits out, and callers that wait.
    #[must_use]
    pub fn load(&self) -> (u32, u32) {
        (self.taken, self.waiting.len() as u32)
    }

    /// Callers that wait, first come first.
    pub fn waiters(&self) -> impl Iterator<Item = W> + '_ {
        self.waiting.iter().copied()
    }

    /// All permits.
    #[must_use]
    pub fn maximum(&self) -> u32 {
        self.maximum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    fn who(slot: u32) -> FrameRef {
        FrameRef { slot, generation: 1 }
    }

    thread_local! {
        static LOOKS: Cell<u64> = const { Cell::new(0) };
    }

    /// Somebody who counts how often they are looked at.
    #[derive(Clone, Copy)]
    struct Shy(u32);

    impl PartialEq for Shy {
        fn eq(&self, other: &Self) -> bool {
            LOOKS.set(LOOKS.get() + 1);
            self.0 == other.0
        }
    }

    #[test]
    fn giving_up_costs_the_same_however_many_wait() {
        let mut bulkhead = Bulkhead::new(0);
        (0..10_000).for_each(|n| bulkhead.wait(Shy(n)));
        assert!((0..10_000).all(|n| bulkhead.give_up(Shy(n))), "all may wait equally long");
        assert_eq!((LOOKS.get(), bulkhead.load()), (10_000, (0, 0)), "one look each");
    }

    proptest! {
        #[test]
        fn permits_are_never_more_than_there_are_and_go_to_the_longest_waiting(
            steps in proptest::collection::vec((0..4u8, 0..12u32), 1..300),
        ) {
            let mut bulkhead = Bulkhead::new(3);
            let (mut inside, mut outside, mut maximum, mut next) = (Vec::new(), Vec::new(), 3usize, 0);
            for (kind, n) in steps {
                match kind {
                    0 => {
                        next += 1;
                        if bulkhead.enter() == Entry::Admitted {
                            prop_assert!(inside.len() < maximum && outside.is_empty());
                            inside.push(next);
                        } else {
                            prop_assert!(inside.len() >= maximum || !outside.is_empty());
                            bulkhead.wait(who(next));
                            outside.push(next);
                        }
                    }
                    1 if !inside.is_empty() => {
                        inside.remove(n as usize % inside.len());
                        let expected = (inside.len() < maximum && !outside.is_empty()).then(|| outside.remove(0));
                        prop_assert_eq!(bulkhead.leave(), expected.map(who));
                        inside.extend(expected);
                    }
                    2 if !outside.is_empty() => {
                        let left = outside.remove(n as usize % outside.len());
                        prop_assert!(bulkhead.give_up(who(left)) && !bulkhead.give_up(who(left)));
                    }
                    3 => {
                        maximum = n as usize;
                        let room = maximum.saturating_sub(inside.len()).min(outside.len());
                        let admitted: Vec<u32> = outside.drain(..room).collect();
                        prop_assert_eq!(bulkhead.set_maximum(n), admitted.iter().copied().map(who).collect::<Vec<_>>());
                        inside.extend(admitted);
                    }
                    _ => {}
                }
                prop_assert_eq!(bulkhead.load(), (inside.len() as u32, outside.len() as u32));
            }
        }
    }
}
