//! How callers treat a link: balancing, ejection, breakers, retry budgets, bulkheads, throttling.

use crate::decode::{choice, record};
use crate::leaf::{Count, Factor, Period, Portion};
use knockon_kernel::Duration;

choice! {
    /// Which process of the callee gets an attempt.
    BalanceText as "balancing" {
        /// Any, drawn for each attempt.
        Random,
        /// One after the other.
        RoundRobin,
        /// Of some drawn ones that with the fewest attempts of the same caller under way (Envoy's least request).
        LeastRequest(LeastRequestText),
        /// Of two drawn ones that with the lower latency times attempts under way (Finagle, Linkerd).
        PeakEwma(PeakEwmaText),
        /// By the request's key, on a ring of hashes.
        ConsistentHash(ConsistentHashText),
    }
}

record! {
    /// Least request.
    LeastRequestText as "LeastRequest" {
        /// How many are drawn, with replacement.
        choices: Count<2> = [2],
    }
}

record! {
    /// Peak-sensitive moving average of latency.
    PeakEwmaText as "PeakEwma" {
        /// Time constant with which latencies are forgotten.
        decay: Period = ["10s"],
    }
}

record! {
    /// Consistent hashing.
    ConsistentHashText as "ConsistentHash" {
        /// The key space whose key of the request is hashed, as `name`, "cache/name" or "service/cache/name": of a cache server, or of a
        /// cache within the processes of the caller or of the callee. Without one, the request itself is: all of its calls go to one process.
        keys: Option<String>,
        /// Points of each process on the ring.
        points: Count<1> = [160],
    }
}

record! {
    /// Outlier ejection (Envoy).
    OutlierText as "outlier ejection" {
        /// Failures in a row that eject a process: a status of 500 or above, no answer in time, no connection.
        consecutive_5xx: Count<1> = [5],
        /// Distance of the sweeps that take processes back.
        interval: Period = ["10s"],
        /// How long the first ejection lasts; the n-th in a row lasts n times as long.
        base_ejection: Period = ["30s"],
        /// Longest ejection.
        maximum_ejection: Period = ["300s"],
        /// Share of the processes that may be ejected at once.
        maximum_share: Portion = ["10 %"],
        /// Whether one may be ejected whatever the share says.
        always_one: bool = [false],
        /// While a smaller share is left, all are called as if none was ejected.
        panic_share: Portion = ["50 %"],
    }
}

choice! {
    /// A circuit breaker, by the library whose rules it follows.
    BreakerText as "circuit breaker" {
        /// Over the last so many calls.
        Resilience4j(Resilience4jText),
        /// Over the last seconds.
        Hystrix(HystrixText),
    }
}

record! {
    /// Resilience4j's circuit breaker with a count-based window.
    Resilience4jText as "Resilience4j" {
        /// Calls that count: `slidingWindowSize`.
        window: Count<1> = [100],
        /// Calls before rates are looked at: `minimumNumberOfCalls`.
        minimum_calls: Count<1> = [100],
        /// Share of failures that opens it: `failureRateThreshold`.
        failure_rate: Portion = ["50 %"],
        /// From when on a call is slow: `slowCallDurationThreshold`. None takes no call for slow.
        slow_call: Option<Period>,
        /// Share of slow calls that opens it: `slowCallRateThreshold`.
        slow_call_rate: Portion = ["100 %"],
        /// How long it stays open: `waitDurationInOpenState`.
        wait: Period = ["60s"],
        /// Calls that decide whether it closes: `permittedNumberOfCallsInHalfOpenState`.
        half_open_calls: Count<1> = [10],
    }
}

record! {
    /// Hystrix' circuit breaker.
    HystrixText as "Hystrix" {
        /// Calls in the window before errors count: `requestVolumeThreshold`.
        volume: Count<1> = [20],
        /// Share of errors that opens it: `errorThresholdPercentage`.
        error_share: Portion = ["50 %"],
        /// How long it stays open before one call is tried: `sleepWindow`.
        sleep: Period = ["5s"],
        /// The past that counts: `metrics.rollingStats.time`.
        window: Period = ["10s"],
        /// How often it looks: `metrics.healthSnapshot.interval`.
        snapshot: Period = ["500ms"],
    }
}

choice! {
    /// A bound of the retries over all calls, by the system whose rules it follows.
    BudgetText as "retry budget" {
        /// Failures cost a token, successes earn a part of one, retries need more than half of them.
        Grpc(GrpcText),
        /// A share of the calls, and a few a second.
        Finagle(FinagleText),
        /// A share of the attempts under way, and at least a few.
        Envoy(EnvoyText),
    }
}

record! {
    /// gRPC's retry throttling.
    GrpcText as "Grpc" {
        /// Tokens: `maxTokens`.
        maximum_tokens: Count<1> = [10],
        /// Part of a token that a success earns, to a thousandth: `tokenRatio`.
        token_ratio: Portion = [0.1],
    }
}

record! {
    /// Finagle's retry budget.
    FinagleText as "Finagle" {
        /// Retries for each call, to a thousandth: `percentCanRetry`.
        share: Portion = ["20 %"],
        /// Retries a second beside those: `minRetriesPerSec`.
        minimum_per_second: Count = [10],
        /// How long what was earned and spent counts: `ttl`.
        ttl: Period = ["10s"],
    }
}

record! {
    /// Envoy's retry budget.
    EnvoyText as "Envoy" {
        /// Retries for each attempt under way or waiting: `budget_percent`.
        share: Portion = ["20 %"],
        /// Retries under way that are always allowed: `min_retry_concurrency`.
        minimum: Count = [3],
    }
}

record! {
    /// A bulkhead (Resilience4j's semaphore).
    BulkheadText as "bulkhead" {
        /// Attempts of a process under way at once: `maxConcurrentCalls`.
        maximum: Count<1> = [25],
        /// How long an attempt waits for a permit: `maxWaitDuration`.
        wait: Duration = ["0s"],
    }
}

record! {
    /// Client-side throttling (Site Reliability Engineering, chapter 21): an attempt is given up with probability
    /// max(0, (requests − k·accepts) / (requests + 1)).
    ThrottleText as "throttling" {
        /// How many times what the callee accepts is still sent.
        k: Factor = [2],
        /// The past that counts.
        window: Period = ["2min"],
    }
}
