//! Span names by the semantic conventions: low cardinality, never a raw path.

use knockon_model::blueprint::Operation;
use knockon_model::record::{OperationInfo, SpanKind};

/// `GET /users/{id}` on a server, `GET` on its client; `SELECT users` on both sides of a query; a cache command as it is; `load users` for work
/// within a process; `publish payments` and `process payments` for a message.
pub(crate) fn span_name(info: &OperationInfo) -> String {
    match &info.operation {
        Operation::Http { method, .. } if matches!(info.kind, SpanKind::Client) => method.clone(),
        Operation::Http { method, route } => format!("{method} {route}"),
        Operation::Sql { operation, table, .. } if table.is_empty() => operation.clone(),
        Operation::Sql { operation, table, .. } => format!("{operation} {table}"),
        Operation::Cache { command } => command.clone(),
        Operation::Internal { name } => name.clone(),
        Operation::Publish { queue, .. } => format!("publish {queue}"),
        Operation::Process { queue, .. } => format!("process {queue}"),
    }
}
