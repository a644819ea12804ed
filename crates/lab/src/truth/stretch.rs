//! Stretches: how far the fact and the worlds beside it go before they are compared, and where they are read on the way.

use super::edge::Edge;
use super::{Truth, before, difficulty};
use knockon_kernel::{Duration, Time};

/// What was read of the fact at each edge of a stretch.
#[derive(Clone, Debug)]
pub struct Passed(pub(super) Vec<(Time, Edge)>);

/// How far the fact goes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Instants at which it is read.
    pub edges: Vec<Time>,
    /// Where it stops.
    pub until: Time,
}

impl<const O: bool> Truth<O> {
    /// How far the fact goes next.
    #[must_use]
    pub fn next(&self) -> Stretch {
        let end = Time::ZERO + self.system.blueprint.duration;
        let fork = self.coming.last().map(|&fault| before(self.fault(fault).at));
        let limit = fork.map_or(end, |fork| fork.min(end));
        let window = self.system.blueprint.scrape_interval.as_nanos();
        let Some(running) = &self.running else { return self.next_in_calm(limit) };
        if let Some(&fault) = running.acting.first() {
            // What a fault does at once is seen right after it.
            let at = self.fault(fault).at;
            return Stretch { edges: Vec::new(), until: at.min(end) };
        }
        let mut edges = Vec::new();
        let mut edge = running.opened;
        for _ in 0..running.block() {
            let opened = edge.as_nanos();
            let mut next = (opened / window + 1) * window;
            // A window that is hardly any goes with the next one, or at the end with the last.
            if next - opened < window / 2 {
                next += window;
            }
            if end.as_nanos() < next + window / 2 {
                next = end.as_nanos();
            }
            edge = Time::from_nanos(next);
            if edge > limit || next <= opened {
                break;
            }
            edges.push(edge);
        }
        // What is left before a fault is no block: it waits for the end of the window that it belongs to.
        let until = edges.last().copied().unwrap_or(limit);
        Stretch { edges, until }
    }

    /// While nothing is compared: the windows just before a fault are what it is seen against.
    fn next_in_calm(&self, limit: Time) -> Stretch {
        let window = self.system.blueprint.scrape_interval;
        if !O || self.coming.is_empty() {
            return Stretch { edges: Vec::new(), until: limit };
        }
        let Some((_, opened, _)) = &self.calm else {
            let span = Duration::from_nanos(window.as_nanos().saturating_mul(difficulty::BASELINE_WINDOWS as u64 + 1));
            let begin = Time::from_nanos((limit - Time::ZERO).saturating_sub(span).as_nanos());
            let grid = Time::from_nanos(begin.as_nanos() / window.as_nanos() * window.as_nanos());
            return Stretch { edges: Vec::new(), until: grid.max(self.now) };
        };
        let edges: Vec<Time> =
            std::iter::successors(Some(opened.saturating_add(window)), |edge| edge.checked_add(window))
                .take_while(|&edge| edge <= limit)
                .take(difficulty::BASELINE_WINDOWS)
                .collect();
        let whole = edges.len() == difficulty::BASELINE_WINDOWS;
        Stretch { until: edges.last().copied().filter(|_| whole).unwrap_or(limit), edges }
    }
}
