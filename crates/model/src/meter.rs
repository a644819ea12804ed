//! What an instrumented process counts for its metrics: cumulative since its start, as real exporters do.
//!
//! Metering never feeds back: nothing that decides an outcome reads it.

use crate::heap::Collection;
use crate::record::CollectionKind;
use serde::{Deserialize, Serialize};

/// Upper bounds of request-duration buckets in nanoseconds (OpenTelemetry's `http.server.request.duration`; Prometheus'
/// Python client uses the same).
pub(crate) const HTTP_BOUNDS_NS: [u64; 14] = [
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];

/// A count and a sum of durations, with buckets and the maximum since the last reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timing {
    pub(crate) count: u64,
    pub(crate) sum_ns: u64,
    pub(crate) maximum_ns: u64,
    /// Counts by bucket, not cumulative; the last is beyond all bounds.
    pub(crate) buckets: [u64; HTTP_BOUNDS_NS.len() + 1],
}

impl Timing {
    /// Counts one duration.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.count += 1;
        self.sum_ns += ns;
        self.maximum_ns = self.maximum_ns.max(ns);
        self.buckets[HTTP_BOUNDS_NS.partition_point(|&bound| bound < ns)] += 1;
    }
}

/// Requests by status, for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requests {
    /// Timings by status, in order of first appearance.
    pub(crate) by_status: Vec<(u16, Timing)>,
}

/// What one pool's users did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolMeter {
    pub(crate) acquired: Timing,
    pub(crate) used: Timing,
    pub(crate) timeouts: u64,
}

/// Collections of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collections {
    pub(crate) kind: CollectionKind,
    pub(crate) count: u64,
    pub(crate) pause_ns: u64,
}

/// The counters of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meter {
    pub(crate) requests: Vec<Requests>,
    pub(crate) pools: Vec<PoolMeter>,
    pub(crate) collections: Vec<Collections>,
    /// Processor time of finished demands, in nanoseconds, where cores are unlimited.
    pub(crate) computed_ns: u64,
}

impl Meter {
    /// Counters of a process with so many endpoints and pools, all at zero.
    pub(crate) fn new(endpoints: usize, pools: usize) -> Self {
        Self {
            requests: vec![Requests::default(); endpoints],
            pools: vec![PoolMeter::default(); pools],
            ..Self::default()
        }
    }

    /// The process started again: counters live in its memory.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.requests.len(), self.pools.len());
    }

    /// A request of an endpoint was answered.
    pub(crate) fn answered(&mut self, endpoint: usize, status: u16, ns: u64) {
        let by_status = &mut self.requests[endpoint].by_status;
        let at = by_status.iter().position(|&(known, _)| known == status).unwrap_or_else(|| {
            by_status.push((status, Timing::default()));
            by_status.len() - 1
        });
        by_status[at].1.record(ns);
    }

    /// A connection was handed out after so long.
    pub(crate) fn acquired(&mut self, pool: usize, waited_ns: u64) {
        self.pools[pool].acquired.record(waited_ns);
    }

    /// A connection was given back after so long.
    pub(crate) fn used(&mut self, pool: usize, ns: u64) {
        self.pools[pool].used.record(ns);
    }

    /// A caller gave up waiting for a connection.
    pub(crate) fn acquire_timed_out(&mut self, pool: usize) {
        self.pools[pool].timeouts += 1;
    }

    /// A collection's pause is over.
    pub(crate) fn collected(&mut self, collection: &Collection) {
        let known = self.collections.iter_mut().find(|known| known.kind == collection.kind);
        let pause_ns = collection.pause.as_nanos();
        match known {
            Some(known) => {
                known.count += 1;
                known.pause_ns += pause_ns;
            }
            None => self.collections.push(Collections { kind: collection.kind, count: 1, pause_ns }),
        }
    }
}
