//! A token bucket: exact, since a thousandth of a request a second is a millionth of a millionth of a token a nanosecond.

use super::Verdict;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// A token, in 10⁻¹² tokens.
const TOKEN: u128 = 1_000_000_000_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TokenBucket {
    /// In 10⁻¹² tokens.
    level: u128,
    at: Time,
}

impl TokenBucket {
    pub(super) fn full(now: Time, burst: u32) -> Self {
        Self { level: u128::from(burst) * TOKEN, at: now }
    }

    fn level(&self, now: Time, rate_milli: u64, burst: u32) -> u128 {
        let filled = self.level + u128::from((now - self.at).as_nanos()) * u128::from(rate_milli);
        filled.min(u128::from(burst) * TOKEN)
    }

    /// What came in since the last time.
    pub(super) fn fill(&mut self, now: Time, rate_milli: u64, burst: u32) {
        self.level = self.level(now, rate_milli, burst);
        self.at = now;
    }

    pub(super) fn tokens(&self, now: Time, rate_milli: u64, burst: u32) -> u64 {
        (self.level(now, rate_milli, burst) / TOKEN) as u64
    }

    pub(super) fn ask(&mut self, now: Time, rate_milli: u64, burst: u32) -> Verdict {
        self.fill(now, rate_milli, burst);
        if self.level >= TOKEN {
            self.level -= TOKEN;
            return Verdict::Pass;
        }
        let missing_ns = (TOKEN - self.level).div_ceil(u128::from(rate_milli.max(1)));
        Verdict::Reject(Some(Duration::from_nanos(u64::try_from(missing_ns).unwrap_or(u64::MAX))))
    }
}
