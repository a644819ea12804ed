//! `error.type`: an HTTP status, an SQLSTATE, `timeout`, or the exception class of the runtime that reports the error.

use knockon_model::blueprint::{Blueprint, Operation, Runtime};
use knockon_model::id::{OperationId, ProcessId, ServiceId};
use knockon_model::record::{Catalogue, ErrorType, SpanKind, SpanRecord};
use std::collections::BTreeMap;

/// Whose exceptions a process throws.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Language {
    Jvm,
    CPython,
    Node,
    Native,
    Postgres,
    Redis,
}

impl Language {
    const fn of(runtime: &Runtime) -> Self {
        match runtime {
            Runtime::Jvm(_) => Self::Jvm,
            Runtime::CPython(_) => Self::CPython,
            Runtime::Node => Self::Node,
            Runtime::Native => Self::Native,
            Runtime::Postgres(_) => Self::Postgres,
            Runtime::Redis(_) | Runtime::Broker(_) => Self::Redis,
        }
    }
}

/// What was called, as far as client libraries differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Callee {
    Http,
    Sql,
    Cache,
    Broker,
}

impl Callee {
    pub(super) const fn of(runtime: &Runtime) -> Self {
        match runtime {
            Runtime::Postgres(_) => Self::Sql,
            Runtime::Redis(_) => Self::Cache,
            // Python's client of brokers, kombu, words both alike.
            Runtime::Broker(_) => Self::Broker,
            Runtime::Jvm(_) | Runtime::CPython(_) | Runtime::Node | Runtime::Native => Self::Http,
        }
    }
}

/// Words the errors of spans, each once.
#[derive(Debug)]
pub(crate) struct ErrorWords {
    /// By process.
    languages: Vec<Language>,
    /// By operation.
    operations: Vec<(SpanKind, Callee)>,
    known: BTreeMap<(Option<ErrorType>, u16, Language, SpanKind, Callee), String>,
}

impl ErrorWords {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let language = |service: ServiceId| Language::of(&blueprint[service].runtime);
        let callee = |operation: &Operation| match operation {
            Operation::Http { .. } => Callee::Http,
            Operation::Sql { .. } => Callee::Sql,
            Operation::Cache { .. } => Callee::Cache,
            Operation::Internal { .. } | Operation::Process { .. } => Callee::Sql,
            Operation::Publish { .. } => Callee::Broker,
        };
        Self {
            languages: catalogue
                .processes
                .iter()
                .map(|process| process.service.map_or(Language::Native, language))
                .collect(),
            operations: catalogue.operations.iter().map(|info| (info.kind, callee(&info.operation))).collect(),
            known: BTreeMap::new(),
        }
    }

    /// `error.type` of a request that failed, as its client would report it.
    pub(crate) fn of_request(
        &mut self,
        client: ProcessId,
        operation: OperationId,
        status: u16,
        error: Option<ErrorType>,
    ) -> &str {
        let (kind, callee) = self.operations[operation.index()];
        let key = (error, status, self.languages[client.index()], kind, callee);
        self.known.entry(key).or_insert_with(|| span_error(key))
    }

    /// `error.type` of a span whose status is an error.
    pub(crate) fn of(&mut self, span: &SpanRecord) -> &str {
        let (kind, callee) = self.operations[span.operation.index()];
        let key = (span.error, span.http_status, self.languages[span.process.index()], kind, callee);
        self.known.entry(key).or_insert_with(|| span_error(key))
    }
}

fn span_error(
    (error, http_status, language, kind, callee): (Option<ErrorType>, u16, Language, SpanKind, Callee),
) -> String {
    // Answers carry a status inside the model whatever the protocol; only HTTP has one to show.
    if http_status >= 400 && callee == Callee::Http {
        return http_status.to_string();
    }
    match error {
        // The conventions' word for an error that nothing is known of.
        None => "_OTHER".into(),
        Some(ErrorType::Timeout) if matches!(kind, SpanKind::Client | SpanKind::Producer) => "timeout".into(),
        Some(error) => sql_state(error)
            .filter(|_| callee == Callee::Sql && kind == SpanKind::Client)
            .unwrap_or_else(|| exception(error, language, callee))
            .into(),
    }
}

/// The SQLSTATE with which PostgreSQL itself ends a statement or refuses a connection.
const fn sql_state(error: ErrorType) -> Option<&'static str> {
    match error {
        ErrorType::TooManyConnections => Some("53300"),
        ErrorType::ConnectionLost => Some("08006"),
        ErrorType::Terminated => Some("57P01"),
        ErrorType::LockTimeout => Some("55P03"),
        ErrorType::Deadlock => Some("40P01"),
        ErrorType::DiskFull => Some("53100"),
        ErrorType::OutOfMemory => Some("53200"),
        ErrorType::Cancelled | ErrorType::StatementTimeout => Some("57014"),
        ErrorType::Application => Some("XX000"),
        _ => None,
    }
}

