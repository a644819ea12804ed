//! A station: whatever requests come to, stay at for a while, and leave. Its time averages are exact integers.
//!
//! With N present, the integral of N over time up to T is N·T − Σ arrivals + Σ departures: summation by parts turns the sum of
//! N·Δt over all changes into one addition a change, and neither is rounded. Little's law (Little 1961; Stidham 1974) then is an
//! identity of integers at any instant: that integral is the sum of the sojourns that are over and of the ages of those present.
//! The left side knows only when something came or went; the right side is what requests themselves remember. A request that is
//! lost, counted twice or moved in time breaks it.

use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// A number over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    now: u64,
    /// What the integral is short of `now`·T: instants of steps down less instants of steps up.
    #[serde(with = "super::wide")]
    moments_ns: i128,
}

impl Level {
    /// One more.
    #[inline]
    pub fn up(&mut self, now: Time) {
        self.now += 1;
        self.moments_ns -= i128::from(now.as_nanos());
    }

    /// One less.
    #[inline]
    pub fn down(&mut self, now: Time) {
        self.now -= 1;
        self.moments_ns += i128::from(now.as_nanos());
    }

    /// So many, from now on.
    pub fn set(&mut self, now: Time, to: u64) {
        self.moments_ns += (i128::from(self.now) - i128::from(to)) * i128::from(now.as_nanos());
        self.now = to;
    }

    /// How many there are.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The integral up to an instant that is not earlier than the last change, in nanoseconds.
    #[must_use]
    pub fn integral_ns(&self, at: Time) -> u128 {
        let integral = i128::from(self.now) * i128::from(at.as_nanos()) + self.moments_ns;
        u128::try_from(integral).expect("no level is ever below zero")
    }
}

/// Who is present, and how long those stayed who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    level: Level,
    left: u64,
    #[serde(with = "super::wide")]
    sojourns_ns: u128,
}

impl Station {
    /// A request comes.
    #[inline]
    pub fn enter(&mut self, now: Time) {
        self.level.up(now);
    }

    /// A request leaves that came at `since`.
    #[inline]
    pub fn leave(&mut self, now: Time, since: Time) {
        self.level.down(now);
        self.left += 1;
        self.sojourns_ns += u128::from((now - since).as_nanos());
    }

    /// Both stations together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let level =
            Level { now: self.level.now + other.level.now, moments_ns: self.level.moments_ns + other.level.moments_ns };
        Self { level, left: self.left + other.left, sojourns_ns: self.sojourns_ns + other.sojourns_ns }
    }

    /// How many are present.
    #[must_use]
    pub fn present(&self) -> u64 {
        self.level.now()
    }

    /// How many have left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// How long those stayed in all, in nanoseconds.
    #[must_use]
    pub fn sojourns_ns(&self) -> u128 {
        self.sojourns_ns
    }

    /// The integral of the number present up to an instant, in nanoseconds.
    #[must_use]
    pub fn present_ns(&self, at: Time) -> u128 {
        self.level.integral_ns(at)
    }
}

/// Both sides of Little's law at a station, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose station: "web-api", "web-api queue", "web-api/pool waiting".
    pub name: String,
    /// How many are present by the station's own count.
    pub present: u64,
    /// How many requests say that they are there.
    pub found: u64,
    /// The integral of the number present, in nanoseconds.
    pub present_ns: u128,
    /// The sojourns of those who left, in nanoseconds.
    pub sojourns_ns: u128,
    /// The ages of those found there, in nanoseconds.
    pub ages_ns: u128,
}

impl Balance {
    /// Whether both sides are the same.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.present == self.found && self.present_ns == self.sojourns_ns + self.ages_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the sum of N·Δt, and against every sojourn.
        #[test]
        fn the_integral_is_that_of_its_steps(steps in prop::collection::vec((0u64..1 << 40, any::<prop::sample::Index>(), any::<bool>()), 0..80)) {
            let (mut station, mut capacity) = (Station::default(), Level::default());
            let (mut now, mut naive, mut naive_capacity, mut there) = (Time::ZERO, 0u128, 0u128, Vec::new());
            let mut sojourns = 0u128;
            for (gap, who, comes) in steps {
                naive += there.len() as u128 * u128::from(gap);
                naive_capacity += u128::from(capacity.now()) * u128::from(gap);
                now = Time::from_nanos(now.as_nanos() + gap);
                if comes || there.is_empty() {
                    there.push(now);
                    station.enter(now);
                } else {
                    let since = there.swap_remove(who.index(there.len()));
                    sojourns += u128::from((now - since).as_nanos());
                    station.leave(now, since);
                }
                capacity.set(now, gap % 7);
                let ages: u128 = there.iter().map(|&since| u128::from((now - since).as_nanos())).sum();
                prop_assert_eq!(station.present_ns(now), naive);
                prop_assert_eq!(station.present_ns(now), sojourns + ages);
                prop_assert_eq!(station.sojourns_ns(), sojourns);
                prop_assert_eq!(station.present(), there.len() as u64);
                prop_assert_eq!(capacity.integral_ns(now), naive_capacity);
                let stored = serde_json::to_string(&station).expect("it can be written down");
                prop_assert_eq!(station, serde_json::from_str(&stored).expect("it can be read again"));
            }
        }
    }
}
