//! Latency and failures of what users ask for, window by window, and the same without the faults. Eight bytes are held for each request.

use super::compared::Compared;
use super::grid::Grid;
use crate::error::Result;
use crate::files::Files;
use knockon_lab::story::Ended;
use serde::Serialize;
use std::collections::BTreeMap;

/// Quantiles that are drawn.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// One thing that a source asks for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Endpoint {
    source: String,
    name: String,
    /// Of the run.
    fact: Lines,
    /// Without the faults of the incident that a window was compared for; null in windows that were not compared.
    twin: Lines,
}

/// Numbers by window, by the time at which requests were sent.
#[derive(Clone, Debug, Default, Serialize)]
struct Lines {
    /// Requests that ended.
    ended: Vec<Option<u64>>,
    /// Those of them that failed.
    failed: Vec<Option<u64>>,
    /// The smallest latency that so many of them did not exceed, in nanoseconds (nearest rank); null where none ended.
    p50: Vec<Option<i64>>,
    p95: Vec<Option<i64>>,
    p99: Vec<Option<i64>>,
}

/// Requests of a window.
#[derive(Clone, Debug, Default)]
struct Cell {
    latencies: Vec<i64>,
    failed: u64,
    /// What is otherwise without the faults: rows of `truth/effects`.
    gone: Vec<i64>,
    gone_failed: u64,
    come: Vec<i64>,
    come_failed: u64,
}

/// Reads all requests, and how they would have fared.
pub(crate) fn read(files: &Files, grid: &Grid, compared: &mut Compared) -> Result<Vec<Endpoint>> {
    let mut cells = Cells::default();
    files.each("truth/requests", &["source", "name", "sent_time", "latency_ns", "outcome"], |batch, row| {
        let window = grid.window(files.offset_ns(batch.integer(2, row).unwrap_or(0)));
        let cell = cells.of(batch.text(0, row), batch.text(1, row), window, grid);
        cell.latencies.push(batch.integer(3, row).unwrap_or(0));
        cell.failed += u64::from(batch.text(4, row) == Some("failed"));
    })?;
    files.each_effect(|row| {
        if !compared.is_told_by(row.contrast) {
            return;
        }
        let window = grid.window(row.sent_ns);
        // Whom the fault met under way was sent before it.
        compared.reaches(window);
        let cell = cells.of(Some(row.source), Some(row.name), window, grid);
        let add = |ended: Option<Ended<'_>>, latencies: &mut Vec<i64>, failed: &mut u64| {
            latencies.extend(ended.map(|ended| ended.latency_ns));
            *failed += u64::from(ended.is_some_and(|ended| ended.failed));
        };
        add(row.with, &mut cell.gone, &mut cell.gone_failed);
        add(row.without, &mut cell.come, &mut cell.come_failed);
    })?;
    let named = cells
        .0
        .into_iter()
        .flat_map(|(source, of_source)| of_source.into_iter().map(move |(name, cells)| (source.clone(), name, cells)));
    Ok(named.map(|(source, name, cells)| Endpoint::of(source, name, cells, compared)).collect())
}

/// Windows by source and name of what it asks for.
#[derive(Debug, Default)]
struct Cells(BTreeMap<String, BTreeMap<String, Vec<Cell>>>);

impl Cells {
    fn of(&mut self, source: Option<&str>, name: Option<&str>, window: usize, grid: &Grid) -> &mut Cell {
        let (source, name) = (source.unwrap_or_default(), name.unwrap_or_default());
        // Names are made once for each, not for each row.
        if !self.0.get(source).is_some_and(|names| names.contains_key(name)) {
            let names = self.0.entry(source.to_owned()).or_default();
            names.insert(name.to_owned(), vec![Cell::default(); grid.count]);
        }
        let known = self.0.get_mut(source).and_then(|names| names.get_mut(name));
        &mut known.unwrap_or_else(|| unreachable!("it has just been made"))[window]
    }
}

impl Endpoint {
    fn of(source: String, name: String, cells: Vec<Cell>, compared: &Compared) -> Self {
        let (mut fact, mut twin) = (Lines::default(), Lines::default());
        for (window, mut cell) in cells.into_iter().enumerate() {
            cell.latencies.sort_unstable();
            fact.push(Some((&cell.latencies, cell.failed)));
            let without = compared.has(window).then(|| cell.without());
            twin.push(without.as_ref().map(|(latencies, failed)| (latencies, *failed)));
        }
        Self { source, name, fact, twin }
    }
}

impl Cell {
    /// The same requests without the faults, sorted.
    fn without(&mut self) -> (Vec<i64>, u64) {
        self.gone.sort_unstable();
        let mut gone = self.gone.iter().peekable();
        let mut latencies = self.come.clone();
        for &latency in &self.latencies {
            debug_assert!(gone.peek().is_none_or(|&&next| next >= latency), "a row of effects has its request");
            while gone.next_if(|&&next| next < latency).is_some() {}
            if gone.next_if_eq(&&latency).is_none() {
                latencies.push(latency);
            }
        }
        latencies.sort_unstable();
        (latencies, (self.failed + self.come_failed).saturating_sub(self.gone_failed))
    }
}

impl Lines {
    /// Takes in a window of sorted latencies; `None` where nothing is known.
    fn push(&mut self, window: Option<(&Vec<i64>, u64)>) {
        self.ended.push(window.map(|(latencies, _)| latencies.len() as u64));
        self.failed.push(window.map(|(_, failed)| failed));
        for (line, q) in [&mut self.p50, &mut self.p95, &mut self.p99].into_iter().zip(QUANTILES) {
            line.push(window.and_then(|(latencies, _)| quantile(latencies, q)));
        }
    }
}

/// The smallest of the sorted values that a share `q` of them does not exceed.
fn quantile(sorted: &[i64], q: f64) -> Option<i64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(QUANTILES.map(|q| quantile(&hundred, q)), [Some(50), Some(95), Some(99)]);
        assert_eq!((quantile(&[], 0.5), quantile(&[7], 0.99), quantile(&[1, 2], 0.5)), (None, Some(7), Some(1)));
    }

    #[test]
    fn without_the_faults_what_they_did_is_undone() {
        let mut cell = Cell {
            latencies: vec![10, 10, 30, 900],
            failed: 2,
            gone: vec![900, 10],
            gone_failed: 1,
            come: vec![12, 5],
            come_failed: 0,
        };
        // One of the two that took 10 took 5, the one that took 900 and failed took 12.
        assert_eq!(cell.without(), (vec![5, 10, 12, 30], 1));
    }
}
