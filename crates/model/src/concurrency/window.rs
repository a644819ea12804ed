//! Samples taken together over a length of time: their mean time, their most in flight, whether one was dropped.

use super::Sample;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Shorter times are no samples.
const SHORTEST: Duration = Duration::from_micros(100);
/// Fewer samples show nothing.
const FEWEST: u64 = 10;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    ends: Time,
    sum_ns: u128,
    count: u64,
    in_flight: u32,
    dropped: bool,
}

impl Window {
    /// Adds a sample; the first one after the window's end closes it.
    pub(super) fn add(&mut self, now: Time, sample: Sample, length: Duration) -> Option<Sample> {
        if sample.time < SHORTEST {
            return None;
        }
        self.sum_ns += u128::from(sample.time.as_nanos());
        self.count += 1;
        self.in_flight = self.in_flight.max(sample.in_flight);
        self.dropped |= sample.dropped;
        if now <= self.ends {
            return None;
        }
        let closed = std::mem::replace(self, Self { ends: now.saturating_add(length), ..Self::default() });
        (closed.count >= FEWEST).then(|| Sample {
            time: Duration::from_nanos((closed.sum_ns / u128::from(closed.count)) as u64),
            in_flight: closed.in_flight,
            dropped: closed.dropped,
        })
    }
}
