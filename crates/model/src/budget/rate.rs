//! Finagle's retry budget: every call deposits a part of a retry, every retry withdraws one, and a reserve allows a few a second to
//! callers that send little. What was put in or taken out is forgotten after the time to live.
//!
//! In thousandths of a retry. Source: Finagle, `RetryBudget` over `TokenBucket.newLeakyBucket`, whose window has ten slices; Finagle
//! itself rounds 1/ratio down to a whole number, here a ratio is exact to a thousandth. Without the reserve it is a plain share of the
//! calls, such as the "10 % of requests" of Isaacs et al., HotOS 2025.

use crate::rolling::Rolling;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Slices of the window.
const SLICES: u32 = 10;
/// What a retry costs.
const RETRY: i64 = 1_000;

/// The balance of one caller for one callee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    deposit: i64,
    reserve: i64,
    window: Rolling,
}

impl Rate {
    /// Nothing but the reserve is there.
    #[must_use]
    pub fn new(now: Time, ratio_permille: u32, minimum_per_second: u32, ttl: Duration) -> Self {
        let reserve = u128::from(minimum_per_second) * u128::from(ttl.as_nanos()) / 1_000_000;
        let reserve = i64::try_from(reserve).unwrap_or(i64::MAX / 2);
        Self { deposit: ratio_permille.into(), reserve, window: Rolling::new(now, ttl, SLICES) }
    }

    /// A call begins.
    pub fn deposit(&mut self, now: Time) {
        self.window.add(now, self.deposit);
    }

    /// Thousandths of retries that may be sent at `now`.
    #[must_use]
    pub fn balance(&self, now: Time) -> i64 {
        self.reserve.saturating_add(self.window.sum(now))
    }

    /// Pays for a retry, if there is enough.
    pub fn try_withdraw(&mut self, now: Time) -> bool {
        let enough = self.balance(now) >= RETRY;
        if enough {
            self.window.add(now, -RETRY);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    const TTL: Duration = Duration::from_secs(10);

    #[test]
    fn every_fifth_call_pays_for_a_retry() {
        let mut budget = Rate::new(at(0), 200, 0, TTL);
        assert!(!budget.try_withdraw(at(0)));
        for n in 1..=25 {
            budget.deposit(at(n));
        }
        assert_eq!((0..10).filter(|_| budget.try_withdraw(at(30))).count(), 5);
    }

    #[test]
    fn the_reserve_allows_ten_a_second_over_the_window() {
        let mut budget = Rate::new(at(0), 0, 10, TTL);
        let granted = |budget: &mut Rate, now| (0..1_000).filter(|_| budget.try_withdraw(at(now))).count();
        assert_eq!(granted(&mut budget, 500), 100);
        assert_eq!(granted(&mut budget, 9_999), 0);
        assert_eq!(granted(&mut budget, 10_000), 100, "its slice of the window has gone");
    }

    #[test]
    fn credit_that_nobody_uses_is_forgotten() {
        let mut budget = Rate::new(at(0), 200, 0, TTL);
        (0..100).for_each(|_| budget.deposit(at(100)));
        assert_eq!(budget.balance(at(9_999)), 20_000);
        assert_eq!(budget.balance(at(10_000)), 0);
    }

    #[test]
    fn retries_are_a_share_of_steady_calls_however_many_are_wanted() {
        for ratio in [100, 200, 333] {
            let mut budget = Rate::new(at(0), ratio, 0, TTL);
            let mut retries = 0u64;
            for call in 0..100_000u64 {
                budget.deposit(at(call));
                retries += (0..3).filter(|_| budget.try_withdraw(at(call))).count() as u64;
            }
            // Withdrawals outlive the deposits that paid for them by at most the window: a window's worth is lost at most.
            let most = 100_000 * u64::from(ratio) / 1_000;
            assert!(retries <= most && retries >= most - most / 10, "{retries} of {most}");
        }
    }
}
