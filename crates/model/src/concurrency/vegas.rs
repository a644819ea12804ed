//! TCP Vegas: the queue is limit · (1 − unloaded time / time), kept between α = 3 and β = 6 times ⌊log₁₀ limit⌋.

use super::Sample;
use crate::purpose;
use knockon_kernel::{Duration, Key, math};
use serde::{Deserialize, Serialize};

/// The shortest time seen since the last probe, which forgets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Unloaded {
    pub(super) time: Option<Duration>,
    key: Key,
    /// Samples since the last probe, and probes so far.
    samples: u64,
    probes: u64,
}

impl Unloaded {
    pub(super) fn new(key: Key) -> Self {
        Self { time: None, key, samples: 0, probes: 0 }
    }

    /// The draws of probes lie below another key from now on.
    pub(super) fn redraw(&mut self, key: Key) {
        self.key = key;
    }

    /// Whether it is time to measure anew: after multiplier · limit samples, less up to a half at random.
    fn probes(&mut self, estimate: f64, multiplier: u32) -> bool {
        self.samples += 1;
        let jitter = 0.5 + 0.5 * self.key.purpose(purpose::PROBE).with(self.probes).unit();
        if jitter * f64::from(multiplier) * estimate > self.samples as f64 {
            return false;
        }
        self.samples = 0;
        self.probes += 1;
        true
    }
}

/// ⌊log₁₀⌋ of a limit, at least 1.
fn log10(limit: f64) -> f64 {
    let whole = (limit as u32).max(1);
    f64::from(whole.ilog10().max(1))
}

/// The new estimate.
pub(super) fn update(
    unloaded: &mut Unloaded,
    estimate: f64,
    maximum: u32,
    sample: &Sample,
    smoothing: f64,
    multiplier: u32,
) -> f64 {
    if unloaded.probes(estimate, multiplier) {
        unloaded.time = Some(sample.time);
        return estimate;
    }
    let Some(shortest) = unloaded.time.filter(|shortest| sample.time >= *shortest) else {
        unloaded.time = Some(sample.time);
        return estimate;
    };
    let step = log10(estimate);
    let share = shortest.as_nanos() as f64 / sample.time.as_nanos() as f64;
    let queue = math::ceil(estimate * (1.0 - share));
    let wanted = if sample.dropped {
        estimate - step
    } else if f64::from(sample.in_flight) * 2.0 < estimate {
        // Where the limit is not used, times say nothing about it.
        return estimate;
    } else if queue <= step {
        estimate + 6.0 * step
    } else if queue < 3.0 * step {
        estimate + step
    } else if queue > 6.0 * step {
        estimate - step
    } else {
        return estimate;
    };
    let wanted = math::max(1.0, math::min(f64::from(maximum), wanted));
    (1.0 - smoothing) * estimate + smoothing * wanted
}
