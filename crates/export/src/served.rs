//! What components served, window by window: how many requests, how long they took, how many failed. From spans, exactly.
//!
//! A component that reports spans is told by its own (SERVER and CONSUMER). One that reports none (a database, a cache, a broker) is told by those
//! of its callers, as a service mesh tells of it: their times contain the network. A request belongs to the window in which it ended.

use crate::error::Result;
use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Components that serve, and who calls whom.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// Names in alphabetical order.
    names: Vec<String>,
    /// Those that report spans of what they serve.
    reporting: BTreeSet<String>,
    /// Callers and whom they call.
    calls: BTreeSet<(String, String)>,
}

impl Components {
    /// Reads them off a run's spans.
    pub(crate) fn of(source: &mut Source<'_>) -> Result<Self> {
        let mut found = Self::default();
        let mut names = BTreeSet::new();
        source.each("observed/spans", &["service", "kind", "peer"], |batch| {
            for row in 0..batch.rows() {
                let (Some(service), Some(kind)) = (batch.text(0, row), batch.text(1, row)) else { continue };
                if is_server(kind) && !found.reporting.contains(service) {
                    found.reporting.insert(service.to_owned());
                    names.insert(service.to_owned());
                }
                if let Some(peer) = batch.text(2, row)
                    && !found.calls.iter().any(|(caller, callee)| caller == service && callee == peer)
                {
                    found.calls.insert((service.to_owned(), peer.to_owned()));
                    names.extend([service.to_owned(), peer.to_owned()]);
                }
            }
            Ok(())
        })?;
        found.names = names.into_iter().collect();
        Ok(found)
    }

    /// Their names, in alphabetical order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether one calls another.
    pub(crate) fn calls(&self, caller: &str, callee: &str) -> bool {
        self.calls.iter().any(|(from, to)| from == caller && to == callee)
    }

    /// Those that nobody within the system calls: where users come in.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &str> {
        let is_called = |name: &&str| self.calls.iter().any(|(_, callee)| callee == name);
        self.names.iter().map(String::as_str).filter(move |name| !is_called(name))
    }

    /// Reads the spans, and hands out windows of a width, in their order. Windows begin with the run; each is without its first instant and with
    /// its last. Those in which nothing ended are not handed out.
    pub(crate) fn windows(
        &self,
        source: &mut Source<'_>,
        width: i64,
        mut take: impl FnMut(&Window<'_>) -> Result<()>,
    ) -> Result<()> {
        let origin = source.start_unix_ns();
        let mut open: BTreeMap<i64, Vec<Served>> = BTreeMap::new();
        let mut close = |index: i64, mut served: Vec<Served>| {
            served.iter_mut().for_each(|served| served.durations.sort_unstable());
            let end = origin + (index + 1) * width;
            take(&Window { end, served: self.names.iter().map(String::as_str).zip(&served).collect() })
        };
        let columns = ["service", "kind", "peer", "start_time", "end_time", "status"];
        source.each("observed/spans", &columns, |batch| {
            for row in 0..batch.rows() {
                let (Some(start), Some(end)) = (batch.integer(3, row), batch.integer(4, row)) else { continue };
                // Spans come in the order of their start: what ended before this one began is all there.
                while let Some(first) = open.first_entry()
                    && origin + (first.key() + 1) * width < start
                {
                    let (index, served) = first.remove_entry();
                    close(index, served)?;
                }
                let text = |column| batch.text(column, row).unwrap_or_default();
                let Some(place) = self.told_of(text(0), text(1), batch.text(2, row)) else { continue };
                let index = (end - origin - 1).div_euclid(width);
                let window = open.entry(index).or_insert_with(|| vec![Served::default(); self.names.len()]);
                window[place].durations.push(end - start);
                window[place].failed += u64::from(text(5) == "ERROR");
            }
            Ok(())
        })?;
        open.into_iter().try_for_each(|(index, served)| close(index, served))
    }

    /// Of which component a span tells.
    fn told_of(&self, service: &str, kind: &str, peer: Option<&str>) -> Option<usize> {
        let name = if is_server(kind) { service } else { peer.filter(|&peer| !self.reporting.contains(peer))? };
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }
}

fn is_server(kind: &str) -> bool {
    matches!(kind, "SERVER" | "CONSUMER")
}

/// What all components served in a window.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    /// Its last instant, in nanoseconds since the Unix epoch.
    pub(crate) end: i64,
    /// By component, in the order of [`Components::names`].
    pub(crate) served: Vec<(&'a str, &'a Served)>,
}

/// What a component served in a window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    /// How long requests took, in nanoseconds, in ascending order.
    durations: Vec<i64>,
    /// Those that ended with an error.
    pub(crate) failed: u64,
}

impl Served {
    /// Requests.
    pub(crate) fn count(&self) -> usize {
        self.durations.len()
    }

    /// The mean of how long they took, in seconds.
    pub(crate) fn mean(&self) -> Option<f64> {
        let sum: i128 = self.durations.iter().map(|&duration| i128::from(duration)).sum();
        (!self.durations.is_empty()).then(|| sum as f64 / self.count() as f64 / 1e9)
    }

    /// The smallest time that so many hundredths of them took no longer than (nearest rank), in seconds.
    pub(crate) fn percentile(&self, hundredths: usize) -> Option<f64> {
        let rank = (self.count() * hundredths).div_ceil(100).max(1);
        self.durations.get(rank - 1).map(|&duration| duration as f64 / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let served = Served { durations: (1..=10).map(|second| second * 1_000_000_000).collect(), failed: 0 };
        assert_eq!([50, 90, 95, 99].map(|p| served.percentile(p)), [Some(5.0), Some(9.0), Some(10.0), Some(10.0)]);
        assert_eq!((served.mean(), served.count()), (Some(5.5), 10));
        assert_eq!((Served::default().mean(), Served::default().percentile(50)), (None, None));
    }
}
