//! A log-linear histogram of durations, with their exact sums.
//!
//! 32 buckets for each power of two. Count, sum and sum of squares are integers, so that histograms do not depend on the order in
//! which they were filled, and what was counted between two instants is their difference. Quantiles and shares over a threshold are
//! interpolated within a bucket as if its durations lay evenly in it; where they all have one value that is off by up to 1/32.

use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Durations by size. It holds the buckets from the lowest to the highest that were needed: thousands of services have one each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyHistogram {
    /// How many are zero, which have no bucket.
    zeros: u64,
    /// Bucket of the first count.
    first: usize,
    counts: Vec<u64>,
    #[serde(with = "super::wide")]
    sum_ns: u128,
    /// Wraps, for which it takes ten thousand million durations of a day each.
    #[serde(with = "super::wide")]
    sum_of_squares_ns2: u128,
    maximum_ns: u64,
}

const SUB_BITS: u32 = 5;

impl LatencyHistogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        let ns = duration.as_nanos();
        if ns == 0 {
            return self.record_zero();
        }
        let bucket = Self::bucket(ns);
        match self.counts.get_mut(bucket.wrapping_sub(self.first)) {
            Some(count) => *count += 1,
            None => self.widen(bucket),
        }
        let ns_wide = u128::from(ns);
        self.sum_ns += ns_wide;
        self.sum_of_squares_ns2 = self.sum_of_squares_ns2.wrapping_add(ns_wide * ns_wide);
        if ns > self.maximum_ns {
            self.maximum_ns = ns;
        }
    }

    /// Counts one that took no time.
    #[inline]
    pub fn record_zero(&mut self) {
        self.zeros += 1;
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

    /// The smallest value that falls into a bucket, and how many values do.
    fn range_ns(bucket: usize) -> (u64, u64) {
        if bucket < 1 << SUB_BITS {
            return (bucket as u64, 1);
        }
        let shift = (bucket >> SUB_BITS) as u32 - 1;
        (((1u64 << SUB_BITS) + (bucket as u64 & ((1 << SUB_BITS) - 1))) << shift, 1u64 << shift)
    }

    /// The same as far as it can be filled: up to the maximum.
    fn filled_ns(&self, bucket: usize) -> (u64, u64) {
        let (low, width) = Self::range_ns(bucket);
        (low, width.min(self.maximum_ns.saturating_sub(low).saturating_add(1)))
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zeros + self.nonzero()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zeros == 0 && self.counts.iter().all(|&n| n == 0)
    }

    /// Forgets all durations, and keeps its memory.
    pub fn clear(&mut self) {
        let Self { zeros, first: _, counts, sum_ns, sum_of_squares_ns2, maximum_ns } = self;
        (*zeros, *sum_ns, *sum_of_squares_ns2, *maximum_ns) = (0, 0, 0, 0);
        counts.fill(0);
    }

    /// How many of them are longer than nothing.
    #[must_use]
    pub fn nonzero(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in nanoseconds.
    #[must_use]
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The sum of their squares in nanoseconds².
    #[must_use]
    pub fn sum_of_squares_ns2(&self) -> u128 {
        self.sum_of_squares_ns2
    }

    /// Their mean, rounded down; zero when there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let count = u128::from(self.count());
        Duration::from_nanos(self.sum_ns.checked_div(count).unwrap_or(0) as u64)
    }

    /// The largest. Of a difference: no more than the largest can have been.
    #[must_use]
    pub fn maximum(&self) -> Duration {
        Duration::from_nanos(self.maximum_ns)
    }

    /// The duration that `permille` thousandths of the durations do not exceed, interpolated within its bucket; zero when there are
    /// none.
    #[must_use]
    pub fn quantile(&self, permille: u64) -> Duration {
        // Thousandths of counts, so that nothing is rounded before the end.
        let count = self.count();
        let rank = u128::from(count) * u128::from(permille);
        if rank <= u128::from(self.zeros) * 1000 {
            return Duration::ZERO;
        }
        let enough = u64::try_from(rank.div_ceil(1000)).unwrap_or(u64::MAX);
        if enough > count {
            return self.maximum();
        }
        // From above, since what is asked for mostly lies there.
        let mut below = count;
        let bucket = self.counts.iter().rposition(|&n| {
            below -= n;
            below < enough
        });
        let Some(bucket) = bucket else { return self.maximum() };
        let (low, width) = self.filled_ns(self.first + bucket);
        let here = self.counts[bucket];
        let into_it = rank - u128::from(below) * 1000;
        // The greatest value of a bucket is its width less one above the smallest.
        let into = u128::from(width - 1) * into_it / (u128::from(here) * 1000);
        Duration::from_nanos((low + into as u64).min(self.maximum_ns))
    }

    /// How many durations are longer than a threshold: whole for the buckets above its own, interpolated in its own.
    #[must_use]
    pub fn over(&self, threshold: Duration) -> f64 {
        let ns = threshold.as_nanos();
        if ns >= self.maximum_ns {
            return 0.0;
        }
        let own = Self::bucket(ns);
        let skipped = (own + 1).saturating_sub(self.first).min(self.counts.len());
        let above: u64 = self.counts[skipped..].iter().sum();
        let inside = own.checked_sub(self.first).and_then(|at| self.counts.get(at)).copied().unwrap_or(0);
        let (low, width) = self.filled_ns(own);
        above as f64 + inside as f64 * ((width - 1 - (ns - low)) as f64 / width as f64)
    }

    /// What was counted since it was `earlier`.
    ///
    /// # Panics
    /// If `earlier` is no earlier state of this histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |now: u64, before: u64| now.checked_sub(before).expect("counts only grow");
        let offset = earlier.first.saturating_sub(self.first);
        let mut counts = self.counts.clone();
        for (count, before) in counts[offset..].iter_mut().zip(&earlier.counts) {
            *count = less(*count, *before);
        }
        let filled = counts.iter().rposition(|&n| n > 0).map_or(0, |highest| highest + 1);
        counts.truncate(filled);
        let bound = filled.checked_sub(1).map_or(0, |highest| {
            let (low, width) = Self::range_ns(self.first + highest);
            low + (width - 1)
        });
        Self {
            zeros: less(self.zeros, earlier.zeros),
            first: self.first,
            counts,
            sum_ns: self.sum_ns - earlier.sum_ns,
            sum_of_squares_ns2: self.sum_of_squares_ns2.wrapping_sub(earlier.sum_of_squares_ns2),
            maximum_ns: bound.min(self.maximum_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(durations: impl IntoIterator<Item = u64>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        durations.into_iter().for_each(|ns| histogram.record(Duration::from_nanos(ns)));
        histogram
    }

    #[test]
    fn a_histogram_is_the_same_in_whatever_order_it_was_filled() {
        let durations = [5_000_000, 1, 0, 31, 32, 70_000_000_000, 5_000_001, u64::MAX, 999];
        let (forwards, backwards) = (filled(durations), filled(durations.into_iter().rev()));
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.count(), 9);
        assert_eq!(forwards.quantile(0), Duration::from_nanos(0));
        assert_eq!(forwards.maximum(), Duration::from_nanos(u64::MAX));
        assert_eq!(forwards.quantile(1000), forwards.maximum());
        // Between the fifth and the sixth of nine, which share a bucket.
        let median_upwards = forwards.quantile(600).as_nanos();
        assert!((5_000_000 / 32 * 31..=5_000_000 / 32 * 33).contains(&median_upwards), "{median_upwards}");
    }

    #[test]
    fn quantiles_and_shares_of_evenly_spread_durations_are_theirs() {
        let histogram = filled((0..1_000_000).map(|n| n * 1_000));
        for permille in [1, 10, 500, 900, 990, 999] {
            let (found, exact) = (histogram.quantile(permille).as_nanos() as f64, permille as f64 * 1e6);
            // As near as one of them is to the next.
            assert!((found - exact).abs() <= 1000.0, "{permille}: {found} of {exact}");
        }
        for ms in [1, 333, 500, 999] {
            let (found, exact) = (histogram.over(Duration::from_millis(ms)), 1e6 - ms as f64 * 1e3);
            assert!((found - exact).abs() < 2.0, "{ms} ms: {found} of {exact}");
        }
        assert_eq!(histogram.over(Duration::from_secs(2)), 0.0);
        assert_eq!(filled([]).quantile(500), Duration::ZERO);
        assert_eq!(filled([]).over(Duration::ZERO), 0.0);
    }

    /// Lengths of all magnitudes, and many zeros.
    fn lengths() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), (0u32..40, any::<u64>()).prop_map(|(bits, ns)| ns & ((1 << bits) - 1))]
    }

    proptest! {
        #[test]
        fn what_came_between_is_the_difference(
            before in prop::collection::vec(lengths(), 0..50),
            after in prop::collection::vec(lengths(), 0..50),
            threshold in 0u64..1 << 40,
        ) {
            let earlier = filled(before.clone());
            let later = filled(before.into_iter().chain(after.clone()));
            let (found, expected) = (later.since(&earlier), filled(after.clone()));
            prop_assert_eq!(found.count(), after.len() as u64);
            prop_assert_eq!(found.is_empty(), after.is_empty());
            prop_assert_eq!(found.sum_ns(), after.iter().map(|&ns| u128::from(ns)).sum());
            prop_assert_eq!(found.sum_of_squares_ns2(), after.iter().map(|&ns| u128::from(ns) * u128::from(ns)).sum());
            prop_assert!(found.maximum() >= expected.maximum());
            prop_assert_eq!(found.nonzero(), after.iter().filter(|&&ns| ns > 0).count() as u64);
            let threshold = Duration::from_nanos(threshold);
            let exact = after.iter().filter(|&&ns| ns > threshold.as_nanos()).count() as f64;
            let same_bucket = after.iter().filter(|&&ns| {
                LatencyHistogram::bucket(ns) == LatencyHistogram::bucket(threshold.as_nanos())
            });
            prop_assert!((found.over(threshold) - exact).abs() <= same_bucket.count() as f64);
        }

        #[test]
        fn a_histogram_that_was_cleared_tells_what_a_new_one_does(
            before in prop::collection::vec(lengths(), 0..50),
            after in prop::collection::vec(lengths(), 0..50),
            permille in 0u64..=1001,
        ) {
            let mut cleared = filled(before);
            cleared.clear();
            prop_assert!(cleared.is_empty());
            after.iter().for_each(|&ns| cleared.record(Duration::from_nanos(ns)));
            let new = filled(after);
            prop_assert_eq!((cleared.count(), cleared.sum_ns(), cleared.maximum()), (new.count(), new.sum_ns(), new.maximum()));
            prop_assert_eq!(cleared.sum_of_squares_ns2(), new.sum_of_squares_ns2());
            prop_assert_eq!(cleared.quantile(permille), new.quantile(permille));
        }

        #[test]
        fn a_quantile_lies_in_the_bucket_of_its_rank(durations in prop::collection::vec(lengths(), 1..200), permille in 1u64..=1000) {
            let histogram = filled(durations.clone());
            let mut sorted = durations;
            sorted.sort_unstable();
            let rank = (sorted.len() as u64 * permille).div_ceil(1000) as usize;
            let bucket = |ns| LatencyHistogram::bucket(ns);
            prop_assert_eq!(bucket(histogram.quantile(permille).as_nanos()), bucket(sorted[rank - 1]));
        }
    }
}
