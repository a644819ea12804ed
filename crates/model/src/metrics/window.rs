//! A value over the recent past, as Micrometer keeps it: a ring of slots, each of which has seen everything since it was last
//! cleared, so that the one that is read has seen the last two to three (or four to five) minutes.
//!
//! Source: Micrometer 1.13, `TimeWindowMax` (three slots, cleared in turn each `PrometheusConfig.step()`, a minute) and
//! `TimeWindowSum` as `JvmHeapPressureMetrics` uses it (five slots, a minute each). Reading does not change it.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// How often the oldest slot is cleared.
const ROTATION: Duration = Duration::from_secs(60);
/// Slots of a sum, the longer of the two.
const SLOTS: usize = 5;
/// Slots of a maximum.
const MAXIMUM_SLOTS: u8 = 3;

/// A maximum or a sum over the recent past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    slots: [u64; SLOTS],
    length: u8,
    current: u8,
    rotated: Time,
}

impl Window {
    /// A maximum, empty at `now`.
    pub(crate) const fn of_maximum(now: Time) -> Self {
        Self { slots: [0; SLOTS], length: MAXIMUM_SLOTS, current: 0, rotated: now }
    }

    /// A sum, empty at `now`.
    pub(crate) const fn of_sum(now: Time) -> Self {
        Self { slots: [0; SLOTS], length: SLOTS as u8, current: 0, rotated: now }
    }

    /// The time that a sum reaches back at most.
    pub(crate) const fn lookback() -> Duration {
        Duration::from_nanos(ROTATION.as_nanos() * SLOTS as u64)
    }

    /// Lets a maximum see a value.
    #[inline]
    pub(crate) fn raise(&mut self, now: Time, value: u64) {
        self.rotate(now);
        for slot in &mut self.slots[..usize::from(self.length)] {
            *slot = value.max(*slot);
        }
    }

    /// Lets a sum see a value.
    pub(crate) fn add(&mut self, now: Time, value: u64) {
        self.rotate(now);
        for slot in &mut self.slots[..usize::from(self.length)] {
            *slot = slot.saturating_add(value);
        }
    }

    /// The value at `now`.
    pub(crate) fn read(&self, now: Time) -> u64 {
        let mut rotated = *self;
        rotated.rotate(now);
        rotated.slots[usize::from(rotated.current)]
    }

    #[inline]
    fn rotate(&mut self, now: Time) {
        if now - self.rotated < ROTATION {
            return;
        }
        let turns = (now - self.rotated).as_nanos() / ROTATION.as_nanos();
        for _ in 0..turns.min(u64::from(self.length)) {
            self.slots[usize::from(self.current)] = 0;
            self.current = (self.current + 1) % self.length;
        }
        self.rotated += Duration::from_nanos(turns * ROTATION.as_nanos());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    /// Micrometer's own `TimeWindowMaxTest.decaysToZero`, with its clock.
    #[test]
    fn a_maximum_is_seen_for_three_turns() {
        let mut window = Window::of_maximum(at(0));
        window.raise(at(0), 100);
        for minute in 0..3 {
            assert_eq!(window.read(at(60 * minute)), 100);
        }
        assert_eq!(window.read(at(180)), 0);
    }

    #[test]
    fn a_lower_value_shows_once_the_higher_one_has_aged() {
        let mut window = Window::of_maximum(at(0));
        window.raise(at(1), 100);
        window.raise(at(61), 30);
        assert_eq!(window.read(at(179)), 100);
        assert_eq!(window.read(at(180)), 30);
        assert_eq!(window.read(at(100_000)), 0);
    }

    #[test]
    fn a_sum_reaches_back_five_minutes() {
        let mut window = Window::of_sum(at(0));
        for minute in 0..10 {
            window.add(at(60 * minute), 7);
        }
        assert_eq!(window.read(at(540)), 5 * 7);
    }
}
