//! Client-side adaptive throttling: a caller gives attempts up by itself once the callee has turned too many away.
//!
//! Over the recent past it counts requests (attempts that were wanted, given up or not) and accepts (those that the callee took on).
//! One more is given up with probability max(0, (requests − k·accepts) / (requests + 1)), drawn at the attempt's own address.
//!
//! Source: B. Beyer et al., Site Reliability Engineering, 2016, chapter 21, "Client-Side Throttling": k = 2 over two minutes. The
//! window is kept in 120 slices. Deliberately not here: criticality of requests.

use crate::blueprint::Throttle as Config;
use crate::purpose;
use crate::rolling::Rolling;
use knockon_kernel::{Key, Time};
use serde::{Deserialize, Serialize};

/// Slices of the window.
const SLICES: u32 = 120;

/// What one caller knows of one callee's willingness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throttle {
    k: f64,
    requests: Rolling,
    accepts: Rolling,
}

impl Throttle {
    /// Nothing is known yet: everything is sent.
    #[must_use]
    pub fn new(config: Config, now: Time) -> Self {
        let window = || Rolling::new(now, config.window, SLICES);
        Self { k: config.k, requests: window(), accepts: window() }
    }

    /// Probability with which an attempt is given up at `now`.
    #[must_use]
    pub fn probability(&self, now: Time) -> f64 {
        let (requests, accepts) = (self.requests.sum(now) as f64, self.accepts.sum(now) as f64);
        let excess = requests - self.k * accepts;
        if excess > 0.0 { excess / (requests + 1.0) } else { 0.0 }
    }

    /// Whether the attempt with this address goes. It counts as a request either way.
    pub fn permit(&mut self, now: Time, key: Key) -> bool {
        let goes = key.purpose(purpose::THROTTLE).unit() >= self.probability(now);
        self.requests.add(now, 1);
        goes
    }

    /// The callee took an attempt on.
    pub fn accepted(&mut self, now: Time) {
        self.accepts.add(now, 1);
    }

    /// Changes the multiplier.
    pub fn set_k(&mut self, k: f64) -> f64 {
        std::mem::replace(&mut self.k, k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use knockon_kernel::Duration;

    fn throttle() -> Throttle {
        Throttle::new(Config { k: 2.0, window: Duration::from_secs(120) }, Time::ZERO)
    }

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn the_probability_is_the_formula_over_the_window() {
        let mut throttle = throttle();
        for n in 0..1_000 {
            throttle.requests.add(at(n), 1);
            if n % 4 == 0 {
                throttle.accepted(at(n));
            }
        }
        // 250 of 1000: (1000 − 500) / 1001.
        assert!((throttle.probability(at(1_000)) - 500.0 / 1_001.0).abs() < 1e-12);
        assert_eq!(throttle.set_k(4.0), 2.0);
        assert_eq!(throttle.probability(at(1_000)), 0.0);
        throttle.set_k(2.0);
        assert_eq!(throttle.probability(at(121_000)), 0.0, "what is older than two minutes is forgotten");
    }

    #[test]
    fn what_is_sent_settles_at_k_times_what_is_accepted() {
        let mut throttle = throttle();
        let (mut sent, mut accepted) = (0u32, 0u32);
        // A thousand requests a second against a callee that takes a hundred.
        for n in 0..300_000u64 {
            if throttle.permit(at(n), Key::new(2).with(n)) {
                let counts = n >= 200_000;
                sent += u32::from(counts);
                if n / 10 > u64::from(accepted) || accepted == 0 {
                    accepted += 1;
                    throttle.accepted(at(n));
                }
            }
        }
        let per_second = f64::from(sent) / 100.0;
        assert!((190.0..210.0).contains(&per_second), "{per_second}/s");
    }
}
