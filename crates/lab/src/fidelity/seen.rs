//! Everything that a run leaves behind which an observable is made of.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{
    Catalogue, ChangeRecord, LedgerRecord, LogEvent, LogRecord, RequestRecord, SampleRecord, SpanId, SpanKind,
    SpanRecord, StateRecord, TraceId, Transition,
};
use std::collections::BTreeMap;

/// A sink that keeps spans, ledgers, collections, requests and states.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By process: the name of its service.
    services: Vec<String>,
    /// By operation: the endpoint's name, and which side it is.
    operations: Vec<(String, SpanKind)>,
    spans: Vec<SpanRecord>,
    ledgers: Vec<LedgerRecord>,
    collections: Vec<LogRecord>,
    requests: Vec<RequestRecord>,
    states: Vec<StateRecord>,
}

impl Seen {
    /// Before a run.
    #[must_use]
    pub fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let operation = |info: &knockon_model::record::OperationInfo| {
            (blueprint[info.service].endpoints[info.endpoint.index()].name.clone(), info.kind)
        };
        Self {
            services: catalogue.processes.iter().map(|process| process.name.clone()).collect(),
            operations: catalogue.operations.iter().map(operation).collect(),
            ..Self::default()
        }
    }

    /// What a service served, with where the time went.
    pub(super) fn served<'s>(
        &'s self,
        service: &'s str,
    ) -> impl Iterator<Item = (&'s SpanRecord, &'s LedgerRecord)> + Clone {
        let spans = self.spans.iter().zip(&self.ledgers);
        spans.filter(move |(span, _)| {
            self.side(span) == SpanKind::Server && self.services[span.process.index()] == service
        })
    }

    /// Calls of a service, as its callers saw them.
    pub(super) fn calls<'s>(&'s self, service: &'s str) -> impl Iterator<Item = &'s SpanRecord> {
        self.spans.iter().filter(move |span| {
            self.side(span) == SpanKind::Client && span.peer.is_some_and(|peer| self.services[peer.index()] == service)
        })
    }

    /// How long the statement (or call) of this name took, by trace and the span that it was made in.
    pub(super) fn durations_of(&self, endpoint: &str) -> BTreeMap<(TraceId, SpanId), i64> {
        let named = |span: &&SpanRecord| self.side(span) == SpanKind::Client && self.endpoint(span) == endpoint;
        self.spans
            .iter()
            .filter(named)
            .map(|span| ((span.trace, span.parent), nanos(span.end) - nanos(span.start)))
            .collect()
    }

    /// The endpoint, query class or command that a span is about.
    pub(super) fn endpoint(&self, span: &SpanRecord) -> &str {
        &self.operations[span.operation.index()].0
    }

    /// The endpoint that a source's request was for.
    pub(super) fn requested(&self, request: &RequestRecord) -> &str {
        &self.operations[request.operation.index()].0
    }

    fn side(&self, span: &SpanRecord) -> SpanKind {
        self.operations[span.operation.index()].1
    }

    /// Collections of a service, at their ends.
    pub(super) fn collections<'s>(&'s self, service: &'s str) -> impl Iterator<Item = &'s LogRecord> {
        self.collections.iter().filter(move |log| self.services[log.process.index()] == service)
    }

    /// Requests of all sources.
    pub(super) fn requests(&self) -> &[RequestRecord] {
        &self.requests
    }

    /// States that a service's processes entered.
    pub(super) fn states<'s>(&'s self, service: &'s str) -> impl Iterator<Item = (i64, Transition)> + 's {
        let states = self.states.iter().filter(move |state| self.services[state.process.index()] == service);
        states.map(|state| (nanos(state.time), state.transition))
    }
}

/// An instant as it is reckoned with here.
pub(super) fn nanos(time: Time) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

impl Sink for Seen {
    const OBSERVES: bool = true;
    const LEDGER: bool = true;
    fn span(&mut self, record: SpanRecord) {
        self.spans.push(record);
    }
    fn log(&mut self, record: LogRecord) {
        if matches!(record.event, LogEvent::Collection { .. }) {
            self.collections.push(record);
        }
    }
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, record: LedgerRecord) {
        self.ledgers.push(record);
    }
    fn request(&mut self, record: RequestRecord) {
        self.requests.push(record);
    }
    fn state(&mut self, record: StateRecord) {
        self.states.push(record);
    }
    fn watermark(&mut self, _: Time) {}
}
