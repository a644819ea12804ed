//! Wording: typed log events become lines as the emitting runtime writes them, errors become `error.type`.
//!
//! One file a runtime. A wording depends on nothing but the record and the blueprint's services; faults and patches are
//! never read (law 7). The texts are those of Spring Boot 3, HikariCP, HotSpot's unified log, PostgreSQL 15, Redis 7,
//! Fastify, Flask with SQLAlchemy and gunicorn, and Go. Time, process and severity prefixes are left out: tables have columns for them.

mod celery;
mod collection;
mod cpython;
mod errors;
mod hikari;
mod http;
mod jvm;
mod names;
mod native;
mod nginx;
mod node;
mod postgres;
mod rabbitmq;
mod redis;

pub(crate) use errors::ErrorWords;
pub(crate) use names::span_name;

use errors::Callee;
use knockon_kernel::Duration;
use knockon_model::blueprint::{Blueprint, Breaker, LinkEnd, Operation, Pool, Runtime, Service, Severity, Step};
use knockon_model::id::{EndpointId, PoolId, ServiceId};
use knockon_model::record::{Catalogue, LogEvent, LogRecord};
use std::borrow::Cow;
use std::sync::Arc;

/// All of a line but its body.
#[derive(Debug)]
pub(crate) struct Heading<'a> {
    severity: Severity,
    /// Logger, or the part of the program that writes.
    pub(crate) logger: Cow<'a, str>,
    /// Exception class, SQLSTATE or error code, where the line reports an error.
    pub(crate) error: Option<&'static str>,
}

impl<'a> Heading<'a> {
    fn new(severity: Severity, logger: impl Into<Cow<'a, str>>) -> Self {
        Self { severity, logger: logger.into(), error: None }
    }

    fn error(self, error: &'static str) -> Self {
        Self { error: Some(error), ..self }
    }

    /// OpenTelemetry's short name of the severity.
    pub(crate) const fn severity_text(&self) -> &'static str {
        match self.severity {
            Severity::Debug => "DEBUG",
            Severity::Info => "INFO",
            Severity::Warn => "WARN",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        }
    }

    /// OpenTelemetry's number of the severity.
    pub(crate) const fn severity_number(&self) -> u16 {
        match self.severity {
            Severity::Debug => 5,
            Severity::Info => 9,
            Severity::Warn => 13,
            Severity::Error => 17,
            Severity::Fatal => 21,
        }
    }
}

/// Words every log record of a run.
#[derive(Debug)]
pub(crate) struct Dialect {
    blueprint: Arc<Blueprint>,
    /// By process; `None` for the client side of a source.
    service_of: Vec<Option<ServiceId>>,
    /// By service: the logger of the application's own lines.
    applications: Vec<String>,
}

impl Dialect {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Arc<Blueprint>) -> Self {
        Self {
            blueprint: Arc::clone(blueprint),
            service_of: catalogue.processes.iter().map(|process| process.service).collect(),
            applications: blueprint.services.iter().map(application_logger).collect(),
        }
    }

    /// Appends the line's body and returns the rest of it; `None` where the runtime writes no line about that.
    ///
    /// # Panics
    /// If the record comes from the client side of a source, which does not log.
    pub(crate) fn word(&self, record: &LogRecord, body: &mut String) -> Option<Heading<'_>> {
        let id = self.service_of[record.process.index()].expect("only processes of services write logs");
        let service = &self.blueprint[id];
        let application = &self.applications[id.index()];
        let speaker = Speaker { blueprint: &self.blueprint, service, application, uid: record.uid };
        if let LogEvent::Application { endpoint, severity, message } = record.event {
            body.push_str(&service.endpoints[endpoint.index()].messages[message as usize]);
            return Some(Heading::new(severity, application.as_str()));
        }
        if matches!(record.event, LogEvent::TaskReceived { .. } | LogEvent::TaskEnded { .. }) {
            return celery::word(&speaker, &record.event, body);
        }
        if matches!(record.event, LogEvent::RateLimited { .. }) {
            return nginx::word(&speaker, &record.event, body);
        }
        match &service.runtime {
            Runtime::Jvm(heap) => jvm::word(&speaker, heap, &record.event, body),
            Runtime::CPython(_) => cpython::word(&speaker, &record.event, body),
            Runtime::Node => node::word(&speaker, &record.event, body),
            Runtime::Native => native::word(&speaker, &record.event, body),
            Runtime::Postgres(_) => postgres::word(&speaker, &record.event, body),
            Runtime::Redis(_) => redis::word(&speaker, &record.event, body),
            Runtime::Broker(broker) if broker.transport.is_redis() => redis::word(&speaker, &record.event, body),
            Runtime::Broker(_) => rabbitmq::word(&speaker, &record.event, body),
        }
    }
}

