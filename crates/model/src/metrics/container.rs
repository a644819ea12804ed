//! cAdvisor's view of a container, and Prometheus' own of a target.
//!
//! The series of the quota are there for containers that begin with one. Working set is taken to be resident memory: files' pages are not modelled.

use super::listing::Listing;
use super::scrape::Target;
use super::timing::seconds;
use super::{Reading as Series, Scope};
use crate::blueprint::Service;
use crate::cpu::{PERIOD, Throttling};
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    WorkingSet,
    Limit,
    Cpu,
    Started,
    OomEvents,
    Quota,
    Period,
    Periods,
    ThrottledPeriods,
    ThrottledSeconds,
    CertificateExpiry,
}

/// Length of a quota's period in microseconds.
const PERIOD_US: f64 = PERIOD.as_nanos() as f64 / 1000.0;

fn throttling(target: &Target<'_>) -> Throttling {
    target.process.cpu.throttling(target.now).unwrap_or_default()
}

/// `container_*`, for every process.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    let (container, name) = (listing.service(), listing.instance());
    let labels = [("container", container.as_str()), ("name", name.as_str())];
    let of_cpu = [("container", container.as_str()), ("cpu", "total"), ("name", name.as_str())];
    let mut add = |name, form, labels: &[(&str, &str)], reading| {
        listing.series(Scope::Container, name, form, labels, Series::Container(reading));
    };
    let (gauge, counter) = (SeriesKind::Gauge, SeriesKind::Counter);
    add("container_memory_working_set_bytes", (gauge, "By"), &labels, Reading::WorkingSet);
    add("container_spec_memory_limit_bytes", (gauge, "By"), &labels, Reading::Limit);
    add("container_cpu_usage_seconds_total", (counter, "s"), &of_cpu, Reading::Cpu);
    add("container_start_time_seconds", (gauge, "s"), &labels, Reading::Started);
    add("container_oom_events_total", (counter, "{event}"), &labels, Reading::OomEvents);
    if service.certificate.is_some() {
        // The blackbox exporter's, which looks at it from outside.
        add("probe_ssl_earliest_cert_expiry", (gauge, "s"), &labels, Reading::CertificateExpiry);
    }
    if service.quota.is_some() {
        add("container_spec_cpu_quota", (gauge, "us"), &labels, Reading::Quota);
        add("container_spec_cpu_period", (gauge, "us"), &labels, Reading::Period);
        add("container_cpu_cfs_periods_total", (counter, "{period}"), &labels, Reading::Periods);
        add("container_cpu_cfs_throttled_periods_total", (counter, "{period}"), &labels, Reading::ThrottledPeriods);
        add("container_cpu_cfs_throttled_seconds_total", (counter, "s"), &labels, Reading::ThrottledSeconds);
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> f64 {
        match self {
            Self::WorkingSet => target.resident() as f64,
            // 0 is how cAdvisor says that there is none.
            Self::Limit => target.service.memory.limit.unwrap_or(0) as f64,
            Self::Cpu => seconds(target.cpu_ns),
            Self::Started => target.unix_seconds(target.process.started),
            Self::CertificateExpiry => target.unix_seconds(target.process.certificate),
            Self::Quota => f64::from(target.service.quota.unwrap_or(0)) * (PERIOD_US / 1000.0),
            Self::Period => PERIOD_US,
            Self::Periods => throttling(target).periods as f64,
            Self::ThrottledPeriods => throttling(target).throttled_periods as f64,
            Self::ThrottledSeconds => seconds(throttling(target).throttled_ns),
            Self::OomEvents => f64::from(target.process.meter.oom_kills),
        }
    }
}
