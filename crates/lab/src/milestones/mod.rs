//! Milestones: for each component and each cycle of its life, the first time of every state that a reader would name.
//!
//! A *cycle* is one life of a process; it ends when the process runs again. Within one cycle each state counts once, so a
//! leak that kills its process ten times gives ten equal groups of milestones and not ten thousand timeouts.
//! [`Watcher`] collects them while a world runs, from the truth channel; where records are observed as well it also
//! notes the row that shows the state. What is deliberately not here: thresholds on observed values, and any knowledge of
//! faults. Slow trends (live bytes rising) are for the metrics to show.

mod evidence;
mod share;
mod watcher;

#[cfg(test)]
mod tests;

pub use evidence::{Key, Shown};
pub use watcher::Watcher;

use crate::Calendar;
use knockon_kernel::Time;
use serde::Serialize;
use std::collections::BTreeMap;

/// Milestones kept; later ones are only counted.
pub const KEPT_MAXIMUM: usize = 1_000;
/// Share of the last minute that collections must exceed, in thousandths.
pub const GC_SHARE_PERMILLE: u64 = 300;
/// A pool counts as full when callers have waited for so long without a break; shorter is a burst.
pub const POOL_FULL_FOR_NS: u64 = 1_000_000_000;

/// A state that a reader would name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Collections took more than 30 % of the last minute.
    #[serde(rename = "gc_share_over_30_percent")]
    GcShareOver30Percent,
    /// Every connection in use and callers waiting, for at least a second.
    PoolFull,
    /// A caller gave up waiting for a connection.
    AcquireTimeout,
    /// The accept queue refused a request.
    Refused,
    /// A request was answered with a status of 500 or above.
    ServerError,
    /// The heap had no room.
    OutOfMemoryError,
    /// The kernel killed the process for its memory.
    OomKilled,
    /// The process ended.
    Exited,
    /// The process serves requests again, with everything it had learnt gone.
    Restarted,
    /// The process was stopped from outside.
    Stopped,
    /// A request was dropped from the accept queue.
    Shed,
    /// A request was turned away by a rate or concurrency limit.
    Limited,
    /// A caller's circuit breaker opened.
    BreakerOpened,
    /// It let a few attempts through, to see.
    BreakerHalfOpen,
    /// It closed.
    BreakerClosed,
    /// A caller left a process of this service out for its failures.
    Ejected,
    /// A caller's bulkhead had no permit for an attempt.
    BulkheadFull,
    /// A caller gave an attempt up by itself.
    Throttled,
    /// A caller's retry budget did not allow a retry.
    RetryRefused,
    /// A broker blocked its publishers.
    MemoryAlarm,
    /// A message that somebody may have handled before was delivered.
    Redelivered,
    /// A message became a dead letter.
    DeadLettered,
    /// A message went, and nobody had handled it.
    MessageDropped,
    /// A broker refused a message.
    QueueFull,
    /// A worker's task failed for good.
    TaskFailed,
    /// A message was taken back from a consumer that had it for too long.
    TakenBack,
    /// A probe of the platform failed.
    ProbeFailed,
    /// A probe failed for good, and the platform ends the process.
    ProbeKilled,
    /// The process is no longer ready to be called.
    NotReady,
    /// An executor had neither a thread nor a place for a task.
    TaskRejected,
    /// A worker process was killed for giving no sign of life.
    WorkerKilled,
}

