//! Node.js with Fastify: its logger prints the error's message.

use super::errors::{Callee, Language, exception};
use super::{Call, Heading, Speaker, port, say};
use knockon_model::blueprint::Severity;
use knockon_model::record::{ErrorType, LogEvent};

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let heading = |severity| Heading::new(severity, speaker.application);
    Some(match *event {
        LogEvent::Starting => {
            body.push_str("> node server.js");
            Heading::new(Severity::Info, "npm")
        }
        LogEvent::Started { .. } => {
            say!(body, "Server listening at http://0.0.0.0:{}", port(&speaker.service.runtime));
            heading(Severity::Info)
        }
        LogEvent::Stopping => {
            body.push_str("SIGTERM received, closing server");
            heading(Severity::Info)
        }
        LogEvent::OutOfMemory { .. } => {
            body.push_str("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
            Heading::new(Severity::Fatal, "node").error("ERR_OUT_OF_MEMORY")
        }
        LogEvent::PoolTimeout { .. } => {
            body.push_str("timeout exceeded when trying to connect");
            heading(Severity::Error).error("Error")
        }
        LogEvent::PoolConnectFailed { pool, error } => {
            match error {
                ErrorType::TooManyConnections => {
                    body.push_str("remaining connection slots are reserved for non-replication superuser connections");
                }
                _ => say!(body, "connect ECONNREFUSED {}", speaker.database(pool)),
            }
            heading(Severity::Error).error(exception(error, Language::Node, Callee::Sql))
        }
        LogEvent::PoolConnectionBroken { .. } => {
            body.push_str("Connection terminated unexpectedly");
            heading(Severity::Error).error("Error")
        }
        LogEvent::LoadFailed { error, peer, .. } => {
            let callee = peer.map_or(Callee::Sql, |peer| Callee::of(&speaker.blueprint[peer].runtime));
            failure(error, None, body);
            heading(Severity::Error).error(exception(error, Language::Node, callee))
        }
        LogEvent::RequestFailed { endpoint, status, error, peer } => {
            let call = speaker.call(endpoint, peer);
            failure(error, call.as_ref(), body);
            let severity = if status < 500 { Severity::Info } else { Severity::Error };
            let callee = call.map_or(Callee::Http, |call| call.callee);
            heading(severity).error(exception(error, Language::Node, callee))
        }
        _ => return None,
    })
}

fn failure(error: ErrorType, call: Option<&Call<'_>>, body: &mut String) {
    let address = call.map_or("", |call| call.address.as_str());
    match error {
        ErrorType::Timeout => body.push_str("The operation was aborted due to timeout"),
        ErrorType::ConnectionRefused => say!(body, "connect ECONNREFUSED {address}"),
        ErrorType::ConnectionReset => body.push_str("read ECONNRESET"),
        ErrorType::PoolTimeout => body.push_str("timeout exceeded when trying to connect"),
        ErrorType::TooManyConnections if call.is_some_and(|call| call.callee == Callee::Cache) => {
            body.push_str("ERR max number of clients reached");
        }
        ErrorType::TooManyConnections => {
            body.push_str("remaining connection slots are reserved for non-replication superuser connections");
        }
        ErrorType::ConnectionLost => body.push_str("Connection terminated unexpectedly"),
        ErrorType::LockTimeout => body.push_str("canceling statement due to lock timeout"),
        ErrorType::Deadlock => body.push_str("deadlock detected"),
        ErrorType::DiskFull => {
            body.push_str("could not extend file \"base/5/16384\": No space left on device");
        }
        // Neither has executors of threads.
        ErrorType::TaskRejected => body.push_str("task rejected"),
        ErrorType::TaskTimeout => body.push_str("task timed out"),
        ErrorType::StatementTimeout => body.push_str("canceling statement due to statement timeout"),
        ErrorType::Certificate => body.push_str("certificate has expired"),
        ErrorType::Terminated => body.push_str("terminating connection due to administrator command"),
        ErrorType::OutOfMemory => body.push_str("Array buffer allocation failed"),
        ErrorType::Overloaded => body.push_str("Response code 503 (Service Unavailable)"),
        ErrorType::RateLimited => body.push_str("Response code 429 (Too Many Requests)"),
        ErrorType::Upstream => body.push_str("Response code 500 (Internal Server Error)"),
        ErrorType::Application => body.push_str("Internal Server Error"),
        ErrorType::Cancelled => body.push_str("This operation was aborted"),
        // opossum's words; throttling is the application's own.
        ErrorType::CallNotPermitted => body.push_str("Breaker is open"),
        ErrorType::BulkheadFull => body.push_str("Semaphore locked"),
        ErrorType::ClientThrottled => body.push_str("Request throttled by the client"),
        ErrorType::Nacked => body.push_str("message nacked"),
        ErrorType::CacheFull => body.push_str("OOM command not allowed when used memory > 'maxmemory'."),
    }
}
