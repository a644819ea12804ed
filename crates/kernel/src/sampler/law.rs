//! The laws by their parameters, as a caller states them.

use serde::{Deserialize, Serialize};

/// A probability law. The constructors of [`Sampler`](super::Sampler) say what the parameters mean and which are allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the parameters are documented at the constructors of the same names")]
pub enum Law {
    Constant { value: f64 },
    Uniform { low: f64, high: f64 },
    Exponential { mean: f64 },
    Normal { mean: f64, sd: f64 },
    LogNormal { mean: f64, cv2: f64 },
    LogNormalMedianP99 { median: f64, p99: f64 },
    Gamma { shape: f64, mean: f64 },
    Pareto { minimum: f64, shape: f64 },
    Weibull { scale: f64, shape: f64 },
    Zipf { n: u32, exponent: f64 },
    Empirical { values: Vec<f64> },
    Mixture { parts: Vec<(f64, Law)> },
}

impl Law {
    /// The law's name in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Uniform { .. } => "uniform",
            Self::Exponential { .. } => "exponential",
            Self::Normal { .. } => "normal",
            Self::LogNormal { .. } | Self::LogNormalMedianP99 { .. } => "log-normal",
            Self::Gamma { .. } => "gamma",
            Self::Pareto { .. } => "Pareto",
            Self::Weibull { .. } => "Weibull",
            Self::Zipf { .. } => "Zipf",
            Self::Empirical { .. } => "empirical",
            Self::Mixture { .. } => "mixture",
        }
    }
}
