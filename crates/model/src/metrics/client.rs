//! Applications that are instrumented by hand: Python's and Node's Prometheus clients, and OpenTelemetry in native processes.
//!
//! A Python application counts `http_requests_total` and times requests and statements, each with the client's default bounds;
//! Node's middleware (`express-prom-bundle`) has the histogram alone, with prom-client's bounds. CPython tells of its cycle
//! collector; SQLAlchemy's pools are reported by OpenTelemetry's instrumentation.

use super::listing::{Listing, statuses};
use super::scrape::Target;
use super::timing::{Bounds, NODE, OPENTELEMETRY, PYTHON, Part};
use super::{Reading as Series, Scope};
use crate::blueprint::{Blueprint, Operation, PoolKind, Runtime, Service, Step};
use crate::record::{CollectionKind, SeriesKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    /// Collections of a generation of CPython's.
    Collections(u8),
    /// Connections of a pool that are in use.
    Used(u16),
    /// Connections of a pool that are not.
    Idle(u16),
}

/// Requests, statements, collections and pools.
pub(super) fn list(listing: &mut Listing, blueprint: &Blueprint, service: &Service) {
    listing.series(Scope::Always, "up", (SeriesKind::Gauge, "1"), &[], Series::Answers);
    match &service.runtime {
        Runtime::CPython(_) => {
            python_requests(listing, service);
            statements(listing, blueprint, service);
            for generation in 0..3u8 {
                let text = generation.to_string();
                let reading = Series::Client(Reading::Collections(generation));
                let name = "python_gc_collections_total";
                listing.counter(name, "{collection}", &[("generation", text.as_str())], reading);
            }
        }
        Runtime::Node => {
            let names = ["method", "path", "status_code"];
            requests_by_status(listing, service, "http_request_duration_seconds", names, NODE);
        }
        _ => {
            let names = ["http_request_method", "http_route", "http_response_status_code"];
            requests_by_status(listing, service, "http_server_request_duration_seconds", names, OPENTELEMETRY);
        }
    }
    for (index, pool) in service.pools.iter().enumerate().filter(|(_, pool)| pool.kind == PoolKind::QueuePool) {
        for (state, reading) in [("idle", Reading::Idle(index as u16)), ("used", Reading::Used(index as u16))] {
            let labels = [("pool_name", pool.name.as_str()), ("state", state)];
            listing.gauge("db_client_connections_usage", "{connection}", &labels, Series::Client(reading));
        }
    }
}

fn python_requests(listing: &mut Listing, service: &Service) {
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        let Operation::Http { method, route } = &endpoint.operation else { continue };
        for status in statuses(service, index) {
            let text = status.to_string();
            let labels = [("endpoint", route.as_str()), ("method", method), ("status", &text)];
            let reading = Series::Requests { endpoint: Some(index as u16), status: Some(status), part: Part::Count };
            listing.counter("http_requests_total", "{request}", &labels, reading);
        }
        let labels = [("endpoint", route.as_str()), ("method", method)];
        listing.histogram("http_request_duration_seconds", &labels, PYTHON, |part| Series::Requests {
            endpoint: Some(index as u16),
            status: None,
            part,
        });
    }
}

fn requests_by_status(
    listing: &mut Listing,
    service: &Service,
    name: &str,
    [method_label, route_label, status_label]: [&str; 3],
    bounds: Bounds,
) {
    for (index, endpoint) in service.endpoints.iter().enumerate() {
        let Operation::Http { method, route } = &endpoint.operation else { continue };
        for status in statuses(service, index) {
            let text = status.to_string();
            let labels = [(method_label, method.as_str()), (route_label, route.as_str()), (status_label, &text)];
            listing.histogram(name, &labels, bounds, |part| Series::Requests {
                endpoint: Some(index as u16),
                status: Some(status),
                part,
            });
        }
    }
}

/// Durations of statements by first word, as the application sees them.
fn statements(listing: &mut Listing, blueprint: &Blueprint, service: &Service) {
    let steps = service.endpoints.iter().flat_map(|endpoint| &endpoint.program);
    let mut words: Vec<&str> = steps
        .filter_map(|step| match step {
            Step::Query { pool, endpoint, .. } => {
                let database = &blueprint[service.pools[pool.index()].database];
                database.endpoints[endpoint.index()].operation.statement()
            }
            _ => None,
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    for text in words {
        let word = listing.word(text);
        let labels = [("query_type", text)];
        listing.histogram("db_query_duration_seconds", &labels, PYTHON, |part| Series::Queries { word, part });
    }
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> Option<f64> {
        let process = target.process;
        Some(match self {
            Self::Collections(generation) => {
                process.heap.as_ref()?.collections(CollectionKind::Generation(generation)).count as f64
            }
            Self::Used(pool) => f64::from(process.pools.get(usize::from(pool))?.readings().active),
            Self::Idle(pool) => f64::from(process.pools.get(usize::from(pool))?.readings().idle),
        })
    }
}
