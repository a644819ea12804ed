//! Labels of observed rows: which spans, log lines and samples of the fact a fault has an effect on.
//!
//! A span, or a line about a request, is the same in every world in which it exists: both are named by the address of what they tell of. One that the
//! world without the fault has not by [`LATE`] after it ended, or by the end of the comparison, is in the fact only. It is there because of the fault unless
//! its like come and go by chance: unless more than [`ALPHA`] of the spans of its operation (of the lines of its kind) are in the placebo only. What a process
//! writes of itself has no such name (see `lines`). Only rows of affected components are labelled (see `contrast`); a row without a label is one that
//! no fault touches.

use super::address::ByAddress;
use super::contrast::{ALPHA, Contrast, WindowRow};
use super::lines::{Kind, Lines, kind};
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
    /// Whether it took longer, or failed where it did not without, while its component fared worse.
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
    operation: OperationId,
    failed: bool,
}

impl Span {
    fn of(record: &SpanRecord) -> Self {
        Self {
            operation: record.operation,
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

/// A row of the world without the fault.
#[derive(Clone, Copy, Debug)]
struct Twin<T> {
    of: T,
    /// Whether the fact's has been compared with it, and the placebo's.
    told: bool,
    measured: bool,
}

impl<T> Twin<T> {
    const fn new(of: T) -> Self {
        Self { of, told: false, measured: false }
    }
}

/// Rows of both worlds that wait for their counterparts.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    without: ByAddress<(TraceId, SpanId), Twin<Span>>,
    placebo: ByAddress<(TraceId, SpanId), Span>,
    /// Of the fact, without a counterpart so far.
    spans: Vec<SpanRecord>,
    noise: BTreeMap<OperationId, Noise>,
    /// Whether spans of the placebo are there without it as well: nothing where they are, endless where not.
    presence: BTreeMap<OperationId, Noise>,
    lines_without: ByAddress<u128, Twin<Time>>,
    lines_placebo: ByAddress<u128, (TraceId, ProcessId, Kind, Time)>,
    lines: Vec<LogRecord>,
    /// The same of lines.
    presence_of_lines: BTreeMap<(ProcessId, Kind), Noise>,
    /// Lines that no request names.
    own: Lines,
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
        let ended = with.requests.iter().chain(&placebo.requests);
        let closed = ended.filter(|request| contrast.is_closed(system, request.client));
        for request in closed {
            let ended = self.closed.entry(request.trace).or_insert(request.ended);
            *ended = request.ended.max(*ended);
        }
        let most = self.without.len().max(self.spans.len()).max(self.placebo.len());
        let late = if most > WAITING { LATE_AT_LEAST } else { LATE };
        let over = |end: Time| end.saturating_add(late) <= now;
        let mut labels = Labels::default();
        self.learn_spans(&without.spans, &placebo.spans, over);
        self.mark_spans(&with.spans, contrast, system, over, &mut labels);
        self.without.retain(|_, twin| !(twin.told && twin.measured || over(twin.of.end)));
        self.learn_lines(&without.logs, &placebo.logs, over);
        self.mark_lines(&with.logs, contrast, system, over, &mut labels);
        self.lines_without.retain(|_, twin| !(twin.told && twin.measured || over(twin.of)));
        self.own.take([&with.logs, &without.logs, &placebo.logs]);
        let own = self.own.judge(contrast.from, system.blueprint.scrape_interval, now);
        labels
            .logs
            .extend(own.iter().filter(|line| affected(contrast, system, line.process, line.time)).map(mark_line));
        self.closed.retain(|_, ended| !over(*ended));
        labels
    }

    /// What chance does to spans: how far it moves them, and whether they are there.
    fn learn_spans(&mut self, without: &[SpanRecord], placebo: &[SpanRecord], over: impl Fn(Time) -> bool) {
        for span in without {
            self.without.insert((span.trace, span.span), Twin::new(Span::of(span)));
        }
        self.placebo.extend(placebo.iter().map(|span| ((span.trace, span.span), Span::of(span))));
        let Self { without, placebo, noise, presence, closed, .. } = self;
        placebo.retain(|key, span| {
            if let Some(twin) = without.get_mut(key) {
                twin.measured = true;
                noise.entry(span.operation).or_default().add(span.distance_ns(&twin.of));
                presence.entry(span.operation).or_default().add(0.0);
                return false;
            }
            let gone = over(span.end);
            if gone && !closed.contains_key(&key.0) {
                presence.entry(span.operation).or_default().add(f64::INFINITY);
            }
            !gone
        });
    }

    fn mark_spans(
        &mut self,
        spans: &[SpanRecord],
        contrast: &Contrast,
        system: &System,
        over: impl Fn(Time) -> bool,
        labels: &mut Labels,
    ) {
        let bands: BTreeMap<OperationId, f64> =
            self.noise.iter().map(|(&operation, noise)| (operation, noise.band(ALPHA))).collect();
        let mut waiting = std::mem::take(&mut self.spans);
        waiting.extend(spans);
        for record in waiting {
            let span = Span::of(&record);
            if let Some(twin) = self.without.get_mut(&(record.trace, record.span)) {
                twin.told = true;
                let distance_ns = span.distance_ns(&twin.of);
                let band_ns = bands.get(&record.operation).copied().unwrap_or(f64::INFINITY);
                if distance_ns.abs() > band_ns && affected(contrast, system, record.process, record.end) {
                    let worse = distance_ns > 0.0;
                    labels.spans.push(mark(contrast, system, &record, Some(span.less(&twin.of)), worse));
                }
            } else if over(record.end) {
                labels.spans.extend(self.mark_alone(contrast, system, &record));
            } else {
                self.spans.push(record);
            }
        }
    }

    /// The label of a span that is in the fact only.
    fn mark_alone(&self, contrast: &Contrast, system: &System, record: &SpanRecord) -> Option<SpanMark> {
        let by_chance = self.presence.get(&record.operation).is_some_and(|noise| noise.is_boundless(ALPHA));
        let labelled = !by_chance
            && affected(contrast, system, record.process, record.end)
            && !self.closed.contains_key(&record.trace);
        labelled.then(|| mark(contrast, system, record, None, Span::of(record).failed))
    }

    /// Whether lines about requests are there by chance.
    fn learn_lines(&mut self, without: &[LogRecord], placebo: &[LogRecord], over: impl Fn(Time) -> bool) {
        let about_requests = |line: &&LogRecord| !kind(&line.event).1;
        let twins = without.iter().filter(about_requests).map(|line| (line.uid, Twin::new(line.time)));
        self.lines_without.extend(twins);
        let lines = placebo.iter().filter(about_requests).map(|line| {
            let trace = line.context.map_or(TraceId(0), |(trace, _)| trace);
            (line.uid, (trace, line.process, kind(&line.event).0, line.time))
        });
        self.lines_placebo.extend(lines);
        let Self { lines_without, lines_placebo, presence_of_lines, closed, .. } = self;
        lines_placebo.retain(|uid, &mut (trace, process, kind, time)| {
            let presence = presence_of_lines.entry((process, kind)).or_default();
            if let Some(twin) = lines_without.get_mut(uid) {
                twin.measured = true;
                presence.add(0.0);
                return false;
            }
            let gone = over(time);
            if gone && !closed.contains_key(&trace) {
                presence.add(f64::INFINITY);
            }
            !gone
        });
    }

    fn mark_lines(
        &mut self,
        lines: &[LogRecord],
        contrast: &Contrast,
        system: &System,
        over: impl Fn(Time) -> bool,
        labels: &mut Labels,
    ) {
        let mut waiting = std::mem::take(&mut self.lines);
        waiting.extend(lines.iter().filter(|line| !kind(&line.event).1));
        for line in waiting {
            if let Some(twin) = self.lines_without.get_mut(&line.uid) {
                twin.told = true;
            } else if over(line.time) {
                labels.logs.extend(self.mark_line_alone(contrast, system, &line));
            } else {
                self.lines.push(line);
            }
        }
    }

    /// The label of a line about a request that is in the fact only.
    fn mark_line_alone(&self, contrast: &Contrast, system: &System, line: &LogRecord) -> Option<LogMark> {
        let presence = self.presence_of_lines.get(&(line.process, kind(&line.event).0));
        let by_chance = presence.is_some_and(|noise| noise.is_boundless(ALPHA));
        let is_of_closed = line.context.is_some_and(|(trace, _)| self.closed.contains_key(&trace));
        let labelled = !by_chance && !is_of_closed && affected(contrast, system, line.process, line.time);
        labelled.then(|| mark_line(line))
    }

    /// What has no counterpart when worlds are compared no longer.
    pub(super) fn rest(mut self, contrast: &Contrast, system: &System) -> Labels {
        self.learn_spans(&[], &[], |_| true);
        self.learn_lines(&[], &[], |_| true);
        let mut labels = Labels {
            spans: self.spans.iter().filter_map(|span| self.mark_alone(contrast, system, span)).collect(),
            logs: self.lines.iter().filter_map(|line| self.mark_line_alone(contrast, system, line)).collect(),
            samples: Vec::new(),
        };
        let own = self.own.rest(contrast.from, system.blueprint.scrape_interval);
        labels
            .logs
            .extend(own.iter().filter(|line| affected(contrast, system, line.process, line.time)).map(mark_line));
        labels
    }
}

fn affected(contrast: &Contrast, system: &System, process: ProcessId, at: Time) -> bool {
    system.components.of_process(process).is_some_and(|component| contrast.affects(component, at))
}

fn mark(contrast: &Contrast, system: &System, span: &SpanRecord, difference_ns: Option<i64>, worse: bool) -> SpanMark {
    let &SpanRecord { trace, span, process, start, end, .. } = span;
    let component = system.components.of_process(process);
    let hurt = worse && component.is_some_and(|component| contrast.hurts(component, end));
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