fn application_logger(service: &Service) -> String {
    match service.runtime {
        Runtime::Jvm(_) => jvm::application_class(&service.name),
        Runtime::CPython(_) => "app".into(),
        Runtime::Node | Runtime::Native => service.name.clone(),
        Runtime::Postgres(_) => "postgres".into(),
        Runtime::Redis(_) => "redis".into(),
        Runtime::Broker(ref broker) => broker.transport.word().into(),
    }
}

/// Who writes a line, and what its wording may look at.
#[derive(Clone, Copy, Debug)]
struct Speaker<'a> {
    blueprint: &'a Blueprint,
    service: &'a Service,
    /// Logger of the application's own lines.
    application: &'a str,
    uid: u128,
}

impl<'a> Speaker<'a> {
    /// Whether the service handles messages, and nobody calls it.
    fn is_worker(&self) -> bool {
        let handles = self.service.consumers.len();
        handles > 0 && self.service.endpoints.len() == handles
    }

    fn pool(&self, pool: PoolId) -> &'a Pool {
        &self.service.pools[pool.index()]
    }

    /// `host:port` of the database behind a pool.
    fn database(&self, pool: PoolId) -> String {
        let database = &self.blueprint[self.pool(pool).database];
        format!("{}:{}", database.name, port(&database.runtime))
    }

    /// Eight hexadecimal digits that stay the same for the line: an object's identity hash, as the runtime would print one.
    fn identity(&self) -> u32 {
        (self.uid >> 96) as u32
    }

    /// Method and route of one of the service's own endpoints.
    fn endpoint(&self, endpoint: EndpointId) -> (&'a str, &'a str) {
        match &self.service.endpoints[endpoint.index()].operation {
            Operation::Http { method, route } => (method, route),
            Operation::Sql { operation, table, .. } => (operation, table),
            Operation::Cache { command } => (command, ""),
            Operation::Internal { name } => (name, ""),
            Operation::Publish { queue, .. } => (queue, ""),
            Operation::Process { task, .. } => (task, ""),
        }
    }

    /// Whether calls of a service are guarded by Hystrix rather than Resilience4j.
    fn breaks_by_hystrix(&self, peer: Option<ServiceId>) -> bool {
        self.blueprint.traffic.iter().any(|policy| {
            let link = &self.blueprint[policy.link];
            let is_own = matches!(link.from, LinkEnd::Service(from) if self.blueprint[from].name == self.service.name);
            is_own && Some(link.to) == peer && matches!(policy.breaker, Some(Breaker::Hystrix(_)))
        })
    }

    /// The failed call of a request.
    fn call(&self, endpoint: EndpointId, peer: Option<ServiceId>) -> Option<Call<'a>> {
        let id = peer?;
        let service = &self.blueprint[id];
        let address = format!("{}:{}", service.name, port(&service.runtime));
        let program = &self.service.endpoints[endpoint.index()].program;
        let called = program.iter().find_map(|step| match *step {
            Step::Call { service, endpoint, .. } if service == id => Some(endpoint),
            _ => None,
        });
        let operation =
            called.and_then(|endpoint| service.endpoints.get(endpoint.index())).map(|endpoint| &endpoint.operation);
        let (method, path) = match operation {
            Some(Operation::Http { method, route }) => (method.as_str(), route.as_str()),
            _ => ("GET", "/"),
        };
        Some(Call { callee: Callee::of(&service.runtime), host: &service.name, address, method, path })
    }
}

/// A call that failed, as a client's messages name it.
#[derive(Debug)]
struct Call<'a> {
    callee: Callee,
    host: &'a str,
    /// `host:port`
    address: String,
    method: &'a str,
    path: &'a str,
}

/// The port that a runtime usually listens on.
const fn port(runtime: &Runtime) -> u16 {
    match runtime {
        Runtime::Jvm(_) | Runtime::Native => 8080,
        Runtime::CPython(_) => 8000,
        Runtime::Node => 3000,
        Runtime::Postgres(_) => 5432,
        Runtime::Redis(_) => 6379,
        Runtime::Broker(broker) => {
            if broker.transport.is_redis() {
                6379
            } else {
                5672
            }
        }
    }
}

/// A duration in milliseconds with three decimals, rounded down: `250.699`.
#[derive(Debug)]
struct Milliseconds(Duration);

impl std::fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let microseconds = self.0.as_nanos() / 1_000;
        write!(f, "{}.{:03}", microseconds / 1_000, microseconds % 1_000)
    }
}

/// Appends formatted text; writing to a string cannot fail.
macro_rules! say {
    ($body:expr, $($text:tt)+) => {
        std::fmt::Write::write_fmt($body, format_args!($($text)+)).expect("writing to a string cannot fail")
    };
}
use say;

#[cfg(test)]
mod tests;
