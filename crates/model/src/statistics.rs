//! Aggregates over a whole run, kept whether or not anything observes it: what summaries and expectations read.

mod histogram;
mod link;
mod station;
pub(crate) mod wide;

pub use crate::broker::{DeadLetters, QueueStatistics};
pub use histogram::LatencyHistogram;
pub use link::LinkStatistics;
pub use station::{Balance, Level, Station};

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Aggregates of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Up to when: averages over time end here.
    pub at: Time,
    /// By source.
    pub sources: Vec<SourceStatistics>,
    /// By service.
    pub services: Vec<ServiceStatistics>,
    /// By key space of a cache.
    pub keyspaces: Vec<KeyspaceStatistics>,
    /// Both sides of Little's law at every station.
    pub balances: Vec<Balance>,
    /// By link, for links with a traffic policy.
    pub links: Vec<LinkStatistics>,
    /// By queue, for the queues of brokers.
    pub queues: Vec<QueueStatistics>,
}

/// What became of a source's requests: `sent = answered + failed + in flight`, always.
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
    /// Those that have not ended yet, and how long the others took.
    pub requests: Station,
    /// Attempts sent, at least one a request where nothing holds it back.
    pub attempts: u64,
    /// Attempts that were not answered in time.
    pub timeouts: u64,
    /// Times that another attempt was to follow; an answer may have come before that.
    pub retries: u64,
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
    /// Those that were accepted and have not ended yet, and how long the others stayed.
    pub requests: Station,
    /// Those of them in the accept queue.
    pub queue: Station,
    /// Those of them that a rate limiter holds back.
    pub held_back: Station,
    /// Statements that wait for a row, without a worker.
    pub locks: Station,
    /// Publications that a broker does not read.
    pub blocked: Station,
    /// Waits in the accept queue, of everything that a worker took up.
    pub queued: LatencyHistogram,
    /// Workers that there are to take requests up, over all processes; 0 where nothing limits them. Where a limit was lowered, those
    /// that are above it and still busy are there too.
    pub workers: Level,
    /// Whether nothing limited them for some time.
    pub unlimited: bool,
    /// Requests that need or have a limited processor.
    pub processor: Station,
    /// From arrival to answer, of everything answered (errors too).
    pub latency: LatencyHistogram,
    /// Processor time used by requests.
    pub computed: Duration,
    /// Time stood still (collections and stops), summed over processes; of a world, up to now.
    pub paused: Duration,
    /// Time stood still for the processor quota alone, summed over processes; of a world, up to now.
    pub throttled: Duration,
    /// Vacations, of all processes.
    pub vacations: u64,
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
    /// Questions of the platform about the health of its processes.
    pub probes: u64,
    /// Those of them that failed.
    pub probe_failures: u64,
    /// Processes that the platform ended for a probe that failed for good.
    pub probe_kills: u64,
    /// Worker processes that were killed because they had given no sign of life for their timeout.
    pub worker_timeouts: u64,
    /// Worker processes that exited of themselves, after their last request.
    pub worker_exits: u64,
    /// Times that a process was no longer ready to be called.
    pub not_ready: u64,
    /// Its pools, summed over processes.
    pub pools: Vec<PoolStatistics>,
    /// Its executors, summed over processes.
    pub executors: Vec<ExecutorStatistics>,
    /// Waits for a row's lock, of the statements that had to wait and got it (databases).
    pub lock_wait: LatencyHistogram,
    /// Statements that failed of `lock_timeout` (databases).
    pub lock_timeouts: u64,
    /// Statements that failed of `statement_timeout` (databases).
    pub statement_timeouts: u64,
    /// Statements that failed of a deadlock (databases).
    pub deadlocks: u64,
    /// Statements that wait for the disk to begin with their I/O (databases with a disk).
    pub disk_wait: Station,
    /// Statements whose I/O the disk has begun with.
    pub disk_service: Station,
    /// Pages that were read and found in memory (databases with a disk).
    pub buffer_hits: u64,
    /// Pages that were not.
    pub buffer_misses: u64,
    /// Statements that failed because there was no room on the disk.
    pub disk_full: u64,
    /// How old what reads of a replica saw was.
    pub staleness: LatencyHistogram,
    /// Those of them to which a write was missing.
    pub stale_reads: u64,
    /// Connections that were refused at `maxclients` (Redis servers that count their clients).
    pub rejected_connections: u64,
    /// Time that cycles which delete expired keys took of the thread (Redis servers whose `expiry` is described).
    pub expire_cycles: Duration,
    /// Times that a server panicked for want of room for its write-ahead log.
    pub panics: u64,
    /// Cache reads that found their key (cache services).
    pub hits: u64,
    /// Cache reads that did not.
    pub misses: u64,
    /// Times that a request found the accept queue full, whoever went then.
    pub overflowed: u64,
    /// Left the queue because their callers had gone and it was told so. Part of `failed`.
    pub abandoned: u64,
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
    /// Connections that their users never gave back.
    pub leaked: u64,
    /// Waits for a connection, of everyone who got one.
    pub wait: LatencyHistogram,
    /// Most callers that waited at once.
    pub peak_waiting: u32,
    /// Callers that wait for a connection, or open or check one for themselves.
    pub waiting: Station,
    /// Callers that have one.
    pub in_use: Station,
    /// Connections that there may be, over all processes.
    pub capacity: Level,
}

