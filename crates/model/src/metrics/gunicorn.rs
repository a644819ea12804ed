//! gunicorn's workers: what its statsd instrumentation sends (`statsd_host`), by statsd_exporter with no mapping. The exporter runs beside it and
//! outlives it.
//!
//! `gunicorn_workers` is sent when the arbiter has forked who was missing, so it counts workers that boot too. Left out: durations, the
//! other levels of its log, `gunicorn.backlog`.

use super::listing::{Listing, statuses};
use super::scrape::Target;
use super::{Reading as Series, Scope};
use crate::blueprint::Service;
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Workers,
    Requests,
    Status(u16),
    Critical,
}

/// `gunicorn_*`.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    if service.prefork.is_none() {
        return;
    }
    let mut add = |name: &str, kind, unit, reading| {
        listing.series(Scope::Always, name, (kind, unit), &[], Series::Gunicorn(reading));
    };
    add("gunicorn_workers", SeriesKind::Gauge, "{process}", Reading::Workers);
    add("gunicorn_requests", SeriesKind::Counter, "{request}", Reading::Requests);
    add("gunicorn_log_critical", SeriesKind::Counter, "{line}", Reading::Critical);
    let mut all: Vec<u16> = (0..service.endpoints.len()).flat_map(|endpoint| statuses(service, endpoint)).collect();
    all.sort_unstable();
    all.dedup();
    for status in all {
        let name = format!("gunicorn_request_status_{status}");
        add(&name, SeriesKind::Counter, "{request}", Reading::Status(status));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let meter = &target.process.meter;
        let count = match self {
            Self::Workers => u64::from(target.process.prefork.as_ref()?.forked()),
            Self::Requests => meter.worker_answers.values().sum(),
            Self::Status(status) => *meter.worker_answers.get(&status)?,
            Self::Critical => meter.workers_killed,
        };
        Some(count as f64)
    }
}
