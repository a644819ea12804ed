//! States of components, and the metrics that tell of them.

use crate::truth::metric::Metric;
use serde::Serialize;

/// A state of a component, or of a part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// More requests come.
    Load,
    /// More bytes are kept.
    Memory,
    /// It stands still: collections, stops, vacations.
    Pauses,
    /// Its quota is burnt.
    Throttling,
    /// More want a core, or for longer.
    Processor,
    /// Statements wait for rows or tables.
    Locks,
    /// Reads do not find what they look for.
    Misses,
    /// Connections are never given back.
    Leak,
    /// Connections of a pool are held longer, or more of them.
    Held,
    /// Callers wait for a connection.
    PoolWait,
    /// Callers give up waiting for one.
    PoolTimeouts,
    /// Requests wait for a worker, or workers are busy.
    Queue,
    /// Requests take longer.
    Latency,
    /// Requests are turned away.
    Refusals,
    /// Calls are not let through, or hosts left out.
    Guards,
    /// Requests fail.
    Errors,
    /// Requests are sent again.
    Retries,
    /// The process ended, and what it knew with it.
    Death,
    /// Less room is left on a disk.
    Storage,
    /// Statements wait for a disk.
    Disk,
    /// Keys of a cache go to make room for others.
    Evictions,
    /// A replica is behind its primary.
    Lag,
    /// Reads of a replica miss what was written.
    StaleReads,
    /// It deletes keys that have expired.
    Expiry,
    /// More messages wait in a queue.
    Backlog,
    /// A broker does not read what publishers send.
    Blocked,
    /// Messages are delivered again.
    Redeliveries,
    /// Messages become dead letters, or are dropped.
    DeadLetters,
    /// It fails the platform's probes.
    Probes,
    /// Its workers are killed over their requests.
    Kills,
    /// An executor's threads are busy, and tasks wait for them.
    Threads,
    /// An executor turns tasks away.
    Rejections,
}

use State::{
    Backlog, Blocked, DeadLetters, Death, Disk, Errors, Evictions, Expiry, Guards, Held, Kills, Lag, Latency, Leak,
    Load, Locks, Memory, Misses, Pauses, PoolTimeouts, PoolWait, Probes, Processor, Queue, Redeliveries, Refusals,
    Rejections, Retries, StaleReads, Storage, Threads, Throttling,
};

impl State {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Load => "more load",
            Memory => "memory grows",
            Pauses => "stands still longer",
            Throttling => "throttled",
            Processor => "waits for cores",
            Locks => "statements wait for locks",
            Misses => "more cache misses",
            Leak => "connections leak",
            Held => "more connections are in use",
            PoolWait => "callers wait for connections",
            PoolTimeouts => "acquire timeouts",
            Queue => "requests queue",
            Latency => "responds more slowly",
            Refusals => "refuses requests",
            Guards => "callers' guards act",
            Errors => "errors",
            Retries => "retries",
            Death => "process ends, and starts cold",
            Storage => "the disk fills",
            Disk => "statements wait for the disk",
            Evictions => "keys are evicted",
            Lag => "falls behind its primary",
            StaleReads => "answers with what was before",
            Expiry => "deletes expired keys",
            Backlog => "messages pile up",
            Blocked => "publishers are blocked",
            Redeliveries => "messages are delivered again",
            DeadLetters => "messages are given up",
            Probes => "fails its probes",
            Kills => "workers are killed over their requests",
            Threads => "an executor's threads are busy",
            Rejections => "an executor rejects tasks",
        }
    }

    /// The state that a metric tells of, when it is worse (or, for load, higher).
    pub(super) fn of(metric: &Metric, pool: bool, executor: bool) -> Option<Self> {
        Some(match metric.name.as_str() {
            "waiting.present.mean" | "running.present.mean" | "wait.mean" if executor => Threads,
            "rejected" | "discarded" if executor => Rejections,
            _ if executor => return None,
            "sent" | "arrived" => Load,
            "retained" | "live_after_full_collection" | "resident" => Memory,
            "paused" | "full_collections" | "stops" => Pauses,
            "throttled" => Throttling,
            "processor.present.mean" => Processor,
            "locks.present.mean" | "row_holders" => Locks,
            "misses" => Misses,
            "evicted" => Evictions,
            "expire_cycles" => Expiry,
            "replay_behind" | "staleness.mean" => Lag,
            "stale_reads" => StaleReads,
            "leaked" | "leaked_connections" => Leak,
            "in_use.present.mean" | "in_use.sojourn.mean" => Held,
            "wait.mean" | "waiting.present.mean" if pool => PoolWait,
            "timeouts" if pool => PoolTimeouts,
            "queue.present.mean" | "inbox" => Queue,
            "latency.mean" => Latency,
            "ready.present.mean" | "ready" => Backlog,
            "blocked.present.mean" => Blocked,
            "redelivered" => Redeliveries,
            "dead_lettered" | "dropped" => DeadLetters,
            "refused"
            | "rejected"
            | "rejected_connections"
            | "shed"
            | "expired"
            | "limited"
            | "over_limit"
            | "syn_dropped"
            | "abandoned"
            | "delayed" => Refusals,
            "not_permitted" | "opened" | "bulkhead_full" | "ejections" | "breaker" | "ejected_hosts" => Guards,
            "failed" | "timeouts" | "lock_timeouts" | "statement_timeouts" => Errors,
            "retries" => Retries,
            "probe_failures" | "not_ready" | "unready" | "probes_failing" => Probes,
            "disk_used" => Storage,
            "worker_timeouts" => Kills,
            "disk.waiting.present.mean" | "disk.present.mean" | "buffer_hit_share" | "buffer_misses" => Disk,
            "disk_full" | "deadlocks" => Errors,
            "out_of_memory" | "oom_killed" | "panics" | "restarts" | "probe_kills" | "lost" | "life"
            | "warm_up_left" => Death,
            _ => return None,
        })
    }
}
