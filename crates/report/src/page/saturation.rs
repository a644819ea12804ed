//! How full pools, heaps, processors and queues are: observed series, and the same without the faults.

use super::compared::Compared;
use super::gauges::{GAUGES, Gauge, Line, Meaning, Reading};
use super::grid::Grid;
use crate::error::Result;
use crate::files::Files;
use knockon_kernel::Duration;
use knockon_lab::story::WindowRow;
use knockon_lab::truth::series_name;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Processes of a service that are drawn in one chart at most: those with the highest lines.
const PROCESSES: usize = 4;

/// One chart.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chart {
    component: String,
    title: &'static str,
    /// The pool, the queue: what there may be several of.
    part: Option<String>,
    unit: &'static str,
    lines: Vec<Drawn>,
    /// Processes that are not drawn.
    more: usize,
}

/// One line of it: of a process, or of all where they are the same.
#[derive(Clone, Debug, Serialize)]
struct Drawn {
    instance: String,
    label: &'static str,
    /// The series that it is read from, by name.
    series: &'static str,
    meaning: Meaning,
    /// Of levels the highest sample of a window (of free room the lowest), of counters what they grew by in a second of it; null without a sample.
    fact: Vec<Option<f64>>,
    /// The same without the faults, where that differs anywhere; null in windows that were not compared.
    twin: Option<Vec<Option<f64>>>,
}

/// A series that some line is read from.
#[derive(Clone, Debug)]
struct Series {
    service: String,
    instance: String,
    part: Option<String>,
    gauge: usize,
    line: usize,
    /// As `truth/windows` calls it.
    metric: String,
    /// By scrape: the sample, or what a counter grew by in a second.
    fact: Vec<Option<f64>>,
    /// Scrapes over which a sample's growth is spread, by scrape: the first of them, and how many.
    spread: BTreeMap<usize, (usize, usize)>,
    /// Where it differs, the same without the faults; `None` where that is not known.
    twin: BTreeMap<usize, Option<f64>>,
    /// The last sample, and when that was. Counters begin with the run.
    last: (f64, u64),
}

/// The least time between samples of a run whose scenario cannot be read.
pub(crate) fn scrape_interval(files: &Files) -> Result<Option<Duration>> {
    let (mut last, mut least) = (None, None::<u64>);
    files.each("observed/metrics", &["time"], |batch, row| {
        let at = files.offset_ns(batch.integer(0, row).unwrap_or(0));
        let apart = last.map_or(0, |last: u64| at.saturating_sub(last));
        least = least.into_iter().chain((apart > 0).then_some(apart)).min();
        last = Some(at);
    })?;
    Ok(least.map(Duration::from_nanos))
}

pub(crate) fn read(files: &Files, grid: &Grid, compared: &Compared) -> Result<Vec<Chart>> {
    let mut series = catalogue(files, grid)?;
    if series.is_empty() {
        return Ok(Vec::new());
    }
    files.each("observed/metrics", &["series_id", "time", "value"], |batch, row| {
        let Some(one) = batch.integer(0, row).and_then(|id| series.get_mut(&id)) else { return };
        let Some(value) = batch.real(2, row) else { return };
        one.sample(files.offset_ns(batch.integer(1, row).unwrap_or(0)), value, grid);
    })?;
    let mut by_metric: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (&id, one) in &series {
        by_metric.insert((one.instance.clone(), one.metric.clone()), id);
    }
    files.each_window(|row| {
        let Some(part) = row.part.filter(|_| compared.is_told_by(row.contrast)) else { return };
        let Some(id) = by_metric.get(&(part.to_owned(), row.metric.to_owned())) else { return };
        if let Some(one) = series.get_mut(id) {
            one.compare(row, grid);
        }
    })?;
    Ok(charts(series.into_values().collect(), grid, compared))
}

