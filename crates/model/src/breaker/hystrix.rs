//! Hystrix' circuit breaker.
//!
//! Outcomes are counted in buckets of the snapshot interval. As each bucket ends, the breaker looks at the buckets of the rolling window:
//! with enough calls in them and too large a share of errors it opens. Once it has slept, the next call goes through as a trial: a
//! success closes the breaker and empties the window, a failure lets it sleep again. Bucket ends need no calendar: the next use
//! catches up with those that have passed. As in the library, whatever ends during a trial decides it, also what was sent before.
//!
//! Source: Hystrix 1.5.18, `HystrixCircuitBreaker.HystrixCircuitBreakerImpl`, `HealthCountsStream`, `HystrixCommandProperties`.

use super::{BreakerState, Verdict};
use crate::blueprint::Hystrix as Config;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Calls and errors of a bucket.
type Bucket = (u32, u32);

/// The breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hystrix {
    config: Config,
    state: BreakerState,
    /// When it opened last.
    opened: Time,
    start: Time,
    /// Buckets of the window, by number modulo their count; the last one is being filled.
    buckets: Vec<Bucket>,
    current: u64,
    /// Of the buckets that have ended.
    health: (u64, u64),
}

impl Hystrix {
    /// A closed breaker, whose buckets begin at `now`.
    #[must_use]
    pub fn new(config: Config, now: Time) -> Self {
        let buckets = (config.window.as_nanos() / config.snapshot.as_nanos().max(1)).max(1) as usize;
        Self {
            config,
            state: BreakerState::Closed,
            opened: Time::ZERO,
            start: now,
            buckets: vec![(0, 0); buckets + 1],
            current: 0,
            health: (0, 0),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a call may go.
    pub fn permit(&mut self, now: Time) -> bool {
        self.catch_up(now);
        match self.state {
            BreakerState::Closed => true,
            BreakerState::HalfOpen => false,
            BreakerState::Open => {
                let slept = now > self.opened.saturating_add(self.config.sleep);
                if slept {
                    self.state = BreakerState::HalfOpen;
                }
                slept
            }
        }
    }

    /// A call has ended.
    pub fn record(&mut self, now: Time, verdict: Verdict) {
        self.catch_up(now);
        if verdict != Verdict::Cancelled {
            let place = self.place(self.current);
            let (calls, errors) = &mut self.buckets[place];
            *calls += 1;
            *errors += u32::from(verdict == Verdict::Failure);
        }
        if self.state != BreakerState::HalfOpen {
            return;
        }
        if verdict == Verdict::Success {
            self.state = BreakerState::Closed;
            self.buckets.fill((0, 0));
            self.health = (0, 0);
        } else {
            self.state = BreakerState::Open;
            self.opened = now;
        }
    }

    fn place(&self, bucket: u64) -> usize {
        (bucket % self.buckets.len() as u64) as usize
    }

    /// Ends the buckets that lie before `now`, looking at the health each time.
    fn catch_up(&mut self, now: Time) {
        let width_ns = self.config.snapshot.as_nanos().max(1);
        let to = now.saturating_sub(self.start).as_nanos() / width_ns;
        // Once all buckets have been emptied nothing changes any more.
        let turns = (to - self.current).min(self.buckets.len() as u64);
        for _ in 0..turns {
            let (calls, errors) = self.buckets[self.place(self.current)];
            self.health = (self.health.0 + u64::from(calls), self.health.1 + u64::from(errors));
            self.current += 1;
            // The bucket that is filled next lies where the one that leaves the window is.
            let leaving = self.place(self.current);
            let (calls, errors) = std::mem::take(&mut self.buckets[leaving]);
            self.health = (self.health.0 - u64::from(calls), self.health.1 - u64::from(errors));
            self.look();
        }
        self.current = to;
    }

    fn look(&mut self) {
        let (calls, errors) = self.health;
        let too_many = calls >= u64::from(self.config.volume).max(1)
            && errors * 1_000 >= u64::from(self.config.error_permille) * calls;
        if too_many && self.state == BreakerState::Closed {
            self.state = BreakerState::Open;
            self.opened = self.start + self.config.snapshot * self.current;
        }
    }
}
