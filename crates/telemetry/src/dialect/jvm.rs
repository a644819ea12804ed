//! A Spring Boot 3 application on HotSpot: its own lines, Tomcat's, HikariCP's and the unified log.

use super::errors::{Callee, Language, exception};
use super::{Call, Heading, Speaker, collection, hikari, http, say};
use knockon_model::blueprint::{Heap, OnOutOfMemory, Severity};
use knockon_model::record::{ErrorType, LogEvent};

const TOMCAT: &str = "org.apache.catalina.core.ContainerBase.[Tomcat].[localhost].[/].[dispatcherServlet]";

pub(super) fn word<'a>(speaker: &Speaker<'a>, heap: &Heap, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let pool_or_collection =
        hikari::word(speaker, event, body).or_else(|| collection::word(heap.collector, event, body));
    if pool_or_collection.is_some() {
        return pool_or_collection;
    }
    let class = speaker.application.rsplit('.').next().unwrap_or_default();
    Some(match *event {
        LogEvent::Starting => {
            say!(body, "Starting {class} using Java 17.0.13 with PID 1 (/app/app.jar started by root in /app)");
            Heading::new(Severity::Info, speaker.application)
        }
        LogEvent::Started { after } => {
            let seconds = after.as_nanos() / 1_000_000;
            let (whole, part) = (seconds / 1_000, seconds % 1_000);
            say!(body, "Started {class} in {whole}.{part:03} seconds (process running for {whole}.{part:03})");
            Heading::new(Severity::Info, speaker.application)
        }
        LogEvent::Stopping => {
            say!(body, "Commencing graceful shutdown. Waiting for active requests to complete");
            Heading::new(Severity::Info, "org.springframework.boot.web.embedded.tomcat.GracefulShutdown")
        }
        LogEvent::OutOfMemory { overhead_limit } => {
            let error = if overhead_limit { "GC overhead limit exceeded" } else { "Java heap space" };
            let heading = match heap.on_out_of_memory {
                OnOutOfMemory::Exit => {
                    body.push_str("Terminating due to ");
                    Heading::new(Severity::Fatal, "jvm")
                }
                OnOutOfMemory::Continue => Heading::new(Severity::Error, speaker.application),
            };
            say!(body, "java.lang.OutOfMemoryError: {error}");
            heading.error("java.lang.OutOfMemoryError")
        }
        LogEvent::LoadFailed { error, peer, refresh } => {
            let callee = peer.map_or(Callee::Sql, |peer| Callee::of(&speaker.blueprint[peer].runtime));
            let (what, logger) = match refresh {
                true => ("refresh", "com.github.benmanes.caffeine.cache.BoundedLocalCache"),
                false => ("asynchronous load", "com.github.benmanes.caffeine.cache.LocalAsyncCache"),
            };
            say!(body, "Exception thrown during {what}");
            Heading::new(Severity::Warn, logger).error(exception(error, Language::Jvm, callee))
        }
        LogEvent::TaskRejected { identity, task, threads, active, queued, completed, .. } => {
            let root = exception(ErrorType::TaskRejected, Language::Jvm, Callee::Http);
            // Identity hashes have 31 bits.
            say!(
                body,
                "Servlet.service() for servlet [dispatcherServlet] in context with path [] threw exception [Request processing failed: \
                 {root}: Task java.util.concurrent.FutureTask@{:x}[Not completed, task = {}$$Lambda@{:x}] rejected from \
                 java.util.concurrent.ThreadPoolExecutor@{:x}[Running, pool size = {threads}, active threads = {active}, \
                 queued tasks = {queued}, completed tasks = {completed}]] with root cause",
                task & 0x7fff_ffff,
                speaker.application,
                task.rotate_left(16) & 0x7fff_ffff,
                identity & 0x7fff_ffff,
            );
            Heading::new(Severity::Error, TOMCAT).error(root)
        }
        LogEvent::RequestFailed { endpoint, status, error, peer } => {
            let call = speaker.call(endpoint, peer);
            let root = exception(error, Language::Jvm, call.as_ref().map_or(Callee::Http, |call| call.callee));
            let hystrix = error == ErrorType::CallNotPermitted && speaker.breaks_by_hystrix(peer);
            let root = if hystrix { "java.lang.RuntimeException" } else { root };
            let severity = if status < 500 { Severity::Warn } else { Severity::Error };
            if error == ErrorType::Application {
                say!(body, "Resolved [{root}: {status} {}]", http::constant(status));
                return Some(
                    Heading::new(
                        severity,
                        "org.springframework.web.servlet.mvc.annotation.ResponseStatusExceptionResolver",
                    )
                    .error(root),
                );
            }
            body.push_str(
                "Servlet.service() for servlet [dispatcherServlet] in context with path [] threw exception [",
            );
            if hystrix {
                let name = call.as_ref().map_or("", |call| call.host);
                say!(
                    body,
                    "Request processing failed: com.netflix.hystrix.exception.HystrixRuntimeException: \
                     {name} short-circuited and no fallback available."
                );
            } else {
                failure(error, call.as_ref(), body);
            }
            body.push_str("] with root cause");
            Heading::new(severity, TOMCAT).error(root)
        }
        _ => return None,
    })
}

