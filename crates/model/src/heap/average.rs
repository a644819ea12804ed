//! The padded average by which HotSpot guesses what the next collection will do from what the last ones did.
//!
//! Exponentially weighted mean and mean absolute deviation (`AdaptivePaddedAverage`); while there are few samples each weighs
//! as much as the others. Integers throughout, so that it is the same on every host.

use serde::{Deserialize, Serialize};

/// A running mean with its running deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaddedAverage {
    weight_percent: u64,
    padding: u64,
    count: u64,
    mean: u64,
    deviation: u64,
}

impl PaddedAverage {
    /// An average without samples: zero. A new sample weighs `weight_percent`; [`Self::padded`] adds `padding` deviations.
    pub(super) const fn new(weight_percent: u64, padding: u64) -> Self {
        Self { weight_percent, padding, count: 0, mean: 0, deviation: 0 }
    }

    /// Takes in one sample.
    pub(super) fn sample(&mut self, value: u64) {
        self.count = (self.count + 1).min(100);
        let weight = self.weight_percent.max(100 / self.count);
        self.mean = Self::blend(self.mean, value, weight);
        self.deviation = Self::blend(self.deviation, value.abs_diff(self.mean), weight);
    }

    /// Mean plus padding.
    pub(super) fn padded(&self) -> u64 {
        self.mean.saturating_add(self.deviation.saturating_mul(self.padding))
    }

    fn blend(old: u64, new: u64, weight: u64) -> u64 {
        let sum = u128::from(old) * u128::from(100 - weight) + u128::from(new) * u128::from(weight);
        (sum / 100) as u64
    }
}
