//! What becomes of records on their way.

use super::Compiler;
use crate::decode::At;
use crate::language::{ClockText, DelayedText, LogsText, ObserverText, SpansText};
use crate::origin::Span;
use knockon_kernel::{Duration, Sampler};
use knockon_model::observing::{Clock, LogObserving, Observing, SpanObserving, TailSampling, Transport};

/// Clocks that are further off cannot be meant.
const FURTHEST: Duration = Duration::from_secs(24 * 3600);

impl Compiler<'_> {
    /// The observer, which no world sees.
    pub(super) fn observer(&mut self, text: &ObserverText) -> Observing {
        let mut clocks = Vec::new();
        for (name, entry) in text.clocks.iter() {
            if let Some(service) = self.find_service(name, entry.name) {
                clocks.extend(self.clock(&entry.value, entry.name).map(|(ahead_ns, spread)| Clock {
                    service,
                    ahead_ns,
                    spread,
                }));
            }
        }
        Observing {
            spans: self.observed_spans(&text.spans),
            logs: self.observed_logs(&text.logs),
            failed_scrapes: text.metrics.failed_scrapes.0,
            clocks,
        }
    }

    fn clock(&mut self, text: &ClockText, span: Span) -> Option<(i64, Duration)> {
        if [&text.ahead, &text.behind, &text.spread].iter().any(|off| off.value > FURTHEST) {
            self.report(span, "a clock that is off by more than a day", None);
            return None;
        }
        let ns = |off: &At<Duration>| off.value.as_nanos() as i64;
        Some((ns(&text.ahead) - ns(&text.behind), text.spread.value))
    }

    fn observed_spans(&mut self, text: &SpansText) -> SpanObserving {
        let tail = text.tail.value.as_ref().map(|tail| TailSampling {
            errors: tail.errors.value,
            slower_than: tail.slower_than.value,
            share: tail.share.0,
            wait: tail.wait.0,
            traces: tail.traces.0,
        });
        SpanObserving {
            head: text.head.value.map(|share| share.0),
            tail,
            transport: self.transport([text.lost.0, text.duplicated.0], &text.delayed),
            without_parent: text.without_parent.0,
            without_peer: text.without_peer.0,
            without_status_code: text.without_status_code.0,
        }
    }

    fn observed_logs(&mut self, text: &LogsText) -> LogObserving {
        LogObserving {
            transport: self.transport([text.lost.0, text.duplicated.0], &text.delayed),
            without_trace: text.without_trace.0,
        }
    }

    fn transport(&mut self, [lost, duplicated]: [f64; 2], delayed: &At<Option<DelayedText>>) -> Transport {
        let delay = delayed.value.as_ref().and_then(|late| {
            if late.by.recorded().is_some() {
                self.report(late.by.span, "what is recorded belongs to requests", None);
                return None;
            }
            let sampler: Result<Sampler, _> = late.by.sampler();
            sampler.map_err(|error| self.report(late.by.span, error.to_string(), None)).ok()
        });
        Transport { lost, duplicated, delayed: delayed.value.as_ref().map_or(0.0, |late| late.share.0), delay }
    }
}
