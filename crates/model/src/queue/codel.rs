//! CoDel's state (RFC 8289, section 5), asked at each request that is taken out.
//!
//! States: calm; above (every sojourn since an instant was above the target); dropping. Sizes are counted in requests: what
//! the RFC says of less than a packet's worth of bytes is here that nobody is left behind the request.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CoDel {
    /// When sojourns will have been above the target for an interval.
    above: Option<Time>,
    dropping: bool,
    /// The last one was dropped.
    dropped: bool,
    /// It was the one that began the dropping: the one behind it is served whatever it waited.
    begun: bool,
    next: Time,
    count: u64,
    last_count: u64,
}

impl CoDel {
    /// Whether a request that waited so long is dropped.
    pub(super) fn drops(
        &mut self,
        now: Time,
        waited: Duration,
        target: Duration,
        interval: Duration,
        last: bool,
    ) -> bool {
        let too_late = self.is_too_late(now, waited, target, interval, last);
        let behind_a_drop = std::mem::take(&mut self.dropped);
        if std::mem::take(&mut self.begun) {
            return false;
        }
        if !self.dropping {
            if too_late {
                self.begin(now, interval);
            }
            return too_late;
        }
        if !too_late {
            self.dropping = false;
            return false;
        }
        if behind_a_drop {
            self.next = after(self.next, interval, self.count);
        }
        self.dropped = now >= self.next;
        self.count += u64::from(self.dropped);
        self.dropped
    }

    /// A request was dropped and nobody was behind it.
    pub(super) fn found_nothing(&mut self) {
        self.above = None;
        self.dropping = false;
        self.dropped = false;
        self.begun = false;
    }

    fn begin(&mut self, now: Time, interval: Duration) {
        let since = self.count - self.last_count;
        let recently = now.saturating_sub(self.next).as_nanos() < interval.as_nanos().saturating_mul(16);
        // Starts from the rate that controlled the queue the last time, if that was not long ago.
        self.count = if since > 1 && recently { since } else { 1 };
        self.last_count = self.count;
        self.next = after(now, interval, self.count);
        self.dropping = true;
        self.begun = true;
    }

    fn is_too_late(&mut self, now: Time, waited: Duration, target: Duration, interval: Duration, last: bool) -> bool {
        if waited < target || last {
            self.above = None;
            return false;
        }
        match self.above {
            None => {
                self.above = Some(now.saturating_add(interval));
                false
            }
            Some(above) => now >= above,
        }
    }
}

/// The control law: `interval / √count` later, in whole nanoseconds.
fn after(at: Time, interval: Duration, count: u64) -> Time {
    let square = u128::from(interval.as_nanos()).pow(2);
    at.saturating_add(Duration::from_nanos((square / u128::from(count)).isqrt() as u64))
}
