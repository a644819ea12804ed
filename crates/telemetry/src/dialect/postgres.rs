//! PostgreSQL 15's server log. Its level LOG is OpenTelemetry's INFO.
//!
//! Left out are the lines below a message: `STATEMENT` of an error, and `DETAIL` with the values of parameters
//! (`log_parameter_max_length = 0` leaves them out too); below a deadlock stand who waits for whom and the hint, as lines of their own. So are names that drivers give to statements they prepare (`S_1`): all are unnamed.

use super::errors::{Callee, Language, exception};
use super::{Heading, Milliseconds, Speaker, say};
use knockon_model::blueprint::{LinkEnd, Operation, Runtime, Severity, Step};
use knockon_model::lock::Awaited;
use knockon_model::record::{ErrorType, LogEvent};

/// Numbers of the processes that a server starts with.
const FIRST_BACKEND: u32 = 70;
/// Object identifiers below are the system's.
const FIRST_RELATION: u32 = 16_384;
/// Short rows on a page of 8 kB.
const TUPLES_PER_PAGE: u32 = 185;

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
        LogEvent::SlowQuery { endpoint, duration, client } => {
            let text = match &speaker.service.endpoints[endpoint.index()].operation {
                Operation::Sql { text, .. } => text,
                Operation::Http { .. }
                | Operation::Cache { .. }
                | Operation::Internal { .. }
                | Operation::Publish { .. }
                | Operation::Process { .. } => &speaker.service.endpoints[endpoint.index()].name,
            };
            let how = if is_simple(speaker, client, text) { "statement" } else { "execute <unnamed>" };
            say!(body, "duration: {} ms  {how}: {text}", Milliseconds(duration));
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
        LogEvent::LockWait { backend, transaction, row, next, waited, acquired } => {
            // Back ends are numbered from the first on; a server has its own processes before them.
            let pid = FIRST_BACKEND + backend;
            let verb = if acquired { "acquired" } else { "still waiting for" };
            if next {
                // Transactions before 3 are special.
                say!(
                    body,
                    "process {pid} {verb} ShareLock on transaction {} after {} ms",
                    2 + transaction,
                    Milliseconds(waited)
                );
            } else {
                let (page, line) = (row / TUPLES_PER_PAGE, 1 + row % TUPLES_PER_PAGE);
                say!(
                    body,
                    "process {pid} {verb} ExclusiveLock on tuple ({page},{line}) of relation {FIRST_RELATION} of database 5 after {} ms",
                    Milliseconds(waited)
                );
            }
            heading(Severity::Info)
        }
        LogEvent::TableWait { backend, table, mode, waited, acquired } => {
            let (pid, mode) = (FIRST_BACKEND + backend, mode.word());
            let verb = if acquired { "acquired" } else { "still waiting for" };
            let relation = relation(speaker, table);
            say!(
                body,
                "process {pid} {verb} {mode} on relation {relation} of database 5 after {} ms",
                Milliseconds(waited)
            );
            heading(Severity::Info)
        }
        LogEvent::DeadlockEdge { backend, awaited, next, blocker, transaction, first } => {
            let (pid, blocker) = (FIRST_BACKEND + backend, FIRST_BACKEND + blocker);
            body.push_str(if first { "DETAIL:  " } else { "\t" });
            match awaited {
                Awaited::Row(_) if next => {
                    say!(body, "Process {pid} waits for ShareLock on transaction {}", 2 + transaction)
                }
                Awaited::Row(row) => {
                    let (page, line) = (row.number / TUPLES_PER_PAGE, 1 + row.number % TUPLES_PER_PAGE);
                    say!(
                        body,
                        "Process {pid} waits for ExclusiveLock on tuple ({page},{line}) of relation {FIRST_RELATION} of database 5"
                    );
                }
                Awaited::Table { table, mode } => {
                    let relation = relation(speaker, table);
                    say!(body, "Process {pid} waits for {} on relation {relation} of database 5", mode.word());
                }
            }
            say!(body, "; blocked by process {blocker}.");
            heading(Severity::Error).error("40P01")
        }
        LogEvent::DeadlockHint => {
            body.push_str("HINT:  See server log for query details.");
            heading(Severity::Error).error("40P01")
        }
        LogEvent::DiskFullHint => {
            body.push_str("HINT:  Check free disk space.");
            heading(Severity::Error).error("53100")
        }
        LogEvent::LogFull { starting } => {
            let pid = if starting { FIRST_BACKEND - 40 } else { FIRST_BACKEND + 1 };
            say!(body, "could not write to file \"pg_wal/xlogtemp.{pid}\": No space left on device");
            heading(Severity::Fatal).error("53100")
        }
        LogEvent::Checkpoint { timed } => {
            body.push_str(if timed { "checkpoint starting: time" } else { "checkpoint starting: wal" });
            heading(Severity::Info)
        }
        LogEvent::Terminated { .. } => {
            body.push_str("terminating connection due to administrator command");
            heading(Severity::Fatal).error("57P01")
        }
        LogEvent::RequestFailed { error, .. } => {
            body.push_str(match error {
                ErrorType::LockTimeout => "canceling statement due to lock timeout",
                ErrorType::Deadlock => "deadlock detected",
                ErrorType::DiskFull => "could not extend file \"base/5/16384\": No space left on device",
                ErrorType::Timeout | ErrorType::StatementTimeout => "canceling statement due to statement timeout",
                ErrorType::Cancelled => "canceling statement due to user request",
                ErrorType::OutOfMemory => "out of memory",
                ErrorType::Terminated => "terminating connection due to administrator command",
                ErrorType::ConnectionLost | ErrorType::ConnectionReset => "connection to client lost",
                ErrorType::TooManyConnections => "sorry, too many clients already",
                _ => "internal error",
            });
            let severity = match error {
                ErrorType::ConnectionLost
                | ErrorType::ConnectionReset
                | ErrorType::Terminated
                | ErrorType::TooManyConnections => Severity::Fatal,
                _ => Severity::Error,
            };
            heading(severity).error(exception(error, Language::Postgres, Callee::Sql))
        }
        _ => return None,
    })
}

/// The number of a table among those whose locks are kept.
fn relation(speaker: &Speaker<'_>, table: u32) -> u32 {
    let mut tables: Vec<u32> = speaker
        .service
        .endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.program)
        .filter_map(|step| if let Step::LockTable { table, .. } = step { Some(table.0) } else { None })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    FIRST_RELATION + tables.iter().position(|&known| known == table).unwrap_or_default() as u32
}

/// Whether a statement came by the simple protocol, which cannot carry parameters: psycopg2 and node-postgres use it for texts that
/// have none. pgjdbc, and Go's drivers for what returns rows, parse and execute always.
fn is_simple(speaker: &Speaker<'_>, client: LinkEnd, text: &str) -> bool {
    let LinkEnd::Service(client) = client else { return false };
    let has_parameters = text.split('$').skip(1).any(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    matches!(speaker.blueprint[client].runtime, Runtime::CPython(_) | Runtime::Node) && !has_parameters
}
