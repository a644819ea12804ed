//! One world's numbers, window by window: what its statistics, its requests and its samples come to at each edge.

use super::edge::Edge;
use super::metric::ENDPOINT;
use super::metrics::Metrics;
use super::system::System;
use super::tally::Tally;
use knockon_kernel::{Duration, Time};
use knockon_model::record::{Part, RequestRecord, SampleRecord};
use knockon_model::statistics::LatencyHistogram;
use knockon_scenario::Reading;

/// Requests of one endpoint that ended in the open window.
#[derive(Clone, Debug, Default)]
struct Ended {
    count: u64,
    failed: u64,
    latency: LatencyHistogram,
    parts_ns: [u128; Part::COUNT],
}

impl Ended {
    /// None so far.
    fn clear(&mut self) {
        self.latency.clear();
        *self = Self { latency: std::mem::take(&mut self.latency), ..Self::default() };
    }
}

/// The open window of a world.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Where the first window began: what comes at this instant belongs to the one before.
    opened: Time,
    before: Vec<Option<Reading>>,
    /// By the endpoint's first metric.
    ended: Vec<(usize, Ended)>,
    /// By series: the last sample before the window and the last one in it, not a number where there is none.
    samples: Vec<[f64; 2]>,
}

impl Side {
    /// A window opens at an instant, of which the world may have been read just before. `before` is another one that was open until now: its last samples are the ones before.
    pub(super) fn open(metrics: &Metrics, edge: &Edge, opened: Time, before: Option<&Self>) -> Self {
        let last = |series| before.map_or(f64::NAN, |before: &Self| before.last_sample(series));
        Self {
            opened,
            before: metrics.read(edge),
            ended: metrics.endpoints().map(|first| (first, Ended::default())).collect(),
            samples: (0..metrics.series_count()).map(|series| [last(series), f64::NAN]).collect(),
        }
    }

    /// Statistics of components in the open window so far, and their levels.
    pub(super) fn at_once(&self, metrics: &Metrics, edge: &Edge) -> Vec<f64> {
        let mut values = metrics.between(&self.before, &metrics.read(edge));
        values.extend(metrics.levels(edge));
        values
    }

    fn last_sample(&self, series: usize) -> f64 {
        let [before, last] = self.samples[series];
        if last.is_nan() { before } else { last }
    }

    /// Closes a window at each edge, and takes in what has come since. The values of all metrics, by window.
    pub(super) fn close<const O: bool>(
        &mut self,
        system: &System,
        edges: &[(Time, Edge)],
        tally: &Tally<O>,
    ) -> Vec<Vec<f64>> {
        let mut requests = tally.requests.iter().peekable();
        let mut samples = tally.samples.iter().peekable();
        let mut windows = Vec::new();
        for (at, edge) in edges {
            while let Some(request) = requests.next_if(|request| request.ended <= *at) {
                self.end(system, request);
            }
            while let Some(sample) = samples.next_if(|sample| sample.time <= *at) {
                self.sample(sample);
            }
            windows.push(self.values(&system.metrics, edge));
        }
        requests.for_each(|request| self.end(system, request));
        samples.for_each(|sample| self.sample(sample));
        windows
    }

    fn end(&mut self, system: &System, request: &RequestRecord) {
        let Some(first) = super::endpoint_of(system, request) else { return };
        let Some((_, ended)) = self.ended.iter_mut().find(|(known, _)| *known == first) else { return };
        ended.count += 1;
        ended.failed += u64::from(super::failed(request));
        ended.latency.record(request.ended - request.sent);
        for (sum, part) in ended.parts_ns.iter_mut().zip(request.parts) {
            *sum += u128::from(part);
        }
    }

    fn sample(&mut self, sample: &SampleRecord) {
        if let Some(last) = self.samples.get_mut(sample.series.index()) {
            last[usize::from(sample.time > self.opened)] = sample.value;
        }
    }

    fn values(&mut self, metrics: &Metrics, edge: &Edge) -> Vec<f64> {
        let now = metrics.read(edge);
        let mut values = metrics.between(&self.before, &now);
        self.before = now;
        values.extend(metrics.levels(edge));
        for (_, ended) in &mut self.ended {
            let &mut Ended { count, failed, ref latency, parts_ns } = ended;
            let seconds = |duration: Duration| duration.as_secs_f64();
            let measured = |value: f64| if count == 0 { f64::NAN } else { value };
            let quantile = |permille| measured(seconds(latency.quantile(permille)));
            values.extend([count as f64, failed as f64, measured(latency.sum_ns() as f64 / 1e9 / count as f64)]);
            if metrics.are_in_full() {
                values.extend([quantile(950), quantile(990)]);
                values.extend(parts_ns.map(|ns| measured(ns as f64 / 1e9 / count as f64)));
            }
            ended.clear();
        }
        debug_assert_eq!(ENDPOINT.len(), 5, "the rows above are the table's");
        for (series, [before, last]) in self.samples.iter_mut().enumerate() {
            // A counter that starts anew with its process, or has not been there before, has counted what it shows; one that is not there,
            // nothing.
            let increment = if last.is_nan() {
                0.0
            } else if *last >= *before {
                *last - *before
            } else {
                *last
            };
            values.push(if metrics.is_counter(series) { increment } else { *last });
            if !last.is_nan() {
                *before = *last;
            }
            *last = f64::NAN;
        }
        values
    }
}
