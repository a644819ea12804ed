//! How many of everything a first scenario has, by its rate: ρ = λ·S/c.

use super::{Draft, DraftRuntime};

/// What a share of a resource may be used, so that the healthy state is one.
const USED: f64 = 0.3;

/// Mean times in seconds of the laws that `text.rs` writes: a log-normal with median m and 99th percentile p has the mean
/// m·exp(σ²/2), where σ = ln(p/m)/2.326.
const COMPUTE: f64 = 0.0051;
const STATEMENT: f64 = 0.0045;
const COMMIT: f64 = 0.0014;
/// Round trips of a transaction's statements, and the work between them.
const BETWEEN: f64 = 0.0070;

/// Shares of requests that read, and that write.
pub(super) const READS: f64 = 0.7;
pub(super) const WRITES: f64 = 0.3;

/// The numbers of a draft.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Size {
    /// Processes of each service.
    pub(super) replicas: Vec<u32>,
    /// Connections that each process of a service keeps; none where it keeps no data.
    pub(super) pool: Vec<u32>,
    pub(super) database_workers: u32,
    pub(super) max_connections: u32,
    /// Mean demand of the slow query, in milliseconds: a third more than the database has workers for.
    pub(super) slow_ms: u64,
}

impl Size {
    pub(super) fn of(draft: &Draft) -> Self {
        let alone = draft.services.len() == 1;
        let rate = |n: usize| match n {
            0 => draft.rate,
            1 => draft.rate * (READS + WRITES),
            _ => draft.rate * WRITES,
        };
        let keeps = |n: usize| draft.database && (alone || n > 0);
        // A keeper's writes compute twice: within their transaction too.
        let demand = |n: usize| rate(n) * COMPUTE + if alone || n > 0 { draft.rate * WRITES * COMPUTE } else { 0.0 };
        let replicas: Vec<_> = (0..draft.services.len()).map(|n| up(demand(n) / USED).max(1)).collect();
        let reads = draft.rate * READS;
        let held = |n: usize| {
            let reads = if n <= 1 { reads * (STATEMENT + BETWEEN / 7.0) } else { 0.0 };
            // On one event loop, what a transaction waits for includes the work of others.
            let factor = if draft.runtime == DraftRuntime::Native { 1.0 } else { 2.0 };
            reads + draft.rate * WRITES * (STATEMENT + COMMIT + COMPUTE + BETWEEN) * factor
        };
        let pool: Vec<_> = (0..draft.services.len())
            .map(|n| if keeps(n) { up(held(n) / f64::from(replicas[n]) / USED).max(10) } else { 0 })
            .collect();
        let writes = draft.rate * WRITES * draft.keepers().len() as f64;
        let busy = reads * STATEMENT + writes * (STATEMENT + COMMIT);
        let database_workers = up(busy / USED).max(8);
        let connections: u32 = pool.iter().zip(&replicas).map(|(pool, replicas)| pool * replicas).sum();
        // SQLAlchemy may open twice as many beyond those that it keeps.
        let connections = if draft.runtime == DraftRuntime::Python { connections * 3 } else { connections };
        Self {
            slow_ms: (1333.0 * f64::from(database_workers) / writes.max(0.01)).round().clamp(20.0, 20_000.0) as u64,
            replicas,
            pool,
            database_workers,
            max_connections: (connections + 10).max(100),
        }
    }
}

fn up(number: f64) -> u32 {
    number.ceil() as u32
}
