//! What every instrumented process tells of itself, in the names of Prometheus' own clients (Python, Node, Go).

use super::Reading as Series;
use super::listing::Listing;
use super::scrape::Target;
use super::timing::seconds;
use crate::blueprint::Cores;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Started,
    Uptime,
    CpuSeconds,
    CpuNanoseconds,
    /// Share of the processors that it may use, since the last scrape.
    CpuUsage,
    Cpus,
    Resident,
    Busy,
    Workers,
}

/// `process_*` as the clients for Python, Node and Go have them.
pub(super) fn list(listing: &mut Listing) {
    listing.gauge("process_start_time_seconds", "s", &[], Series::Process(Reading::Started));
    listing.counter("process_cpu_seconds_total", "s", &[], Series::Process(Reading::CpuSeconds));
    listing.gauge("process_resident_memory_bytes", "By", &[], Series::Process(Reading::Resident));
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> f64 {
        let process = target.process;
        match self {
            Self::Started => target.unix_seconds(process.started),
            Self::Uptime => seconds((target.now - process.started).as_nanos()),
            Self::CpuSeconds => seconds(target.cpu_ns),
            Self::CpuNanoseconds => target.cpu_ns as f64,
            Self::CpuUsage => {
                let usage = target.cores_in_use / f64::from(processors(target.service.cores));
                if usage > 1.0 { 1.0 } else { usage }
            }
            Self::Cpus => f64::from(processors(target.service.cores)),
            Self::Resident => target.resident() as f64,
            Self::Busy => f64::from(process.busy),
            Self::Workers => f64::from(target.service.workers.unwrap_or(u32::MAX)),
        }
    }
}

/// `Runtime.availableProcessors()` in a container: the limit, rounded up.
fn processors(cores: Cores) -> u32 {
    match cores {
        Cores::Milli(milli) => milli.div_ceil(1000).max(1),
        Cores::Unlimited => 1,
    }
}
