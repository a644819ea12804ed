//! A value and its standard error from batches: equal pieces of simulated time, long enough that what happens in one tells next to
//! nothing about the next.
//!
//! A statistic for each of something (a mean latency, a share) is a ratio of two sums, and so is its estimate: the sums over all
//! batches, divided once. Its error follows from the residuals of the batches (Cochran, Sampling Techniques, 1977, section 6.3;
//! Law, Simulation Modeling and Analysis, 2015, section 9.5.3). A quantile is that of all batches together, and its error comes from
//! the quantiles of the batches around it: sectioning (Asmussen and Glynn, Stochastic Simulation, 2007, section III.5a).
//!
//! Bands are four standard errors wide at either side and need no table of Student's t: with the 40 batches that are the default, one
//! true value in 3 700 lies outside, with 100 one in 8 200, without end one in 15 800. None of that is a rate at which a suite of
//! some hundred values would raise false alarms.
//!
//! Only additions, products, quotients and square roots take place here, in the order of the batches: the same bits everywhere.

use knockon_scenario::{Reading, Statistic};
use statrs::statistics::Statistics as _;

/// Half the width of a band, in standard errors.
pub const SIGMAS: f64 = 4.0;

/// An estimated value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The value over all batches: seconds for durations.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Correlation of the batches' residuals with those of the batches before them.
    pub correlation: f64,
    /// How many batches there are.
    pub batches: usize,
}

impl Estimate {
    /// Estimates a statistic from its readings at the edges of batches, first to last. `None` if nothing was counted, or if it has no
    /// differences.
    #[must_use]
    pub fn of(statistic: &Statistic, edges: &[Reading]) -> Option<Self> {
        let whole = edges.last()?.since(edges.first()?)?;
        let batches: Vec<Reading> = edges
            .windows(2)
            .map(|pair| pair[1].since(&pair[0]))
            .collect::<Option<_>>()
            .filter(|all: &Vec<_>| all.len() > 1)?;
        let (count, value) = (batches.len() as f64, statistic.value(&whole));
        let (_, weight) = statistic.fraction(&whole);
        if weight == 0.0 {
            return None;
        }
        let (residuals, standard_error): (Vec<f64>, f64) = match whole {
            Reading::Quantile(..) => {
                let residuals: Vec<f64> = batches.iter().map(|batch| statistic.value(batch) - value).collect();
                let spread = residuals.iter().quadratic_mean();
                (residuals, spread / (count - 1.0).sqrt())
            }
            _ => {
                let residual = |batch: &Reading| {
                    let (part, whole) = statistic.fraction(batch);
                    // What is counted up without end has its share of time in each batch.
                    let whole = if matches!(batch, Reading::Sum(_)) { 1.0 / count } else { whole };
                    part - value * whole
                };
                let residuals: Vec<f64> = batches.iter().map(residual).collect();
                let spread = residuals.iter().std_dev();
                (residuals, spread * count.sqrt() / weight)
            }
        };
        Some(Self { value, standard_error, correlation: correlation(&residuals), batches: batches.len() })
    }

    /// Half the width of its band.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        SIGMAS * self.standard_error
    }

    /// Whether its batches are so alike their neighbours that its standard error is too small: by four of the standard errors that the
    /// correlation of independent batches has (Bartlett 1946).
    #[must_use]
    pub fn is_correlated(&self) -> bool {
        self.correlation * (self.batches as f64).sqrt() > SIGMAS
    }
}

/// First serial correlation of values around 0; 0 where nothing varies.
fn correlation(residuals: &[f64]) -> f64 {
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}
