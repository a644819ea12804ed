//! Statistics by name: `SOURCE.error_share`, `SERVICE.restarts`, `SERVICE/POOL.wait.p99`, `SOURCE.latency.over(500ms)`.
//!
//! The tables name every statistic, say what it is and where it is read; there is no other list of them. What is read is a
//! [`Reading`]: integers that only grow, so that what happened between two instants is a difference, and division comes last.

use super::reading::{Reading, Shape};
use crate::path::link_name;
use crate::suggest;
use crate::unit;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Blueprint, Runtime, Service};
use knockon_model::statistics::{
    ExecutorStatistics, KeyspaceStatistics, LatencyHistogram, LinkStatistics, PoolStatistics, QueueStatistics,
    ServiceStatistics, SourceStatistics, Station, Statistics,
};
use std::fmt::{self, Write as _};

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// How many.
    Count,
    /// A part of one.
    Share,
    /// A duration in seconds.
    Seconds,
    /// A square of a duration, in seconds².
    SquareSeconds,
    /// A number, not a whole one.
    Number,
    /// How often in a second.
    PerSecond,
}

/// A measured number of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Statistic {
    path: String,
    subject: Subject,
    index: usize,
    /// Where its subject stands among its like in a run of the same blueprint, so that it need not be looked for.
    place: usize,
    /// What stands in brackets behind the name.
    threshold: Option<Duration>,
}

/// Whose number it is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Subject {
    Source(String),
    Service(String),
    Pool(String, String),
    Executor(String, String),
    Keys(String, String),
    Link(String),
    Queue(String, String),
}

/// Where a number is read.
enum Read<S> {
    /// Things that happened so far.
    Count(fn(&S) -> u64),
    /// Time that was spent so far.
    Time(fn(&S) -> Duration),
    /// Things of a kind, of all of them, so far.
    Share(fn(&S) -> (u64, u64)),
    /// Nanoseconds of one kind for each nanosecond of another, so far.
    Times(fn(&S, Time) -> (u128, u128)),
    /// How many there were on average: the integral of their number.
    Average(fn(&S, Time) -> u128),
    /// Things that happened so far, for each second.
    Rate(fn(&S) -> u64),
    /// How long those stayed who have left.
    Stays(fn(&S) -> &Station),
    /// How many there are at the end, or were at most: nothing that has differences.
    Level(fn(&S) -> u64),
    /// The longest of something, of which there are no differences.
    Longest(fn(&S) -> Duration),
    /// Something about many durations.
    Durations(fn(&S) -> &LatencyHistogram, Shape),
}

/// A row of the tables.
struct Row<S> {
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    read: Read<S>,
}

const fn count<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> u64) -> Row<S> {
    Row { name, unit: Unit::Count, meaning, read: Read::Count(read) }
}

const fn level<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> u64) -> Row<S> {
    Row { name, unit: Unit::Count, meaning, read: Read::Level(read) }
}

const fn part<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> (u64, u64)) -> Row<S> {
    Row { name, unit: Unit::Share, meaning, read: Read::Share(read) }
}

const fn time<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> Duration) -> Row<S> {
    Row { name, unit: Unit::Seconds, meaning, read: Read::Time(read) }
}

const fn average<S>(name: &'static str, meaning: &'static str, read: fn(&S, Time) -> u128) -> Row<S> {
    Row { name, unit: Unit::Number, meaning, read: Read::Average(read) }
}

const fn stays<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> &Station) -> Row<S> {
    Row { name, unit: Unit::Seconds, meaning, read: Read::Stays(read) }
}

const fn rate<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> u64) -> Row<S> {
    Row { name, unit: Unit::PerSecond, meaning, read: Read::Rate(read) }
}

const fn utilisation<S>(name: &'static str, meaning: &'static str, read: fn(&S, Time) -> (u128, u128)) -> Row<S> {
    Row { name, unit: Unit::Share, meaning, read: Read::Times(read) }
}

const fn durations<S>(
    name: &'static str,
    meaning: &'static str,
    shape: Shape,
    read: fn(&S) -> &LatencyHistogram,
) -> Row<S> {
    let unit = match shape {
        Shape::Count => Unit::Count,
        Shape::Over | Shape::Waited => Unit::Share,
        Shape::SecondMoment => Unit::SquareSeconds,
        Shape::Mean | Shape::Maximum | Shape::Quantile(_) => Unit::Seconds,
    };
    Row { name, unit, meaning, read: Read::Durations(read, shape) }
}

