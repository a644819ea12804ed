//! When requests were hurt: harm may come and go while its fault stays.

use serde::Serialize;
use std::collections::BTreeMap;

/// A time in which requests were hurt, one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Stretch {
    /// Sending of the first, since the run began.
    pub from_ns: u64,
    /// End of the last.
    pub until_ns: u64,
    /// How many.
    pub hurt: u64,
}

/// All of them so far.
#[derive(Clone, Debug)]
pub(crate) struct Stretches {
    /// For how long nobody must have been hurt for harm to have gone.
    apart_ns: u64,
    /// By their beginning.
    known: BTreeMap<u64, Stretch>,
}

impl Stretches {
    /// None yet; nobody must have been hurt for so long for harm to have gone.
    pub(crate) const fn new(apart_ns: u64) -> Self {
        Self { apart_ns, known: BTreeMap::new() }
    }

    /// A request was hurt, under way from one instant to the other; they may come in any order.
    pub(crate) fn add(&mut self, from_ns: u64, until_ns: u64) {
        let mut new = Stretch { from_ns, until_ns, hurt: 1 };
        while let Some(met) = self.near(&new) {
            self.known.remove(&met.from_ns);
            new.from_ns = new.from_ns.min(met.from_ns);
            new.until_ns = new.until_ns.max(met.until_ns);
            new.hurt += met.hurt;
        }
        self.known.insert(new.from_ns, new);
    }

    /// One that is not apart from this. Those that are known are apart from one another, so the latest that begins in time is it, if any is.
    fn near(&self, new: &Stretch) -> Option<Stretch> {
        let (_, &last) = self.known.range(..=new.until_ns.saturating_add(self.apart_ns)).next_back()?;
        (new.from_ns <= last.until_ns.saturating_add(self.apart_ns)).then_some(last)
    }

    /// Forgets the earliest but for so many.
    pub(crate) fn keep(&mut self, many: usize) {
        while self.known.len() > many {
            self.known.pop_first();
        }
    }

    /// Those of before, by their beginning.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Stretch> {
        self.known.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_within_a_minute_of_each_other_are_one_stretch_in_whatever_order_they_come() {
        const S: u64 = 1_000_000_000;
        let mut all = [(0, 10), (50, 60), (200, 260), (205, 210), (321, 330), (130, 135), (395, 400)];
        for _ in 0..all.len() {
            all.rotate_left(1);
            let mut stretches = Stretches::new(60 * S);
            all.iter().for_each(|&(from, until)| stretches.add(from * S, until * S));
            let found: Vec<_> = stretches.iter().map(|of| (of.from_ns / S, of.until_ns / S, of.hurt)).collect();
            assert_eq!(found, [(0, 60, 2), (130, 135, 1), (200, 260, 2), (321, 330, 1), (395, 400, 1)]);
        }
    }
}
