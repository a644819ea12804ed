//! Limits as described: of the rate at which a service admits requests, and of how many it works on at once.

use super::Rejection;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// A limit of the rate of requests. It stands before the accept queue, as a proxy does; each process has one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How it counts.
    pub kind: RateLimitKind,
    /// Thousandths of a request a second.
    pub rate_milli: u64,
    /// Requests that may come at once: tokens of a full bucket, or requests over the rate (`burst=` of `limit_req`).
    pub burst: u32,
    /// Status of the answer to what is over the limit.
    pub status: u16,
}

/// How a rate limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateLimitKind {
    /// A bucket of `burst` tokens, filled at the rate; a request takes one, and is told when the next one comes (`Retry-After`).
    TokenBucket,
    /// nginx's `limit_req`: a leaky bucket that counts in whole milliseconds; what is over the rate waits.
    LimitReq {
        /// `delay=`: so many requests over the rate do not wait. `None` is `nodelay`.
        undelayed: Option<u32>,
    },
}

impl RateLimitKind {
    /// Whether it is nginx that limits.
    #[must_use]
    pub const fn is_nginx(self) -> bool {
        matches!(self, Self::LimitReq { .. })
    }
}

/// A limit of the requests in work at once, adapted to what their times show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConcurrencyLimit {
    /// How it adapts.
    pub algorithm: Algorithm,
    /// The limit at first.
    pub initial: u32,
    /// Lowest limit.
    pub minimum: u32,
    /// Highest limit.
    pub maximum: u32,
    /// Samples are taken together over so long. `None`: each request is a sample.
    pub window: Option<Duration>,
    /// What becomes of a request over the limit that a worker has taken up; `None`: no worker takes it up, it waits in the queue.
    pub excess: Option<Rejection>,
}

/// Algorithms of Netflix' `concurrency-limits`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Stays as it is.
    Fixed,
    /// Additive increase, multiplicative decrease (`AIMDLimit`).
    Aimd {
        /// Factor of a decrease.
        backoff: f64,
        /// A request that takes longer counts as dropped.
        timeout: Duration,
    },
    /// TCP Vegas (`VegasLimit`): keeps the queue that times show between 3 and 6 · ⌊log₁₀ limit⌋.
    Vegas {
        /// Weight of a new estimate.
        smoothing: f64,
        /// The time without load is measured anew every so many times the limit, less up to a half at random.
        probe_multiplier: u32,
    },
    /// Gradient of short against long averages (`Gradient2Limit`).
    Gradient2 {
        /// Weight of a new estimate.
        smoothing: f64,
        /// Requests that may queue.
        queue: u32,
        /// Samples of the long average.
        long_window: u32,
        /// Growth of times that is tolerated.
        tolerance: f64,
    },
}
