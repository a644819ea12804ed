//! Rate limiters: asked once for each request, they let it through, hold it back, or turn it away.
//!
//! States: a level (tokens, or excess) and the time at which it was right. All arithmetic is in integers. Deliberately not here:
//! keys (one limiter counts everything that passes it), and the shared zones of several processes.

mod limit_req;
mod token_bucket;

use crate::blueprint::{RateLimit, RateLimitKind};
use knockon_kernel::{Duration, Time};
use limit_req::LimitReq;
use serde::{Deserialize, Serialize};
use token_bucket::TokenBucket;

/// What a limiter says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It passes after so long.
    Delay(Duration),
    /// It is turned away; the next one passes after so long, where the limiter tells.
    Reject(Option<Duration>),
}

/// A limiter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limiter {
    config: RateLimit,
    level: Level,
    /// Requests let through at once, after a delay, and turned away.
    pub(crate) counts: [u64; 3],
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Level {
    Tokens(TokenBucket),
    Excess(LimitReq),
}

impl Limiter {
    /// A limiter that has seen no request yet: a full bucket.
    #[must_use]
    pub fn new(now: Time, config: &RateLimit) -> Self {
        let level = match config.kind {
            RateLimitKind::TokenBucket => Level::Tokens(TokenBucket::full(now, config.burst)),
            RateLimitKind::LimitReq { .. } => Level::Excess(LimitReq::default()),
        };
        Self { config: *config, level, counts: [0; 3] }
    }

    /// A request comes.
    pub fn ask(&mut self, now: Time) -> Verdict {
        let RateLimit { rate_milli, burst, .. } = self.config;
        let verdict = match (&mut self.level, self.config.kind) {
            (Level::Excess(level), RateLimitKind::LimitReq { undelayed }) => {
                level.ask(now, rate_milli, burst, undelayed)
            }
            (Level::Tokens(level), _) => level.ask(now, rate_milli, burst),
            (Level::Excess(_), RateLimitKind::TokenBucket) => unreachable!("a limiter's kind never changes"),
        };
        let counted = match verdict {
            Verdict::Pass => 0,
            Verdict::Delay(_) => 1,
            Verdict::Reject(_) => 2,
        };
        self.counts[counted] += 1;
        verdict
    }

    /// Its parameters.
    #[must_use]
    pub fn config(&self) -> &RateLimit {
        &self.config
    }

    /// Changes the rate from now on.
    pub fn set_rate(&mut self, now: Time, rate_milli: u64) {
        if let Level::Tokens(bucket) = &mut self.level {
            bucket.fill(now, self.config.rate_milli, self.config.burst);
        }
        self.config.rate_milli = rate_milli;
    }

    /// Changes the burst from now on.
    pub fn set_burst(&mut self, now: Time, burst: u32) {
        if let Level::Tokens(bucket) = &mut self.level {
            bucket.fill(now, self.config.rate_milli, self.config.burst);
        }
        self.config.burst = burst;
    }

    /// Thousandths of a request over the rate at the last request (`limit_req`).
    #[must_use]
    pub fn excess_milli(&self) -> u64 {
        match &self.level {
            Level::Excess(level) => level.seen(),
            Level::Tokens(_) => 0,
        }
    }

    /// Whole tokens in the bucket at an instant.
    #[must_use]
    pub fn tokens(&self, now: Time) -> u64 {
        match &self.level {
            Level::Tokens(bucket) => bucket.tokens(now, self.config.rate_milli, self.config.burst),
            Level::Excess(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