/// The series that are drawn, by their numbers.
fn catalogue(files: &Files, grid: &Grid) -> Result<BTreeMap<i64, Series>> {
    let mut series = BTreeMap::new();
    files.each("observed/series", &["series_id", "name", "service", "instance", "attributes"], |batch, row| {
        let (Some(id), Some(name)) = (batch.integer(0, row), batch.text(1, row)) else { return };
        let attributes: Vec<(&str, &str)> = batch.pairs(4, row).collect();
        let has = |line: &Line| line.series == name && line.having.is_none_or(|pair| attributes.contains(&pair));
        let found = GAUGES.iter().enumerate().find_map(|(n, gauge)| {
            let line = gauge.lines.iter().position(has)?;
            Some((n, line))
        });
        let Some((gauge, line)) = found else { return };
        let value_of =
            |key: &str| attributes.iter().find(|(other, _)| *other == key).map(|(_, value)| (*value).to_owned());
        let metric = series_name(name, attributes.iter().copied());
        series.insert(
            id,
            Series {
                service: batch.text(2, row).unwrap_or_default().to_owned(),
                instance: batch.text(3, row).unwrap_or_default().to_owned(),
                part: GAUGES[gauge].each.and_then(value_of),
                gauge,
                line,
                metric,
                fact: vec![None; grid.scrapes()],
                spread: BTreeMap::new(),
                twin: BTreeMap::new(),
                last: (0.0, 0),
            },
        );
    })?;
    Ok(series)
}

impl Series {
    fn reading(&self) -> Reading {
        GAUGES[self.gauge].lines[self.line].reading
    }

    /// Takes in a sample. What a counter grew by since the last one is spread over the scrapes between, of which some may have failed.
    fn sample(&mut self, at: u64, value: f64, grid: &Grid) {
        let (last, since) = std::mem::replace(&mut self.last, (value, at));
        let Some(scrape) = grid.scrape(at) else { return };
        match self.reading() {
            Reading::Highest => self.fact[scrape] = self.fact[scrape].into_iter().chain([value]).reduce(f64::max),
            Reading::Lowest => self.fact[scrape] = self.fact[scrape].into_iter().chain([value]).reduce(f64::min),
            Reading::Rate => {
                // A counter begins anew with its process.
                let grown = if value < last { value } else { value - last };
                let first = grid.scrape(since).map_or(0, |before| before + 1).min(scrape);
                let seconds = at.saturating_sub(since).max(1) as f64 / 1e9;
                self.fact[first..=scrape].fill(Some(grown / seconds));
                if first < scrape {
                    self.spread.extend((first..=scrape).map(|at| (at, (first, scrape + 1 - first))));
                }
            }
        }
    }

    /// Takes in a window that is another one without the faults. It may have several scrapes; of a level that is known at the last alone.
    fn compare(&mut self, row: &WindowRow<'_>, grid: &Grid) {
        let (Some(with), Some(without)) = (row.with, row.without) else { return };
        let Some(last) = grid.scrape(row.end_ns) else { return };
        // What a window counts was counted since the scrape before it.
        let first = ((row.start_ns / grid.scrape_ns) as usize).min(last);
        let more = (without - with) / (grid.scrape_ns as f64 / 1e9) / (last + 1 - first) as f64;
        for scrape in first..=last {
            if self.reading() != Reading::Rate {
                self.twin.insert(scrape, (scrape == last).then_some(without));
                continue;
            }
            // Where scrapes failed, what was counted meanwhile is spread, and so is what is otherwise.
            let (begin, length) = self.spread.get(&scrape).copied().unwrap_or((scrape, 1));
            for at in begin..begin + length {
                let known = self.twin.get(&at).copied().unwrap_or(self.fact[at]);
                self.twin.insert(at, known.map(|rate| rate + more / length as f64));
            }
        }
    }

    /// The value at a scrape in one of both worlds.
    fn at(&self, scrape: usize, twin: bool) -> Option<f64> {
        let fact = self.fact[scrape];
        if twin { self.twin.get(&scrape).copied().unwrap_or(fact) } else { fact }
    }
}

