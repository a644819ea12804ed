//! `observed/spans`: one row for each span, with OpenTelemetry's semantic conventions as typed columns.

use super::arrays::{NULL, Words, ids, late_times, nanoseconds, present, small_or_null, times, wide_ids};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::dialect::{ErrorWords, span_name};
use crate::writer::Received;
use arrow::array::ArrayRef;
use knockon_model::blueprint::{Blueprint, Operation};
use knockon_model::record::{Catalogue, OperationInfo, SpanKind, SpanRecord, Status};

/// The table.
pub(super) static SPANS: Table = Table {
    path: "observed/spans",
    meaning: "One row for each span, in the order of their start as their processes tell the time. A span is written when it ends; a process that dies takes its \
              unfinished spans with it, so a parent's row can be missing.",
    columns: &[
        required("trace_id", Kind::Id(16), "", "The request that the span belongs to."),
        required("span_id", Kind::Id(8), "", "The span, unique within its trace."),
        optional("parent_span_id", Kind::Id(8), "", "The span that caused it; null for a root."),
        required("service", Kind::Word, "", "Service whose process reports the span."),
        required("instance", Kind::Word, "", "Process that reports the span."),
        required("name", Kind::Word, "", "Span name by the semantic conventions: `GET {route}`, `SELECT users`."),
        required("kind", Kind::Word, "", "SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL."),
        required("start_time", Kind::Time, "ns", "First instant of the span."),
        required("end_time", Kind::Time, "ns", "End of the span."),
        required("duration_ns", Kind::Nanoseconds, "ns", "end_time − start_time."),
        required(
            "status",
            Kind::Word,
            "",
            "UNSET, OK or ERROR. A server's 4xx is UNSET; a client's 4xx and any 5xx is ERROR.",
        ),
        optional(
            "error_type",
            Kind::Word,
            "",
            "error.type: an HTTP status, an SQLSTATE, `timeout` or an exception class.",
        ),
        optional("peer", Kind::Word, "", "Service that a client span calls."),
        optional("peer_instance", Kind::Word, "", "Process that a client span reached; null if it reached none."),
        optional("http_request_method", Kind::Word, "", "http.request.method."),
        optional("http_route", Kind::Word, "", "http.route: the template, never a raw path; on server spans."),
        optional(
            "http_response_status_code",
            Kind::U16,
            "",
            "http.response.status_code; null if no answer was sent or received.",
        ),
        optional("db_system_name", Kind::Word, "", "db.system.name: postgresql, redis."),
        optional("db_operation_name", Kind::Word, "", "db.operation.name: SELECT, COMMIT, GET …"),
        optional("db_collection_name", Kind::Word, "", "db.collection.name: the table."),
        optional(
            "http_request_resend_count",
            Kind::U16,
            "",
            "http.request.resend_count: how often the request was tried before; null for a first try.",
        ),
        optional(
            "received_time",
            Kind::Time,
            "ns",
            "When the record arrived, where that was late (the scenario's `observer`); null where it was at once.",
        ),
        optional("messaging_system", Kind::Word, "", "messaging.system: rabbitmq, redis."),
        optional("messaging_operation_name", Kind::Word, "", "messaging.operation.name: publish, process."),
        optional("messaging_destination_name", Kind::Word, "", "messaging.destination.name: the queue."),
        optional("link_trace_id", Kind::Id(16), "", "Trace of the span that published the message; on CONSUMER spans."),
        optional("link_span_id", Kind::Id(8), "", "The span that published the message; on CONSUMER spans."),
    ],
};

/// What all spans of one operation have in common: numbers of words.
#[derive(Debug)]
struct Constants {
    name: i32,
    kind: SpanKind,
    peer: i32,
    method: i32,
    route: i32,
    system: i32,
    operation: i32,
    collection: i32,
    messaging: i32,
    action: i32,
    destination: i32,
}

/// Makes span rows.
#[derive(Debug)]
pub(crate) struct Spans {
    epoch: Epoch,
    /// By process: number of its service's name. A process' number is the number of its instance.
    service_of: Vec<i32>,
    /// By operation.
    constants: Vec<Constants>,
    services: Words,
    instances: Words,
    names: Words,
    kinds: Words,
    statuses: Words,
    errors: Words,
    error_words: ErrorWords,
    methods: Words,
    routes: Words,
    systems: Words,
    operations: Words,
    collections: Words,
    messagings: Words,
    actions: Words,
    destinations: Words,
}

