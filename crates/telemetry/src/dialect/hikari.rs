//! HikariCP's messages, and pgjdbc's where a connection fails.

use super::errors::{Callee, Language, exception};
use super::{Heading, Speaker, say};
use knockon_model::blueprint::Severity;
use knockon_model::id::PoolId;
use knockon_model::record::{ErrorType, LogEvent};

const POOL: &str = "com.zaxxer.hikari.pool.HikariPool";

/// `None` for an event that is no pool's.
pub(super) fn word(speaker: &Speaker<'_>, event: &LogEvent, body: &mut String) -> Option<Heading<'static>> {
    Some(match *event {
        LogEvent::PoolStarting { pool } => {
            say!(body, "{} - Starting...", name(pool));
            Heading::new(Severity::Info, "com.zaxxer.hikari.HikariDataSource")
        }
        LogEvent::PoolStarted { pool } => {
            say!(body, "{} - Start completed.", name(pool));
            Heading::new(Severity::Info, "com.zaxxer.hikari.HikariDataSource")
        }
        LogEvent::PoolTimeout { pool, waited, total, active, idle, waiting } => {
            let class = exception(ErrorType::PoolTimeout, Language::Jvm, Callee::Sql);
            say!(
                body,
                "{class}: {} - Connection is not available, request timed out after {}ms (total={total}, active={active}, idle={idle}, waiting={waiting})",
                name(pool),
                waited.as_nanos() / 1_000_000
            );
            Heading::new(Severity::Error, POOL).error(class)
        }
        // HikariCP tells of a failed connect at debug level only; its callers see a timeout.
        LogEvent::PoolConnectFailed { pool, error } => {
            let class = exception(error, Language::Jvm, Callee::Sql);
            say!(body, "{} - Cannot acquire connection from data source: {class}: ", name(pool));
            say!(body, "{}", connect_message(speaker, pool, error));
            Heading::new(Severity::Debug, POOL).error(class)
        }
        LogEvent::PoolConnectionBroken { pool } => {
            say!(
                body,
                "{} - Failed to validate connection org.postgresql.jdbc.PgConnection@{:x} (This connection has been closed.). \
                 Possibly consider using a shorter maxLifetime value.",
                name(pool),
                speaker.identity()
            );
            Heading::new(Severity::Warn, "com.zaxxer.hikari.pool.PoolBase").error("org.postgresql.util.PSQLException")
        }
        LogEvent::PoolLeakSuspected { .. } => {
            let thread = 1 + speaker.identity() % 200;
            say!(
                body,
                "Connection leak detection triggered for org.postgresql.jdbc.PgConnection@{:x} on thread http-nio-8080-exec-{thread}, \
                 stack trace follows",
                speaker.identity()
            );
            Heading::new(Severity::Warn, "com.zaxxer.hikari.pool.ProxyLeakTask")
        }
        _ => return None,
    })
}

fn name(pool: PoolId) -> String {
    format!("HikariPool-{}", pool.0 + 1)
}

fn connect_message(speaker: &Speaker<'_>, pool: PoolId, error: ErrorType) -> String {
    match error {
        ErrorType::TooManyConnections => {
            "FATAL: remaining connection slots are reserved for non-replication superuser connections".into()
        }
        ErrorType::ConnectionRefused => format!(
            "Connection to {} refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections.",
            speaker.database(pool)
        ),
        _ => "The connection attempt failed.".into(),
    }
}