/// What the trust manager says of a certificate that has expired.
const EXPIRED: &str =
    "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed";

/// The exception that reaches Tomcat, Spring's around the driver's.
fn failure(error: ErrorType, call: Option<&Call<'_>>, body: &mut String) {
    if error == ErrorType::OutOfMemory {
        body.push_str("Handler dispatch failed: java.lang.OutOfMemoryError: Java heap space");
        return;
    }
    body.push_str("Request processing failed: ");
    let callee = call.map_or(Callee::Http, |call| call.callee);
    match (error, callee) {
        (ErrorType::Timeout, Callee::Http) => rest_client(call, "Read timed out", body),
        (ErrorType::ConnectionRefused, Callee::Http) => rest_client(call, "Connection refused", body),
        (ErrorType::ConnectionReset, Callee::Http) => rest_client(call, "Connection reset", body),
        (ErrorType::Upstream, _) => body.push_str(
            "org.springframework.web.client.HttpServerErrorException$InternalServerError: 500 Internal Server Error: [no body]",
        ),
        (ErrorType::Overloaded, _) => body.push_str(
            "org.springframework.web.client.HttpServerErrorException$ServiceUnavailable: 503 Service Unavailable: [no body]",
        ),
        (ErrorType::RateLimited, _) => body.push_str(
            "org.springframework.web.client.HttpClientErrorException$TooManyRequests: 429 Too Many Requests: [no body]",
        ),
        (ErrorType::TooManyConnections, Callee::Cache) => {
            body.push_str("org.springframework.data.redis.RedisConnectionFailureException: Unable to connect to Redis");
        }
        (ErrorType::PoolTimeout | ErrorType::TooManyConnections, _) | (ErrorType::ConnectionRefused, Callee::Sql) => {
            body.push_str("org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection");
        }
        (ErrorType::Timeout, Callee::Sql) => body.push_str(
            "org.springframework.dao.QueryTimeoutException: PreparedStatementCallback; ERROR: canceling statement due to user request",
        ),
        (ErrorType::LockTimeout, _) => body.push_str(
            "org.springframework.dao.CannotAcquireLockException: PreparedStatementCallback; ERROR: canceling statement due to lock timeout",
        ),
        (ErrorType::Deadlock, _) => body.push_str(
            "org.springframework.dao.DeadlockLoserDataAccessException: PreparedStatementCallback; ERROR: deadlock detected",
        ),
        (ErrorType::DiskFull, _) => body.push_str(
            "org.springframework.dao.DataAccessResourceFailureException: PreparedStatementCallback; \
             ERROR: could not extend file \"base/5/16384\": No space left on device",
        ),
        (ErrorType::StatementTimeout, _) => body.push_str(
            "org.springframework.dao.QueryTimeoutException: PreparedStatementCallback; \
             ERROR: canceling statement due to statement timeout",
        ),
        (ErrorType::Terminated, _) => body.push_str(
            "org.springframework.dao.DataAccessResourceFailureException: PreparedStatementCallback; \
             FATAL: terminating connection due to administrator command",
        ),
        (ErrorType::Certificate, _) => rest_client(call, EXPIRED, body),
        (ErrorType::ConnectionReset, Callee::Sql) | (ErrorType::ConnectionLost, _) => body.push_str(
            "org.springframework.dao.DataAccessResourceFailureException: PreparedStatementCallback; \
             An I/O error occurred while sending to the backend.",
        ),
        (ErrorType::Timeout, Callee::Cache) => {
            body.push_str("org.springframework.dao.QueryTimeoutException: Redis command timed out");
        }
        (ErrorType::ConnectionRefused, Callee::Cache) => {
            body.push_str("org.springframework.data.redis.RedisConnectionFailureException: Unable to connect to Redis");
        }
        (ErrorType::ConnectionReset, Callee::Cache) => {
            body.push_str("org.springframework.data.redis.RedisSystemException: Redis exception");
        }
        (ErrorType::CacheFull, _) => {
            body.push_str("org.springframework.data.redis.RedisSystemException: Error in execution");
        }
        (ErrorType::Cancelled, _) => {
            body.push_str("org.apache.catalina.connector.ClientAbortException: java.io.IOException: Broken pipe");
        }
        (ErrorType::CallNotPermitted, _) => {
            let name = call.map_or("", |call| call.host);
            say!(
                body,
                "io.github.resilience4j.circuitbreaker.CallNotPermittedException: \
                 CircuitBreaker '{name}' is OPEN and does not permit further calls"
            );
        }
        (ErrorType::BulkheadFull, _) => {
            let name = call.map_or("", |call| call.host);
            say!(
                body,
                "io.github.resilience4j.bulkhead.BulkheadFullException: \
                 Bulkhead '{name}' is full and does not permit further calls"
            );
        }
        (ErrorType::ClientThrottled, _) => {
            body.push_str("java.util.concurrent.RejectedExecutionException: Request throttled by the client");
        }
        (ErrorType::TaskRejected, _) => body.push_str(
            "java.util.concurrent.ExecutionException: java.util.concurrent.RejectedExecutionException",
        ),
        (ErrorType::TaskTimeout, _) => body.push_str("java.util.concurrent.TimeoutException"),
        (ErrorType::Timeout, Callee::Broker) => {
            body.push_str("org.springframework.amqp.AmqpTimeoutException: Publisher confirm was not received in time");
        }
        (ErrorType::ConnectionRefused, Callee::Broker) => {
            body.push_str("org.springframework.amqp.AmqpConnectException: java.net.ConnectException: Connection refused");
        }
        (ErrorType::ConnectionReset, Callee::Broker) => {
            body.push_str("com.rabbitmq.client.AlreadyClosedException: connection is already closed due to connection error");
        }
        (ErrorType::Nacked, _) => body.push_str("org.springframework.amqp.AmqpException: Nack Received"),
        (ErrorType::Application | ErrorType::OutOfMemory, _) => unreachable!("worded by the caller"),
    }
}

fn rest_client(call: Option<&Call<'_>>, cause: &str, body: &mut String) {
    body.push_str("org.springframework.web.client.ResourceAccessException: ");
    if let Some(Call { method, address, path, .. }) = call {
        let scheme = if cause == EXPIRED { "https" } else { "http" };
        say!(body, "I/O error on {method} request for \"{scheme}://{address}{path}\": ");
    }
    body.push_str(cause);
}

/// The main class as Spring Initializr names it: `web-api` → `com.example.webapi.WebApiApplication`.
pub(super) fn application_class(service: &str) -> String {
    let words = || service.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let package: String = words().collect();
    let class: String = words().map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    format!("com.example.{package}.{class}Application")
}
