//! postgres_exporter beside a PostgreSQL server. Where the server does not answer, `pg_up` is 0 and the rest is missing.
//!
//! A session is active while a statement of its is under way, whether it runs or waits for a worker or a lock. Locks are counted,
//! granted or not, where statements lock rows: a transaction's on itself and a waiter's on its tuple (exclusive), a waiter's
//! for the holder's transaction (share), one of the table for each transaction that locks rows of it (row exclusive); and of tables whose locks
//! are kept, those. Left out: counts of transactions (a server does not know here which statements belong together), locks of virtual
//! transactions and indexes, and of tables that are only read where their locks are not kept.

use super::listing::Listing;
use super::scrape::Target;
use super::{Reading as Series, Scope};
use crate::blueprint::{Postgres, Runtime, Service, Step};
use crate::lock::LockMode;
use crate::record::SeriesKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Reading {
    Active,
    Idle,
    IdleInTransaction,
    Backends,
    MaximumConnections,
    ReservedConnections,
    Started,
    /// Locks of transactions on themselves and tuple locks.
    ExclusiveLocks,
    /// Waits for a transaction to end.
    ShareLocks,
    /// Locks of tables that come with those of rows.
    RowExclusiveLocks,
    /// Locks of tables in a mode.
    TableLocks(LockMode),
    Deadlocks,
    IsReplica,
    ReplicationLag,
}

/// `pg_*`.
pub(super) fn list(listing: &mut Listing, service: &Service) {
    listing.series(Scope::Always, "up", (SeriesKind::Gauge, "1"), &[], Series::Exporter);
    listing.series(Scope::Always, "pg_up", (SeriesKind::Gauge, "1"), &[], Series::Answers);
    let database = ("datname", service.name.as_str());
    for (state, reading) in
        [("active", Reading::Active), ("idle", Reading::Idle), ("idle in transaction", Reading::IdleInTransaction)]
    {
        let labels = [database, ("state", state)];
        listing.gauge("pg_stat_activity_count", "{connection}", &labels, Series::Postgres(reading));
    }
    let backends = Series::Postgres(Reading::Backends);
    listing.gauge("pg_stat_database_numbackends", "{connection}", &[database], backends);
    let maximum = Series::Postgres(Reading::MaximumConnections);
    listing.gauge("pg_settings_max_connections", "{connection}", &[], maximum);
    let reserved = Series::Postgres(Reading::ReservedConnections);
    listing.gauge("pg_settings_superuser_reserved_connections", "{connection}", &[], reserved);
    let mut steps = service.endpoints.iter().flat_map(|endpoint| &endpoint.program);
    if steps.clone().any(|step| matches!(step, Step::LockTable { .. })) {
        for mode in LockMode::ALL {
            let label = mode.word().to_lowercase();
            let reading = match mode {
                LockMode::Exclusive => Reading::ExclusiveLocks,
                LockMode::Share => Reading::ShareLocks,
                other => Reading::TableLocks(other),
            };
            listing.gauge("pg_locks_count", "{lock}", &[database, ("mode", &label)], Series::Postgres(reading));
        }
        listing.counter("pg_stat_database_deadlocks", "{deadlock}", &[database], Series::Postgres(Reading::Deadlocks));
    } else if steps.any(|step| matches!(step, Step::Lock { .. })) {
        for (mode, reading) in [
            ("exclusivelock", Reading::ExclusiveLocks),
            ("rowexclusivelock", Reading::RowExclusiveLocks),
            ("sharelock", Reading::ShareLocks),
        ] {
            listing.gauge("pg_locks_count", "{lock}", &[database, ("mode", mode)], Series::Postgres(reading));
        }
    }
    if let Runtime::Postgres(Postgres { replica: Some(_), .. }) = service.runtime {
        listing.gauge("pg_replication_is_replica", "1", &[], Series::Postgres(Reading::IsReplica));
        listing.gauge("pg_replication_lag_seconds", "s", &[], Series::Postgres(Reading::ReplicationLag));
    }
    listing.gauge("pg_postmaster_start_time_seconds", "s", &[], Series::Postgres(Reading::Started));
}

impl Reading {
    pub(super) fn value(self, target: &Target<'_>) -> f64 {
        let process = target.process;
        let Runtime::Postgres(settings) = target.service.runtime else {
            unreachable!("pg_* series are listed for PostgreSQL alone")
        };
        let open = process.connections;
        let table = process.locks.as_ref();
        let locks = table.map(|locks| locks.readings()).unwrap_or_default();
        let of_mode = |mode| table.map_or(0, |locks| locks.of_mode(mode));
        let statements = u64::from(process.busy)
            + u64::from(process.queue.len())
            + u64::from(locks.next + locks.queued + locks.for_tables);
        let active = u32::try_from(statements).unwrap_or(u32::MAX).min(open);
        let in_transaction = target.idle_transactions.min(open - active);
        f64::from(match self {
            Self::Active => active,
            Self::Idle => open - active - in_transaction,
            Self::IdleInTransaction => in_transaction,
            Self::Backends => open,
            Self::MaximumConnections => settings.max_connections,
            Self::ReservedConnections => settings.reserved,
            Self::ExclusiveLocks => locks.holding + locks.next + locks.queued + of_mode(LockMode::Exclusive),
            Self::ShareLocks => locks.next + of_mode(LockMode::Share),
            Self::TableLocks(mode) => of_mode(mode),
            Self::IsReplica => 1,
            Self::ReplicationLag => {
                let replay = target.process.replay.as_ref();
                return replay.map_or(0.0, |replay| replay.readings(target.now).0.as_secs_f64());
            }
            Self::Deadlocks => return table.map_or(0, |locks| locks.deadlocks()) as f64,
            Self::RowExclusiveLocks => locks.sessions,
            Self::Started => return target.unix_seconds(process.started),
        })
    }
}
