//! Everything that a run leaves behind which an observable is made of.

use knockon_kernel::Time;
use knockon_model::Sink;
use knockon_model::blueprint::{self, Blueprint};
use knockon_model::record::{
    Catalogue, ChangeRecord, LedgerRecord, LogEvent, LogRecord, Part, RequestRecord, SampleRecord, SpanId, SpanKind,
    SpanRecord, StateRecord, TraceId, Transition,
};
use knockon_scenario::Expectation;
use std::collections::{BTreeMap, BTreeSet};

/// One side of an edge.
#[derive(Clone, Debug)]
struct Operation {
    /// Name of the endpoint, query class or command.
    endpoint: String,
    side: SpanKind,
    /// Whether it is a statement.
    sql: bool,
}

/// A sink that keeps spans, ledgers, collections, requests and states.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// By process: the name of its service.
    services: Vec<String>,
    operations: Vec<Operation>,
    spans: Vec<SpanRecord>,
    ledgers: Vec<LedgerRecord>,
    collections: Vec<LogRecord>,
    requests: Vec<RequestRecord>,
    states: Vec<StateRecord>,
}

impl Seen {
    /// Before a run, if any of its expectations needs it.
    #[must_use]
    pub fn if_needed(expectations: &[Expectation], catalogue: &Catalogue, blueprint: &Blueprint) -> Option<Self> {
        let needs = |expectation: &Expectation| matches!(expectation, Expectation::Reproduces { .. });
        expectations.iter().any(needs).then(|| Self::new(catalogue, blueprint))
    }

    /// Before a run.
    #[must_use]
    pub fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let operation = |info: &knockon_model::record::OperationInfo| {
            // Work within a process is of no endpoint.
            let endpoint = blueprint[info.service].endpoints.get(info.endpoint.index());
            let endpoint = endpoint.map_or_else(String::new, |endpoint| endpoint.name.clone());
            Operation { endpoint, side: info.kind, sql: matches!(info.operation, blueprint::Operation::Sql { .. }) }
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

    /// Queries that a service sent to its databases.
    pub(super) fn queries<'s>(&'s self, service: &'s str) -> impl Iterator<Item = &'s SpanRecord> {
        self.spans.iter().filter(move |span| {
            let operation = &self.operations[span.operation.index()];
            operation.side == SpanKind::Client && operation.sql && self.services[span.process.index()] == service
        })
    }

    /// Requests of which a service did not find the key in its cache: they loaded it, or waited for a load that was under way. They
    /// waited for longer than for the answers to their own calls.
    pub(super) fn missed(&self, service: &str) -> BTreeSet<TraceId> {
        let mut answers: BTreeMap<(TraceId, SpanId), u64> = BTreeMap::new();
        for span in self.spans.iter().filter(|span| self.side(span) == SpanKind::Client) {
            *answers.entry((span.trace, span.parent)).or_default() += span.end.as_nanos() - span.start.as_nanos();
        }
        let waited = |(span, ledger): (&SpanRecord, &LedgerRecord)| {
            let own = answers.get(&(span.trace, span.span)).copied().unwrap_or(0);
            (ledger.parts[Part::Child as usize] > own).then_some(span.trace)
        };
        let loaded = self.queries(service).map(|span| span.trace);
        self.served(service).filter_map(waited).chain(loaded).collect()
    }

    /// What a service worked on: requests, and loads apart from them.
    pub(super) fn worked<'s>(
        &'s self,
        service: &'s str,
    ) -> impl Iterator<Item = (&'s SpanRecord, &'s LedgerRecord)> + Clone {
        let spans = self.spans.iter().zip(&self.ledgers);
        spans.filter(move |(span, _)| {
            self.side(span) != SpanKind::Client && self.services[span.process.index()] == service
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
        &self.operations[span.operation.index()].endpoint
    }

    /// The endpoint that a source's request was for.
    pub(super) fn requested(&self, request: &RequestRecord) -> &str {
        &self.operations[request.operation.index()].endpoint
    }

    fn side(&self, span: &SpanRecord) -> SpanKind {
        self.operations[span.operation.index()].side
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
    const REQUESTS: bool = true;
    const PARTS: bool = false;
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