/// What an executor did: `submitted = completed + rejected + lost + queued + running`, always.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExecutorStatistics {
    /// Name within the service.
    pub name: String,
    /// Tasks handed over.
    pub submitted: u64,
    /// Tasks that ended on its threads, however.
    pub completed: u64,
    /// Times that there was neither a thread nor a place.
    pub rejected: u64,
    /// Those of them at which whoever handed the task over did it.
    pub caller_ran: u64,
    /// Those of them at which a task was thrown away without a word.
    pub discarded: u64,
    /// Tasks that were lost with their process.
    pub lost: u64,
    /// Waits for a thread, of all tasks that got one.
    pub wait: LatencyHistogram,
    /// Most tasks that waited in one process at once.
    pub peak_waiting: u32,
    /// Tasks that wait for a thread.
    pub queue: Station,
    /// Tasks that have one.
    pub running: Station,
}

impl SourceStatistics {
    /// Requests that have not ended yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.requests.present()
    }
}

impl ServiceStatistics {
    /// Time that busy workers were busy, summed over them, in nanoseconds: who neither is queued or held back nor waits for a row is at
    /// a worker.
    #[must_use]
    pub fn busy_ns(&self, at: Time) -> u128 {
        let elsewhere = [&self.queue, &self.held_back, &self.locks].map(|station| station.present_ns(at));
        self.requests.present_ns(at) - elsewhere.iter().sum::<u128>()
    }

    /// Whether no more workers were busy than there were, where something always limited them.
    #[must_use]
    pub fn utilisation_is_possible(&self, at: Time) -> bool {
        self.unlimited || self.busy_ns(at) <= self.workers.integral_ns(at)
    }

    /// Requests that were accepted and have not ended yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.requests.present()
    }
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
    /// Loads apart from requests that were begun: `loads = loaded + load_failures + lost + loading`, always.
    pub loads: u64,
    /// Those of them that refresh a stale value in the background.
    pub refreshes: u64,
    /// Misses that waited for a load already under way.
    pub coalesced: u64,
    /// Loads that ended with a value.
    pub loaded: u64,
    /// Loads that ended without one, cancelled ones included.
    pub load_failures: u64,
    /// Loads that ended because the process died.
    pub lost: u64,
    /// Loads not ended yet.
    pub loading: u64,
    /// Callers that wait for a load apart.
    pub waiting: Station,
    /// Callers that waited no longer.
    pub left: u64,
    /// Values that were loaded for nobody and dropped.
    pub dropped: u64,
}
