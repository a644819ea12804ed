//! `traces.jsonl`: spans.

use super::BATCH;
use super::json::{Attribute, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Status, Text, TracesData};
use super::resource::{find_or_add, resource};
use crate::error::Result;
use crate::hex::{SpanId, TraceId};
use crate::semconv::{self, Name, SemanticConventions};
use crate::source::Source;
use crate::target::Target;
use knockon_telemetry::Batch;

/// `SpanFlags`: sampled (W3C), and it is known whether the parent is of another process.
const LOCAL: u32 = 0x101;
/// The same, and it is.
const REMOTE: u32 = 0x301;

pub(super) const COLUMNS: [&str; 24] = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "service",
    "instance",
    "name",
    "kind",
    "start_time",
    "end_time",
    "status",
    "error_type",
    "peer",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "http_request_resend_count",
    "db_system_name",
    "db_operation_name",
    "db_collection_name",
    "messaging_system",
    "messaging_operation_name",
    "messaging_destination_name",
    "link_trace_id",
    "link_span_id",
];

/// Places of columns among those that are read.
mod at {
    pub(super) const TRACE: usize = 0;
    pub(super) const SPAN: usize = 1;
    pub(super) const PARENT: usize = 2;
    pub(super) const SERVICE: usize = 3;
    pub(super) const INSTANCE: usize = 4;
    pub(super) const NAME: usize = 5;
    pub(super) const KIND: usize = 6;
    pub(super) const START: usize = 7;
    pub(super) const END: usize = 8;
    pub(super) const STATUS: usize = 9;
    pub(super) const ERROR: usize = 10;
    pub(super) const PEER: usize = 11;
    pub(super) const METHOD: usize = 12;
    pub(super) const ROUTE: usize = 13;
    pub(super) const HTTP_STATUS: usize = 14;
    pub(super) const RESENDS: usize = 15;
    pub(super) const DB: usize = 16;
    pub(super) const DB_OPERATION: usize = 17;
    pub(super) const DB_COLLECTION: usize = 18;
    pub(super) const MESSAGING: usize = 19;
    pub(super) const MESSAGING_OPERATION: usize = 20;
    pub(super) const DESTINATION: usize = 21;
    pub(super) const LINK_TRACE: usize = 22;
    pub(super) const LINK_SPAN: usize = 23;
}

pub(super) fn write(source: &mut Source<'_>, target: &Target, semconv: SemanticConventions) -> Result<()> {
    let mut file = target.file("traces.jsonl")?;
    source.each("observed/spans", &COLUMNS, |batch| {
        let mut from = 0;
        while from < batch.rows() {
            let until = batch.rows().min(from + BATCH);
            let mut processes: Vec<((&str, &str), Vec<Span<'_>>)> = Vec::new();
            for row in from..until {
                let text = |column| batch.text(column, row).unwrap_or_default();
                find_or_add(&mut processes, (text(at::SERVICE), text(at::INSTANCE)), Vec::new)
                    .push(span(batch, row, semconv));
            }
            file.json_line(&data(processes), until - from)?;
            from = until;
        }
        Ok(())
    })?;
    file.finish()
}

fn data<'a>(processes: Vec<((&'a str, &'a str), Vec<Span<'a>>)>) -> TracesData<'a> {
    let of = |((service, instance), spans): ((&'a str, &'a str), Vec<Span<'a>>)| {
        let resource: Resource<'a> = resource(service, instance);
        ResourceSpans { resource, scopes: [ScopeSpans { scope: Scope::default(), spans }] }
    };
    TracesData { resources: processes.into_iter().map(of).collect() }
}

