//! How the processes at one end of a link treat the service at the other: which of its processes they call, when they stop
//! calling, and how much they retry. What a library in the caller (Resilience4j, Hystrix, Finagle, gRPC) or a proxy beside it
//! (Envoy) is configured with. A link that nothing is said about picks a process at random and guards nothing.

use crate::id::{KeyspaceId, LinkId};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// What callers do about one link. Each calling process keeps a state of its own, which dies with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficPolicy {
    /// The link.
    pub link: LinkId,
    /// Which process of the callee gets an attempt.
    pub balance: Balance,
    /// Passive health checking: processes that keep failing are left out for a while.
    pub outlier: Option<Outlier>,
    /// Attempts fail at once while too many of the last ones have failed.
    pub breaker: Option<Breaker>,
    /// Bound of the retries over all calls together.
    pub retry_budget: Option<RetryBudget>,
    /// Bound of the attempts under way at once.
    pub bulkhead: Option<Bulkhead>,
    /// Attempts are given up with a probability that follows what the callee accepts.
    pub throttle: Option<Throttle>,
}

impl TrafficPolicy {
    /// A policy that does what a link without one does.
    #[must_use]
    pub const fn plain(link: LinkId) -> Self {
        let balance = Balance::Random;
        Self { link, balance, outlier: None, breaker: None, retry_budget: None, bulkhead: None, throttle: None }
    }
}

/// Which process of the callee gets an attempt. Every draw belongs to the attempt, never to who else is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Balance {
    /// Any, drawn for each attempt.
    Random,
    /// One after the other, from a place that each caller draws when it starts.
    RoundRobin,
    /// Of so many drawn with replacement, the one with the fewest attempts of this caller under way (Envoy's `LEAST_REQUEST`).
    LeastRequest {
        /// How many are drawn; 2 is "the power of two choices".
        choices: u32,
    },
    /// Of two different ones the one with the lower product of its peak-sensitive mean latency and the attempts under way
    /// (Finagle's and Linkerd's `PeakEwma`).
    PeakEwma {
        /// Time constant with which an old latency is forgotten.
        decay: Duration,
    },
    /// The one that follows the request's key on a ring of hashes, so that equal keys meet the same process.
    ConsistentHash {
        /// Whose keys: the request's key in this key space, the very one that caches are asked for; `None` hashes the address of
        /// the source's request, so that every call that one request makes over the link goes to one process.
        keys: Option<KeyspaceId>,
        /// Points of each process on the ring.
        points: u32,
    },
}

/// Outlier ejection after consecutive failures (Envoy's `outlier_detection`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlier {
    /// Failures in a row that eject a process: answers of 500 or above, timeouts, refused and broken connections.
    pub consecutive_5xx: u32,
    /// Distance of the sweeps that take processes back.
    pub interval: Duration,
    /// Ejection lasts this long, times how often the process was ejected of late.
    pub base_ejection: Duration,
    /// Longest ejection.
    pub maximum_ejection: Duration,
    /// Share of the processes that may be ejected at once, in thousandths.
    pub maximum_permille: u32,
    /// Whether one may be ejected whatever the share says.
    pub always_one: bool,
    /// While a smaller share is left, in thousandths, ejection is ignored and all are called (Envoy's panic threshold).
    pub panic_permille: u32,
}

/// A circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breaker {
    /// Over the last so many attempts.
    Resilience4j(Resilience4j),
    /// Over the last so many seconds.
    Hystrix(Hystrix),
}

/// Resilience4j's `CircuitBreaker` with a count-based sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resilience4j {
    /// `slidingWindowSize`.
    pub window: u32,
    /// `minimumNumberOfCalls`: rates are looked at from then on. At most the window counts.
    pub minimum_calls: u32,
    /// `failureRateThreshold` in thousandths.
    pub failure_permille: u32,
    /// `slowCallDurationThreshold` and `slowCallRateThreshold` in thousandths.
    pub slow: Option<(Duration, u32)>,
    /// `waitDurationInOpenState`.
    pub wait: Duration,
    /// `permittedNumberOfCallsInHalfOpenState`.
    pub half_open_calls: u32,
}

/// Hystrix' circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hystrix {
    /// `circuitBreaker.requestVolumeThreshold`: attempts in the window before errors count.
    pub volume: u32,
    /// `circuitBreaker.errorThresholdPercentage` in thousandths.
    pub error_permille: u32,
    /// `circuitBreaker.sleepWindowInMilliseconds`.
    pub sleep: Duration,
    /// `metrics.rollingStats.timeInMilliseconds`.
    pub window: Duration,
    /// `metrics.healthSnapshot.intervalInMilliseconds`: how often health is looked at, and the width of the window's buckets.
    pub snapshot: Duration,
}

/// A bound of the retries over all calls of a process over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryBudget {
    /// gRPC's retry throttling: failures take a token, successes give a part of one back, and retries need more than half.
    Grpc {
        /// `maxTokens`, with which it begins.
        maximum_tokens: u32,
        /// `tokenRatio` in thousandths.
        ratio_permille: u32,
    },
    /// Finagle's budget: calls deposit, retries withdraw, both are forgotten after `ttl`. Without a minimum, a plain share of the calls.
    Finagle {
        /// `percentCanRetry` in thousandths.
        ratio_permille: u32,
        /// `minRetriesPerSec`.
        minimum_per_second: u32,
        /// `ttl`.
        ttl: Duration,
    },
    /// Envoy's: retries under way at most a share of all attempts that are under way or wait, or a minimum.
    Envoy {
        /// `budget_percent` in thousandths.
        permille: u32,
        /// `min_retry_concurrency`.
        minimum: u32,
    },
}

/// Resilience4j's semaphore bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulkhead {
    /// `maxConcurrentCalls`.
    pub maximum: u32,
    /// `maxWaitDuration`; zero refuses at once.
    pub wait: Duration,
}

/// Client-side throttling: an attempt is given up with probability max(0, (requests − k·accepts) / (requests + 1)).
///
/// Source: B. Beyer et al., Site Reliability Engineering, 2016, chapter 21, "Client-Side Throttling".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throttle {
    /// How many times what the callee accepts is still sent.
    pub k: f64,
    /// The past that counts.
    pub window: Duration,
}