/// The exception that a runtime throws (or the code that it reports) for an error.
pub(super) const fn exception(error: ErrorType, language: Language, callee: Callee) -> &'static str {
    match language {
        Language::Jvm => jvm(error, callee),
        Language::CPython => cpython(error, callee),
        Language::Node => node(error, callee),
        Language::Native => match (error, callee) {
            (ErrorType::TooManyConnections, Callee::Cache) => "proto.RedisError",
            _ => native(error),
        },
        Language::Postgres => match error {
            ErrorType::Timeout => "57014",
            ErrorType::ConnectionReset => "08006",
            _ => match sql_state(error) {
                Some(state) => state,
                None => "XX000",
            },
        },
        Language::Redis => match error {
            ErrorType::CacheFull => "OOM",
            _ => "ERR",
        },
    }
}

const fn jvm(error: ErrorType, callee: Callee) -> &'static str {
    match (error, callee) {
        (ErrorType::Timeout, Callee::Http) => "java.net.SocketTimeoutException",
        (ErrorType::TooManyConnections, Callee::Cache) => "io.lettuce.core.RedisConnectionException",
        (ErrorType::Timeout, Callee::Cache) => "io.lettuce.core.RedisCommandTimeoutException",
        (ErrorType::ConnectionRefused, Callee::Http) => "java.net.ConnectException",
        (ErrorType::ConnectionRefused, Callee::Cache) => "io.lettuce.core.RedisConnectionException",
        (ErrorType::ConnectionReset, Callee::Http) => "java.net.SocketException",
        (ErrorType::ConnectionReset, Callee::Cache) => "io.lettuce.core.RedisException",
        (ErrorType::Timeout | ErrorType::ConnectionRefused | ErrorType::ConnectionReset, Callee::Sql)
        | (
            ErrorType::TooManyConnections
            | ErrorType::ConnectionLost
            | ErrorType::LockTimeout
            | ErrorType::Deadlock
            | ErrorType::DiskFull
            | ErrorType::StatementTimeout
            | ErrorType::Terminated,
            _,
        ) => "org.postgresql.util.PSQLException",
        (ErrorType::Timeout, Callee::Broker) => "org.springframework.amqp.AmqpTimeoutException",
        (ErrorType::ConnectionRefused, Callee::Broker) => "org.springframework.amqp.AmqpConnectException",
        (ErrorType::ConnectionReset, Callee::Broker) => "com.rabbitmq.client.AlreadyClosedException",
        (ErrorType::Nacked, _) => "org.springframework.amqp.AmqpException",
        (ErrorType::Certificate, _) => "javax.net.ssl.SSLHandshakeException",
        (ErrorType::PoolTimeout, _) => "java.sql.SQLTransientConnectionException",
        (ErrorType::OutOfMemory, _) => "java.lang.OutOfMemoryError",
        (ErrorType::Upstream, _) => "org.springframework.web.client.HttpServerErrorException",
        (ErrorType::Application, _) => "org.springframework.web.server.ResponseStatusException",
        (ErrorType::Cancelled, _) => "org.apache.catalina.connector.ClientAbortException",
        (ErrorType::CacheFull, _) => "io.lettuce.core.RedisCommandExecutionException",
        (ErrorType::Overloaded, _) => "org.springframework.web.client.HttpServerErrorException$ServiceUnavailable",
        (ErrorType::RateLimited, _) => "org.springframework.web.client.HttpClientErrorException$TooManyRequests",
        (ErrorType::CallNotPermitted, _) => "io.github.resilience4j.circuitbreaker.CallNotPermittedException",
        (ErrorType::BulkheadFull, _) => "io.github.resilience4j.bulkhead.BulkheadFullException",
        (ErrorType::ClientThrottled | ErrorType::TaskRejected, _) => "java.util.concurrent.RejectedExecutionException",
        (ErrorType::TaskTimeout, _) => "java.util.concurrent.TimeoutException",
    }
}