impl State {
    /// The words of the closing summary.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::GcShareOver30Percent => "GC share over 30 %",
            Self::PoolFull => "pool full, callers wait",
            Self::AcquireTimeout => "first acquire timeout",
            Self::Refused => "first request refused",
            Self::ServerError => "first 5xx answered",
            Self::OutOfMemoryError => "OutOfMemoryError",
            Self::OomKilled => "OOMKilled",
            Self::Exited => "exited",
            Self::Restarted => "restarted, cold",
            Self::Stopped => "stopped from outside",
            Self::Shed => "first request dropped from the queue",
            Self::Limited => "first request over a limit",
            Self::BreakerOpened => "circuit breaker opened",
            Self::BreakerHalfOpen => "circuit breaker half-open",
            Self::BreakerClosed => "circuit breaker closed again",
            Self::Ejected => "a process is ejected",
            Self::BulkheadFull => "bulkhead full",
            Self::Throttled => "first attempt given up by the caller",
            Self::RetryRefused => "first retry refused by the budget",
            Self::MemoryAlarm => "memory alarm, publishers blocked",
            Self::Redelivered => "first message delivered again",
            Self::DeadLettered => "first dead letter",
            Self::MessageDropped => "first message dropped",
            Self::QueueFull => "first publication refused",
            Self::TaskFailed => "first task failed",
            Self::TakenBack => "first message taken back from its consumer",
            Self::ProbeFailed => "first probe failed",
            Self::ProbeKilled => "killed for its probe",
            Self::NotReady => "not ready",
            Self::TaskRejected => "first task rejected by an executor",
            Self::WorkerKilled => "first worker killed for its time-out",
        }
    }

    /// The same in a line that tells a whole cycle.
    #[must_use]
    pub const fn short_words(self) -> &'static str {
        match self {
            Self::GcShareOver30Percent => "GC share",
            Self::PoolFull => "pool full",
            Self::AcquireTimeout => "acquire timeout",
            Self::Refused => "refused",
            Self::ServerError => "5xx",
            Self::OutOfMemoryError => "OutOfMemoryError",
            Self::OomKilled => "OOMKilled",
            Self::Exited => "exited",
            Self::Restarted => "restarted",
            Self::Stopped => "stopped",
            Self::Shed => "shed",
            Self::Limited => "limited",
            Self::BreakerOpened => "breaker open",
            Self::BreakerHalfOpen => "breaker half-open",
            Self::BreakerClosed => "breaker closed",
            Self::Ejected => "ejected",
            Self::BulkheadFull => "bulkhead full",
            Self::Throttled => "throttled",
            Self::RetryRefused => "retry refused",
            Self::MemoryAlarm => "memory alarm",
            Self::Redelivered => "redelivered",
            Self::DeadLettered => "dead letter",
            Self::MessageDropped => "message dropped",
            Self::QueueFull => "queue full",
            Self::TaskFailed => "task failed",
            Self::TakenBack => "taken back",
            Self::ProbeFailed => "probe failed",
            Self::ProbeKilled => "killed for its probe",
            Self::NotReady => "not ready",
            Self::TaskRejected => "task rejected",
            Self::WorkerKilled => "worker killed",
        }
    }

    /// What [`Milestone::value`] is, if there is one.
    #[must_use]
    pub const fn measure(self) -> Option<&'static str> {
        match self {
            Self::GcShareOver30Percent => Some("share"),
            Self::PoolFull => Some("waiting"),
            Self::ServerError => Some("status"),
            Self::Exited => Some("code"),
            Self::Restarted => Some("restarts"),
            _ => None,
        }
    }

    /// The figure under its name.
    const fn measured(self, value: f64) -> Option<Measure> {
        match self {
            Self::GcShareOver30Percent => Some(Measure::Share(value)),
            Self::PoolFull => Some(Measure::Waiting(value as u64)),
            Self::ServerError => Some(Measure::Status(value as u64)),
            Self::Exited => Some(Measure::Code(value as u64)),
            Self::Restarted => Some(Measure::Restarts(value as u64)),
            _ => None,
        }
    }
}

/// The first time of one state in one cycle of one component.
#[derive(Clone, PartialEq, Debug)]
pub struct Milestone {
    /// When the state was entered.
    pub time: Time,
    /// The component: `service`, `service/pool`, `service/executor`, `broker/queue` or `caller -> callee`.
    pub component: String,
    /// The process, `service-0`.
    pub instance: String,
    /// Which life of the process, from 1.
    pub cycle: u32,
    /// The state.
    pub state: State,
    /// Its figure, as [`State::measure`] names it.
    pub value: Option<f64>,
    /// The row that shows it; `None` where nothing was observed, or nothing observed shows it.
    pub shown_by: Option<Shown>,
}

/// All milestones of a run, in order of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Milestones {
    /// The first [`KEPT_MAXIMUM`] of them.
    pub kept: Vec<Milestone>,
    /// Those that came after, by state.
    pub not_kept: BTreeMap<State, u64>,
}

impl Milestones {
    /// Milestones of a state, in order of time.
    pub fn of(&self, state: State) -> impl Iterator<Item = &Milestone> {
        self.kept.iter().filter(move |milestone| milestone.state == state)
    }

    /// The file `truth/milestones.json`.
    #[must_use]
    pub fn document(&self, calendar: Calendar) -> impl Serialize + '_ {
        let milestones = self.kept.iter().map(|milestone| milestone.row(calendar)).collect();
        Document { milestones, not_kept: &self.not_kept }
    }
}

/// The file, in the order in which people read it.
#[derive(Serialize)]
struct Document<'a> {
    milestones: Vec<Row<'a>>,
    not_kept: &'a BTreeMap<State, u64>,
}

#[derive(Serialize)]
struct Row<'a> {
    time: String,
    offset_ns: u64,
    component: &'a str,
    instance: &'a str,
    cycle: u32,
    state: State,
    #[serde(flatten)]
    measure: Option<Measure>,
    shown_by: Option<evidence::Citation>,
}

/// The figure of a milestone, under its own name.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    Share(f64),
    Waiting(u64),
    Status(u64),
    Code(u64),
    Restarts(u64),
}

impl Milestone {
    fn row(&self, calendar: Calendar) -> Row<'_> {
        Row {
            time: calendar.rfc3339(self.time),
            offset_ns: self.time.as_nanos(),
            component: &self.component,
            instance: &self.instance,
            cycle: self.cycle,
            state: self.state,
            measure: self.value.and_then(|value| self.state.measured(value)),
            shown_by: self.shown_by.as_ref().map(|shown| shown.citation(calendar)),
        }
    }
}