/// Series that belong together, by component, kind of chart, and part.
fn charts(series: Vec<Series>, grid: &Grid, compared: &Compared) -> Vec<Chart> {
    let mut together: BTreeMap<(String, usize, Option<String>), Vec<Series>> = BTreeMap::new();
    for one in series {
        together.entry((one.service.clone(), one.gauge, one.part.clone())).or_default().push(one);
    }
    let draw = |((component, gauge, part), series): ((String, usize, Option<String>), Vec<Series>)| {
        let Gauge { title, unit, lines, .. } = GAUGES[gauge];
        let instances: BTreeSet<String> = series.iter().map(|one| one.instance.clone()).collect();
        let mut drawn: Vec<(f64, String, Vec<Drawn>)> = Vec::new();
        for instance in instances {
            let own: Vec<&Series> = series.iter().filter(|one| one.instance == instance).collect();
            let of_process: Vec<Drawn> = lines
                .iter()
                .enumerate()
                .filter_map(|(n, line)| line_of(&own, n, line, &instance, grid, compared))
                .collect();
            let used = of_process.iter().filter(|line| line.meaning != Meaning::Limit);
            let highest = used.flat_map(|line| line.fact.iter().flatten()).copied().fold(f64::MIN, f64::max);
            drawn.push((highest, instance, of_process));
        }
        drawn.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let more = drawn.len().saturating_sub(PROCESSES);
        drawn.truncate(PROCESSES);
        drawn.sort_by(|a, b| a.1.cmp(&b.1));
        let mut lines: Vec<Drawn> = Vec::new();
        for line in drawn.into_iter().flat_map(|(_, _, lines)| lines) {
            // Limits that are the same are one line.
            let known =
                |other: &Drawn| other.meaning == Meaning::Limit && other.label == line.label && other.fact == line.fact;
            if line.meaning != Meaning::Limit || !lines.iter().any(known) {
                lines.push(line);
            }
        }
        // A limit alone says nothing.
        let says = lines.iter().any(|line| line.meaning != Meaning::Limit);
        says.then_some(Chart { component, title, part, unit, lines, more })
    };
    together.into_iter().filter_map(draw).collect()
}

/// One line of a process: the sum of its series, by window.
fn line_of(
    own: &[&Series],
    number: usize,
    line: &Line,
    instance: &str,
    grid: &Grid,
    compared: &Compared,
) -> Option<Drawn> {
    let series: Vec<&&Series> = own.iter().filter(|one| one.line == number).collect();
    if series.is_empty() {
        return None;
    }
    let of_window = |window: usize, twin: bool| -> Option<f64> {
        let sums = grid.scrapes_of(window).map(|scrape| {
            let values = series.iter().filter_map(|one| one.at(scrape, twin));
            values.filter(|&value| line.reading == Reading::Rate || value >= 0.0).reduce(|a, b| a + b)
        });
        match line.reading {
            Reading::Highest => sums.flatten().reduce(f64::max),
            Reading::Lowest => sums.flatten().reduce(f64::min),
            Reading::Rate => {
                let rates: Vec<f64> = sums.flatten().collect();
                (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
            }
        }
    };
    let fact: Vec<Option<f64>> = (0..grid.count).map(|window| of_window(window, false)).collect();
    // No limit is told by a 0.
    if line.meaning == Meaning::Limit && fact.iter().flatten().all(|&value| value == 0.0) {
        return None;
    }
    let differs = series.iter().any(|one| !one.twin.is_empty());
    let twin = |window: usize| if compared.has(window) { of_window(window, true) } else { None };
    Some(Drawn {
        instance: instance.to_owned(),
        label: line.label,
        series: line.series,
        meaning: line.meaning,
        fact,
        twin: differs.then(|| (0..grid.count).map(twin).collect()),
    })
}
