//! Durations as clients of Prometheus count them: how many, how long in all, how many up to each bound, and the recent maximum.

use super::window::Window;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Bounds that durations are counted by, in nanoseconds: Prometheus' Python client's default, and OpenTelemetry's
/// `http.server.request.duration`.
const BOUNDS_NS: [u64; 14] = [
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

/// A client library's bounds: positions in those counted by, with the text of the `le` label.
pub(super) type Bounds = &'static [(u8, &'static str)];

/// The Python client's default.
pub(super) const PYTHON: Bounds = &[
    (0, "0.005"),
    (1, "0.01"),
    (2, "0.025"),
    (3, "0.05"),
    (4, "0.075"),
    (5, "0.1"),
    (6, "0.25"),
    (7, "0.5"),
    (8, "0.75"),
    (9, "1.0"),
    (10, "2.5"),
    (11, "5.0"),
    (12, "7.5"),
    (13, "10.0"),
    (14, "+Inf"),
];

/// OpenTelemetry's for HTTP, as its Prometheus exporter writes them.
pub(super) const OPENTELEMETRY: Bounds = &[
    (0, "0.005"),
    (1, "0.01"),
    (2, "0.025"),
    (3, "0.05"),
    (4, "0.075"),
    (5, "0.1"),
    (6, "0.25"),
    (7, "0.5"),
    (8, "0.75"),
    (9, "1"),
    (10, "2.5"),
    (11, "5"),
    (12, "7.5"),
    (13, "10"),
    (14, "+Inf"),
];

/// prom-client's default.
pub(super) const NODE: Bounds = &[
    (0, "0.005"),
    (1, "0.01"),
    (2, "0.025"),
    (3, "0.05"),
    (5, "0.1"),
    (6, "0.25"),
    (7, "0.5"),
    (9, "1"),
    (10, "2.5"),
    (11, "5"),
    (13, "10"),
    (14, "+Inf"),
];

/// Durations of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timing {
    count: u64,
    sum_ns: u64,
    /// Counts by bucket, not cumulative; the last is beyond all bounds.
    buckets: [u64; BOUNDS_NS.len() + 1],
    maximum: Window,
}

/// One of the numbers that a [`Timing`] is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    Count,
    /// Seconds.
    Sum,
    /// Seconds, over the last two to three minutes.
    Maximum,
    /// How many did not exceed the bound of this number.
    Bucket(u8),
}

impl Timing {
    /// Nothing counted yet.
    pub(crate) fn new(now: Time) -> Self {
        Self { count: 0, sum_ns: 0, buckets: [0; BOUNDS_NS.len() + 1], maximum: Window::of_maximum(now) }
    }

    /// Counts one duration.
    #[inline]
    pub(crate) fn record(&mut self, now: Time, ns: u64) {
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.buckets[BOUNDS_NS.partition_point(|&bound| bound < ns)] += 1;
        self.maximum.raise(now, ns);
    }

    /// A number of several timings together; `None` where there is none.
    pub(super) fn read<'a>(timings: impl Iterator<Item = &'a Self>, part: Part, now: Time) -> Option<f64> {
        let of_one = |timing: &Self| match part {
            Part::Count => timing.count,
            Part::Sum => timing.sum_ns,
            Part::Maximum => timing.maximum.read(now),
            Part::Bucket(bound) => timing.buckets[..=usize::from(bound)].iter().sum(),
        };
        let together = |a: u64, b: u64| if part == Part::Maximum { a.max(b) } else { a.saturating_add(b) };
        let value = timings.map(of_one).reduce(together)?;
        Some(if matches!(part, Part::Sum | Part::Maximum) { seconds(value) } else { value as f64 })
    }
}

/// Nanoseconds in seconds.
pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_buckets_cumulative() {
        let mut timing = Timing::new(Time::ZERO);
        for ns in [1, 5_000_000, 5_000_001, 10_000_000_000, 10_000_000_001] {
            timing.record(Time::ZERO, ns);
        }
        let read = |part| Timing::read(std::iter::once(&timing), part, Time::ZERO);
        for (bound, expected) in [(0, 2.0), (1, 3.0), (12, 3.0), (13, 4.0), (14, 5.0)] {
            assert_eq!(read(Part::Bucket(bound)), Some(expected), "bound {bound}");
        }
        assert_eq!(read(Part::Count), Some(5.0));
        assert_eq!(read(Part::Maximum), Some(10.000_000_001));
        assert_eq!(Timing::read([].iter(), Part::Count, Time::ZERO), None);
    }

    #[test]
    fn the_texts_of_bounds_are_their_values() {
        for bounds in [PYTHON, OPENTELEMETRY, NODE] {
            let (last, finite) = bounds.split_last().expect("there are bounds");
            assert_eq!(*last, (BOUNDS_NS.len() as u8, "+Inf"));
            for &(at, text) in finite {
                assert_eq!(text.parse::<f64>().expect("a number"), seconds(BOUNDS_NS[usize::from(at)]));
            }
        }
    }
}
