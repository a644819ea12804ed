//! How a law is drawn from: its parameters checked and brought into the form that a draw needs.

use super::SamplerError;
use super::error::Check;
use super::law::Law;
use super::ranks::Ranks;
use crate::math::{exp, ln, ln_1p, sqrt};
use crate::real::Real;
use crate::stream::Stream;
use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};
use std::sync::Arc;

/// The 99th percentile of the standard normal law.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

#[derive(Clone, Debug)]
pub(super) enum Plan {
    Constant(f64),
    Uniform {
        low: f64,
        width: f64,
    },
    Exponential {
        mean: f64,
    },
    Normal {
        mean: f64,
        sd: f64,
    },
    /// The median is e^mu.
    LogNormal {
        median: f64,
        sigma: f64,
    },
    Gamma {
        unit: Gamma<Real>,
        mean: f64,
    },
    Pareto {
        minimum: f64,
        shape: f64,
    },
    Weibull {
        scale: f64,
        shape: f64,
    },
    Zipf(Ranks),
    Empirical(Arc<[f64]>),
    /// Cumulative probabilities, ending with 1.
    Mixture(Arc<[(f64, Plan)]>),
}

impl Plan {
    pub(super) fn new(law: &Law) -> Result<Self, SamplerError> {
        let check = Check(law.name());
        Ok(match *law {
            Law::Constant { value } => {
                check.not_negative("value", value)?;
                Self::Constant(value)
            }
            Law::Uniform { low, high } => {
                check.not_negative("low", low)?;
                check.at_least("high", high, low, "a finite number not below low")?;
                if low == high { Self::Constant(low) } else { Self::Uniform { low, width: high - low } }
            }
            Law::Exponential { mean } => {
                check.positive("mean", mean)?;
                Self::Exponential { mean }
            }
            Law::Normal { mean, sd } => {
                check.not_negative("mean", mean)?;
                check.not_negative("sd", sd)?;
                if sd == 0.0 { Self::Constant(mean) } else { Self::Normal { mean, sd } }
            }
            Law::LogNormal { mean, cv2 } => {
                check.positive("mean", mean)?;
                check.not_negative("cv2", cv2)?;
                // Mean e^(mu + sigma²/2), cv² = e^(sigma²) - 1.
                Self::log_normal(mean / sqrt(1.0 + cv2), sqrt(ln_1p(cv2)))
            }
            Law::LogNormalMedianP99 { median, p99 } => {
                check.positive("median", median)?;
                check.at_least("p99", p99, median, "a finite number not below the median")?;
                Self::log_normal(median, ln(p99 / median) / NORMAL_P99)
            }
            Law::Gamma { shape, mean } => {
                check.positive("shape", shape)?;
                check.positive("mean", mean)?;
                let unit = Gamma::new(Real(shape), Real(1.0 / shape));
                let must_be = "neither so small nor so large that its reciprocal overflows";
                let unit =
                    unit.map_err(|_| SamplerError { law: law.name(), parameter: "shape", value: shape, must_be })?;
                Self::Gamma { unit, mean }
            }
            Law::Pareto { minimum, shape } => {
                check.positive("minimum", minimum)?;
                check.positive("shape", shape)?;
                Self::Pareto { minimum, shape }
            }
            Law::Weibull { scale, shape } => {
                check.positive("scale", scale)?;
                check.positive("shape", shape)?;
                Self::Weibull { scale, shape }
            }
            Law::Zipf { n, exponent } => {
                check.that(n > 0, "n", f64::from(n), "at least 1")?;
                check.not_negative("exponent", exponent)?;
                if n == 1 { Self::Constant(0.0) } else { Self::Zipf(Ranks::new(n, exponent)) }
            }
            Law::Empirical { ref values } => {
                check.that(!values.is_empty(), "the number of values", 0.0, "at least 1")?;
                for &value in values {
                    check.not_negative("a value", value)?;
                }
                let same = values.iter().all(|value| value == &values[0]);
                if same { Self::Constant(values[0]) } else { Self::Empirical(values.as_slice().into()) }
            }
            Law::Mixture { ref parts } => Self::mixture(&check, parts)?,
        })
    }

