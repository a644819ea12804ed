//! The peak-sensitive, exponentially weighted mean of a host's latency: a higher value replaces it at once, a lower one wears it down.
//!
//! Source: Finagle, `com.twitter.finagle.loadbalancer.PeakEwma`: cost' = max(rtt, cost·w + rtt·(1 − w)), w = e^(−Δt/decay); the load
//! of a host is cost·(pending + 1), and a host without history that has attempts under way is the last to get another.

use knockon_kernel::math::exp;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Load of a host that has attempts under way and has answered none, before those are added: above any real one.
const UNKNOWN: f64 = 1e300;

/// The mean, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeakEwma {
    cost_ns: f64,
    at: Time,
}

impl PeakEwma {
    /// An attempt took so long.
    pub fn observe(&mut self, now: Time, decay: Duration, latency_ns: u64) {
        let latency_ns = latency_ns as f64;
        let weight = self.weight(now, decay);
        self.cost_ns =
            if latency_ns > self.cost_ns { latency_ns } else { self.cost_ns * weight + latency_ns * (1.0 - weight) };
        self.at = now;
    }

    /// The load that one more attempt would meet.
    #[must_use]
    pub fn load(&self, now: Time, decay: Duration, active: u32) -> f64 {
        let cost_ns = self.cost_ns * self.weight(now, decay);
        if cost_ns == 0.0 && active > 0 { UNKNOWN * f64::from(active) } else { cost_ns * (f64::from(active) + 1.0) }
    }

    fn weight(&self, now: Time, decay: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_nanos() as f64;
        exp(-passed / decay.as_nanos() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    const DECAY: Duration = Duration::from_secs(10);

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let mut host = PeakEwma::default();
        host.observe(at(0), DECAY, 10_000_000);
        host.observe(at(1_000), DECAY, 500_000_000);
        assert_eq!(host.load(at(1_000), DECAY, 0), 5e8);
        assert_eq!(host.load(at(1_000), DECAY, 3), 2e9);
        host.observe(at(11_000), DECAY, 10_000_000);
        // One time constant later: e⁻¹ of the peak, and the rest from the new value.
        let expected = 5e8 / std::f64::consts::E + 1e7 * (1.0 - 1.0 / std::f64::consts::E);
        assert!((host.load(at(11_000), DECAY, 0) / expected - 1.0).abs() < 1e-12);
        // Without attempts the view decays as well, so that a slow host is tried again.
        assert!(host.load(at(60_000), DECAY, 0) < host.load(at(11_000), DECAY, 0) / 100.0);
    }

    #[test]
    fn a_host_without_history_gets_one_attempt_at_a_time() {
        let (new, mut known) = (PeakEwma::default(), PeakEwma::default());
        known.observe(at(0), DECAY, 1_000_000_000_000);
        assert!(new.load(at(0), DECAY, 0) < known.load(at(0), DECAY, 0));
        assert!(new.load(at(0), DECAY, 1) > known.load(at(0), DECAY, 1_000));
        assert!(new.load(at(0), DECAY, 2) > new.load(at(0), DECAY, 1));
    }
}
