//! Replicas of databases.

use super::Compiler;
use crate::language::{DatabaseText, QueryText};
use crate::suggest;
use knockon_kernel::Duration;
use knockon_model::blueprint::Replica;
use knockon_model::id::ServiceId;

/// Bytes that a replica replays in a second when nothing is said.
const RATE: u64 = 64 << 20;

impl Compiler<'_> {
    /// What a replica replays.
    pub(super) fn replica(&mut self, id: ServiceId, text: &DatabaseText) -> Option<Replica> {
        let Some(name) = text.replica_of.value.as_ref() else {
            let given = [
                text.replay.is_some().then_some(text.replay.span),
                text.replay_delay.is_some().then_some(text.replay_delay.span),
            ];
            for span in given.into_iter().flatten() {
                self.report(span, "a database that is no replica replays nothing", None);
            }
            return None;
        };
        let span = text.replica_of.span;
        let databases = &self.system.databases;
        let Some(primary) = databases.get(&name.0) else {
            if !databases.partial {
                let hint = suggest::hint(&name.0, databases.names());
                self.report(span, format!("there is no database {:?}", name.0), hint);
            }
            return None;
        };
        let of = self.services[name.0.as_str()];
        if of == id || primary.replica_of.is_some() {
            self.report(span, format!("{:?} is a replica itself", name.0), None);
            return None;
        }
        if primary.disk.is_none() {
            let hint = "what its queries write is told by `writes:`, which needs a `disk:`";
            self.report(
                span,
                format!("{:?} has no disk: it writes nothing that could be replayed", name.0),
                Some(hint.into()),
            );
            return None;
        }
        Some(Replica {
            primary: of,
            rate: text.replay.value.map_or(RATE, |rate| rate.0),
            delay: text.replay_delay.value.map_or(Duration::ZERO, |delay| delay.0),
        })
    }

    /// A replica takes no writes.
    pub(super) fn check_read_only(&mut self, query: &QueryText) {
        if matches!(query.operation.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE") || query.writes.is_some() {
            self.report(query.operation.span, "a replica is read only", None);
        }
    }
}
