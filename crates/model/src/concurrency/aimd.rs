//! Additive increase, multiplicative decrease.

use super::Sample;
use knockon_kernel::{Duration, math};

/// One more while at least half of the limit is used; a drop, or a time above the timeout, takes the limit back by a factor.
pub(super) fn update(limit: u32, sample: &Sample, backoff: f64, timeout: Duration) -> f64 {
    let limit = f64::from(limit);
    if sample.dropped || sample.time > timeout {
        math::floor(limit * backoff)
    } else if f64::from(sample.in_flight) * 2.0 >= limit {
        limit + 1.0
    } else {
        limit
    }
}