/// Rows, and behind them those of a histogram.
macro_rules! table {
    ([$($before:expr),* $(,)?], $($name:literal, $meaning:literal, $field:ident);+) => {
        &[
            $($before,)*
            $(
            durations(concat!($name, ".count"), concat!("number of measured values of the ", $meaning), Shape::Count, |s| &s.$field),
            durations(concat!($name, ".mean"), concat!("mean ", $meaning), Shape::Mean, |s| &s.$field),
            durations(concat!($name, ".waited_share"), concat!("share longer than nothing of the ", $meaning), Shape::Waited, |s| &s.$field),
            durations(concat!($name, ".second_moment"), concat!("mean square of the ", $meaning), Shape::SecondMoment, |s| &s.$field),
            durations(concat!($name, ".maximum"), concat!("longest ", $meaning), Shape::Maximum, |s| &s.$field),
            durations(concat!($name, ".p50"), concat!("median ", $meaning), Shape::Quantile(500), |s| &s.$field),
            durations(concat!($name, ".p90"), concat!("90th percentile of the ", $meaning), Shape::Quantile(900), |s| &s.$field),
            durations(concat!($name, ".p95"), concat!("95th percentile of the ", $meaning), Shape::Quantile(950), |s| &s.$field),
            durations(concat!($name, ".p99"), concat!("99th percentile of the ", $meaning), Shape::Quantile(990), |s| &s.$field),
            durations(concat!($name, ".p999"), concat!("99.9th percentile of the ", $meaning), Shape::Quantile(999), |s| &s.$field),
            durations(concat!($name, ".over(T)"), concat!("share longer than a duration T of the ", $meaning), Shape::Over, |s| &s.$field),
            )+
        ]
    };
}

const SOURCE: &[Row<SourceStatistics>] = table!(
    [
        count("sent", "requests sent", |s| s.sent),
        count("answered", "answered with a status below 500", |s| s.answered),
        count("failed", "ended otherwise", |s| s.failed),
        level("in_flight", "not ended at the end of the run", |s| s.in_flight()),
        count("attempts", "attempts sent", |s| s.attempts),
        count("timeouts", "attempts that were not answered in time", |s| s.timeouts),
        count("retries", "times that another attempt was to follow; an answer may have come before that", |s| s
            .retries),
        part("error_share", "failed, of all that ended", |s| (s.failed, s.answered + s.failed)),
        part(
            "goodput_share",
            "answered with a status below 500, for each request sent in the same time: over 100 % where a backlog drains",
            |s| (s.answered, s.sent)
        ),
        rate("throughput", "answered with a status below 500, each second", |s| s.answered),
        average("present.mean", "requests that have not ended, on average over time", |s, at| s
            .requests
            .present_ns(at)),
        stays("sojourn.mean", "mean time from sending to the end, however it ended", |s| &s.requests),
    ],
    "latency",
    "time from sending to the end, of answered requests",
    latency
);

