//! Gradient2: the limit shrinks as the time grows over its long average.

use super::Sample;
use knockon_kernel::{Duration, math};
use serde::{Deserialize, Serialize};

/// Samples whose plain mean begins the long average.
const WARM_UP: u32 = 10;
/// Factor by which the long average is brought down while it is more than twice the time.
const DECAY: f64 = 0.95;

/// An exponential average of times, in nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LongAverage {
    value: f64,
    sum: f64,
    count: u32,
}

impl LongAverage {
    /// Adds a time and returns the average with it.
    pub(super) fn add(&mut self, time: Duration, window: u32) -> f64 {
        let time = time.as_nanos() as f64;
        if self.count < WARM_UP {
            self.count += 1;
            self.sum += time;
            self.value = self.sum / f64::from(self.count);
        } else {
            let factor = 2.0 / (f64::from(window) + 1.0);
            self.value = self.value * (1.0 - factor) + time * factor;
        }
        let average = self.value;
        if average / time > 2.0 {
            // The load is over: without this the average would be slow to forget it.
            self.value *= DECAY;
        }
        average
    }
}

/// The new estimate.
pub(super) fn update(estimate: f64, sample: &Sample, long: f64, smoothing: f64, queue: u32, tolerance: f64) -> f64 {
    if f64::from(sample.in_flight) < estimate / 2.0 {
        // Where the limit is not used, times say nothing about it.
        return estimate;
    }
    let slope = tolerance * long / sample.time.as_nanos() as f64;
    let gradient = math::max(0.5, math::min(1.0, slope));
    let wanted = estimate * gradient + f64::from(queue);
    estimate * (1.0 - smoothing) + wanted * smoothing
}
