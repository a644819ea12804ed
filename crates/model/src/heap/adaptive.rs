//! How Parallel sizes its survivor spaces: after what survives, padded, at the expense of eden.
//!
//! After some collections the survivor space becomes what is expected to survive plus three deviations, up to a third of
//! the young space. The tenuring age falls while young collections cost more than full ones or survivors overflow, and rises
//! while full ones cost more. A collection that overflowed counts as survived what it promoted, too.
//! Source: HotSpot 17, `psAdaptiveSizePolicy.cpp`, `compute_survivor_space_size_and_threshold`.
//!
//! Deliberately not here: an eden smaller than what the survivor spaces leave (its footprint goal), and a young space that
//! gives memory to the old one.

use super::average::PaddedAverage;
use super::contents::{Evacuation, MAXIMUM_AGE};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// `InitialTenuringThreshold`.
const INITIAL_TENURING_AGE: usize = 7;
/// `MinSurvivorRatio`: the survivor space is at most this part of the young one.
const LARGEST_SURVIVOR: u64 = 3;
/// Spaces are multiples of this, and none is smaller.
const SPACE_ALIGNMENT: u64 = 512 << 10;
/// `AdaptiveSizePolicyReadyThreshold`: young collections that are only watched.
const WATCHED: u32 = 5;
/// `ThresholdTolerance`, percent: costs that differ by less are equal.
const TOLERANCE_PERCENT: u64 = 10;
/// Parts in which a cost is counted.
const PARTS: u64 = 1_000_000;

/// The running averages from which sizes follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SizePolicy {
    young: u64,
    survivor: u64,
    tenuring_age: usize,
    collections: u32,
    survived: PaddedAverage,
    minor: Cost,
    major: Cost,
}

/// Part of the time that goes into collections of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cost {
    share: PaddedAverage,
    last_end: Time,
}

impl SizePolicy {
    /// A survivor space is at first that part of the young one. (Serial counts both besides eden, and starts with less.)
    pub(super) fn new(young: u64, survivor_ratio: u32) -> Self {
        let cost = Cost { share: PaddedAverage::new(25, 0), last_end: Time::ZERO };
        Self {
            young,
            survivor: young / u64::from(survivor_ratio).max(LARGEST_SURVIVOR),
            tenuring_age: INITIAL_TENURING_AGE,
            collections: 0,
            survived: PaddedAverage::new(10, 3),
            minor: cost.clone(),
            major: cost,
        }
    }

    /// The size of one survivor space.
    pub(super) fn survivor(&self) -> u64 {
        self.survivor
    }

    /// Bytes that have survived this often are promoted when they survive again.
    pub(super) fn tenuring_age(&self) -> usize {
        self.tenuring_age
    }

    /// A young collection began at `start`, took `pause`, and did what was planned.
    pub(super) fn young_collected(&mut self, start: Time, pause: Duration, plan: &Evacuation) {
        self.minor.sample(start, pause);
        self.survived.sample(if plan.overflow { plan.survivors() } else { plan.kept });
        self.collections = self.collections.saturating_add(1);
        if self.collections <= WATCHED {
            return;
        }
        let wanted = self.survived.padded().max(1).next_multiple_of(SPACE_ALIGNMENT);
        let largest = self.young / LARGEST_SURVIVOR;
        self.survivor = wanted.min(largest);
        let (minor, major) = (self.minor.share.padded(), self.major.share.padded());
        let over = |cost: u64, other: u64| cost * 100 > other * (100 + TOLERANCE_PERCENT);
        if plan.overflow || wanted > largest || over(minor, major) {
            self.tenuring_age = (self.tenuring_age - 1).max(1);
        } else if over(major, minor) {
            self.tenuring_age = (self.tenuring_age + 1).min(MAXIMUM_AGE);
        }
    }

    /// Whether more than `percent` of the time has lately gone into collections.
    pub(super) fn costs_over(&self, percent: u64) -> bool {
        (self.minor.share.padded() + self.major.share.padded()).min(PARTS) * 100 > PARTS * percent
    }

    /// A full collection began at `start` and took `pause`.
    pub(super) fn fully_collected(&mut self, start: Time, pause: Duration) {
        self.major.sample(start, pause);
    }
}

impl Cost {
    fn sample(&mut self, start: Time, pause: Duration) {
        let end = start.saturating_add(pause);
        let elapsed = end.saturating_sub(self.last_end).as_nanos().max(1);
        self.share.sample(
            (u128::from(pause.as_nanos()) * u128::from(PARTS) / u128::from(elapsed)).min(u128::from(PARTS)) as u64,
        );
        self.last_end = end;
    }
}
