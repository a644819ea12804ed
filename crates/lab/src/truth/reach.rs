//! What came of a component in a contrast.

use knockon_kernel::{Duration, Time};
use std::collections::VecDeque;

/// Windows for which a component counts as affected after the last one in which a number of it was beyond chance.
pub(super) const AFTERWARDS_WINDOWS: u64 = 3;
/// Intervals that are kept: what is further back than this many has been labelled long since.
const INTERVALS: usize = 64;

/// What came of a component so far.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// When it was first affected.
    pub onset: Option<Time>,
    /// End of the last window in which a number of it was labelled.
    pub last: Option<Time>,
    /// Whether any row of it is labelled, in any table.
    pub labelled: bool,
    /// Whether any of those is hurt.
    pub hurt: bool,
    /// End of the last window in which a number of it that decides was beyond chance, and worse.
    pub last_hurt: Option<Time>,
    /// When it counts as affected, as far back as anybody asks.
    affected: Intervals,
    /// When it fares worse, likewise.
    hurting: Intervals,
}

/// After the first instant of each, up to the second.
type Intervals = VecDeque<(Time, Time)>;

/// A number of a component is beyond chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike {
    pub(super) component: usize,
    /// Where the row of windows began in which it is.
    pub(super) from: Time,
    /// The end of the window.
    pub(super) end: Time,
    /// Whether that is for the worse.
    pub(super) worse: bool,
}

impl Reach {
    /// One of its numbers is beyond chance, in a row of which what lies after `since` is not told yet.
    pub(super) fn strike(&mut self, strike: &Strike, since: Time, window: Duration) {
        let &Strike { from: onset, end, worse, .. } = strike;
        self.onset = Some(self.onset.map_or(onset, |known| known.min(onset)));
        let afterwards = Duration::from_nanos(window.as_nanos().saturating_mul(AFTERWARDS_WINDOWS));
        // What there is in the very instant of a fault is its own.
        let from = onset.max(since);
        let interval = (Time::from_nanos(from.as_nanos().saturating_sub(1)), end.saturating_add(afterwards));
        note(&mut self.affected, interval);
        if worse {
            self.last_hurt = self.last_hurt.max(Some(end));
            note(&mut self.hurting, interval);
        }
    }

    /// Whether it counts as affected at an instant, not too long ago.
    pub(super) fn is_affected(&self, at: Time) -> bool {
        is_within(&self.affected, at)
    }

    /// Whether one of its numbers that decide was worse at an instant, or shortly before.
    pub(super) fn is_hurting(&self, at: Time) -> bool {
        is_within(&self.hurting, at)
    }

    /// One of its numbers is labelled in the window that ends here.
    pub(super) fn label(&mut self, end: Time, hurt: bool) {
        self.last = self.last.max(Some(end));
        self.has_row(hurt);
    }

    /// A row of it is labelled: a number, a request, a span, a log line or a sample.
    pub(super) fn has_row(&mut self, hurt: bool) {
        self.labelled = true;
        self.hurt |= hurt;
    }
}

fn is_within(intervals: &Intervals, at: Time) -> bool {
    intervals.iter().any(|&(from, until)| from < at && at <= until)
}

fn note(intervals: &mut Intervals, (from, until): (Time, Time)) {
    match intervals.back_mut() {
        Some(last) if last.1 >= from => *last = (last.0.min(from), last.1.max(until)),
        _ => intervals.push_back((from, until)),
    }
    while intervals.len() > INTERVALS {
        intervals.pop_front();
    }
}