impl Spans {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let mut spans = Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            service_of: Vec::new(),
            constants: Vec::new(),
            services: Words::default(),
            instances: Words::default(),
            names: Words::default(),
            kinds: Words::default(),
            statuses: Words::default(),
            errors: Words::default(),
            error_words: ErrorWords::new(catalogue, blueprint),
            methods: Words::default(),
            routes: Words::default(),
            systems: Words::default(),
            operations: Words::default(),
            collections: Words::default(),
            messagings: Words::default(),
            actions: Words::default(),
            destinations: Words::default(),
        };
        for process in &catalogue.processes {
            spans.service_of.push(spans.services.key(&process.name));
            spans.instances.key(&process.instance);
        }
        assert_eq!(spans.instances.len(), catalogue.processes.len(), "instances have names of their own");
        for word in [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer]
            .map(kind_word)
        {
            spans.kinds.key(word);
        }
        for word in [Status::Unset, Status::Ok, Status::Error].map(status_word) {
            spans.statuses.key(word);
        }
        for operation in &catalogue.operations {
            let constants = spans.constants_of(operation, blueprint);
            spans.constants.push(constants);
        }
        spans
    }

    fn constants_of(&mut self, info: &OperationInfo, blueprint: &Blueprint) -> Constants {
        let client = matches!(info.kind, SpanKind::Client | SpanKind::Producer);
        let mut constants = Constants {
            name: self.names.key(&span_name(info)),
            kind: info.kind,
            peer: if client { self.services.key(&blueprint[info.service].name) } else { NULL },
            method: NULL,
            route: NULL,
            system: self.systems.key_or_null(&info.db_system),
            operation: NULL,
            collection: NULL,
            messaging: NULL,
            action: NULL,
            destination: NULL,
        };
        match &info.operation {
            Operation::Http { method, route } => {
                constants.method = self.methods.key(method);
                // A client does not know the server's template.
                constants.route = if client { NULL } else { self.routes.key(route) };
            }
            Operation::Sql { operation, table, .. } => {
                constants.operation = self.operations.key_or_null(operation);
                constants.collection = self.collections.key_or_null(table);
            }
            Operation::Cache { command } => constants.operation = self.operations.key_or_null(command),
            Operation::Internal { .. } => {}
            Operation::Publish { system, queue } | Operation::Process { system, queue, .. } => {
                let publishes = matches!(info.operation, Operation::Publish { .. });
                constants.messaging = self.messagings.key(system);
                constants.action = self.actions.key(if publishes { "publish" } else { "process" });
                constants.destination = self.destinations.key(queue);
            }
        }
        constants
    }
}

impl Encoder for Spans {
    type Record = Received<SpanRecord>;
    const TABLE: &'static Table = &SPANS;

    fn encode(&mut self, records: &[Received<SpanRecord>]) -> Vec<ArrayRef> {
        let Self { epoch, service_of, constants, error_words, errors, .. } = self;
        let epoch = *epoch;
        let keys = |key: &dyn Fn(&SpanRecord) -> i32| records.iter().map(|r| key(r)).collect::<Vec<i32>>();
        let constant = |key: &dyn Fn(&Constants) -> i32| keys(&|r| key(&constants[r.operation.index()]));
        let error_keys = records
            .iter()
            .map(|r| if r.status == Status::Error { errors.key(error_words.of(r)) } else { NULL })
            .collect();
        vec![
            wide_ids(records.iter().map(|r| r.trace.0), None),
            ids(records.iter().map(|r| r.span.0), None),
            ids(records.iter().map(|r| r.parent.0), Some(present(records.len(), |row| records[row].parent.0 != 0))),
            self.services.column(keys(&|r| service_of[r.process.index()])),
            self.instances.column(keys(&|r| r.process.0 as i32)),
            self.names.column(constant(&|c| c.name)),
            self.kinds.column(constant(&|c| c.kind as i32)),
            times(records.iter().map(|r| epoch.unix_ns(r.start))),
            times(records.iter().map(|r| epoch.unix_ns(r.end))),
            nanoseconds(records.iter().map(|r| r.end.saturating_sub(r.start).as_nanos()), None),
            self.statuses.column(keys(&|r| r.status as i32)),
            self.errors.column(error_keys),
            self.services.column(
                records.iter().map(|r| if r.peerless { NULL } else { constants[r.operation.index()].peer }).collect(),
            ),
            self.instances.column(keys(&|r| r.peer.map_or(NULL, |peer| peer.0 as i32))),
            self.methods.column(constant(&|c| c.method)),
            self.routes.column(constant(&|c| c.route)),
            small_or_null(
                records.iter().map(|r| if constants[r.operation.index()].method == NULL { 0 } else { r.http_status }),
            ),
            self.systems.column(constant(&|c| c.system)),
            self.operations.column(constant(&|c| c.operation)),
            self.collections.column(constant(&|c| c.collection)),
            small_or_null(records.iter().map(|r| r.resend)),
            late_times(epoch, records.iter().map(|r| r.late)),
            self.messagings.column(constant(&|c| c.messaging)),
            self.actions.column(constant(&|c| c.action)),
            self.destinations.column(constant(&|c| c.destination)),
            wide_ids(
                records.iter().map(|r| r.link.0.0),
                Some(present(records.len(), |row| records[row].link.1.0 != 0)),
            ),
            ids(records.iter().map(|r| r.link.1.0), Some(present(records.len(), |row| records[row].link.1.0 != 0))),
        ]
    }
}

const fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "INTERNAL",
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
    }
}

const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Unset => "UNSET",
        Status::Ok => "OK",
        Status::Error => "ERROR",
    }
}