const SERVICE: &[Row<ServiceStatistics>] = table!(
    [
        count("arrived", "requests that arrived", |s| s.arrived),
        count("answered", "answered with a status below 500", |s| s.answered),
        count("failed", "answered with an error", |s| s.failed),
        count("refused", "turned away at the door or out of the queue", |s| s.refused),
        count("lost", "ended because the process died", |s| s.lost),
        level("in_flight", "not ended at the end of the run", |s| s.in_flight()),
        part("error_share", "failed, refused or lost, of all that ended", errors),
        part("refused_share", "refused at the door, of all that arrived", |s| (s.refused, s.arrived)),
        rate("throughput", "answered with a status below 500, each second", |s| s.answered),
        average("present.mean", "accepted requests that have not ended, on average over time", |s, at| s.requests.present_ns(at)),
        stays("sojourn.mean", "mean time from arrival to the end, however it ended", |s| &s.requests),
        average("queue.present.mean", "requests in the accept queue, on average over time", |s, at| s.queue.present_ns(at)),
        average("workers.present.mean", "busy workers, on average over time", |s, at| s.busy_ns(at)),
        average("held_back.present.mean", "requests that a rate limiter holds back, on average over time", |s, at| s.held_back.present_ns(at)),
        average("blocked.present.mean", "publications that a broker does not read, on average over time", |s, at| s.blocked.present_ns(at)),
        average("locks.present.mean", "statements that wait for a row, on average over time", |s, at| s.locks.present_ns(at)),
        utilisation("utilisation", "busy workers of those that there are, on average over time", |s, at| {
            (s.busy_ns(at), s.workers.integral_ns(at))
        }),
        average("processor.present.mean", "requests that need or have a limited processor, on average over time", |s, at| {
            s.processor.present_ns(at)
        }),
        stays("processor.sojourn.mean", "mean time at a limited processor", |s| &s.processor),
        time("computed", "processor time used by requests", |s| s.computed),
        time("paused", "time stood still, summed over processes", |s| s.paused),
        time("throttled", "time stood still for the processor quota, summed over processes", |s| s.throttled),
        count("vacations", "vacations, of all processes", |s| s.vacations),
        count("probes", "questions of the platform about the health of its processes", |s| s.probes),
        count("probe_failures", "those of them that failed", |s| s.probe_failures),
        count("probe_kills", "processes that the platform ended for a probe that failed for good", |s| s.probe_kills),
        count("worker_timeouts", "worker processes that were killed for giving no sign of life", |s| s.worker_timeouts),
        count("worker_exits", "worker processes that exited of themselves", |s| s.worker_exits),
        count("not_ready", "times that a process was no longer ready to be called", |s| s.not_ready),
        count("collections", "collections, minor and full", |s| s.collections),
        count("full_collections", "full collections", |s| s.full_collections),
        count("out_of_memory", "OutOfMemoryErrors", |s| s.out_of_memory),
        count("oom_killed", "kills by the kernel for memory", |s| s.oom_killed),
        count("restarts", "restarts by the platform", |s| s.restarts),
        count("lock_timeouts", "statements that failed of lock_timeout", |s| s.lock_timeouts),
        count("statement_timeouts", "statements that failed of statement_timeout", |s| s.statement_timeouts),
        count("deadlocks", "statements that gave way in a deadlock", |s| s.deadlocks),
        average("disk.waiting.present.mean", "statements that wait for the disk to begin with their I/O, on average over time", |s, at| {
            s.disk_wait.present_ns(at)
        }),
        stays("disk.waiting.sojourn.mean", "mean wait of those", |s| &s.disk_wait),
        average("disk.present.mean", "statements whose I/O the disk works on, on average over time", |s, at| {
            s.disk_service.present_ns(at)
        }),
        stays("disk.sojourn.mean", "mean time that the disk works on an I/O", |s| &s.disk_service),
        part("buffer_hit_share", "pages found in memory, of all that were read", |s| {
            (s.buffer_hits, s.buffer_hits + s.buffer_misses)
        }),
        count("buffer_misses", "pages that were read from the disk", |s| s.buffer_misses),
        count("disk_full", "statements that failed because there was no room on the disk", |s| s.disk_full),
        count("rejected_connections", "connections that a Redis refused at its maxclients", |s| s.rejected_connections),
        time("expire_cycles", "time that a Redis took for cycles that delete expired keys", |s| s.expire_cycles),
        count("panics", "times that a server had no room for its write-ahead log", |s| s.panics),
        count("stale_reads", "reads of a replica to which a write was missing", |s| s.stale_reads),
        part("stale_share", "reads of a replica to which a write was missing, of all", |s| (s.stale_reads, s.staleness.count())),
        durations("staleness.mean", "mean age of what reads of a replica saw", Shape::Mean, |s| &s.staleness),
        durations("staleness.maximum", "largest age of what reads of a replica saw", Shape::Maximum, |s| &s.staleness),
        durations("staleness.p99", "99th percentile of the age of what reads of a replica saw", Shape::Quantile(990), |s| &s
            .staleness),
        durations("lock_wait.count", "statements that waited for a row and got it", Shape::Count, |s| &s.lock_wait),
        durations("lock_wait.mean", "mean wait for a row, of those", Shape::Mean, |s| &s.lock_wait),
        durations("lock_wait.maximum", "longest wait for a row, of those", Shape::Maximum, |s| &s.lock_wait),
        durations("lock_wait.p50", "median wait for a row, of those", Shape::Quantile(500), |s| &s.lock_wait),
        durations("lock_wait.p99", "99th percentile of the wait for a row, of those", Shape::Quantile(990), |s| &s
            .lock_wait),
        count("hits", "cache reads that found their key", |s| s.hits),
        count("misses", "cache reads that did not", |s| s.misses),
        count("overflowed", "times that a request found the accept queue full", |s| s.overflowed),
        count("abandoned", "left the queue with their callers; part of failed", |s| s.abandoned),
        part("abandoned_share", "of those that arrived, left the queue with their callers", |s| (s.abandoned, s.arrived)),
        count("shed", "dropped from the queue: requests stood too long; part of refused", |s| s.shed),
        count("expired", "dropped from the queue: too old, or the caller had left; part of refused", |s| s.expired),
        count("limited", "turned away by a rate limiter; part of refused", |s| s.limited),
        count("over_limit", "turned away by the concurrency limit; part of refused", |s| s.over_limit),
        count("delayed", "held back by a rate limiter before they were let through", |s| s.delayed),
        count("syn_dropped", "SYNs dropped at a full queue", |s| s.syn_dropped),
        part("hit_share", "cache reads that found their key, of all", |s| (s.hits, s.hits + s.misses)),
    ],
    "latency",
    "time from arrival to answer",
    latency;
    "queued",
    "wait in the accept queue, of those taken up",
    queued
);

