//! Flask with SQLAlchemy, requests and redis-py, served by gunicorn. The cycle collector and a pool that begins are silent.

use super::errors::{Callee, Language, exception};
use super::{Call, Heading, Speaker, celery, port, say};
use knockon_model::blueprint::Severity;
use knockon_model::id::PoolId;
use knockon_model::record::{ErrorType, LogEvent};

const GUNICORN: &str = "gunicorn.error";
const POOL: &str = "sqlalchemy.pool.impl.QueuePool";

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    if speaker.is_worker() && matches!(event, LogEvent::Starting | LogEvent::Started { .. } | LogEvent::Stopping) {
        return celery::life(speaker, event, body);
    }
    Some(match *event {
        LogEvent::Starting => {
            body.push_str("Starting gunicorn 21.2.0");
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::Started { .. } => {
            say!(body, "Listening at: http://0.0.0.0:{} (1)", port(&speaker.service.runtime));
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::Stopping => {
            body.push_str("Handling signal: term");
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::WorkerTimeout { worker } => {
            say!(body, "WORKER TIMEOUT (pid:{})", pid(worker));
            Heading::new(Severity::Fatal, GUNICORN)
        }
        LogEvent::WorkerLastRequest { .. } => {
            body.push_str("Autorestarting worker after current request.");
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::WorkerExiting { worker } => {
            say!(body, "Worker exiting (pid: {})", pid(worker));
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::WorkerFailed { worker } => {
            say!(body, "Worker (pid:{}) exited with code 1", pid(worker));
            Heading::new(Severity::Error, GUNICORN)
        }
        LogEvent::WorkerBooting { worker } => {
            say!(body, "Booting worker with pid: {}", pid(worker));
            Heading::new(Severity::Info, GUNICORN)
        }
        LogEvent::OutOfMemory { .. } => {
            body.push_str("MemoryError");
            Heading::new(Severity::Error, speaker.application).error("MemoryError")
        }
        LogEvent::PoolTimeout { pool, waited, total, .. } => {
            // A pool that lets a caller time out is full: its size is what it has but the overflow.
            let overflow = speaker.pool(pool).overflow;
            let hundredths = waited.as_nanos() / 10_000_000;
            say!(
                body,
                "QueuePool limit of size {} overflow {overflow} reached, connection timed out, timeout {}.{:02} \
                 (Background on this error at: https://sqlalche.me/e/20/3o7r)",
                total.saturating_sub(overflow),
                hundredths / 100,
                hundredths % 100
            );
            Heading::new(Severity::Error, speaker.application).error("sqlalchemy.exc.TimeoutError")
        }
        LogEvent::PoolConnectFailed { pool, error } => {
            say!(body, "(psycopg2.OperationalError) connection to server at {}", connect_message(speaker, pool, error));
            Heading::new(Severity::Error, speaker.application).error(exception(error, Language::CPython, Callee::Sql))
        }
        LogEvent::PoolConnectionBroken { .. } => {
            say!(
                body,
                "Invalidate connection <connection object at 0x7f{:08x}40; dsn: '', closed: 2>",
                speaker.identity()
            );
            Heading::new(Severity::Info, POOL)
        }
        LogEvent::LoadFailed { error, peer, .. } => {
            let callee = peer.map_or(Callee::Sql, |peer| Callee::of(&speaker.blueprint[peer].runtime));
            body.push_str("Task exception was never retrieved");
            Heading::new(Severity::Error, "asyncio").error(exception(error, Language::CPython, callee))
        }
        LogEvent::RequestFailed { endpoint, status, error, peer } => {
            let (method, route) = speaker.endpoint(endpoint);
            let call = speaker.call(endpoint, peer);
            let class = exception(error, Language::CPython, call.as_ref().map_or(Callee::Http, |call| call.callee));
            say!(body, "Exception on {route} [{method}]: {class}");
            failure(error, call.as_ref(), body);
            let severity = if status < 500 { Severity::Warn } else { Severity::Error };
            Heading::new(severity, speaker.application).error(class)
        }
        _ => return None,
    })
}

/// In a container the arbiter is process 1, and the first that it forks comes a little later.
const fn pid(worker: u32) -> u64 {
    worker as u64 + 6
}

/// The exception's own text, with a colon before it.
fn failure(error: ErrorType, call: Option<&Call<'_>>, body: &mut String) {
    let Some(call) = call else { return };
    let (host, port) = call.address.rsplit_once(':').unwrap_or((call.host, ""));
    match (error, call.callee) {
        (ErrorType::Timeout, Callee::Http) => {
            say!(body, ": HTTPConnectionPool(host='{host}', port={port}): Read timed out.")
        }
        (ErrorType::Timeout, Callee::Sql) => body.push_str(": canceling statement due to statement timeout"),
        (ErrorType::TooManyConnections, Callee::Cache) => body.push_str(": max number of clients reached"),
        (ErrorType::Timeout, Callee::Cache) => body.push_str(": Timeout reading from socket"),
        (ErrorType::ConnectionRefused, Callee::Http) => say!(
            body,
            ": HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded with url: {} \
             (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))",
            call.path
        ),
        (ErrorType::ConnectionRefused, Callee::Cache) => {
            say!(body, ": Error 111 connecting to {}. Connection refused.", call.address)
        }
        (ErrorType::ConnectionReset, Callee::Http) => {
            body.push_str(": ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))");
        }
        (ErrorType::Certificate, _) => say!(
            body,
            ": HTTPSConnectionPool(host='{host}', port={port}): Max retries exceeded with url: {} (Caused by \
             SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has \
             expired (_ssl.c:1006)')))",
            call.path
        ),
        (ErrorType::LockTimeout, _) => {
            body.push_str(": (psycopg2.errors.LockNotAvailable) canceling statement due to lock timeout");
        }
        (ErrorType::Deadlock, _) => body.push_str(": (psycopg2.errors.DeadlockDetected) deadlock detected"),
        (ErrorType::DiskFull, _) => body
            .push_str(": (psycopg2.errors.DiskFull) could not extend file \"base/5/16384\": No space left on device"),
        (ErrorType::StatementTimeout, _) => {
            body.push_str(": (psycopg2.errors.QueryCanceled) canceling statement due to statement timeout");
        }
        (ErrorType::ConnectionReset, Callee::Sql) | (ErrorType::ConnectionLost, _) => {
            body.push_str(": (psycopg2.OperationalError) server closed the connection unexpectedly");
        }
        (ErrorType::Terminated, _) => {
            body.push_str(": (psycopg2.errors.AdminShutdown) terminating connection due to administrator command");
        }
        (ErrorType::Upstream, Callee::Http) => {
            say!(body, ": 500 Server Error: Internal Server Error for url: http://{}{}", call.address, call.path);
        }
        (ErrorType::Overloaded, Callee::Http) => {
            say!(body, ": 503 Server Error: Service Unavailable for url: http://{}{}", call.address, call.path);
        }
        (ErrorType::RateLimited, Callee::Http) => {
            say!(body, ": 429 Client Error: Too Many Requests for url: http://{}{}", call.address, call.path);
        }
        (ErrorType::CallNotPermitted, _) => {
            body.push_str(": Timeout not elapsed yet, circuit breaker still open");
        }
        (ErrorType::CacheFull, _) => body.push_str(": command not allowed when used memory > 'maxmemory'."),
        _ => {}
    }
}

fn connect_message(speaker: &Speaker<'_>, pool: PoolId, error: ErrorType) -> String {
    let address = speaker.database(pool);
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, ""));
    let cause = match error {
        ErrorType::TooManyConnections => {
            "FATAL:  remaining connection slots are reserved for non-replication superuser connections"
        }
        ErrorType::ConnectionRefused => "Connection refused",
        ErrorType::Timeout => "timeout expired",
        _ => "server closed the connection unexpectedly",
    };
    format!("\"{host}\", port {port} failed: {cause}")
}
