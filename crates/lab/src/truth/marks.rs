//! Labels of observed rows: which spans, log lines and samples of the fact a fault has an effect on.
//!
//! A span or a line is the same in every world in which it exists: both are named by the address of what they tell of. One that the
//! world without the fault has not by [`LATE`] after it ended, or by the end of the comparison, is there because of the fault. Only rows of affected components are
//! labelled (see `contrast`); a row without a label is one that no fault touches.

use super::address::ByAddress;
use super::components::Components;
use super::contrast::{ALPHA, Contrast, WindowRow};
use super::noise::Noise;
use super::system::System;
use super::tally::Tally;
use knockon_kernel::{Duration, Time};
use knockon_model::id::{OperationId, ProcessId, SeriesId};
use knockon_model::record::{LogRecord, SampleRecord, SpanId, SpanRecord, Status, TraceId};
use std::collections::BTreeMap;

/// How much later or earlier than in the fact a row may come in the world without the fault and be the same.
pub const LATE: Duration = Duration::from_secs(900);
/// The same, where more than a million rows wait.
pub const LATE_AT_LEAST: Duration = Duration::from_secs(120);
/// Rows that wait for their counterparts before some are given up.
const WAITING: usize = 1_000_000;

/// A span that a fault has an effect on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SpanMark {
    /// The request.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Its process.
    pub process: ProcessId,
    /// Its start.
    pub start: Time,
    /// How much longer it took, in nanoseconds; `None` where it is in the fact only.
    pub difference_ns: Option<i64>,
    /// Whether it took longer, or failed where it did not without.
    pub hurt: bool,
}

/// A log line that is there because of a fault.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogMark {
    /// The line.
    pub uid: u128,
    /// Its process.
    pub process: ProcessId,
    /// When it was written.
    pub time: Time,
}

/// A sample that a fault has an effect on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SampleMark {
    /// The series.
    pub series: SeriesId,
    /// The metric that it is compared as.
    pub metric: usize,
    /// When it was taken.
    pub time: Time,
    /// Whether its component fares worse.
    pub hurt: bool,
}

/// What a span came to.
#[derive(Clone, Copy, Debug)]
struct Span {
    end: Time,
    duration_ns: u64,
    failed: bool,
}

impl Span {
    fn of(record: &SpanRecord) -> Self {
        Self {
            end: record.end,
            duration_ns: (record.end - record.start).as_nanos(),
            failed: record.status == Status::Error,
        }
    }

    fn less(&self, other: &Self) -> i64 {
        self.duration_ns.cast_signed().wrapping_sub(other.duration_ns.cast_signed())
    }

    /// In nanoseconds; a failure is beyond any duration.
    fn distance_ns(&self, other: &Self) -> f64 {
        match (self.failed, other.failed) {
            (true, false) => f64::INFINITY,
            (false, true) => f64::NEG_INFINITY,
            _ => self.less(other) as f64,
        }
    }
}

/// Rows of both worlds that wait for their counterparts.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    without: ByAddress<(TraceId, SpanId), Span>,
    placebo: ByAddress<(TraceId, SpanId), Span>,
    /// Of the fact, without a counterpart so far.
    spans: Vec<SpanRecord>,
    noise: BTreeMap<OperationId, Noise>,
    lines_without: ByAddress<u128, Time>,
    lines: Vec<LogRecord>,
    /// Requests of closed sources, and when they ended in the fact. How far the other world is with them hangs on the answers before.
    closed: ByAddress<TraceId, Time>,
}

/// Labels of a block.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Spans.
    pub spans: Vec<SpanMark>,
    /// Log lines.
    pub logs: Vec<LogMark>,
    /// Samples.
    pub samples: Vec<SampleMark>,
}