const POOL: &[Row<PoolStatistics>] = table!(
    [
        count("acquired", "connections handed out", |s| s.acquired),
        count("timeouts", "callers that gave up", |s| s.timeouts),
        part("timeout_share", "callers that gave up, of all", |s| (s.timeouts, s.acquired + s.timeouts)),
        count("leaked", "connections that their users never gave back", |s| s.leaked),
        level("peak_waiting", "most callers that waited at once", |s| u64::from(s.peak_waiting)),
        average("waiting.present.mean", "callers waiting for a connection, on average over time", |s, at| s
            .waiting
            .present_ns(at)),
        average("in_use.present.mean", "connections in use, on average over time", |s, at| s.in_use.present_ns(at)),
        stays("in_use.sojourn.mean", "mean time that a connection was held", |s| &s.in_use),
        utilisation("utilisation", "connections in use of those that there may be, on average over time", |s, at| {
            (s.in_use.present_ns(at), s.capacity.integral_ns(at))
        }),
    ],
    "wait",
    "wait for a connection, of those who got one",
    wait
);

const EXECUTOR: &[Row<ExecutorStatistics>] = table!(
    [
        count("submitted", "tasks handed over", |s| s.submitted),
        count("completed", "tasks that ended on its threads, however", |s| s.completed),
        count("rejected", "times that there was neither a thread nor a place for a task", |s| s.rejected),
        part("rejected_share", "tasks rejected, of all", |s| (s.rejected, s.submitted)),
        count("caller_ran", "those of them that whoever handed them over did", |s| s.caller_ran),
        count("discarded", "tasks thrown away without a word", |s| s.discarded),
        level("peak_waiting", "most tasks that waited in a process at once", |s| u64::from(s.peak_waiting)),
        average("waiting.present.mean", "tasks that wait for a thread, on average over time", |s, at| {
            s.queue.present_ns(at)
        }),
        average("running.present.mean", "tasks that have one, on average over time", |s, at| s.running.present_ns(at)),
        stays("running.sojourn.mean", "mean time that a task kept its thread", |s| &s.running),
    ],
    "wait",
    "wait for a thread, of tasks that got one",
    wait
);

const KEYS: &[Row<KeyspaceStatistics>] = &[
    count("hits", "reads that found their key, stale ones included", |s| s.keys.hits),
    count("stale_hits", "reads that found it stale", |s| s.keys.stale),
    count("misses", "reads that did not find it", |s| s.keys.misses),
    part("hit_share", "reads that found their key, of all", |s| (s.keys.hits, s.keys.hits + s.keys.misses)),
    count("stored", "values stored", |s| s.keys.stored),
    count("expired", "keys that went because they had expired", |s| s.keys.expired),
    count("evicted", "keys that went to make room", |s| s.keys.evicted),
    count("loads", "loads apart from requests that were begun", |s| s.loads),
    count("refreshes", "loads that refreshed a stale value in the background", |s| s.refreshes),
    count("coalesced", "misses that waited for a load already under way", |s| s.coalesced),
    count("loaded", "loads that ended with a value", |s| s.loaded),
    count("load_failures", "loads that ended without one, cancelled ones included", |s| s.load_failures),
    count("left", "callers that waited for a load no longer", |s| s.left),
    count("dropped", "values that were loaded for nobody and dropped", |s| s.dropped),
    level("loading", "loads not ended at the end", |s| s.loading),
    average("waiting.present.mean", "callers that wait for a load, on average over time", |s, at| {
        s.waiting.present_ns(at)
    }),
    stays("waiting.sojourn.mean", "mean wait for a load, however it ended", |s| &s.waiting),
];

