//! Adaptive limits of the requests in work at once, after Netflix' `concurrency-limits`: Fixed, AIMD, Vegas, Gradient2.
//!
//! States: an estimate, which samples move; its whole part is the limit. A sample is the time that a request was in work, how many were
//! in work when it began, and whether it was dropped; where there is a window, samples are averaged over it first. Deliberately not
//! here: partitions, and what becomes of requests over the limit.

mod aimd;
mod gradient;
mod vegas;
mod window;

use crate::blueprint::{Algorithm, ConcurrencyLimit};
use gradient::LongAverage;
use knockon_kernel::{Duration, Key, Time, math};
use serde::{Deserialize, Serialize};
use vegas::Unloaded;
use window::Window;

/// What one request, or the requests of a window, showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Time in work.
    pub time: Duration,
    /// Requests in work when it began, itself included.
    pub in_flight: u32,
    /// Whether it ended for want of time.
    pub dropped: bool,
}

/// A limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    config: ConcurrencyLimit,
    estimate: f64,
    unloaded: Unloaded,
    average: LongAverage,
    window: Window,
}

impl Limit {
    /// The draws of Vegas' probes lie below another key from now on.
    pub(crate) fn redraw(&mut self, key: Key) {
        self.unloaded.redraw(key);
    }

    /// A limit at its initial value. `key` addresses the draws of Vegas' probes.
    #[must_use]
    pub fn new(config: &ConcurrencyLimit, key: Key) -> Self {
        Self {
            config: *config,
            estimate: f64::from(config.initial),
            unloaded: Unloaded::new(key),
            average: LongAverage::default(),
            window: Window::default(),
        }
    }

    /// Requests that may be in work at once.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> u32 {
        let ConcurrencyLimit { minimum, maximum, .. } = self.config;
        // Of bounds that have passed each other the highest counts.
        (self.estimate as u32).clamp(minimum.min(maximum), maximum)
    }

    /// Its parameters.
    #[must_use]
    pub fn config(&self) -> &ConcurrencyLimit {
        &self.config
    }

    /// Changes the bounds from now on.
    pub fn set_bounds(&mut self, minimum: u32, maximum: u32) {
        self.config.minimum = minimum;
        self.config.maximum = maximum;
        self.settle(self.estimate);
    }

    /// A request has ended at `now`.
    pub fn sample(&mut self, now: Time, sample: Sample) {
        let sample = match self.config.window {
            None => Some(sample),
            Some(length) => self.window.add(now, sample, length),
        };
        // No time shows nothing.
        let Some(sample) = sample.filter(|sample| !sample.time.is_zero()) else { return };
        let estimate = match self.config.algorithm {
            Algorithm::Fixed => return,
            Algorithm::Aimd { backoff, timeout } => aimd::update(self.limit(), &sample, backoff, timeout),
            Algorithm::Vegas { smoothing, probe_multiplier } => {
                let maximum = self.config.maximum;
                vegas::update(&mut self.unloaded, self.estimate, maximum, &sample, smoothing, probe_multiplier)
            }
            Algorithm::Gradient2 { smoothing, queue, long_window, tolerance } => {
                let long = self.average.add(sample.time, long_window);
                gradient::update(self.estimate, &sample, long, smoothing, queue, tolerance)
            }
        };
        self.settle(estimate);
    }

    fn settle(&mut self, estimate: f64) {
        let (minimum, maximum) = (f64::from(self.config.minimum), f64::from(self.config.maximum));
        self.estimate = math::max(minimum, math::min(maximum, estimate));
    }
}

#[cfg(test)]
mod tests;
