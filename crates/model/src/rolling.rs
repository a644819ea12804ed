//! A sum over the recent past: a ring of slices of equal width, the oldest of which is dropped as a new one begins.
//!
//! What was added lies in the sum for the width of the window less up to one slice. Slices begin at the instant of creation. Finagle's
//! `WindowedAdder` and Hystrix' rolling numbers work so. Reading a sum at a later instant does not change it.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// A sum of signed amounts over a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rolling {
    slices: Vec<i64>,
    sum: i64,
    start: Time,
    width_ns: u64,
    /// Number of the slice that is written, counted from the start.
    current: u64,
}

impl Rolling {
    /// Empty at `now`, over `window` in so many slices.
    ///
    /// # Panics
    /// If there are no slices.
    #[must_use]
    pub(crate) fn new(now: Time, window: Duration, slices: u32) -> Self {
        assert!(slices > 0, "a window has slices");
        let width_ns = (window.as_nanos() / u64::from(slices)).max(1);
        Self { slices: vec![0; slices as usize], sum: 0, start: now, width_ns, current: 0 }
    }

    /// Adds an amount at `now`.
    pub(crate) fn add(&mut self, now: Time, amount: i64) {
        self.turn(now);
        let at = self.place(self.current);
        self.slices[at] += amount;
        self.sum += amount;
    }

    /// The sum at `now`.
    #[must_use]
    pub(crate) fn sum(&self, now: Time) -> i64 {
        let behind = self.slice(now).saturating_sub(self.current);
        if behind >= self.slices.len() as u64 {
            return 0;
        }
        let dropped = (1..=behind).map(|later| self.slices[self.place(self.current + later)]);
        self.sum - dropped.sum::<i64>()
    }

    fn slice(&self, now: Time) -> u64 {
        now.saturating_sub(self.start).as_nanos() / self.width_ns
    }

    fn place(&self, slice: u64) -> usize {
        (slice % self.slices.len() as u64) as usize
    }

    fn turn(&mut self, now: Time) {
        let to = self.slice(now);
        // One turn clears everything, however long nothing came.
        let cleared = to.saturating_sub(self.current).min(self.slices.len() as u64);
        for later in 1..=cleared {
            let at = self.place(self.current + later);
            self.sum -= std::mem::take(&mut self.slices[at]);
        }
        self.current = self.current.max(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rolling_sum_is_that_of_the_amounts_in_its_slices(
            steps in proptest::collection::vec((0..3_000u64, -5..50i64), 1..200),
            slices in 1..12u32,
        ) {
            let window = Duration::from_nanos(1_000);
            let start = Time::from_nanos(7);
            let mut rolling = Rolling::new(start, window, slices);
            let width = 1_000 / u64::from(slices);
            let mut past: Vec<(u64, i64)> = Vec::new();
            let mut now = 7;
            for (gap, amount) in steps {
                now += gap / 8;
                let current = (now - 7) / width;
                let known: i64 = past.iter().filter(|(slice, _)| slice + u64::from(slices) > current).map(|(_, a)| a).sum();
                prop_assert_eq!(rolling.sum(Time::from_nanos(now)), known);
                rolling.add(Time::from_nanos(now), amount);
                past.push((current, amount));
                prop_assert_eq!(rolling.sum(Time::from_nanos(now)), known + amount);
            }
        }
    }
}
