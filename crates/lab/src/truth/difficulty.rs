//! How hard a case is: how three detectors that anybody could write fare on the fact's observed metrics, which name a root cause without
//! knowing the truth. The file `truth/difficulty.json`.
//!
//! * *three sigma*: the component whose series is the most standard deviations off in the [`LOOK_WINDOWS`] windows from the first
//!   alarm on; an alarm is a series that is more than three standard deviations off what it was in the [`BASELINE_WINDOWS`] before the fault,
//! * *first change*: the component of the first series that raises an alarm,
//! * *slowest service*: the service whose mean latency has grown most, as a multiple, in the window of the first alarm.
//!
//! What a detector of any kind could see at the earliest is the first window in which an observed series leaves its band. A case in
//! which all three name the right component at once teaches nothing about a tool.

use super::components::Components;
use super::contrast::Contrast;
use super::metrics::Metrics;
use crate::Calendar;
use knockon_kernel::{Duration, Time};
use serde::Serialize;

/// Windows before a fault that detectors learn from.
pub const BASELINE_WINDOWS: usize = 80;
/// Windows from the first alarm on that *three sigma* looks at.
pub const LOOK_WINDOWS: usize = 5;
/// Windows from a fault on in which an alarm counts as one of it.
pub const ALARM_WINDOWS: usize = 80;
/// Standard deviations that raise an alarm.
const SIGMAS: f64 = 3.0;
/// Windows that a detector must have learnt from.
const LEARNT: usize = 10;

/// What one detector says.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// The component that it takes for the root cause.
    pub component: String,
    /// The metric by which.
    pub metric: usize,
    /// The end of the window in which it could say so.
    pub at: Time,
}

/// How hard an incident is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Difficulty {
    /// Windows that the detectors learnt from.
    pub baseline: usize,
    /// Alarms in those windows, of all series: what an operator was used to.
    pub false_alarms: u64,
    /// The component whose series is the furthest off.
    pub three_sigma: Option<Named>,
    /// The component of the first series that changes.
    pub first_change: Option<Named>,
    /// The service whose latency has grown most.
    pub slowest: Option<Named>,
    /// The first window in which an observed series left its band, and the series.
    pub observable: Option<(Time, usize)>,
}

/// The fact's windows around the beginning of an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// Before it.
    pub(super) before: Vec<Vec<f64>>,
    /// From it on, with the end of each.
    pub(super) after: Vec<(Time, Vec<f64>)>,
}

impl Record {
    pub(super) fn learn(&mut self, windows: Vec<Vec<f64>>) {
        self.before.extend(windows);
        let excess = self.before.len().saturating_sub(BASELINE_WINDOWS);
        self.before.drain(..excess);
    }

    pub(super) fn watch(&mut self, bounds: &[(Time, Time)], windows: &[Vec<f64>]) {
        let room = (ALARM_WINDOWS + LOOK_WINDOWS).saturating_sub(self.after.len());
        let ends = bounds.iter().map(|&(_, end)| end);
        self.after.extend(ends.zip(windows.iter().cloned()).take(room));
    }

    /// What the detectors say.
    pub(super) fn judge(&self, metrics: &Metrics, components: &Components, contrast: &Contrast) -> Difficulty {
        let mut difficulty = Difficulty { baseline: self.before.len(), ..Difficulty::default() };
        difficulty.observable =
            metrics.series().filter_map(|metric| contrast.courses[metric].onset.map(|onset| (onset, metric))).min();
        if self.before.len() < LEARNT {
            return difficulty;
        }
        let learnt: Vec<(usize, Normal)> =
            metrics.series().filter_map(|metric| Some((metric, Normal::of(&self.before, metric)?))).collect();
        let alarms =
            |window: &[f64]| learnt.iter().filter(|(metric, normal)| normal.sigmas(window[*metric]) > SIGMAS).count();
        difficulty.false_alarms = self.before.iter().map(|window| alarms(window) as u64).sum();
        // One alarm of hundreds of series is what an operator is used to: the first window with more than any before.
        let usual = self.before.iter().map(|window| alarms(window)).max().unwrap_or(0);
        let within = self.after.iter().take(ALARM_WINDOWS);
        let Some(first) = within.clone().position(|(_, window)| alarms(window) > usual) else { return difficulty };
        let furthest = |windows: &[(Time, Vec<f64>)]| {
            let off = windows.iter().flat_map(|(_, window)| {
                learnt.iter().map(|(metric, normal)| (normal.sigmas(window[*metric]), *metric))
            });
            off.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))).map(|(_, metric)| metric)
        };
        let named = |metric: usize, at: Time| Named {
            component: components.names[components.of_metric(metric)].clone(),
            metric,
            at,
        };
        let look = &self.after[first..(first + LOOK_WINDOWS).min(self.after.len())];
        let at = |windows: &[(Time, Vec<f64>)]| windows.last().map_or(Time::ZERO, |(end, _)| *end);
        difficulty.three_sigma = furthest(look).map(|metric| named(metric, at(look)));
        let one = &self.after[first..=first];
        difficulty.first_change = furthest(one).map(|metric| named(metric, at(one)));
        let latencies = metrics.latencies().filter_map(|metric| {
            let before = mean(self.before.iter().map(|window| window[metric]))?;
            let now = one[0].1[metric];
            (before > 0.0 && !now.is_nan()).then_some((now / before, metric))
        });
        let slowest = latencies.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        difficulty.slowest = slowest.map(|(_, metric)| named(metric, at(one)));
        difficulty
    }
}

