//! A container's processor quota (CFS bandwidth control): so much processor time in each period of 100 ms, shared by all threads.
//!
//! Periods are aligned to multiples of 100 ms of simulated time, for every container alike. What is used comes off the budget; once it
//! is burnt nothing of the container runs until the next period begins with a full one. What a period leaves over is lost.
//!
//! Of the kernel's slices of 5 ms (`sched_cfs_bandwidth_slice_us`), which each run queue takes from the budget in advance, nothing is
//! modelled: time is taken from one global budget as it is used, to the nanosecond. The real thing strands up to a slice less a
//! millisecond on each core that falls idle, and gives it back later; bursts (`cpu.cfs_burst_us`) are left out too.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// `cpu.cfs_period_us`, the default everywhere.
pub const PERIOD: Duration = Duration::from_millis(100);

/// How often and for how long the quota held back, in one life of the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttling {
    /// Periods that began while it had something to run.
    pub periods: u64,
    /// Periods in which its budget was burnt.
    pub throttled_periods: u64,
    /// Time for which it could not run, times the jobs that would have run: as the kernel adds it up over run queues.
    pub throttled_ns: u64,
}

/// The budget of the running period.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Quota {
    /// Nanoseconds × thousandths of a core for a period.
    budget: u64,
    left: u64,
    pub(super) counts: Throttling,
}

impl Quota {
    /// A quota of so many thousandths of a core, all of it left.
    pub(super) fn new(milli: u32) -> Self {
        let budget = PERIOD.as_nanos() * u64::from(milli);
        Self { budget, left: budget, counts: Throttling::default() }
    }

    /// Changes the quota: at once for what is left of the running period, as far as it is more than what was used.
    pub(super) fn set(&mut self, milli: u32) {
        let used = self.budget - self.left;
        self.budget = PERIOD.as_nanos() * u64::from(milli);
        self.left = self.budget.saturating_sub(used);
    }

    /// A new container: nothing is used.
    pub(super) fn reset(&mut self) {
        self.left = self.budget;
        self.counts = Throttling::default();
    }

    /// Whether the budget is burnt.
    pub(super) fn is_burnt(&self) -> bool {
        self.left == 0
    }

    /// Takes what ran from `from` to `to` off the budget: `used` thousandths of a core, constantly. While it is burnt, `jobs`
    /// would run.
    pub(super) fn advance(&mut self, from: Time, to: Time, used: u64, jobs: u64) {
        let (before, begins) = (period(from), period(to));
        if self.is_burnt() {
            let until = if begins > before { boundary(from) } else { to };
            self.counts.throttled_ns += (until - from).as_nanos() * jobs;
        }
        if begins > before {
            self.counts.periods += if jobs > 0 { begins - before } else { 0 };
            self.left = self.budget;
        }
        let since = if begins > before { Time::from_nanos(begins * PERIOD.as_nanos()) } else { from };
        let burnt = self.is_burnt();
        self.left = self.left.saturating_sub((to - since).as_nanos().saturating_mul(used));
        self.counts.throttled_periods += u64::from(self.is_burnt() && !burnt);
    }

    /// When the budget is burnt, if it is used up at this rate from `now` on; when the next period begins, if it is burnt already.
    pub(super) fn next_change(&self, now: Time, used: u64) -> Option<Time> {
        let next = boundary(now);
        if self.is_burnt() {
            return Some(next);
        }
        if used == 0 {
            return None;
        }
        let burnt = now.saturating_add(Duration::from_nanos(self.left.div_ceil(used)));
        if burnt < next {
            return Some(burnt);
        }
        let lasts = Duration::from_nanos(self.budget.div_ceil(used));
        (lasts < PERIOD).then(|| next.saturating_add(lasts))
    }
}

fn period(at: Time) -> u64 {
    at.as_nanos() / PERIOD.as_nanos()
}

/// The beginning of the next period.
fn boundary(at: Time) -> Time {
    Time::from_nanos((period(at) + 1) * PERIOD.as_nanos())
}
