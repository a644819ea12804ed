//! Samplers: probability laws of times, sizes and ranks, checked once and then drawn from without fail.
//!
//! A [`Law`] is what was asked for, a [`Sampler`] is the law with what drawing needs computed in advance. Every value drawn
//! is at least zero. A sampler scales its variate as late as it can, so that another mean with the same key gives the
//! same draw, scaled. Functions come from `libm` and `rand_distr` works over [`Real`](crate::Real): the bits are the same on every host, and
//! `tests/stability.rs` holds them fast. Deliberately not here: units, names and the text form of laws.

mod error;
mod law;
mod plan;
mod ranks;

pub use error::SamplerError;
pub use law::Law;

use crate::key::Key;
use crate::stream::Stream;
use crate::time::Duration;
use plan::Plan;
use serde::{Deserialize, Serialize};

/// A law ready to be drawn from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Law", into = "Law")]
pub struct Sampler {
    law: Law,
    plan: Plan,
}

/// Two samplers are equal if their laws are.
impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        self.law == other.law
    }
}

impl TryFrom<Law> for Sampler {
    type Error = SamplerError;
    fn try_from(law: Law) -> Result<Self, SamplerError> {
        let plan = Plan::new(&law)?;
        Ok(Self { law, plan })
    }
}

impl From<Sampler> for Law {
    fn from(sampler: Sampler) -> Self {
        sampler.law
    }
}

impl Sampler {
    /// The longest duration that [`Sampler::duration`] gives: 100 years of 365 days.
    pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

    /// Always `value`.
    ///
    /// # Errors
    /// As every constructor here: if a parameter is not a finite number or lies outside its range; the error names it.
    pub fn constant(value: f64) -> Result<Self, SamplerError> {
        Law::Constant { value }.try_into()
    }

    /// Anything from `low` to below `high`, equally likely.
    ///
    /// # Errors
    /// If not 0 ≤ `low` ≤ `high`.
    pub fn uniform(low: f64, high: f64) -> Result<Self, SamplerError> {
        Law::Uniform { low, high }.try_into()
    }

    /// The exponential law.
    ///
    /// # Errors
    /// If `mean` is not positive.
    pub fn exponential(mean: f64) -> Result<Self, SamplerError> {
        Law::Exponential { mean }.try_into()
    }

    /// The normal law cut off at zero: negative draws are drawn again. `mean` and `sd` (standard deviation) are those
    /// before the cut.
    ///
    /// # Errors
    /// If `mean` or `sd` is negative: with a negative mean more draws would be thrown away than kept.
    pub fn normal(mean: f64, sd: f64) -> Result<Self, SamplerError> {
        Law::Normal { mean, sd }.try_into()
    }

    /// The log-normal law of this mean and squared coefficient of variation (variance over squared mean).
    ///
    /// # Errors
    /// If `mean` is not positive or `cv2` is negative.
    pub fn log_normal(mean: f64, cv2: f64) -> Result<Self, SamplerError> {
        Law::LogNormal { mean, cv2 }.try_into()
    }

    /// The log-normal law of this median and 99th percentile.
    ///
    /// # Errors
    /// If not 0 < `median` ≤ `p99`.
    pub fn log_normal_median_p99(median: f64, p99: f64) -> Result<Self, SamplerError> {
        Law::LogNormalMedianP99 { median, p99 }.try_into()
    }

    /// The gamma law; a whole `shape` k is the sum of k exponential draws (Erlang).
    ///
    /// # Errors
    /// If `shape` or `mean` is not positive.
    pub fn gamma(shape: f64, mean: f64) -> Result<Self, SamplerError> {
        Law::Gamma { shape, mean }.try_into()
    }

    /// The Pareto law: P(X > x) = (`minimum` / x)^`shape`. Its mean is infinite for a shape of 1 or less.
    ///
    /// # Errors
    /// If `minimum` or `shape` is not positive.
    pub fn pareto(minimum: f64, shape: f64) -> Result<Self, SamplerError> {
        Law::Pareto { minimum, shape }.try_into()
    }

    /// The Weibull law: P(X > x) = exp(-(x / `scale`)^`shape`).
    ///
    /// # Errors
    /// If `scale` or `shape` is not positive.
    pub fn weibull(scale: f64, shape: f64) -> Result<Self, SamplerError> {
        Law::Weibull { scale, shape }.try_into()
    }

    /// Ranks 0 to `n` - 1, where rank r has probability proportional to 1 / (r + 1)^`exponent`. Exponent 0 makes all equal.
    ///
    /// # Errors
    /// If `n` is zero or `exponent` is negative.
    pub fn zipf(n: u32, exponent: f64) -> Result<Self, SamplerError> {
        Law::Zipf { n, exponent }.try_into()
    }

    /// One of these values, each equally likely.
    ///
    /// # Errors
    /// If there are none or one is negative.
    pub fn empirical(values: Vec<f64>) -> Result<Self, SamplerError> {
        Law::Empirical { values }.try_into()
    }

    /// A draw from one of these samplers, chosen with probability proportional to its weight.
    ///
    /// # Errors
    /// If a weight is negative or none is positive.
    pub fn mixture(parts: Vec<(f64, Self)>) -> Result<Self, SamplerError> {
        let parts = parts.into_iter().map(|(weight, part)| (weight, part.law)).collect();
        Law::Mixture { parts }.try_into()
    }

    /// What was asked for.
    #[must_use]
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// The next value from a stream, at least zero. It takes as many random words from the stream as it needs.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        self.plan.sample(stream)
    }

    /// The value at an address.
    #[inline]
    #[must_use]
    pub fn draw(&self, key: Key) -> f64 {
        match self.plan {
            Plan::Constant(value) => value,
            ref plan => plan.sample(&mut key.stream()),
        }
    }

    /// The value at an address as nanoseconds, rounded to the nearest.
    ///
    /// Laws with heavy tails have draws longer than any run. A draw beyond [`Sampler::LONGEST`], a hundred years, is given
    /// as that, so that it can be added to the time of any run; no draw is changed otherwise.
    #[inline]
    #[must_use]
    pub fn duration(&self, key: Key) -> Duration {
        // Draws are never negative nor NaN: what cannot be converted is too long.
        Duration::from_real_nanos(self.draw(key)).map_or(Self::LONGEST, |duration| duration.min(Self::LONGEST))
    }

    /// The value at an address as a whole number, rounded down, at most `u32::MAX`: the rank for [`Sampler::zipf`], and
    /// equally likely numbers from 0 to n - 1 for `uniform(0, n)`.
    #[inline]
    #[must_use]
    pub fn rank(&self, key: Key) -> u32 {
        self.draw(key) as u32
    }

    /// The mean of the law by its formula, infinite for a Pareto shape of 1 or less.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.plan.mean()
    }

    /// Whether every draw has the same value.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        matches!(self.plan, Plan::Constant(_))
    }
}

#[cfg(test)]
mod tests;
