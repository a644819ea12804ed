//! PostgreSQL 15's server log. Its level LOG is OpenTelemetry's INFO.

use super::errors::{Callee, Language, exception};
use super::{Heading, Milliseconds, Speaker, say};
use knockon_model::blueprint::{Operation, Severity};
use knockon_model::record::{ErrorType, LogEvent};

pub(super) fn word<'a>(speaker: &Speaker<'a>, event: &LogEvent, body: &mut String) -> Option<Heading<'a>> {
    let heading = |severity| Heading::new(severity, speaker.application);
    Some(match *event {
        LogEvent::Starting => {
            body.push_str("starting PostgreSQL 15.14 (Debian 15.14-1.pgdg120+1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit");
            heading(Severity::Info)
        }
        LogEvent::Started { .. } => {
            body.push_str("database system is ready to accept connections");
            heading(Severity::Info)
        }
        LogEvent::Stopping => {
            body.push_str("received fast shutdown request");
            heading(Severity::Info)
        }
        LogEvent::OutOfMemory { .. } => {
            body.push_str("out of memory");
            heading(Severity::Error).error("53200")
        }
        LogEvent::SlowQuery { endpoint, duration, .. } => {
            let text = match &speaker.service.endpoints[endpoint.index()].operation {
                Operation::Sql { text, .. } => text,
                Operation::Http { .. } | Operation::Cache { .. } => &speaker.service.endpoints[endpoint.index()].name,
            };
            say!(body, "duration: {} ms  statement: {text}", Milliseconds(duration));
            heading(Severity::Info)
        }
        LogEvent::ConnectionRejected { reserved, .. } => {
            body.push_str(if reserved {
                "remaining connection slots are reserved for non-replication superuser connections"
            } else {
                "sorry, too many clients already"
            });
            heading(Severity::Fatal).error("53300")
        }
        LogEvent::ClientLost { .. } => {
            body.push_str("connection to client lost");
            heading(Severity::Fatal).error("08006")
        }
        LogEvent::RequestFailed { error, .. } => {
            body.push_str(match error {
                ErrorType::Timeout => "canceling statement due to statement timeout",
                ErrorType::Cancelled => "canceling statement due to user request",
                ErrorType::OutOfMemory => "out of memory",
                ErrorType::ConnectionLost => "terminating connection due to administrator command",
                ErrorType::ConnectionReset => "connection to client lost",
                ErrorType::TooManyConnections => "sorry, too many clients already",
                _ => "internal error",
            });
            let severity = match error {
                ErrorType::ConnectionLost | ErrorType::ConnectionReset | ErrorType::TooManyConnections => {
                    Severity::Fatal
                }
                _ => Severity::Error,
            };
            heading(severity).error(exception(error, Language::Postgres, Callee::Sql))
        }
        _ => return None,
    })
}
