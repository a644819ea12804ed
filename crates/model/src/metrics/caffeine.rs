//! Caches within a JVM's processes, as Spring Boot 3 binds Caffeine's statistics to Micrometer (`CaffeineCacheMetrics`, with
//! `recordStats()`).
//!
//! Caffeine counts keys that expired among its evictions. Left out: the weight of what was evicted and times of loading, which the caches do
//! not add up.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use crate::blueprint::Blueprint;
use crate::id::ServiceId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Size,
    Hits,
    Misses,
    Puts,
    Evictions,
}

/// `cache_*` of each cache of a service.
pub(super) fn list(listing: &mut Listing, blueprint: &Blueprint, service: ServiceId) {
    for (index, (_, cache)) in blueprint.local_caches_of(service).enumerate() {
        let of = |reading| Series::Caffeine(index as u16, reading);
        let labels = [("cache", cache.name.as_str()), ("cache_manager", "cacheManager"), ("name", cache.name.as_str())];
        listing.gauge("cache_size", "{entry}", &labels, of(Reading::Size));
        listing.counter("cache_puts_total", "{entry}", &labels, of(Reading::Puts));
        listing.counter("cache_evictions_total", "{entry}", &labels, of(Reading::Evictions));
        for (result, reading) in [("hit", Reading::Hits), ("miss", Reading::Misses)] {
            let labels = [labels[0], labels[1], labels[2], ("result", result)];
            listing.counter("cache_gets_total", "{lookup}", &labels, of(reading));
        }
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>, cache: usize) -> Option<f64> {
        let store = target.process.caches.get(cache)?;
        let readings = store.readings(target.now);
        let value = match self {
            Self::Size => readings.keys,
            Self::Hits => readings.hits,
            Self::Misses => readings.misses,
            Self::Puts => store.tallies().map(|(_, tally)| tally.stored).sum(),
            Self::Evictions => readings.expired + readings.evicted,
        };
        Some(value as f64)
    }
}
