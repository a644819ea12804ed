//! Limits before the workers: the names of NGINX Plus' exporter for `limit_req`, of Micrometer's Resilience4j binder for token
//! buckets on the JVM, and of Netflix' `concurrency-limits`; and the kernel's counters of full accept queues as `node_exporter` has
//! them. Listed only where a service has such a limit.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use crate::blueprint::{RateLimitKind, Rejection, Runtime, Service};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    /// Requests that the rate limiters let through, held back, turned away.
    RateLimited(u8),
    /// Tokens in the service's bucket.
    Permissions,
    /// The concurrency limit.
    Limit,
    /// Requests in work under it.
    InFlight,
    /// Requests by what the concurrency limit learned of them.
    Calls(u8),
    /// Requests that found the accept queue full and were dropped by the kernel.
    ListenDrops,
}

pub(super) fn list(listing: &mut Listing, service: &Service) {
    let admission = &service.admission;
    if let Some(kind) = admission.rate_limits().next().map(|limit| limit.kind) {
        let labels = [("zone", service.name.as_str())];
        match kind {
            RateLimitKind::LimitReq { .. } => {
                for (what, reading) in [("passed", 0), ("delayed", 1), ("rejected", 2)] {
                    let name = format!("nginxplus_limit_request_{what}");
                    listing.counter(&name, "{request}", &labels, Series::Limits(Reading::RateLimited(reading)));
                }
            }
            RateLimitKind::TokenBucket if matches!(service.runtime, Runtime::Jvm(_)) => {
                let labels = [("name", service.name.as_str())];
                let name = "resilience4j_ratelimiter_available_permissions";
                listing.gauge(name, "{permission}", &labels, Series::Limits(Reading::Permissions));
            }
            RateLimitKind::TokenBucket => {}
        }
    }
    if admission.concurrency.is_some() {
        listing.gauge("concurrency_limit", "{request}", &[], Series::Limits(Reading::Limit));
        listing.gauge("concurrency_inflight", "{request}", &[], Series::Limits(Reading::InFlight));
        for (status, reading) in [("success", 0), ("dropped", 1), ("ignored", 2), ("rejected", 3)] {
            let labels = [("status", status)];
            listing.counter("concurrency_call_total", "{call}", &labels, Series::Limits(Reading::Calls(reading)));
        }
    }
    if matches!(admission.overflow, Rejection::Silent | Rejection::Retransmit(_)) {
        for name in ["node_netstat_TcpExt_ListenDrops", "node_netstat_TcpExt_ListenOverflows"] {
            listing.counter(name, "{packet}", &[], Series::Limits(Reading::ListenDrops));
        }
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let process = target.process;
        let guard = process.guard.as_deref();
        Some(match self {
            Self::RateLimited(what) => guard?.rate_limited()[usize::from(what)] as f64,
            Self::Permissions => guard?.limiter.as_ref()?.tokens(target.now) as f64,
            Self::Limit => f64::from(guard?.concurrency.as_ref()?.limit()),
            Self::InFlight => f64::from(process.busy),
            Self::Calls(what) => guard?.calls[usize::from(what)] as f64,
            Self::ListenDrops => process.meter.listen_drops as f64,
        })
    }
}