const fn cpython(error: ErrorType, callee: Callee) -> &'static str {
    match (error, callee) {
        (ErrorType::Timeout, Callee::Http) => "requests.exceptions.ReadTimeout",
        (ErrorType::Timeout, Callee::Sql) => "psycopg2.errors.QueryCanceled",
        (ErrorType::TooManyConnections, Callee::Cache) => "redis.exceptions.ConnectionError",
        (ErrorType::Timeout, Callee::Cache) => "redis.exceptions.TimeoutError",
        (ErrorType::ConnectionRefused | ErrorType::ConnectionReset, Callee::Http) => {
            "requests.exceptions.ConnectionError"
        }
        (ErrorType::ConnectionRefused | ErrorType::ConnectionReset, Callee::Cache) => {
            "redis.exceptions.ConnectionError"
        }
        (ErrorType::ConnectionRefused | ErrorType::ConnectionReset, Callee::Sql)
        | (
            ErrorType::TooManyConnections
            | ErrorType::ConnectionLost
            | ErrorType::LockTimeout
            | ErrorType::Deadlock
            | ErrorType::DiskFull
            | ErrorType::StatementTimeout
            | ErrorType::Terminated,
            _,
        ) => "sqlalchemy.exc.OperationalError",
        (
            ErrorType::Timeout | ErrorType::ConnectionRefused | ErrorType::ConnectionReset | ErrorType::Nacked,
            Callee::Broker,
        ) => "kombu.exceptions.OperationalError",
        (ErrorType::Nacked, _) => "kombu.exceptions.OperationalError",
        (ErrorType::Certificate, _) => "requests.exceptions.SSLError",
        (ErrorType::PoolTimeout, _) => "sqlalchemy.exc.TimeoutError",
        (ErrorType::OutOfMemory, _) => "MemoryError",
        (ErrorType::Upstream | ErrorType::Overloaded | ErrorType::RateLimited, _) => "requests.exceptions.HTTPError",
        (ErrorType::Application, _) => "RuntimeError",
        (ErrorType::Cancelled, _) => "BrokenPipeError",
        (ErrorType::CacheFull, _) => "redis.exceptions.OutOfMemoryError",
        (ErrorType::CallNotPermitted, _) => "pybreaker.CircuitBreakerError",
        (ErrorType::BulkheadFull | ErrorType::ClientThrottled | ErrorType::TaskRejected, _) => "RuntimeError",
        (ErrorType::TaskTimeout, _) => "TimeoutError",
    }
}

const fn node(error: ErrorType, callee: Callee) -> &'static str {
    match (error, callee) {
        (ErrorType::Timeout, Callee::Http) => "TimeoutError",
        (ErrorType::Timeout, _) => "ETIMEDOUT",
        (ErrorType::ConnectionRefused, _) => "ECONNREFUSED",
        (ErrorType::ConnectionReset, _) => "ECONNRESET",
        (ErrorType::TooManyConnections, Callee::Cache) => "ReplyError",
        (ErrorType::TooManyConnections, _) => "53300",
        // The driver has an error of its own for a broken connection.
        (ErrorType::ConnectionLost, _) => "ECONNRESET",
        (ErrorType::Certificate, _) => "CERT_HAS_EXPIRED",
        (ErrorType::Terminated, _) => "57P01",
        (ErrorType::LockTimeout, _) => "55P03",
        (ErrorType::Deadlock, _) => "40P01",
        (ErrorType::DiskFull, _) => "53100",
        (ErrorType::StatementTimeout, _) => "57014",
        (ErrorType::OutOfMemory, _) => "RangeError",
        (ErrorType::Cancelled, _) => "AbortError",
        (ErrorType::CacheFull, _) => "ReplyError",
        (ErrorType::Nacked, _) => "Error",
        // opossum's codes.
        (ErrorType::CallNotPermitted, _) => "EOPENBREAKER",
        (ErrorType::BulkheadFull, _) => "ESEMLOCKED",
        (ErrorType::ClientThrottled, _) => "Error",
        (
            ErrorType::PoolTimeout
            | ErrorType::Upstream
            | ErrorType::Application
            | ErrorType::Overloaded
            | ErrorType::RateLimited
            | ErrorType::TaskRejected
            | ErrorType::TaskTimeout,
            _,
        ) => "Error",
    }
}

const fn native(error: ErrorType) -> &'static str {
    match error {
        ErrorType::Timeout | ErrorType::PoolTimeout => "context.deadlineExceededError",
        ErrorType::ConnectionRefused | ErrorType::ConnectionReset => "*net.OpError",
        ErrorType::Certificate => "*tls.CertificateVerificationError",
        ErrorType::ConnectionLost => "*net.OpError",
        ErrorType::TooManyConnections
        | ErrorType::LockTimeout
        | ErrorType::Deadlock
        | ErrorType::DiskFull
        | ErrorType::StatementTimeout
        | ErrorType::Terminated => "*pgconn.PgError",
        ErrorType::OutOfMemory => "runtime.Error",
        ErrorType::Upstream | ErrorType::Application | ErrorType::Overloaded | ErrorType::RateLimited => {
            "*errors.errorString"
        }
        ErrorType::Cancelled => "context.Canceled",
        ErrorType::CacheFull => "proto.RedisError",
        ErrorType::CallNotPermitted
        | ErrorType::BulkheadFull
        | ErrorType::ClientThrottled
        | ErrorType::Nacked
        | ErrorType::TaskRejected
        | ErrorType::TaskTimeout => "*errors.errorString",
    }
}
