//! HikariCP's meters in Micrometer (`MicrometerMetricsTracker`): gauges of the pool, timers of acquiring, using and opening.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::{Part, Timing};
use crate::blueprint::{PoolKind, Service};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Total,
    Active,
    Idle,
    Pending,
    Maximum,
    Minimum,
    Timeouts,
    Acquire(Part),
    Usage(Part),
    Creation(Part),
}

/// `hikaricp_connections*` of each pool, which HikariCP numbers from 1.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    for (index, _) in service.pools.iter().enumerate().filter(|(_, pool)| pool.kind == PoolKind::HikariCp) {
        let name = format!("HikariPool-{}", index + 1);
        let labels = [("pool", name.as_str())];
        let of_pool = |reading| Series::Hikari(index as u16, reading);
        for (name, unit, reading) in [
            ("hikaricp_connections", "{connection}", Reading::Total),
            ("hikaricp_connections_active", "{connection}", Reading::Active),
            ("hikaricp_connections_idle", "{connection}", Reading::Idle),
            ("hikaricp_connections_pending", "{thread}", Reading::Pending),
            ("hikaricp_connections_max", "{connection}", Reading::Maximum),
            ("hikaricp_connections_min", "{connection}", Reading::Minimum),
        ] {
            listing.gauge(name, unit, &labels, of_pool(reading));
        }
        listing.counter("hikaricp_connections_timeout_total", "{timeout}", &labels, of_pool(Reading::Timeouts));
        listing.timer("hikaricp_connections_acquire_seconds", &labels, |part| of_pool(Reading::Acquire(part)));
        listing.timer("hikaricp_connections_usage_seconds", &labels, |part| of_pool(Reading::Usage(part)));
        listing.timer("hikaricp_connections_creation_seconds", &labels, |part| of_pool(Reading::Creation(part)));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>, pool: usize) -> Option<f64> {
        let machine = target.process.pools.get(pool)?;
        let meter = &target.process.meter.pools[pool];
        let described = &target.service.pools[pool];
        let readings = machine.readings();
        let timed = |timing, part| Timing::read(std::iter::once(timing), part, target.now);
        Some(match self {
            Self::Total => f64::from(readings.total),
            Self::Active => f64::from(readings.active),
            Self::Idle => f64::from(readings.idle),
            Self::Pending => f64::from(readings.waiting),
            Self::Maximum => f64::from(described.maximum),
            Self::Minimum => f64::from(described.minimum_idle),
            Self::Timeouts => meter.timeouts as f64,
            Self::Acquire(part) => timed(&meter.acquired, part)?,
            Self::Usage(part) => timed(&meter.used, part)?,
            Self::Creation(part) => timed(&meter.created, part)?,
        })
    }
}