/// Of queues of brokers.
const QUEUE: &[Row<QueueStatistics>] = table!(
    [
        count("published", "messages that came into the queue: dead letters and tasks to be tried again too", |s| s
            .published),
        count("rejected", "publications refused since the queue was full", |s| s.rejected),
        count("out_of_memory", "publications refused since the broker's memory was full", |s| s.out_of_memory),
        count("delivered", "times that a message was given to a consumer", |s| s.delivered),
        count("redelivered", "of those, with a message that somebody may have handled before", |s| s.redelivered),
        part("redelivered_share", "deliveries of a message that somebody may have handled before", |s| (
            s.redelivered,
            s.delivered
        )),
        count("returned", "messages that came back from a consumer, or were taken back", |s| s.returned),
        count("retried", "messages that were published anew to be tried again", |s| s.retried),
        count("acknowledged", "messages that a consumer acknowledged", |s| s.acknowledged),
        count("late", "acknowledgements when there was nothing to acknowledge any more", |s| s.late),
        count("dropped", "messages that went for good, neither acknowledged nor expired", |s| s.dropped),
        count("dead_lettered", "messages that went to the dead letters", |s| s.dead_lettered),
        count("expired", "messages that went for good since nobody came for them", |s| s.expired),
        count("lost", "messages that went with the broker's process", |s| s.lost),
        rate("throughput", "messages acknowledged, each second", |s| s.acknowledged),
        level("depth", "messages that wait for a consumer at the end", |s| s.ready.present()),
        level("depth.peak", "most messages that waited at once", |s| s.peak),
        level("unacknowledged", "messages delivered and not acknowledged at the end", |s| s.unacked.present()),
        average("ready.present.mean", "messages that wait for a consumer, on average over time", |s, at| s
            .ready
            .present_ns(at)),
        average("unacked.present.mean", "messages delivered and not acknowledged, on average over time", |s, at| {
            s.unacked.present_ns(at)
        }),
        stays("ready.sojourn.mean", "mean time that a message waited", |s| &s.ready),
        Row {
            name: "oldest",
            unit: Unit::Seconds,
            meaning: "longest that a message had been in the queue when it waited",
            read: Read::Longest(|s| s.oldest),
        },
    ],
    "wait",
    "time from coming into the queue to each delivery",
    wait
);

/// Of links that the scenario says something about the callers of.
const LINK: &[Row<LinkStatistics>] = &[
    count("sent", "attempts sent", |s| s.sent),
    count("succeeded", "attempts answered with a status below 500", |s| s.succeeded),
    count("failed", "attempts that ended otherwise", |s| s.failed),
    level("under_way", "attempts not ended at the end of the run", |s| s.in_flight()),
    average("under_way.mean", "attempts not ended, on average over time", |s, at| s.under_way.present_ns(at)),
    average("permits.present.mean", "callers that wait for a permit of the bulkhead, on average over time", |s, at| {
        s.waiting.present_ns(at)
    }),
    stays("permits.sojourn.mean", "mean wait for a permit, however it ended", |s| &s.waiting),
    part("failed_share", "attempts that failed, of all that ended", |s| (s.failed, s.succeeded + s.failed)),
    count("retries", "retries that the budget allowed", |s| s.retries),
    count("retries_refused", "retries that the budget did not allow", |s| s.retries_refused),
    count("not_permitted", "attempts that the circuit breaker did not let through", |s| s.not_permitted),
    count("opened", "times that a circuit breaker opened", |s| s.opened),
    count("bulkhead_full", "attempts for which the bulkhead had no permit", |s| s.bulkhead_full),
    count("throttled", "attempts that callers gave up by themselves", |s| s.throttled),
    part("throttled_share", "attempts that callers gave up by themselves, of those and the ones sent", |s| {
        (s.throttled, s.throttled + s.sent)
    }),
    count("ejections", "ejections of a process", |s| s.ejections),
];

fn errors(s: &ServiceStatistics) -> (u64, u64) {
    let errors = s.failed + s.refused + s.lost;
    (errors, s.answered + errors)
}

