//! What guards a process' calls, as the libraries and proxies that do it report it, one set for each callee.
//!
//! Resilience4j's and Hystrix' meters in Micrometer (`TaggedCircuitBreakerMetrics`, `TaggedBulkheadMetrics`,
//! `HystrixMetricsBinder`) for JVMs; Envoy's cluster statistics for every process that has outlier ejection or Envoy's retry budget, as
//! the proxy beside it has. Breakers, bulkheads and budgets of other runtimes have no exporter of their own.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::{Part, Timing};
use crate::blueprint::{Blueprint, Breaker as BreakerConfig, RetryBudget, Runtime, Service, TrafficPolicy};
use crate::breaker::{Breaker, BreakerState};
use crate::upstream::Upstream;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    /// Whether the breaker is in this state; `None` for those that nothing enters by itself.
    State(Option<BreakerState>),
    /// Calls in the breaker's window that failed, or that did not.
    Buffered {
        failed: bool,
    },
    /// Slow ones among them.
    Slow {
        failed: bool,
    },
    FailureRate,
    SlowCallRate,
    Calls {
        failed: bool,
        part: Part,
    },
    NotPermitted,
    PermitsLeft,
    Permits,
    Active,
    Ejected,
    Ejections,
    Retries,
    RetriesRefused,
}

/// Everything about the links of one process.
pub(super) fn list(
    listing: &mut Listing,
    blueprint: &Blueprint,
    service: &Service,
    process: u32,
    upstreams: &[Upstream],
) {
    for (index, upstream) in upstreams.iter().enumerate().filter(|(_, upstream)| upstream.process == process) {
        let policy = &blueprint.traffic[upstream.policy as usize];
        let callee = blueprint[blueprint[policy.link].to].name.as_str();
        let of = move |reading| Series::Upstream(index as u32, reading);
        if matches!(service.runtime, Runtime::Jvm(_)) {
            match policy.breaker {
                Some(BreakerConfig::Resilience4j(_)) => resilience4j(listing, callee, of),
                Some(BreakerConfig::Hystrix(_)) => {
                    let labels = [("group", callee), ("key", callee)];
                    let open = of(Reading::State(Some(BreakerState::Open)));
                    listing.gauge("hystrix_circuit_breaker_open", "1", &labels, open);
                }
                None => {}
            }
            if policy.bulkhead.is_some() {
                let labels = [("name", callee)];
                for (name, reading) in [
                    ("resilience4j_bulkhead_available_concurrent_calls", Reading::PermitsLeft),
                    ("resilience4j_bulkhead_max_allowed_concurrent_calls", Reading::Permits),
                ] {
                    listing.gauge(name, "{call}", &labels, of(reading));
                }
            }
        }
        envoy(listing, policy, callee, of);
    }
}

fn resilience4j(listing: &mut Listing, callee: &str, of: impl Fn(Reading) -> Series) {
    let states = [
        (BreakerState::Closed.label(), Some(BreakerState::Closed)),
        (BreakerState::Open.label(), Some(BreakerState::Open)),
        (BreakerState::HalfOpen.label(), Some(BreakerState::HalfOpen)),
        ("forced_open", None),
        ("disabled", None),
        ("metrics_only", None),
    ];
    for (label, state) in states {
        let labels = [("name", callee), ("state", label)];
        listing.gauge("resilience4j_circuitbreaker_state", "1", &labels, of(Reading::State(state)));
    }
    for (kind, failed) in [("successful", false), ("failed", true)] {
        let labels = [("kind", kind), ("name", callee)];
        let buffered = of(Reading::Buffered { failed });
        listing.gauge("resilience4j_circuitbreaker_buffered_calls", "{call}", &labels, buffered);
        listing.gauge("resilience4j_circuitbreaker_slow_calls", "{call}", &labels, of(Reading::Slow { failed }));
        listing.timer("resilience4j_circuitbreaker_calls_seconds", &labels, |part| of(Reading::Calls { failed, part }));
    }
    let labels = [("name", callee)];
    listing.gauge("resilience4j_circuitbreaker_failure_rate", "%", &labels, of(Reading::FailureRate));
    listing.gauge("resilience4j_circuitbreaker_slow_call_rate", "%", &labels, of(Reading::SlowCallRate));
    let labels = [("kind", "not_permitted"), ("name", callee)];
    let name = "resilience4j_circuitbreaker_not_permitted_calls_total";
    listing.counter(name, "{call}", &labels, of(Reading::NotPermitted));
}

fn envoy(listing: &mut Listing, policy: &TrafficPolicy, callee: &str, of: impl Fn(Reading) -> Series) {
    let budget = matches!(policy.retry_budget, Some(RetryBudget::Envoy { .. }));
    let labels = [("envoy_cluster_name", callee)];
    if policy.outlier.is_some() || budget {
        listing.gauge("envoy_cluster_upstream_rq_active", "{request}", &labels, of(Reading::Active));
    }
    if policy.outlier.is_some() {
        let active = "envoy_cluster_outlier_detection_ejections_active";
        listing.gauge(active, "{host}", &labels, of(Reading::Ejected));
        let enforced = "envoy_cluster_outlier_detection_ejections_enforced_total";
        listing.counter(enforced, "{ejection}", &labels, of(Reading::Ejections));
    }
    if budget {
        listing.counter("envoy_cluster_upstream_rq_retry", "{retry}", &labels, of(Reading::Retries));
        listing.counter("envoy_cluster_upstream_rq_retry_overflow", "{retry}", &labels, of(Reading::RetriesRefused));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>, upstream: u32) -> Option<f64> {
        let upstream = &target.upstreams[upstream as usize];
        let meter = &upstream.meter;
        let window = match &upstream.breaker {
            Some(Breaker::Resilience4j(breaker)) => breaker.readings(),
            _ => Default::default(),
        };
        let of = |(all, failed): (u32, u32), only_failed| f64::from(if only_failed { failed } else { all - failed });
        // The library says −1 while there are too few calls for a rate.
        let rate = |part: u32| if window.rated { f64::from(part) * 100.0 / f64::from(window.buffered.0) } else { -1.0 };
        let permits = upstream.bulkhead.as_ref().map(|bulkhead| (bulkhead.maximum(), bulkhead.load().0));
        Some(match self {
            Self::State(state) => super::flag(state.is_some() && upstream.breaker_state() == state),
            Self::Buffered { failed } => of(window.buffered, failed),
            Self::Slow { failed } => of(window.slow, failed),
            Self::FailureRate => rate(window.buffered.1),
            Self::SlowCallRate => rate(window.slow.0),
            Self::Calls { failed, part } => {
                let calls = if failed { &meter.failed } else { &meter.succeeded };
                Timing::read(std::iter::once(calls), part, target.now)?
            }
            Self::NotPermitted => (upstream.statistics.not_permitted - meter.before.not_permitted) as f64,
            Self::PermitsLeft => permits.map(|(all, taken)| f64::from(all.saturating_sub(taken)))?,
            Self::Permits => permits.map(|(all, _)| f64::from(all))?,
            Self::Active => upstream.statistics.in_flight() as f64,
            Self::Ejected => f64::from(upstream.outliers.as_ref()?.ejected_at(target.now)),
            Self::Ejections => (upstream.statistics.ejections - meter.before.ejections) as f64,
            Self::Retries => (upstream.statistics.retries - meter.before.retries) as f64,
            Self::RetriesRefused => (upstream.statistics.retries_refused - meter.before.retries_refused) as f64,
        })
    }
}
