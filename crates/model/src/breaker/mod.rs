//! Circuit breakers: attempts fail at once while too many of the last ones have failed.
//!
//! States: closed (all attempts go), open (none goes), half-open (a few go, to see). One file a library, since they differ in what
//! they count, when they look and how they come back. Neither needs a calendar: both libraries leave the open state only when
//! somebody calls. Deliberately not here: forced states, automatic transition to half-open, exceptions that are ignored.
//!
//! A change of state writes no line, as with the libraries at the levels that applications run at: Resilience4j tells its listeners and logs
//! the event at DEBUG only, Hystrix keeps it to its metrics stream, and Envoy writes a host's ejection to a file only where one is
//! configured. What is seen of it are the metrics (`metrics/upstream.rs`), the errors of callers that are refused, and the truth's states.

mod hystrix;
mod resilience4j;

pub use hystrix::Hystrix;
pub use resilience4j::Resilience4j;

use crate::blueprint::Breaker as Config;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Where a breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// All attempts go.
    Closed,
    /// None goes.
    Open,
    /// A few go.
    HalfOpen,
}

impl BreakerState {
    /// The library's word in capitals, as in `CircuitBreaker 'x' is OPEN`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }

    /// The value of a metric's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How an attempt ended, as a breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Success,
    /// In an error.
    Failure,
    /// Its caller lost interest: nothing is learnt, but what it was granted goes back.
    Cancelled,
}

/// A breaker of one of the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breaker {
    /// Resilience4j's.
    Resilience4j(Resilience4j),
    /// Hystrix'.
    Hystrix(Hystrix),
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(config: Config, now: Time) -> Self {
        match config {
            Config::Resilience4j(config) => Self::Resilience4j(Resilience4j::new(config)),
            Config::Hystrix(config) => Self::Hystrix(Hystrix::new(config, now)),
        }
    }

    /// Whether an attempt may go.
    pub fn permit(&mut self, now: Time) -> bool {
        match self {
            Self::Resilience4j(breaker) => breaker.permit(now),
            Self::Hystrix(breaker) => breaker.permit(now),
        }
    }

    /// An attempt that was permitted has ended, after `took`.
    pub fn record(&mut self, now: Time, verdict: Verdict, took: Duration) {
        match self {
            Self::Resilience4j(breaker) => breaker.record(now, verdict, took),
            Self::Hystrix(breaker) => breaker.record(now, verdict),
        }
    }

    /// Whether it is half-open and waits for trials that nobody makes: `outstanding` attempts have not ended. A lost permit does that.
    #[must_use]
    pub fn waits_in_vain(&self, outstanding: u64) -> bool {
        self.state() == BreakerState::HalfOpen
            && match self {
                Self::Resilience4j(breaker) => breaker.trials_missing(outstanding),
                Self::Hystrix(_) => outstanding == 0,
            }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self {
            Self::Resilience4j(breaker) => breaker.state(),
            Self::Hystrix(breaker) => breaker.state(),
        }
    }
}

#[cfg(test)]
mod tests;
