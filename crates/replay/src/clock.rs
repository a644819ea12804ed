//! Simulated time as wall time goes by.

use std::time::Instant;

/// How fast simulated time goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// So many simulated seconds a second.
    Times(f64),
    /// As fast as whoever asks.
    Max,
}

/// A stretch of simulated time that began at an instant of wall time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    from_ns: i64,
    until_ns: i64,
    looped: bool,
}

impl Clock {
    /// Begins now, at an instant of simulated time.
    #[must_use]
    pub fn begin(from_ns: i64, until_ns: i64, looped: bool) -> Self {
        Self { began: Instant::now(), from_ns, until_ns, looped }
    }

    /// The simulated time by now, in nanoseconds since the Unix epoch, and how often the run has begun anew.
    #[must_use]
    pub fn now(&self, times: f64) -> (i64, u64) {
        self.after(self.began.elapsed().as_secs_f64() * times * 1e9)
    }

    /// The simulated time when so many simulated nanoseconds are over.
    fn after(&self, passed_ns: f64) -> (i64, u64) {
        let length = (self.until_ns - self.from_ns).max(1);
        let passed = passed_ns as i64;
        if self.looped {
            (self.from_ns + passed % length, passed.unsigned_abs() / length.unsigned_abs())
        } else {
            (self.from_ns + passed.min(length), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_or_begins_anew() {
        let once = Clock::begin(100, 200, false);
        assert_eq!([0.0, 99.0, 100.0, 1e6].map(|passed| once.after(passed)), [(100, 0), (199, 0), (200, 0), (200, 0)]);
        let looped = Clock::begin(100, 200, true);
        assert_eq!(
            [0.0, 99.0, 100.0, 250.0].map(|passed| looped.after(passed)),
            [(100, 0), (199, 0), (100, 1), (150, 2)]
        );
    }
}
