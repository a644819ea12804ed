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
use super::meeting::{Meeting, side_by_side};
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

/// A row of the fact, and how many had come before it.
#[derive(Clone, Copy, Debug)]
struct Nth<T>(u64, T);

/// A line of the placebo about a request.
#[derive(Clone, Copy, Debug)]
struct OfPlacebo {
    trace: TraceId,
    like: (ProcessId, Kind),
    time: Time,
}

/// Rows of all worlds that wait for their counterparts, and what chance does to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    spans: Meeting<(TraceId, SpanId), Nth<SpanRecord>, Span, (TraceId, Span)>,
    /// By operation: how far chance moves a span.
    noise: Vec<Noise>,
    /// Whether spans of the placebo are there without it as well: nothing where they are, endless where not.
    presence: Vec<Noise>,
    lines: Meeting<u128, Nth<LogRecord>, Time, OfPlacebo>,
    /// The same of lines.
    presence_of_lines: BTreeMap<(ProcessId, Kind), Noise>,
    /// Lines that no request names.
    own: Lines,
    /// Rows of the fact so far.
    count: u64,
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
        let late = if self.spans.waiting() > WAITING { LATE_AT_LEAST } else { LATE };
        let over = |end: Time| end.saturating_add(late) <= now;
        let mut labels = Labels::default();
        let operations = system.catalogue.operations.len();
        self.noise.resize_with(operations, Noise::default);
        self.presence.resize_with(operations, Noise::default);
        let met = self.meet([&without.spans, &with.spans, &placebo.spans]);
        self.meet_lines([&without.logs, &with.logs, &placebo.logs]);
        self.give_up_chance(over);
        self.mark_spans(met, contrast, system, over, &mut labels);
        self.mark_lines(contrast, system, over, &mut labels);
        self.own.take([&with.logs, &without.logs, &placebo.logs]);
        let own = self.own.judge(contrast.from, system.blueprint.scrape_interval, now);
        labels
            .logs
            .extend(own.iter().filter(|line| affected(contrast, system, line.process, line.time)).map(mark_line));
        self.closed.retain(|_, ended| !over(*ended));
        labels
    }

    /// Takes spans of the worlds in, the one without the fault first; those of the fact that have met another one without the fault, and that.
    fn meet(&mut self, worlds: [&[SpanRecord]; 3]) -> Vec<(Nth<SpanRecord>, Span)> {
        let Self { spans, noise, presence, count, .. } = self;
        let mut met = Vec::new();
        let mut tell = |nth: u64, fact: &SpanRecord, twin: &Span| {
            // What is the same is outside of no band.
            if Span::of(fact).distance_ns(twin) != 0.0 {
                met.push((Nth(nth, *fact), *twin));
            }
        };
        let mut measure = |placebo: Span, twin: &Span| {
            noise[placebo.operation.index()].add(placebo.distance_ns(twin));
            presence[placebo.operation.index()].add(0.0);
        };
        side_by_side(worlds, |world, record| {
            let key = (record.trace, record.span);
            match world {
                0 => {
                    let twin = Span::of(record);
                    let (fact, placebo) = spans.twin(key, twin);
                    fact.iter().for_each(|Nth(nth, fact)| tell(*nth, fact, &twin));
                    placebo.into_iter().for_each(|(_, placebo)| measure(placebo, &twin));
                }
                1 => {
                    *count += 1;
                    let nth = *count;
                    spans.fact(key, || Nth(nth, *record), |twin| tell(nth, record, twin));
                }
                _ => {
                    let placebo = Span::of(record);
                    spans.placebo(key, || (record.trace, placebo), |twin| measure(placebo, twin));
                }
            }
        });
        met
    }

    /// Takes lines about requests in: those that are in two worlds are the same there.
    fn meet_lines(&mut self, worlds: [&[LogRecord]; 3]) {
        let Self { lines, presence_of_lines, count, .. } = self;
        let mut present = |placebo: OfPlacebo| presence_of_lines.entry(placebo.like).or_default().add(0.0);
        side_by_side(worlds, |world, line| {
            let (kind, is_own) = kind(&line.event);
            match world {
                _ if is_own => {}
                0 => lines.twin(line.uid, line.time).1.into_iter().for_each(&mut present),
                1 => {
                    *count += 1;
                    let nth = *count;
                    lines.fact(line.uid, || Nth(nth, *line), |_| {});
                }
                _ => {
                    let trace = line.context.map_or(TraceId(0), |(trace, _)| trace);
                    let placebo = OfPlacebo { trace, like: (line.process, kind), time: line.time };
                    lines.placebo(line.uid, || placebo, |_| present(placebo));
                }
            }
        });
    }

    /// What has waited long enough for the fact or the placebo waits no longer, and what of the placebo has is there by chance.
    fn give_up_chance(&mut self, over: impl Fn(Time) -> bool) {
        let Self { spans, presence, lines, presence_of_lines, closed, .. } = self;
        spans.give_up_twins(|twin| over(twin.end));
        for (trace, span) in spans.give_up_placebo(|(_, span)| over(span.end)) {
            if !closed.contains_key(&trace) {
                presence[span.operation.index()].add(f64::INFINITY);
            }
        }
        lines.give_up_twins(|&time| over(time));
        for line in lines.give_up_placebo(|line| over(line.time)) {
            if !closed.contains_key(&line.trace) {
                presence_of_lines.entry(line.like).or_default().add(f64::INFINITY);
            }
        }
    }

    fn mark_spans(
        &mut self,
        met: Vec<(Nth<SpanRecord>, Span)>,
        contrast: &Contrast,
        system: &System,
        over: impl Fn(Time) -> bool,
        labels: &mut Labels,
    ) {
        let bands: Vec<f64> = self.noise.iter().map(|noise| noise.band(ALPHA)).collect();
        let mut marks = Vec::new();
        for (Nth(nth, record), twin) in met {
            let span = Span::of(&record);
            let distance_ns = span.distance_ns(&twin);
            if distance_ns.abs() > bands[record.operation.index()]
                && affected(contrast, system, record.process, record.end)
            {
                marks.push((nth, mark(contrast, system, &record, Some(span.less(&twin)), distance_ns > 0.0)));
            }
        }
        let alone: Vec<Nth<SpanRecord>> = self.spans.give_up_fact(|Nth(_, record)| over(record.end)).collect();
        let alone =
            alone.iter().filter_map(|Nth(nth, record)| Some((*nth, self.mark_alone(contrast, system, record)?)));
        marks.extend(alone);
        marks.sort_unstable_by_key(|&(nth, _)| nth);
        labels.spans.extend(marks.into_iter().map(|(_, mark)| mark));
    }

    /// The label of a span that is in the fact only.
    fn mark_alone(&self, contrast: &Contrast, system: &System, record: &SpanRecord) -> Option<SpanMark> {
        let by_chance = self.presence.get(record.operation.index()).is_some_and(|noise| noise.is_boundless(ALPHA));
        let labelled = !by_chance
            && affected(contrast, system, record.process, record.end)
            && !self.closed.contains_key(&record.trace);
        labelled.then(|| mark(contrast, system, record, None, Span::of(record).failed))
    }

    fn mark_lines(&mut self, contrast: &Contrast, system: &System, over: impl Fn(Time) -> bool, labels: &mut Labels) {
        let mut alone: Vec<Nth<LogRecord>> = self.lines.give_up_fact(|Nth(_, line)| over(line.time)).collect();
        alone.sort_unstable_by_key(|&Nth(nth, _)| nth);
        labels.logs.extend(alone.iter().filter_map(|Nth(_, line)| self.mark_line_alone(contrast, system, line)));
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
        self.give_up_chance(|_| true);
        let mut labels = Labels::default();
        self.mark_spans(Vec::new(), contrast, system, |_| true, &mut labels);
        self.mark_lines(contrast, system, |_| true, &mut labels);
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