/// The section of the schema about statistics.
pub(crate) fn describe() -> String {
    let mut out = String::from("## statistics\n\nWhat expectations can be about:\n\n");
    let mut rows = |form: &str, rows: &mut dyn Iterator<Item = (&str, Unit, &str)>| {
        for (name, unit, meaning) in rows {
            let unit = match unit {
                Unit::Count => "count",
                Unit::Share => "share",
                Unit::Seconds => "duration",
                Unit::SquareSeconds => "number of seconds²",
                Unit::Number => "number",
                Unit::PerSecond => "rate",
            };
            let _ = writeln!(out, "    {:<32} {meaning} ({unit}).", format!("{form}.{name}"));
        }
    };
    rows("SOURCE", &mut SOURCE.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("SERVICE", &mut SERVICE.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("SERVICE/POOL", &mut POOL.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("SERVICE/EXECUTOR", &mut EXECUTOR.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("CACHE/KEYS", &mut KEYS.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("CALLER -> CALLEE", &mut LINK.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("BROKER/QUEUE", &mut QUEUE.iter().map(|row| (row.name, row.unit, row.meaning)));
    out.push_str("\nKey spaces of a cache within processes: `SERVICE/CACHE/KEYS`.\n");
    out
}

impl<S> Row<S> {
    fn read(&self, subject: &S, at: Time, threshold: Option<Duration>) -> Reading {
        match &self.read {
            Read::Count(read) => Reading::Sum(u128::from(read(subject))),
            Read::Time(read) => Reading::Sum(u128::from(read(subject).as_nanos())),
            Read::Share(read) => {
                let (part, whole) = read(subject);
                Reading::Ratio(u128::from(part), u128::from(whole))
            }
            Read::Times(read) => {
                let (part, whole) = read(subject, at);
                Reading::Ratio(part, whole)
            }
            Read::Average(read) => Reading::Ratio(read(subject, at), u128::from(at.as_nanos())),
            Read::Rate(read) => Reading::Ratio(u128::from(read(subject)), u128::from(at.as_nanos())),
            Read::Stays(read) => Reading::Ratio(read(subject).sojourns_ns(), u128::from(read(subject).left())),
            Read::Level(read) => Reading::Level(read(subject)),
            Read::Longest(read) => Reading::Level(read(subject).as_nanos()),
            Read::Durations(read, shape) => Reading::of_durations(read(subject), *shape, threshold),
        }
    }

    fn shape(&self) -> Option<Shape> {
        if let Read::Durations(_, shape) = self.read { Some(shape) } else { None }
    }

    fn is_level(&self) -> bool {
        matches!(self.read, Read::Level(_) | Read::Longest(_) | Read::Durations(_, Shape::Maximum))
    }
}

/// Does something with the row of a statistic, whatever it is a row of.
macro_rules! with_row {
    ($statistic:expr, $row:ident => $what:expr) => {
        match $statistic.subject {
            Subject::Source(_) => {
                let $row = &SOURCE[$statistic.index];
                $what
            }
            Subject::Service(_) => {
                let $row = &SERVICE[$statistic.index];
                $what
            }
            Subject::Pool(..) => {
                let $row = &POOL[$statistic.index];
                $what
            }
            Subject::Executor(..) => {
                let $row = &EXECUTOR[$statistic.index];
                $what
            }
            Subject::Keys(..) => {
                let $row = &KEYS[$statistic.index];
                $what
            }
            Subject::Queue(..) => {
                let $row = &QUEUE[$statistic.index];
                $what
            }
            Subject::Link(_) => {
                let $row = &LINK[$statistic.index];
                $what
            }
        }
    };
}

impl Statistic {
    /// Finds a statistic of a blueprint's components.
    ///
    /// # Errors
    /// What is wrong with the path, and a hint.
    pub fn resolve(blueprint: &Blueprint, path: &str) -> Result<Self, (String, Option<String>)> {
        let Some((owner, name)) = path.split_once('.') else {
            return Err((format!("{path:?} names no statistic"), Some("for example \"clients.error_share\"".into())));
        };
        let (name, threshold) = threshold(name)?;
        let (component, pool) =
            owner.split_once('/').map_or((owner, None), |(component, pool)| (component, Some(pool)));
        let (subject, names): (Subject, Vec<&'static str>) = match pool {
            None if blueprint.sources.iter().any(|source| source.name == component) => {
                (Subject::Source(component.to_owned()), SOURCE.iter().map(|row| row.name).collect())
            }
            None if component.contains("->") => {
                (Subject::Link(guarded_link(blueprint, component)?), LINK.iter().map(|row| row.name).collect())
            }
            _ => {
                let Some(service) = blueprint.services.iter().find(|service| service.name == component) else {
                    let sources = blueprint.sources.iter().map(|source| source.name.as_str());
                    let known: Vec<&str> =
                        blueprint.services.iter().map(|service| service.name.as_str()).chain(sources).collect();
                    return Err((format!("there is no component {component:?}"), suggest::hint(component, known)));
                };
                match pool {
                    None => (Subject::Service(component.to_owned()), SERVICE.iter().map(|row| row.name).collect()),
                    Some(pool) if service.pools.iter().any(|known| known.name == pool) => (
                        Subject::Pool(component.to_owned(), pool.to_owned()),
                        POOL.iter().map(|row| row.name).collect(),
                    ),
                    Some(part) if service.executors.iter().any(|known| known.name == part) => (
                        Subject::Executor(component.to_owned(), part.to_owned()),
                        EXECUTOR.iter().map(|row| row.name).collect(),
                    ),
                    Some(keys) if of_keys(blueprint, service).iter().any(|known| known == keys) => (
                        Subject::Keys(component.to_owned(), keys.to_owned()),
                        KEYS.iter().map(|row| row.name).collect(),
                    ),
                    Some(queue) if queues(service).any(|known| known == queue) => (
                        Subject::Queue(component.to_owned(), queue.to_owned()),
                        QUEUE.iter().map(|row| row.name).collect(),
                    ),
                    Some(part) => {
                        let keys = of_keys(blueprint, service);
                        let pools = service.pools.iter().map(|pool| pool.name.as_str());
                        let pools = pools.chain(service.executors.iter().map(|executor| executor.name.as_str()));
                        let known = pools.chain(keys.iter().map(String::as_str));
                        let known: Vec<&str> = known.chain(queues(service)).collect();
                        let what = if queues(service).next().is_some() {
                            "queue"
                        } else if keys.is_empty() {
                            "pool"
                        } else {
                            "pool or key space"
                        };
                        return Err((format!("{component:?} has no {what} {part:?}"), suggest::hint(part, known)));
                    }
                }
            }
        };
        match names.iter().position(|known| *known == name) {
            Some(index) => {
                let place = match subject {
                    Subject::Source(_) => blueprint.sources.iter().position(|source| source.name == component),
                    _ => blueprint.services.iter().position(|service| service.name == component),
                };
                Ok(Self { path: path.to_owned(), subject, index, place: place.unwrap_or(0), threshold })
            }
            None => Err((format!("{owner:?} has no statistic {name:?}"), suggest::hint(&name, names))),
        }
    }

    /// Its path: "web-api/pool.wait.p99".
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What kind of number it is.
    #[must_use]
    pub fn unit(&self) -> Unit {
        with_row!(self, row => row.unit)
    }

    /// Whether it is known between any two instants: a sum or a ratio is, a maximum or what is so at the end is not.
    #[must_use]
    pub fn has_windows(&self) -> bool {
        !with_row!(self, row => row.is_level())
    }

    /// Whether it is a whole number of things or nanoseconds, nothing interpolated.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let interpolated = matches!(with_row!(self, row => row.shape()), Some(Shape::Quantile(_) | Shape::Over));
        !interpolated && matches!(self.unit(), Unit::Count | Unit::Seconds)
    }

    /// Reads it from the aggregates of a run so far. `None` if they are of another scenario.
    #[must_use]
    pub fn reading(&self, statistics: &Statistics) -> Option<Reading> {
        let at = statistics.at;
        let service = |name: &String| named(&statistics.services, self.place, |service| &service.name == name);
        match &self.subject {
            Subject::Source(name) => {
                let source = named(&statistics.sources, self.place, |source| &source.name == name)?;
                Some(SOURCE[self.index].read(source, at, self.threshold))
            }
            Subject::Service(name) => Some(SERVICE[self.index].read(service(name)?, at, self.threshold)),
            Subject::Pool(name, pool) => {
                let pool = service(name)?.pools.iter().find(|known| &known.name == pool)?;
                Some(POOL[self.index].read(pool, at, self.threshold))
            }
            Subject::Executor(name, executor) => {
                let executor = service(name)?.executors.iter().find(|known| &known.name == executor)?;
                Some(EXECUTOR[self.index].read(executor, at, self.threshold))
            }
            Subject::Keys(cache, name) => {
                let mut keyspaces = statistics.keyspaces.iter();
                let keys = keyspaces.find(|known| &known.cache == cache && &known.name == name)?;
                Some(KEYS[self.index].read(keys, at, self.threshold))
            }
            Subject::Queue(broker, name) => {
                let mut queues = statistics.queues.iter();
                let queue = queues.find(|known| &known.broker == broker && &known.name == name)?;
                Some(QUEUE[self.index].read(queue, at, self.threshold))
            }
            Subject::Link(name) => {
                let link = statistics.links.iter().find(|link| &link.name == name)?;
                Some(LINK[self.index].read(link, at, self.threshold))
            }
        }
    }

    /// Which quantile it is, in thousandths, if it is one, and of what: the path of the durations.
    #[must_use]
    pub fn quantile(&self) -> Option<(u64, &str)> {
        match with_row!(self, row => row.shape()) {
            Some(Shape::Quantile(permille)) => Some((permille, self.path.rsplit_once('.')?.0)),
            _ => None,
        }
    }

    /// What a reading comes to: seconds for durations, seconds² for their squares. Nothing of nothing is 0.
    #[must_use]
    pub fn value(&self, reading: &Reading) -> f64 {
        let (part, whole) = self.fraction(reading);
        if whole == 0.0 { 0.0 } else { part / whole }
    }

    /// The same as a numerator and a denominator; 1 where there is none.
    #[must_use]
    pub fn fraction(&self, reading: &Reading) -> (f64, f64) {
        let (part, whole) = reading.fraction();
        let scale = match self.unit() {
            Unit::Count | Unit::Share | Unit::Number => 1.0,
            Unit::Seconds => 1e9,
            Unit::SquareSeconds => 1e18,
            Unit::PerSecond => return (part * 1e9, whole),
        };
        (part / scale, whole)
    }

    /// Its value over a whole run: seconds for durations. `None` if the statistics are of another scenario.
    #[must_use]
    pub fn read(&self, statistics: &Statistics) -> Option<f64> {
        self.reading(statistics).map(|reading| self.value(&reading))
    }
}

/// What stands at its place, or elsewhere in a run of another blueprint.
fn named<T>(all: &[T], place: usize, is_it: impl Fn(&T) -> bool) -> Option<&T> {
    all.get(place).filter(|there| is_it(there)).or_else(|| all.iter().find(|other| is_it(other)))
}

/// Splits "latency.over(500ms)" into "latency.over(T)" and 500 ms.
fn threshold(name: &str) -> Result<(String, Option<Duration>), (String, Option<String>)> {
    let Some((before, rest)) = name.split_once('(') else { return Ok((name.to_owned(), None)) };
    match rest.strip_suffix(')').map(unit::duration) {
        Some(Ok(duration)) => Ok((format!("{before}(T)"), Some(duration))),
        _ => Err((
            format!("{name:?} has no duration in its brackets"),
            Some("for example \"clients.latency.over(500ms)\"".into()),
        )),
    }
}

/// Names of the queues of a broker.
fn queues(service: &Service) -> impl Iterator<Item = &str> {
    let queues = match &service.runtime {
        Runtime::Broker(broker) => &broker.queues[..],
        _ => &[],
    };
    queues.iter().map(|queue| queue.name.as_str())
}

/// Key spaces that a service holds, as statistics name them.
fn of_keys(blueprint: &Blueprint, service: &Service) -> Vec<String> {
    let held = blueprint.keyspaces.iter().filter(|keyspace| blueprint[keyspace.cache].name == service.name);
    held.map(|keyspace| blueprint.keyspace_name(keyspace)).collect()
}

/// The link of this name, if callers keep account of it.
fn guarded_link(blueprint: &Blueprint, name: &str) -> Result<String, (String, Option<String>)> {
    let known: Vec<String> = blueprint.traffic.iter().map(|policy| blueprint.link_name(policy.link)).collect();
    let wanted = link_name(name).map(|(from, to)| format!("{from} -> {to}"));
    match known.iter().find(|known| Some(*known) == wanted.as_ref()) {
        Some(found) => Ok(found.clone()),
        None => {
            let hint = suggest::hint(name, known.iter().map(String::as_str))
                .or_else(|| Some("links are counted where their balancing, breaker or the like is given".into()));
            Err((format!("nothing is counted on the link {name:?}"), hint))
        }
    }
}

/// A number with its unit, for people.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured(pub f64, pub Unit);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Unit::Count => write!(f, "{}", self.0),
            Unit::Share => write!(f, "{:.3} %", self.0 * 100.0),
            Unit::SquareSeconds => write!(f, "{:.6} s²", self.0),
            Unit::Number => write!(f, "{:.6}", self.0),
            Unit::PerSecond => write!(f, "{:.6}/s", self.0),
            Unit::Seconds if self.0 < 1.0 => write!(f, "{:.3} ms", self.0 * 1e3),
            Unit::Seconds => write!(f, "{:.3} s", self.0),
        }
    }
}
