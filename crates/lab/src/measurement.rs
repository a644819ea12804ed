//! What expectations need to know of a run before it ends: their statistics at the edges of batches and windows.
//!
//! Nothing is sampled while a world runs: it is stopped at an edge, its aggregates are read, and it goes on. How a run is cut changes
//! nothing in it.

use crate::Estimate;
use knockon_kernel::{Duration, Time};
use knockon_model::statistics::Statistics;
use knockon_model::{Sink, Stop, World};
use knockon_scenario::{Expectation, Measure, Reading, Statistic, Window};
use std::collections::BTreeMap;

/// The readings of a run at its edges.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// All statistics that are read at edges, by path.
    statistics: BTreeMap<String, Statistic>,
    /// Edges of batches, first to last; none where the run is too short for its warm-up.
    batches: Vec<Time>,
    /// By edge and path; empty where the run has not come yet.
    readings: BTreeMap<Time, BTreeMap<String, Reading>>,
    reached: Option<Time>,
    /// The end of the run.
    end: Time,
}

impl Measurement {
    /// What is to be read for these expectations in a run of this length.
    #[must_use]
    pub fn new(expectations: &[Expectation], measure: Measure, duration: Duration) -> Self {
        let mut measurement = Self {
            statistics: BTreeMap::new(),
            batches: batch_edges(measure, duration),
            readings: BTreeMap::new(),
            reached: None,
            end: Time::ZERO + duration,
        };
        for expectation in expectations {
            match expectation {
                Expectation::Value { statistic, .. } => {
                    let edges = measurement.batches.clone();
                    measurement.read_at(statistic, &edges);
                }
                Expectation::Bound { statistic, window, .. } | Expectation::Exact { statistic, window, .. }
                    if *window != Window::WHOLE =>
                {
                    let end = window.until.unwrap_or(measurement.end);
                    measurement.read_at(statistic, &[window.from, end]);
                }
                _ => {}
            }
        }
        measurement.readings.retain(|&edge, _| edge <= measurement.end);
        measurement
    }

    fn read_at(&mut self, statistic: &Statistic, edges: &[Time]) {
        self.statistics.insert(statistic.path().to_owned(), statistic.clone());
        self.readings.extend(edges.iter().map(|&edge| (edge, BTreeMap::new())));
    }

    /// The instant at which to read next, after all that happens in it.
    fn next_edge(&self) -> Option<Time> {
        let edge = |(&edge, _)| edge;
        match self.reached {
            None => self.readings.first_key_value().map(edge),
            Some(reached) => {
                use std::ops::Bound::{Excluded, Unbounded};
                self.readings.range((Excluded(reached), Unbounded)).next().map(edge)
            }
        }
    }

    /// The run has come to the next edge, with these aggregates.
    fn take(&mut self, statistics: &Statistics) {
        let Some(edge) = self.next_edge() else { return };
        let read = |(path, statistic): (&String, &Statistic)| Some((path.clone(), statistic.reading(statistics)?));
        let readings = self.statistics.iter().filter_map(read).collect();
        self.readings.insert(edge, readings);
        self.reached = Some(edge);
    }

    /// Runs a world to an instant, and reads it at all edges up to there.
    ///
    /// # Errors
    /// The limit that the world has hit.
    pub fn run_until<S: Sink>(&mut self, world: &mut World, until: Time, sink: &mut S) -> Result<(), Stop> {
        while let Some(edge) = self.next_edge().filter(|&edge| edge <= until) {
            // What happens at the very beginning belongs to the run.
            if edge > Time::ZERO {
                world.run_until(edge, sink)?;
            }
            self.take(&world.totals());
        }
        world.run_until(until, sink)
    }

    /// What came of a statistic in a window that the run has passed through.
    pub(crate) fn within(&self, statistic: &Statistic, window: Window) -> Option<Reading> {
        let at = |edge: Time| self.readings.get(&edge)?.get(statistic.path());
        at(window.until.unwrap_or(self.end))?.since(at(window.from)?)
    }

    /// The estimate of a statistic over all batches, once the run has ended.
    pub(crate) fn estimate(&self, statistic: &Statistic) -> Option<Estimate> {
        let at = |edge: &Time| self.readings.get(edge)?.get(statistic.path()).cloned();
        let edges: Vec<Reading> = self.batches.iter().map(at).collect::<Option<_>>()?;
        Estimate::of(statistic, &edges)
    }
}

/// Batches have one length, in whole nanoseconds; what that leaves is added to the warm-up.
fn batch_edges(measure: Measure, duration: Duration) -> Vec<Time> {
    let total_ns = duration.as_nanos();
    let warm_up_ns = measure.warm_up.map_or(total_ns / 10, Duration::as_nanos);
    let count = u64::from(measure.batches);
    let length_ns = total_ns.saturating_sub(warm_up_ns) / count;
    if length_ns == 0 {
        return Vec::new();
    }
    (0..=count).map(|batch| Time::from_nanos(total_ns - (count - batch) * length_ns)).collect()
}