    fn log_normal(median: f64, sigma: f64) -> Self {
        if sigma == 0.0 { Self::Constant(median) } else { Self::LogNormal { median, sigma } }
    }

    fn mixture(check: &Check, parts: &[(f64, Law)]) -> Result<Self, SamplerError> {
        let mut total = 0.0;
        for &(weight, _) in parts {
            check.not_negative("a weight", weight)?;
            total += weight;
        }
        check.positive("the sum of the weights", total)?;
        let mut sum = 0.0;
        let mut plans = Vec::with_capacity(parts.len());
        for (weight, law) in parts {
            sum += weight;
            let plan = Self::new(law)?;
            if *weight > 0.0 {
                plans.push((sum / total, plan));
            }
        }
        // Rounding must not leave a gap below 1.
        if let Some(last) = plans.last_mut() {
            last.0 = 1.0;
        }
        Ok(Self::Mixture(plans.into()))
    }

    #[inline]
    pub(super) fn sample(&self, stream: &mut Stream) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { low, width } => low + width * stream.unit(),
            Self::Exponential { mean } => mean * exponential(stream),
            Self::Normal { mean, sd } => loop {
                let value = mean + sd * normal(stream);
                // False for half of the draws at worst.
                if value >= 0.0 {
                    return value;
                }
            },
            Self::LogNormal { median, sigma } => median * exp(sigma * normal(stream)),
            Self::Gamma { ref unit, mean } => mean * unit.sample(stream).0,
            // By inversion, where -ln(u) is an exponential draw: one exp instead of a pow.
            Self::Pareto { minimum, shape } => minimum * exp(exponential(stream) / shape),
            Self::Weibull { scale, shape } => scale * exp(ln(exponential(stream)) / shape),
            Self::Zipf(ref ranks) => f64::from(ranks.sample(stream)),
            Self::Empirical(ref values) => values[stream.below(values.len() as u64) as usize],
            Self::Mixture(ref parts) => {
                let u = stream.unit();
                let chosen = parts.iter().find(|(cumulative, _)| u < *cumulative);
                chosen.map_or(0.0, |(_, part)| part.sample(stream))
            }
        }
    }

    pub(super) fn mean(&self) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { low, width } => low + 0.5 * width,
            Self::Exponential { mean } | Self::Gamma { mean, .. } => mean,
            Self::Normal { mean, sd } => {
                // Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" 1, 1994, section 13.10.1.
                let cut = mean / sd;
                let density = exp(-0.5 * cut * cut) / sqrt(2.0 * core::f64::consts::PI);
                let kept = 0.5 * libm::erfc(-cut / core::f64::consts::SQRT_2);
                mean + sd * density / kept
            }
            Self::LogNormal { median, sigma } => median * exp(0.5 * sigma * sigma),
            Self::Pareto { shape, .. } if shape <= 1.0 => f64::INFINITY,
            Self::Pareto { minimum, shape } => minimum * shape / (shape - 1.0),
            Self::Weibull { scale, shape } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Self::Zipf(ref ranks) => ranks.mean(),
            Self::Empirical(ref values) => values.iter().sum::<f64>() / values.len() as f64,
            Self::Mixture(ref parts) => {
                let mut below = 0.0;
                let mut mean = 0.0;
                for (cumulative, part) in parts.iter() {
                    mean += (cumulative - below) * part.mean();
                    below = *cumulative;
                }
                mean
            }
        }
    }
}

#[inline]
fn exponential(stream: &mut Stream) -> f64 {
    let Real(value) = Exp1.sample(stream);
    value
}

#[inline]
fn normal(stream: &mut Stream) -> f64 {
    let Real(value) = StandardNormal.sample(stream);
    value
}