/// What a series is like when nothing happens.
struct Normal {
    mean: f64,
    deviation: f64,
}

impl Normal {
    fn of(windows: &[Vec<f64>], metric: usize) -> Option<Self> {
        let values = || windows.iter().map(|window| window[metric]).filter(|value| !value.is_nan());
        let count = values().count();
        if count < LEARNT {
            return None;
        }
        let mean = mean(values())?;
        let squares: f64 = values().map(|value| (value - mean) * (value - mean)).sum();
        Some(Self { mean, deviation: libm::sqrt(squares / (count - 1) as f64) })
    }

    /// How many standard deviations off a value is. A series that never moved has none: any other value is far off, as far as it
    /// is in units of what it was.
    fn sigmas(&self, value: f64) -> f64 {
        let off = (value - self.mean).abs();
        if off.is_nan() || off == 0.0 {
            0.0
        } else if self.deviation > 0.0 {
            off / self.deviation
        } else {
            SIGMAS + off / self.mean.abs().max(1.0)
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values.filter(|value| !value.is_nan()) {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

#[derive(Serialize)]
struct Row {
    incident: usize,
    root_causes: Vec<String>,
    baseline_windows: usize,
    false_alarms: u64,
    detectors: Vec<Detector>,
    earliest_observable: Option<Observable>,
}

#[derive(Serialize)]
struct Detector {
    detector: &'static str,
    names: Option<String>,
    by: Option<String>,
    correct: bool,
    time: Option<String>,
    delay_ns: Option<u64>,
}

#[derive(Serialize)]
struct Observable {
    window_start: String,
    window_start_offset_ns: u64,
    after_ns: u64,
    series: String,
}

/// The file `truth/difficulty.json`: cases in the order of incidents, each with the components that its faults act on and their time.
#[must_use]
pub fn document(
    cases: &[(Difficulty, Vec<String>, Time)],
    metrics: &Metrics,
    calendar: Calendar,
) -> impl Serialize + use<> {
    let rows = cases.iter().enumerate().map(|(incident, (difficulty, causes, from))| {
        let since = |at: Time| (at - Time::ZERO).saturating_sub(*from - Time::ZERO);
        let detector = |detector: &'static str, named: &Option<Named>| Detector {
            detector,
            names: named.as_ref().map(|named| named.component.clone()),
            by: named.as_ref().map(|named| metrics.list()[named.metric].path()),
            correct: named.as_ref().is_some_and(|named| causes.contains(&named.component)),
            time: named.as_ref().map(|named| calendar.rfc3339(named.at)),
            delay_ns: named.as_ref().map(|named| Duration::as_nanos(since(named.at))),
        };
        Row {
            incident,
            root_causes: causes.clone(),
            baseline_windows: difficulty.baseline,
            false_alarms: difficulty.false_alarms,
            detectors: vec![
                detector("three_sigma", &difficulty.three_sigma),
                detector("first_change", &difficulty.first_change),
                detector("slowest_service", &difficulty.slowest),
            ],
            earliest_observable: difficulty.observable.map(|(start, metric)| Observable {
                window_start: calendar.rfc3339(start),
                window_start_offset_ns: start.as_nanos(),
                after_ns: since(start).as_nanos(),
                series: metrics.list()[metric].path(),
            }),
        }
    });
    rows.collect::<Vec<_>>()
}
