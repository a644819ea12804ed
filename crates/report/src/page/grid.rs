//! Windows of equal length that a run is drawn in.

use knockon_kernel::Duration;
use serde::Serialize;

/// Windows of a chart at most: more than a screen has room for show no more.
const MOST: u64 = 1_000;
/// What a run is drawn in where nobody knows its scrape interval.
const USUAL: Duration = Duration::from_secs(15);

/// Windows of a run, each without its first instant and with its last, as those of `truth/windows` are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Grid {
    /// Length of a window in nanoseconds: the scrape interval or, for long runs, a multiple of it.
    pub(crate) step_ns: u64,
    /// The scrape interval.
    #[serde(skip)]
    pub(crate) scrape_ns: u64,
    /// Number of windows.
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn new(simulated_ns: u64, scrape: Option<Duration>) -> Self {
        let scrape_ns = scrape.filter(|scrape| !scrape.is_zero()).unwrap_or(USUAL).as_nanos();
        let scrapes = simulated_ns.div_ceil(scrape_ns).max(1);
        let step_ns = scrape_ns.saturating_mul(scrapes.div_ceil(MOST));
        Self { step_ns, scrape_ns, count: simulated_ns.div_ceil(step_ns).max(1) as usize }
    }

    /// The window that an instant belongs to.
    pub(crate) fn window(&self, offset_ns: u64) -> usize {
        (offset_ns.div_ceil(self.step_ns).saturating_sub(1) as usize).min(self.count - 1)
    }

    /// Scrapes in all of the run.
    pub(crate) fn scrapes(&self) -> usize {
        self.count * (self.step_ns / self.scrape_ns) as usize
    }

    /// The scrape at an instant, counted from 0; `None` for that at time zero, which no window has.
    pub(crate) fn scrape(&self, offset_ns: u64) -> Option<usize> {
        let number = offset_ns.div_ceil(self.scrape_ns).checked_sub(1)? as usize;
        (number < self.scrapes()).then_some(number)
    }

    /// Scrapes in a window.
    pub(crate) fn scrapes_of(&self, window: usize) -> std::ops::Range<usize> {
        let each = (self.step_ns / self.scrape_ns) as usize;
        window * each..(window + 1) * each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_its_last_instant_and_not_its_first() {
        let grid = Grid::new(3_600_000_000_000, Some(Duration::from_secs(15)));
        assert_eq!((grid.step_ns, grid.count), (15_000_000_000, 240));
        let at = |seconds: f64| grid.window((seconds * 1e9) as u64);
        assert_eq!([at(0.0), at(15.0), at(15.000_001), at(3600.0)], [0, 0, 1, 239]);
        assert_eq!((grid.scrape(0), grid.scrape(15_000_000_000)), (None, Some(0)));
    }

    #[test]
    fn long_runs_are_drawn_in_multiples_of_the_scrape_interval() {
        let grid = Grid::new(90 * 86_400 * 1_000_000_000, Some(Duration::from_secs(15)));
        assert!(grid.count <= 1_000 && grid.step_ns.is_multiple_of(15_000_000_000), "{grid:?}");
        assert_eq!(grid.scrapes_of(1).start, (grid.step_ns / 15_000_000_000) as usize);
        assert_eq!(Grid::new(0, None).count, 1);
    }
}
