//! What a statistic has come to: integers, so that a difference is what happened between two instants, and nothing is rounded before
//! the last division.

use knockon_kernel::Duration;
use knockon_model::statistics::LatencyHistogram;

/// What is asked of many durations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Count,
    Mean,
    /// The share that is longer than nothing.
    Waited,
    SecondMoment,
    Maximum,
    /// In thousandths.
    Quantile(u64),
    /// The share over a threshold.
    Over,
}

/// A statistic as it was read.
#[derive(Clone, PartialEq, Debug)]
pub enum Reading {
    /// Things or nanoseconds, counted up.
    Sum(u128),
    /// Things, nanoseconds or nanoseconds², for each of a number of things or nanoseconds: both counted up.
    Ratio(u128, u128),
    /// A state at an instant or a maximum: it has no differences.
    Level(u64),
    /// A quantile, in thousandths.
    Quantile(LatencyHistogram, u64),
    /// A share over a threshold.
    Over(LatencyHistogram, Duration),
}

impl Reading {
    pub(super) fn of_durations(histogram: &LatencyHistogram, shape: Shape, threshold: Option<Duration>) -> Self {
        let count = || u128::from(histogram.count());
        match shape {
            Shape::Count => Self::Sum(count()),
            Shape::Mean => Self::Ratio(histogram.sum_ns(), count()),
            Shape::Waited => Self::Ratio(u128::from(histogram.nonzero()), count()),
            Shape::SecondMoment => Self::Ratio(histogram.sum_of_squares_ns2(), count()),
            Shape::Maximum => Self::Level(histogram.maximum().as_nanos()),
            Shape::Quantile(permille) => Self::Quantile(histogram.clone(), permille),
            Shape::Over => Self::Over(histogram.clone(), threshold.unwrap_or_default()),
        }
    }

    /// What came since it was `earlier`. `None` where there is no such thing.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        Some(match (self, earlier) {
            (Self::Sum(now), Self::Sum(before)) => Self::Sum(now.checked_sub(*before)?),
            (Self::Ratio(part, whole), Self::Ratio(part_before, whole_before)) => {
                Self::Ratio(part.checked_sub(*part_before)?, whole.checked_sub(*whole_before)?)
            }
            (Self::Quantile(now, permille), Self::Quantile(before, _)) => Self::Quantile(now.since(before), *permille),
            (Self::Over(now, threshold), Self::Over(before, _)) => Self::Over(now.since(before), *threshold),
            _ => return None,
        })
    }

    /// The same durations, asked for another quantile, in thousandths; `None` if it is none of durations.
    #[must_use]
    pub fn with_quantile(self, permille: u64) -> Option<Self> {
        match self {
            Self::Quantile(histogram, _) => Some(Self::Quantile(histogram, permille)),
            _ => None,
        }
    }

    /// Whether there was nothing that it could be a mean, a share or a quantile of.
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        match self {
            Self::Ratio(_, whole) => *whole == 0,
            Self::Quantile(histogram, _) | Self::Over(histogram, _) => histogram.is_empty(),
            Self::Sum(_) | Self::Level(_) => false,
        }
    }

    /// Whether it is exactly so many things or nanoseconds.
    #[must_use]
    pub fn equals(&self, expected: u64) -> bool {
        let expected = u128::from(expected);
        match self {
            Self::Sum(sum) => *sum == expected,
            Self::Ratio(part, whole) => *whole > 0 && whole.checked_mul(expected) == Some(*part),
            Self::Level(level) => u128::from(*level) == expected,
            Self::Quantile(..) | Self::Over(..) => false,
        }
    }

    /// Numerator and denominator, in nanoseconds where there are durations; 1 where there is none.
    pub(super) fn fraction(&self) -> (f64, f64) {
        match self {
            Self::Sum(sum) => (*sum as f64, 1.0),
            Self::Ratio(part, whole) => (*part as f64, *whole as f64),
            Self::Level(level) => (*level as f64, 1.0),
            Self::Quantile(histogram, permille) => (histogram.quantile(*permille).as_nanos() as f64, 1.0),
            Self::Over(histogram, threshold) => (histogram.over(*threshold), histogram.count() as f64),
        }
    }
}
