//! nginx's `limit_req`, to the millisecond and the thousandth of a request (`ngx_http_limit_req_module`, 1.22).
//!
//! excess ← max(0, excess − rate · Δt + 1), with Δt in whole milliseconds and all of it in thousandths, rounded as integers are;
//! over `burst` a request is turned away and leaves no trace; over `delay` it waits until the excess has drained to that.

use super::Verdict;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Nanoseconds in the clock tick that nginx counts in.
const MILLISECOND: u64 = 1_000_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LimitReq {
    /// Excess in thousandths of a request, and the millisecond of the last request that was let through.
    last: Option<(u64, u64)>,
    /// Excess that the last request found, let through or not.
    seen: u64,
}

impl LimitReq {
    pub(super) fn ask(&mut self, now: Time, rate_milli: u64, burst: u32, undelayed: Option<u32>) -> Verdict {
        let now_ms = now.as_nanos() / MILLISECOND;
        let excess = match self.last {
            // The first request of all is none too many.
            None => 0,
            Some((excess, last_ms)) => {
                let drained = u128::from(rate_milli) * u128::from(now_ms - last_ms) / 1000;
                (u128::from(excess) + 1000).saturating_sub(drained) as u64
            }
        };
        self.seen = excess;
        if excess > u64::from(burst) * 1000 {
            return Verdict::Reject(None);
        }
        self.last = Some((excess, now_ms));
        let free = undelayed.map_or(u64::MAX, |requests| u64::from(requests) * 1000);
        if excess <= free {
            return Verdict::Pass;
        }
        let delay_ms = u128::from(excess - free) * 1000 / u128::from(rate_milli.max(1));
        match u64::try_from(delay_ms).unwrap_or(u64::MAX / MILLISECOND) {
            0 => Verdict::Pass,
            delay_ms => Verdict::Delay(Duration::from_nanos(delay_ms.saturating_mul(MILLISECOND))),
        }
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }
}
