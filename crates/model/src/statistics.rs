//! Aggregates over a whole run, kept whether or not anything observes it: what summaries and expectations read.

use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// A log-linear histogram of durations: 32 buckets for each power of two, so quantiles are at most 1/32 too high. It holds
/// the buckets from the lowest to the highest that were needed: thousands of services have one each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyHistogram {
    /// Bucket of the first count.
    first: usize,
    counts: Vec<u64>,
    count: u64,
    sum_ns: u128,
    maximum_ns: u64,
}

const SUB_BITS: u32 = 5;

impl LatencyHistogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        let ns = duration.as_nanos();
        let bucket = Self::bucket(ns);
        match self.counts.get_mut(bucket.wrapping_sub(self.first)) {
            Some(count) => *count += 1,
            None => self.widen(bucket),
        }
        self.count += 1;
        self.sum_ns += u128::from(ns);
        if ns > self.maximum_ns {
            self.maximum_ns = ns;
        }
    }

    /// Counts one in a bucket that is not there yet.
    #[cold]
    fn widen(&mut self, bucket: usize) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            self.counts.splice(..0, std::iter::repeat_n(0, self.first - bucket));
            self.first = bucket;
        }
        let at = bucket - self.first;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    #[inline]
    fn bucket(ns: u64) -> usize {
        if ns < 1 << SUB_BITS {
            return ns as usize;
        }
        let shift = 63 - ns.leading_zeros() - SUB_BITS;
        (((shift + 1) << SUB_BITS) + ((ns >> shift) as u32 & ((1 << SUB_BITS) - 1))) as usize
    }

    /// The largest value that falls into a bucket.
    fn upper_ns(bucket: usize) -> u64 {
        if bucket < 1 << SUB_BITS {
            return bucket as u64;
        }
        let shift = (bucket >> SUB_BITS) as u32 - 1;
        let low = ((1u64 << SUB_BITS) + (bucket as u64 & ((1 << SUB_BITS) - 1))) << shift;
        low + ((1u64 << shift) - 1)
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; zero when there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(if self.count == 0 { 0 } else { (self.sum_ns / u128::from(self.count)) as u64 })
    }

    /// The largest.
    #[must_use]
    pub fn maximum(&self) -> Duration {
        Duration::from_nanos(self.maximum_ns)
    }

    /// The smallest bucket bound that at least `permille` thousandths of the durations do not exceed.
    #[must_use]
    pub fn quantile(&self, permille: u64) -> Duration {
        let rank = (u128::from(self.count) * u128::from(permille)).div_ceil(1000).max(1) as u64;
        let mut seen = 0;
        for (bucket, &n) in self.counts.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Duration::from_nanos(Self::upper_ns(self.first + bucket).min(self.maximum_ns));
            }
        }
        self.maximum()
    }
}

/// Aggregates of a run so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// By source.
    pub sources: Vec<SourceStatistics>,
    /// By service.
    pub services: Vec<ServiceStatistics>,
}

/// What became of a source's requests: `sent = answered + failed + in_flight`, always.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceStatistics {
    /// Name of the source.
    pub name: String,
    /// Requests sent.
    pub sent: u64,
    /// Answered with a status below 500.
    pub answered: u64,
    /// Ended otherwise: a status of 500 or above, a timeout, a refusal, a broken connection.
    pub failed: u64,
    /// Not ended yet.
    pub in_flight: u64,
    /// Attempts sent, at least one a request.
    pub attempts: u64,
    /// From sending to the end, of answered requests.
    pub latency: LatencyHistogram,
}

/// What a service's processes did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceStatistics {
    /// Name of the service.
    pub name: String,
    /// Requests that arrived (accepted or refused).
    pub arrived: u64,
    /// Answered with a status below 500.
    pub answered: u64,
    /// Answered with an error.
    pub failed: u64,
    /// Refused: nobody listened or the accept queue was full.
    pub refused: u64,
    /// Ended because the process died.
    pub lost: u64,
    /// Accepted and not ended yet.
    pub in_flight: u64,
    /// From arrival to answer, of everything answered (errors too).
    pub latency: LatencyHistogram,
    /// Processor time used by requests.
    pub computed: Duration,
    /// Time stood still (collections and stops), summed over processes.
    pub paused: Duration,
    /// Collections, minor and major.
    pub collections: u64,
    /// Major collections.
    pub full_collections: u64,
    /// OutOfMemoryErrors.
    pub out_of_memory: u64,
    /// Kills by the kernel for memory.
    pub oom_killed: u64,
    /// Restarts by the platform.
    pub restarts: u64,
    /// Its pools, summed over processes.
    pub pools: Vec<PoolStatistics>,
    /// Cache reads that found their key (cache services).
    pub hits: u64,
    /// Cache reads that did not.
    pub misses: u64,
}

/// What a pool did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PoolStatistics {
    /// Name within the service.
    pub name: String,
    /// Connections handed out.
    pub acquired: u64,
    /// Callers that gave up.
    pub timeouts: u64,
    /// Waits for a connection, of everyone who got one.
    pub wait: LatencyHistogram,
    /// Most callers that waited at once.
    pub peak_waiting: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_the_same_in_whatever_order_it_was_filled() {
        let durations = [5_000_000, 1, 0, 31, 32, 70_000_000_000, 5_000_001, u64::MAX, 999];
        let filled = |order: &mut dyn Iterator<Item = u64>| {
            let mut histogram = LatencyHistogram::default();
            order.for_each(|ns| histogram.record(Duration::from_nanos(ns)));
            histogram
        };
        let (forwards, backwards) =
            (filled(&mut durations.iter().copied()), filled(&mut durations.iter().copied().rev()));
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.count(), 9);
        assert_eq!(forwards.quantile(0), Duration::from_nanos(0));
        assert_eq!(forwards.maximum(), Duration::from_nanos(u64::MAX));
        assert_eq!(forwards.quantile(1000), forwards.maximum());
        // Sixth of nine, up to 1/32 too high.
        let median_upwards = forwards.quantile(600).as_nanos();
        assert!((5_000_000..=5_000_000 / 32 * 33).contains(&median_upwards), "{median_upwards}");
    }
}
