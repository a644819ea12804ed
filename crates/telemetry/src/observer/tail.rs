//! Tail sampling: spans wait for the rest of their trace, and are kept or dropped together.
//!
//! A trace is waiting from its first span on; `wait` later it is decided, and forgotten. A span that comes after that begins to wait anew and is
//! decided on by itself, as in a collector without a cache of decisions. Time is that of the spans' arrival, which is when they end.

use super::{Alteration, SHARE, What, hits};
use knockon_kernel::{Key, Time};
use knockon_model::observing::TailSampling;
use knockon_model::record::{SpanRecord, Status};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A span as it will be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) record: SpanRecord,
    pub(super) true_start: Time,
    /// When it came here.
    pub(super) arrived: Time,
    pub(super) peerless: bool,
}

/// Traces that wait.
#[derive(Debug)]
pub(super) struct Tail {
    plan: TailSampling,
    key: Key,
    traces: BTreeMap<u128, Waiting>,
    /// By the arrival of their first span.
    order: VecDeque<(Time, u128)>,
    /// By the earliest start among their spans.
    starts: BTreeSet<(Time, u128)>,
}

#[derive(Debug)]
struct Waiting {
    spans: Vec<Span>,
    earliest: Time,
}

impl Tail {
    pub(super) fn new(plan: TailSampling, key: Key) -> Self {
        Self { plan, key, traces: BTreeMap::new(), order: VecDeque::new(), starts: BTreeSet::new() }
    }

    /// Takes a span in, and hands out the spans of all traces that were decided for by now.
    pub(super) fn take(&mut self, span: Span, told: &mut Vec<Alteration>) -> Vec<Span> {
        let mut kept = Vec::new();
        while let Some(&(first, trace)) = self.order.front()
            && first + self.plan.wait <= span.arrived
        {
            self.order.pop_front();
            self.decide(trace, &mut kept, told);
        }
        let (trace, start) = (span.record.trace.0, span.record.start);
        if let Some(waiting) = self.traces.get_mut(&trace) {
            waiting.spans.push(span);
            if start < waiting.earliest {
                self.starts.remove(&(waiting.earliest, trace));
                self.starts.insert((start, trace));
                waiting.earliest = start;
            }
            return kept;
        }
        if self.traces.len() >= self.plan.traces as usize
            && let Some((_, oldest)) = self.order.pop_front()
        {
            tell(&self.forget(oldest), What::DroppedTooEarly, told);
        }
        self.traces.insert(trace, Waiting { spans: vec![span], earliest: start });
        self.starts.insert((start, trace));
        self.order.push_back((span.arrived, trace));
        kept
    }

    /// Decides on all that wait.
    pub(super) fn finish(&mut self, told: &mut Vec<Alteration>) -> Vec<Span> {
        let mut kept = Vec::new();
        while let Some((_, trace)) = self.order.pop_front() {
            self.decide(trace, &mut kept, told);
        }
        kept
    }

    /// The earliest start of a span that waits.
    pub(super) fn earliest(&self) -> Option<Time> {
        self.starts.first().map(|&(start, _)| start)
    }

    fn forget(&mut self, trace: u128) -> Vec<Span> {
        let waiting = self.traces.remove(&trace).expect("who stands in the order waits");
        self.starts.remove(&(waiting.earliest, trace));
        waiting.spans
    }

    fn decide(&mut self, trace: u128, kept: &mut Vec<Span>, told: &mut Vec<Alteration>) {
        let spans = self.forget(trace);
        if self.wants(trace, &spans) { kept.extend(spans) } else { tell(&spans, What::SampledAtTail, told) }
    }

    fn wants(&self, trace: u128, spans: &[Span]) -> bool {
        let failed = || spans.iter().any(|span| span.record.status == Status::Error);
        let slow = |longest| {
            let start = spans.iter().map(|span| span.record.start).min();
            let end = spans.iter().map(|span| span.record.end).max();
            start.zip(end).is_some_and(|(start, end)| end.saturating_sub(start) > longest)
        };
        let key = self.key.with(trace as u64).with((trace >> 64) as u64);
        (self.plan.errors && failed()) || self.plan.slower_than.is_some_and(slow) || hits(key, SHARE, self.plan.share)
    }
}

fn tell(spans: &[Span], what: What, told: &mut Vec<Alteration>) {
    told.extend(
        spans.iter().map(|span| Alteration::of_span(span.true_start, (span.record.trace, span.record.span), what)),
    );
}