impl Marks {
    /// Takes a block in that ends at `now`.
    pub(super) fn take<const O: bool>(
        &mut self,
        contrast: &Contrast,
        system: &System,
        [with, without, placebo]: [&Tally<O>; 3],
        now: Time,
    ) -> Labels {
        let components = &system.components;
        let closed = with.requests.iter().filter(|request| contrast.is_closed(system, request.client));
        self.closed.extend(closed.map(|request| (request.trace, request.ended)));
        for span in &without.spans {
            self.without.insert((span.trace, span.span), Span::of(span));
        }
        for span in &placebo.spans {
            let key = (span.trace, span.span);
            match self.without.get(&key) {
                Some(other) => {
                    self.noise.entry(span.operation).or_default().add(Span::of(span).distance_ns(other));
                }
                None => _ = self.placebo.insert(key, Span::of(span)),
            }
        }
        for span in &without.spans {
            if let Some(other) = self.placebo.remove(&(span.trace, span.span)) {
                self.noise.entry(span.operation).or_default().add(other.distance_ns(&Span::of(span)));
            }
        }
        let affected = |process: ProcessId, at: Time| affected(contrast, components, process, at);
        let bands: BTreeMap<OperationId, f64> =
            self.noise.iter().map(|(&operation, noise)| (operation, noise.band(ALPHA))).collect();
        let mut labels = Labels::default();
        let most = self.without.len().max(self.spans.len()).max(self.placebo.len());
        let late = if most > WAITING { LATE_AT_LEAST } else { LATE };
        let over = |end: Time| end.saturating_add(late) <= now;
        let mut waiting = std::mem::take(&mut self.spans);
        waiting.extend(&with.spans);
        for record in waiting {
            let span = Span::of(&record);
            match self.without.remove(&(record.trace, record.span)) {
                Some(other) => {
                    let distance_ns = span.distance_ns(&other);
                    let band_ns = bands.get(&record.operation).copied().unwrap_or(f64::INFINITY);
                    if distance_ns.abs() > band_ns && affected(record.process, record.end) {
                        labels.spans.push(mark(&record, Some(span.less(&other)), distance_ns > 0.0));
                    }
                }
                None if over(record.end) => {
                    if affected(record.process, record.end) && !self.closed.contains_key(&record.trace) {
                        labels.spans.push(mark(&record, None, span.failed));
                    }
                }
                None => self.spans.push(record),
            }
        }
        self.without.retain(|_, span| !over(span.end));
        self.placebo.retain(|_, span| !over(span.end));
        self.mark_lines(&with.logs, &without.logs, affected, over, &mut labels);
        self.closed.retain(|_, ended| !over(*ended));
        labels
    }

    fn mark_lines(
        &mut self,
        with: &[LogRecord],
        without: &[LogRecord],
        affected: impl Fn(ProcessId, Time) -> bool,
        over: impl Fn(Time) -> bool,
        labels: &mut Labels,
    ) {
        self.lines_without.extend(without.iter().map(|line| (line.uid, line.time)));
        let mut waiting = std::mem::take(&mut self.lines);
        waiting.extend(with);
        for line in waiting {
            if self.lines_without.remove(&line.uid).is_some() {
            } else if !over(line.time) {
                self.lines.push(line);
            } else if affected(line.process, line.time) && !self.is_of_closed(&line) {
                labels.logs.push(mark_line(&line));
            }
        }
        self.lines_without.retain(|_, time| !over(*time));
    }

    fn is_of_closed(&self, line: &LogRecord) -> bool {
        line.context.is_some_and(|(trace, _)| self.closed.contains_key(&trace))
    }

    /// What has no counterpart when worlds are compared no longer.
    pub(super) fn rest(self, contrast: &Contrast, components: &Components) -> Labels {
        let spans = self.spans.iter().filter(|span| {
            affected(contrast, components, span.process, span.end) && !self.closed.contains_key(&span.trace)
        });
        let lines = self
            .lines
            .iter()
            .filter(|line| affected(contrast, components, line.process, line.time) && !self.is_of_closed(line));
        Labels {
            spans: spans.map(|span| mark(span, None, Span::of(span).failed)).collect(),
            logs: lines.map(mark_line).collect(),
            samples: Vec::new(),
        }
    }
}

fn affected(contrast: &Contrast, components: &Components, process: ProcessId, at: Time) -> bool {
    components.of_process(process).is_some_and(|component| contrast.affects(component, at))
}

fn mark(span: &SpanRecord, difference_ns: Option<i64>, hurt: bool) -> SpanMark {
    let &SpanRecord { trace, span, process, start, .. } = span;
    SpanMark { trace, span, process, start, difference_ns, hurt }
}

fn mark_line(line: &LogRecord) -> LogMark {
    LogMark { uid: line.uid, process: line.process, time: line.time }
}

/// Labels of samples: those of the windows of observed series, where there is a sample.
pub(super) fn samples(
    system: &System,
    contrast: &Contrast,
    rows: &[WindowRow],
    samples: &[SampleRecord],
) -> Vec<SampleMark> {
    let labelled: BTreeMap<(SeriesId, Time), &WindowRow> = rows
        .iter()
        .filter(|row| row.labelled)
        .filter_map(|row| Some(((SeriesId(system.metrics.series_of(row.metric)? as u32), taken(system, row)), row)))
        .collect();
    let marks = samples.iter().filter_map(|sample| {
        let row = labelled.get(&(sample.series, sample.time))?;
        let hurt = contrast.reach[system.components.of_metric(row.metric)].is_hurting(row.end);
        Some(SampleMark { series: sample.series, metric: row.metric, time: sample.time, hurt })
    });
    marks.collect()
}

/// When the sample of a window was taken. One that ends with the run may end later than that.
fn taken(system: &System, row: &WindowRow) -> Time {
    let interval = system.blueprint.scrape_interval.as_nanos();
    Time::from_nanos(row.end.as_nanos() / interval * interval)
}