pub(super) fn span(batch: &Batch, row: usize, semconv: SemanticConventions) -> Span<'_> {
    let id = |column| batch.id(column, row);
    let text = |column| batch.text(column, row).unwrap_or_default();
    let time = |column| Text(batch.integer(column, row).unwrap_or_default());
    let parent = id(at::PARENT).map(SpanId::new);
    let (kind, serves) = match text(at::KIND) {
        "SERVER" => (2, true),
        "CLIENT" => (3, false),
        "PRODUCER" => (4, false),
        "CONSUMER" => (5, true),
        _ => (1, false),
    };
    let code = match text(at::STATUS) {
        "OK" => 1,
        "ERROR" => 2,
        _ => 0,
    };
    let link = id(at::LINK_TRACE)
        .zip(id(at::LINK_SPAN))
        .map(|(trace, span)| [Link { trace_id: TraceId::new(trace), span_id: SpanId::new(span), flags: REMOTE }]);
    Span {
        trace_id: TraceId::new(id(at::TRACE).unwrap_or_default()),
        span_id: SpanId::new(id(at::SPAN).unwrap_or_default()),
        parent_span_id: parent,
        flags: if serves && parent.is_some() { REMOTE } else { LOCAL },
        name: text(at::NAME),
        kind,
        start_time_unix_nano: time(at::START),
        end_time_unix_nano: time(at::END),
        attributes: attributes(batch, row, semconv),
        links: link,
        status: Status { code },
    }
}

/// The attributes of a span, by the conventions of what it is about.
fn attributes(batch: &Batch, row: usize, semconv: SemanticConventions) -> Vec<Attribute<'_>> {
    let mut attributes = Vec::with_capacity(8);
    let text = |column| batch.text(column, row);
    let number = |column| batch.integer(column, row);
    if let Some(method) = text(at::METHOD) {
        put_text(&mut attributes, semconv, semconv::HTTP_METHOD, Some(method));
        if let Some(route) = text(at::ROUTE) {
            // Of a template no request's path is known; of any other route it is the route.
            let path = Some(route).filter(|route| !route.contains(['{', '*', ':']));
            put_text(&mut attributes, semconv, semconv::URL_PATH, path);
            put_text(&mut attributes, semconv, semconv::URL_SCHEME, Some("http"));
            put_text(&mut attributes, semconv, semconv::HTTP_ROUTE, Some(route));
        }
        put_number(&mut attributes, semconv, semconv::HTTP_STATUS, number(at::HTTP_STATUS));
        put_number(&mut attributes, semconv, semconv::HTTP_RESENDS, number(at::RESENDS));
    }
    if let Some(system) = text(at::DB) {
        put_text(&mut attributes, semconv, semconv::DB_SYSTEM, Some(system));
        put_text(&mut attributes, semconv, semconv::DB_OPERATION, text(at::DB_OPERATION));
        put_text(&mut attributes, semconv, semconv::DB_COLLECTION, text(at::DB_COLLECTION));
    }
    if let Some(system) = text(at::MESSAGING) {
        let operation = text(at::MESSAGING_OPERATION);
        // `publish` is a system's own word; the type is one of a few that all systems share.
        let kind = operation.map(|operation| if operation == "publish" { "send" } else { operation });
        put_text(&mut attributes, semconv, semconv::MESSAGING_SYSTEM, Some(system));
        put_text(&mut attributes, semconv, semconv::MESSAGING_OPERATION, operation);
        put_text(&mut attributes, semconv, semconv::MESSAGING_OPERATION_TYPE, kind);
        put_text(&mut attributes, semconv, semconv::MESSAGING_DESTINATION, text(at::DESTINATION));
    }
    put_text(&mut attributes, semconv, semconv::SERVER_ADDRESS, text(at::PEER));
    put_text(&mut attributes, semconv, semconv::ERROR_TYPE, text(at::ERROR));
    attributes
}

fn put_text<'a>(attributes: &mut Vec<Attribute<'a>>, semconv: SemanticConventions, name: Name, value: Option<&'a str>) {
    if let Some(value) = value {
        attributes.extend(name.keys(semconv).map(|key| Attribute::text(key, value)));
    }
}

fn put_number(attributes: &mut Vec<Attribute<'_>>, semconv: SemanticConventions, name: Name, value: Option<i64>) {
    if let Some(value) = value {
        attributes.extend(name.keys(semconv).map(|key| Attribute::number(key, value)));
    }
}
