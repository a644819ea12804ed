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
    /// Statements wait for rows.
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
    /// Keys of a cache go to make room for others.
    Evictions,
    /// It fails the platform's probes.
    Probes,
}

use State::{
    Death, Errors, Evictions, Guards, Held, Latency, Leak, Load, Locks, Memory, Misses, Pauses, PoolTimeouts, PoolWait,
    Probes, Processor, Queue, Refusals, Retries, Throttling,
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
            Locks => "statements wait for rows",
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
            Evictions => "keys are evicted",
            Probes => "fails its probes",
        }
    }

    /// The state that a metric tells of, when it is worse (or, for load, higher).
    pub(super) fn of(metric: &Metric, pool: bool) -> Option<Self> {
        Some(match metric.name.as_str() {
            "sent" | "arrived" => Load,
            "retained" | "live_after_full_collection" | "resident" => Memory,
            "paused" | "full_collections" | "stops" => Pauses,
            "throttled" => Throttling,
            "processor.present.mean" => Processor,
            "locks.present.mean" | "row_holders" => Locks,
            "misses" => Misses,
            "evicted" => Evictions,
            "leaked" | "leaked_connections" => Leak,
            "in_use.present.mean" | "in_use.sojourn.mean" => Held,
            "wait.mean" | "waiting.present.mean" if pool => PoolWait,
            "timeouts" if pool => PoolTimeouts,
            "queue.present.mean" | "inbox" => Queue,
            "latency.mean" => Latency,
            "refused" | "shed" | "expired" | "limited" | "over_limit" | "syn_dropped" | "abandoned" | "delayed" => {
                Refusals
            }
            "not_permitted" | "opened" | "bulkhead_full" | "ejections" | "breaker" | "ejected_hosts" => Guards,
            "failed" | "timeouts" | "lock_timeouts" | "statement_timeouts" => Errors,
            "retries" => Retries,
            "probe_failures" | "not_ready" | "unready" | "probes_failing" => Probes,
            "out_of_memory" | "oom_killed" | "restarts" | "probe_kills" | "lost" | "life" | "warm_up_left" => Death,
            _ => return None,
        })
    }
}
