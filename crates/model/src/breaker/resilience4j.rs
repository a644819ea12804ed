//! Resilience4j's circuit breaker with a count-based sliding window.
//!
//! Closed, it keeps the outcomes of the last calls and opens as soon as, with enough of them, the share of failures or of slow calls
//! has reached its threshold. Open, it refuses until its waiting time has passed; the first call after that makes it
//! half-open, with an empty window of as many calls as it then lets through. When all of those have ended it opens or closes
//! by the same thresholds. As in the library, whatever ends while it is half-open counts, also what was sent before.
//!
//! Source: Resilience4j 2.2, `CircuitBreakerStateMachine`, `FixedSizeSlidingWindowMetrics`.

use super::{BreakerState, Verdict};
use crate::blueprint::Resilience4j as Config;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Outcomes of the last calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    size: u32,
    /// Whether each failed, and whether it was slow; oldest first.
    outcomes: VecDeque<(bool, bool)>,
    failed: u32,
    slow: u32,
    slow_failed: u32,
}

impl Window {
    fn new(size: u32) -> Self {
        Self { size, ..Self::default() }
    }

    fn calls(&self) -> u32 {
        self.outcomes.len() as u32
    }

    fn record(&mut self, failed: bool, slow: bool) {
        if self.calls() == self.size
            && let Some((failed, slow)) = self.outcomes.pop_front()
        {
            self.failed -= u32::from(failed);
            self.slow -= u32::from(slow);
            self.slow_failed -= u32::from(slow && failed);
        }
        self.outcomes.push_back((failed, slow));
        self.failed += u32::from(failed);
        self.slow += u32::from(slow);
        self.slow_failed += u32::from(slow && failed);
    }
}

/// What its gauges show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Calls in the window, and how many of them failed.
    pub buffered: (u32, u32),
    /// Slow calls in the window, and how many of them failed.
    pub slow: (u32, u32),
    /// Whether enough calls are in the window for rates.
    pub rated: bool,
}

/// The breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resilience4j {
    config: Config,
    state: BreakerState,
    window: Window,
    /// Calls that a half-open breaker still lets through.
    permits: u32,
    /// An open breaker refuses until this instant, inclusive.
    until: Time,
}

impl Resilience4j {
    /// A closed breaker.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, state: BreakerState::Closed, window: Window::new(config.window), permits: 0, until: Time::ZERO }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// What its gauges show.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let window = &self.window;
        Readings {
            buffered: (window.calls(), window.failed),
            slow: (window.slow, window.slow_failed),
            rated: window.calls() >= self.enough(),
        }
    }

    /// Whether a call may go.
    pub fn permit(&mut self, now: Time) -> bool {
        if self.state == BreakerState::Open && now > self.until {
            self.enter(BreakerState::HalfOpen, self.config.half_open_calls);
            self.permits = self.config.half_open_calls;
        }
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => {
                let permitted = self.permits > 0;
                self.permits -= u32::from(permitted);
                permitted
            }
        }
    }

    /// A call has ended.
    pub fn record(&mut self, now: Time, verdict: Verdict, took: Duration) {
        let failed = match verdict {
            Verdict::Success => false,
            Verdict::Failure => true,
            Verdict::Cancelled => {
                let most = self.config.half_open_calls;
                self.permits = if self.state == BreakerState::HalfOpen { (self.permits + 1).min(most) } else { 0 };
                return;
            }
        };
        let slow = self.config.slow.is_some_and(|(threshold, _)| took > threshold);
        self.window.record(failed, slow);
        if self.state == BreakerState::Open || self.window.calls() < self.enough() {
            return;
        }
        if self.exceeds() {
            self.enter(BreakerState::Open, self.config.window);
            self.until = now.saturating_add(self.config.wait);
        } else if self.state == BreakerState::HalfOpen {
            self.enter(BreakerState::Closed, self.config.window);
        }
    }

    /// Half-open: whether fewer trials than it lets through are to come, under way or seen.
    pub(super) fn trials_missing(&self, outstanding: u64) -> bool {
        u64::from(self.permits) + u64::from(self.window.calls()) + outstanding < u64::from(self.config.half_open_calls)
    }

    /// Calls that a rate needs.
    fn enough(&self) -> u32 {
        self.config.minimum_calls.min(self.window.size)
    }

    fn exceeds(&self) -> bool {
        let calls = u64::from(self.window.calls());
        let reaches = |part: u32, permille: u32| u64::from(part) * 1_000 >= u64::from(permille) * calls;
        reaches(self.window.failed, self.config.failure_permille)
            || self.config.slow.is_some_and(|(_, permille)| reaches(self.window.slow, permille))
    }

    /// An open breaker keeps what it saw; a closed or half-open one begins afresh.
    fn enter(&mut self, state: BreakerState, window: u32) {
        self.state = state;
        if state != BreakerState::Open {
            self.window = Window::new(window);
        }
    }
}
