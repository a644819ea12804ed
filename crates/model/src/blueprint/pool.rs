//! Connection pools as described.

use crate::id::ServiceId;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// A pool of connections from each process of one service to one database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool {
    /// Name within its service, for example `pool`.
    pub name: String,
    /// The database it connects to.
    pub database: ServiceId,
    /// Whose life cycle it follows.
    pub kind: PoolKind,
    /// Connections at most (HikariCP `maximumPoolSize`, SQLAlchemy `pool_size`).
    pub maximum: u32,
    /// Idle connections kept (HikariCP `minimumIdle`); equal to `maximum` by default.
    pub minimum_idle: u32,
    /// Connections beyond `maximum` that are closed when given back (SQLAlchemy `max_overflow`); 0 for HikariCP.
    pub overflow: u32,
    /// How long a caller waits for a connection (HikariCP `connectionTimeout`, SQLAlchemy `timeout`).
    pub acquire_timeout: Duration,
    /// Idle connections above `minimum_idle` are closed after so long; `None` never.
    pub idle_timeout: Option<Duration>,
    /// A connection is closed (when idle) after so long; `None` never (SQLAlchemy `recycle` = −1).
    pub maximum_lifetime: Option<Duration>,
    /// The lifetime of each is shortened by a uniform share of 0 … so many thousandths (25 since HikariCP 2.x, 250 since 6.3).
    pub lifetime_variance_permille: u32,
    /// Idle connections are pinged this often; `None` never.
    pub keepalive: Option<Duration>,
    /// A connection idle for longer is validated by a round trip before it is handed out; `None` never.
    pub validate_after_idle: Option<Duration>,
    /// An apparent leak is logged when a connection is held for longer; `None` never.
    pub leak_detection: Option<Duration>,
    /// Waiters that an arriving caller can overtake: the arriving thread takes a connection that was freed in this very instant.
    pub barging: bool,
}

/// Whose life cycle a pool follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolKind {
    /// HikariCP: filled in the background by one thread, direct hand-off, lifetimes.
    HikariCp,
    /// SQLAlchemy `QueuePool`: the caller connects, first in first out, overflow.
    QueuePool,
}
