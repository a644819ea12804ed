//! The share of a trailing window that a process stood still for collections, in integers.

use knockon_kernel::{Duration, Time};
use std::collections::VecDeque;

/// Length of the window: one minute, as a panel over a rate of `jvm_gc_pause_seconds_sum` would use.
pub(super) const WINDOW_NS: u64 = 60_000_000_000;

/// Pauses of the last [`WINDOW_NS`], oldest first. Pauses of one process never overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct PauseWindow {
    pauses: VecDeque<(u64, u64)>,
    sum_ns: u64,
}

impl PauseWindow {
    /// Adds a pause that has just ended and returns the share of the window before `end`, in thousandths.
    pub(super) fn add(&mut self, end: Time, pause: Duration) -> u64 {
        let (end_ns, pause_ns) = (end.as_nanos(), pause.as_nanos());
        self.pauses.push_back((end_ns, pause_ns));
        self.sum_ns += pause_ns;
        let window_start_ns = end_ns.saturating_sub(WINDOW_NS);
        while let Some(&(oldest_end_ns, oldest_ns)) = self.pauses.front() {
            if oldest_end_ns > window_start_ns {
                break;
            }
            self.pauses.pop_front();
            self.sum_ns -= oldest_ns;
        }
        // The oldest pause may have begun before the window.
        let before_ns = self.pauses.front().map_or(0, |&(oldest_end_ns, oldest_ns)| {
            window_start_ns.saturating_sub(oldest_end_ns.saturating_sub(oldest_ns))
        });
        (self.sum_ns - before_ns) / (WINDOW_NS / 1_000)
    }

    /// Forgets everything: another process has taken its place.
    pub(super) fn clear(&mut self) {
        self.pauses.clear();
        self.sum_ns = 0;
    }
}
