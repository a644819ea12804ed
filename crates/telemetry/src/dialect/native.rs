//! A native binary, worded as a Go service with net/http and pgx.

use super::errors::{Callee, Language, exception};
use super::{Call, Heading, Speaker, port, say};
use knockon_model::blueprint::Severity;
use knockon_model::record::{ErrorType, LogEvent};

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let heading = |severity| Heading::new(severity, speaker.application);
    Some(match *event {
        LogEvent::Starting => {
            say!(body, "starting {}", speaker.service.name);
            heading(Severity::Info)
        }
        LogEvent::Started { .. } => {
            say!(body, "listening on :{}", port(&speaker.service.runtime));
            heading(Severity::Info)
        }
        LogEvent::Stopping => {
            body.push_str("shutting down");
            heading(Severity::Info)
        }
        LogEvent::OutOfMemory { .. } => {
            body.push_str("fatal error: runtime: out of memory");
            heading(Severity::Fatal).error("runtime.Error")
        }
        LogEvent::PoolTimeout { .. } => {
            body.push_str("context deadline exceeded");
            heading(Severity::Error).error(exception(ErrorType::PoolTimeout, Language::Native, Callee::Sql))
        }
        LogEvent::PoolConnectFailed { pool, error } => {
            say!(body, "failed to connect to `host={}`: ", speaker.database(pool));
            failure(error, None, body);
            heading(Severity::Error).error(exception(error, Language::Native, Callee::Sql))
        }
        LogEvent::PoolConnectionBroken { .. } => {
            body.push_str("unexpected EOF");
            heading(Severity::Warn)
        }
        LogEvent::LoadFailed { error, peer, .. } => {
            let callee = peer.map_or(Callee::Sql, |peer| Callee::of(&speaker.blueprint[peer].runtime));
            failure(error, None, body);
            heading(Severity::Warn).error(exception(error, Language::Native, callee))
        }
        LogEvent::RequestFailed { endpoint, status, error, peer } => {
            failure(error, speaker.call(endpoint, peer).as_ref(), body);
            let severity = if status < 500 { Severity::Warn } else { Severity::Error };
            heading(severity).error(exception(error, Language::Native, Callee::Http))
        }
        _ => return None,
    })
}

/// Whether the error is one of a request that went out: net/http names it then.
fn was_sent(error: ErrorType) -> bool {
    !matches!(
        error,
        ErrorType::Application | ErrorType::CallNotPermitted | ErrorType::BulkheadFull | ErrorType::ClientThrottled
    )
}

fn failure(error: ErrorType, call: Option<&Call<'_>>, body: &mut String) {
    if let Some(call) = call.filter(|call| call.callee == Callee::Http && was_sent(error)) {
        let method = call.method[..1].to_uppercase() + &call.method[1..].to_lowercase();
        let scheme = if error == ErrorType::Certificate { "https" } else { "http" };
        say!(body, "{method} \"{scheme}://{}{}\": ", call.address, call.path);
    }
    let address = call.map_or("", |call| call.address.as_str());
    match error {
        ErrorType::Timeout => {
            body.push_str("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        }
        ErrorType::ConnectionRefused => say!(body, "dial tcp {address}: connect: connection refused"),
        ErrorType::ConnectionReset => body.push_str("read: connection reset by peer"),
        ErrorType::PoolTimeout => body.push_str("context deadline exceeded"),
        ErrorType::TooManyConnections if call.is_some_and(|call| call.callee == Callee::Cache) => {
            body.push_str("ERR max number of clients reached");
        }
        ErrorType::TooManyConnections => body.push_str(
            "FATAL: remaining connection slots are reserved for non-replication superuser connections (SQLSTATE 53300)",
        ),
        ErrorType::ConnectionLost => body.push_str("unexpected EOF"),
        ErrorType::LockTimeout => body.push_str("ERROR: canceling statement due to lock timeout (SQLSTATE 55P03)"),
        ErrorType::Deadlock => body.push_str("ERROR: deadlock detected (SQLSTATE 40P01)"),
        ErrorType::DiskFull => {
            body.push_str("ERROR: could not extend file \"base/5/16384\": No space left on device (SQLSTATE 53100)")
        }
        // Neither has executors of threads.
        ErrorType::TaskRejected => body.push_str("task rejected"),
        ErrorType::TaskTimeout => body.push_str("task timed out"),
        ErrorType::StatementTimeout => {
            body.push_str("ERROR: canceling statement due to statement timeout (SQLSTATE 57014)");
        }
        ErrorType::Certificate => {
            body.push_str("tls: failed to verify certificate: x509: certificate has expired or is not yet valid");
        }
        ErrorType::Terminated => {
            body.push_str("FATAL: terminating connection due to administrator command (SQLSTATE 57P01)");
        }
        ErrorType::OutOfMemory => body.push_str("cannot allocate memory"),
        ErrorType::Overloaded => body.push_str("unexpected status 503 Service Unavailable"),
        ErrorType::RateLimited => body.push_str("unexpected status 429 Too Many Requests"),
        ErrorType::Upstream => body.push_str("unexpected status 500 Internal Server Error"),
        ErrorType::Application => body.push_str("internal error"),
        ErrorType::Cancelled => body.push_str("context canceled"),
        // gobreaker's words; the others are the application's own.
        ErrorType::CallNotPermitted => body.push_str("circuit breaker is open"),
        ErrorType::BulkheadFull => body.push_str("too many concurrent calls"),
        ErrorType::ClientThrottled => body.push_str("request throttled by the client"),
        ErrorType::Nacked => body.push_str("publication was nacked by the broker"),
        ErrorType::CacheFull => body.push_str("OOM command not allowed when used memory > 'maxmemory'."),
    }
}
