//! Aggregates over a whole run, kept whether or not anything observes it: what summaries and expectations read.

mod histogram;

pub use histogram::LatencyHistogram;

use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Aggregates of a run so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// By source.
    pub sources: Vec<SourceStatistics>,
    /// By service.
    pub services: Vec<ServiceStatistics>,
    /// By key space of a cache.
    pub keyspaces: Vec<KeyspaceStatistics>,
}

/// What became of a source's requests: `sent = answered + failed + in_flight`, always.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceStatistics {
    /// Name of the source.
    pub name: String,
    /// Requests sent.
    pub sent: u64,
    /// Answered with a status below 500.
    pub answered: u64,
    /// Ended otherwise: a status of 500 or above, a timeout, a refusal, a broken connection.
    pub failed: u64,
    /// Not ended yet.
    pub in_flight: u64,
    /// Attempts sent, at least one a request.
    pub attempts: u64,
    /// From sending to the end, of answered requests.
    pub latency: LatencyHistogram,
}

/// What a service's processes did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServiceStatistics {
    /// Name of the service.
    pub name: String,
    /// Requests that arrived (accepted or refused).
    pub arrived: u64,
    /// Answered with a status below 500.
    pub answered: u64,
    /// Answered with an error.
    pub failed: u64,
    /// Turned away: nobody listened, the accept queue was full, or it was dropped from the queue or over a limit (see below).
    pub refused: u64,
    /// Ended because the process died.
    pub lost: u64,
    /// Accepted and not ended yet.
    pub in_flight: u64,
    /// From arrival to answer, of everything answered (errors too).
    pub latency: LatencyHistogram,
    /// Processor time used by requests.
    pub computed: Duration,
    /// Time stood still (collections and stops), summed over processes.
    pub paused: Duration,
    /// Collections, minor and major.
    pub collections: u64,
    /// Major collections.
    pub full_collections: u64,
    /// OutOfMemoryErrors.
    pub out_of_memory: u64,
    /// Kills by the kernel for memory.
    pub oom_killed: u64,
    /// Restarts by the platform.
    pub restarts: u64,
    /// Its pools, summed over processes.
    pub pools: Vec<PoolStatistics>,
    /// Cache reads that found their key (cache services).
    pub hits: u64,
    /// Cache reads that did not.
    pub misses: u64,
    /// Times that a request found the accept queue full, whoever went then.
    pub overflowed: u64,
    /// Dropped from the queue because requests stood too long in it. Part of `refused`, as are those that follow.
    pub shed: u64,
    /// Dropped from the queue because they had expired or their caller had left.
    pub expired: u64,
    /// Turned away by a rate limiter.
    pub limited: u64,
    /// Turned away by the concurrency limit.
    pub over_limit: u64,
    /// Held back by a rate limiter before they were let through: no part of `refused`.
    pub delayed: u64,
    /// SYNs dropped at a full queue. They have not arrived: what is sent again may arrive later.
    pub syn_dropped: u64,
}

/// What a pool did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PoolStatistics {
    /// Name within the service.
    pub name: String,
    /// Connections handed out.
    pub acquired: u64,
    /// Callers that gave up.
    pub timeouts: u64,
    /// Waits for a connection, of everyone who got one.
    pub wait: LatencyHistogram,
    /// Most callers that waited at once.
    pub peak_waiting: u32,
}

/// What became of the keys of a key space, summed over processes and their lives.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeyspaceStatistics {
    /// Name of the cache service that holds it, or of the service whose processes do.
    pub cache: String,
    /// Its name within the cache; behind the name of the cache and a slash where it is one within processes.
    pub name: String,
    /// Reads, writes and what went.
    pub keys: crate::store::Tally,
}
