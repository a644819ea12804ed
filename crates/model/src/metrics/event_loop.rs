//! Node's event loop as prom-client tells of it by default: how long a callback waits for its turn, and the delays of
//! `perf_hooks.monitorEventLoopDelay` since the last scrape. Listed for services whose requests can keep the loop without computing.
//!
//! Lag is what a callback would wait that became ready at the scrape, and is shown at once; the client measures it with `setImmediate`
//! while it answers a scrape and shows it at the next one.

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::seconds;
use crate::blueprint::Service;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Lag,
    Minimum,
    Maximum,
    Mean,
    Deviation,
    /// p50, p90, p99, by number.
    Quantile(u8),
}

pub(super) fn list(listing: &mut Listing, service: &Service) {
    if !service.blocks_its_loop() {
        return;
    }
    let series = [
        ("nodejs_eventloop_lag_seconds", Reading::Lag),
        ("nodejs_eventloop_lag_min_seconds", Reading::Minimum),
        ("nodejs_eventloop_lag_max_seconds", Reading::Maximum),
        ("nodejs_eventloop_lag_mean_seconds", Reading::Mean),
        ("nodejs_eventloop_lag_stddev_seconds", Reading::Deviation),
        ("nodejs_eventloop_lag_p50_seconds", Reading::Quantile(0)),
        ("nodejs_eventloop_lag_p90_seconds", Reading::Quantile(1)),
        ("nodejs_eventloop_lag_p99_seconds", Reading::Quantile(2)),
    ];
    for (name, reading) in series {
        listing.gauge(name, "s", &[], Series::EventLoop(reading));
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        if self == Self::Lag {
            return Some(seconds(target.loop_lag_ns));
        }
        let delays = target.process.loop_delay.as_ref()?.readings(target.now)?;
        Some(match self {
            Self::Lag => return None,
            Self::Minimum => seconds(delays.minimum),
            Self::Maximum => seconds(delays.maximum),
            Self::Mean => delays.mean / 1e9,
            Self::Deviation => delays.deviation / 1e9,
            Self::Quantile(which) => seconds(*delays.quantiles.get(usize::from(which))?),
        })
    }
}
