//! What a scenario expects of its run: bounds on statistics, values with their precision, exact numbers, and chains of milestones.
//!
//! Judging them is the lab's: what is here says what was asked for, and reads statistics by name.

mod reading;
mod statistic;

pub use reading::Reading;
pub(crate) use statistic::describe;
pub use statistic::{Measured, Statistic, Unit};

use crate::original::Original;
use crate::unit::print_duration;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::Runtime;
use std::collections::BTreeMap;
use std::fmt;

/// How values are estimated: by the means of batches, which are pieces of simulated time of equal length behind a warm-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measure {
    /// What is left out at the beginning; a tenth of the run where nothing is said.
    pub warm_up: Option<Duration>,
    /// How many pieces the rest is cut into.
    pub batches: u32,
}

/// Why an observable of a real system is missed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Miss {
    /// The mechanism that the real thing has and the machines have not.
    pub mechanism: String,
    /// Whether it hangs on what is drawn, so that with some seeds the prediction is fair.
    pub drawn: bool,
}

/// The part of a run that an expectation is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// What happened up to this instant does not count.
    pub from: Time,
    /// Neither does what happened later than this; the end of the run if there is none.
    pub until: Option<Time>,
}

impl Window {
    /// The whole run.
    pub const WHOLE: Self = Self { from: Time::ZERO, until: None };
}

/// Something that must hold when a run has ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Expectation {
    /// A statistic stands in a relation to a value.
    Bound {
        /// What is measured.
        statistic: Statistic,
        /// How it must compare.
        relation: Relation,
        /// With what: seconds for durations, a share for shares.
        value: f64,
        /// In which part of the run.
        window: Window,
    },
    /// A statistic is estimated to have a value.
    Value {
        /// What is measured.
        statistic: Statistic,
        /// The value: seconds for durations, seconds² for their squares, a share for shares.
        value: f64,
        /// How wide the band of four standard errors may be at either side, as a part of the value.
        precision: f64,
        /// How far, as a part of the value, the model is known to lie from where the value comes from.
        slack: f64,
    },
    /// A statistic is a whole number, exactly.
    Exact {
        /// What is measured.
        statistic: Statistic,
        /// The number; nanoseconds for durations.
        value: u64,
        /// In which part of the run.
        window: Window,
    },
    /// Milestones of a service happened in this order, so often, one chain after the other.
    Chain {
        /// The service.
        service: String,
        /// Milestones, in order.
        milestones: Vec<Milestone>,
        /// How often.
        times: u32,
    },
    /// The run gives fair predictions of what a real system did.
    Reproduces {
        /// The service that stands for it.
        service: String,
        /// What was measured.
        original: Box<Original>,
        /// Observables that are known to miss, and the mechanism that is absent.
        misses: BTreeMap<String, Miss>,
    },
    /// A milestone never happened.
    Never {
        /// The service.
        service: String,
        /// The milestone.
        milestone: Milestone,
    },
}

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// Less than.
    Below,
    /// Not more than.
    AtMost,
    /// Not less than.
    AtLeast,
    /// More than.
    Above,
}

impl Relation {
    /// Whether a measured value stands in this relation to an expected one.
    #[must_use]
    pub fn holds(self, measured: f64, expected: f64) -> bool {
        match self {
            Self::Below => measured < expected,
            Self::AtMost => measured <= expected,
            Self::AtLeast => measured >= expected,
            Self::Above => measured > expected,
        }
    }
}

/// A state that a reader would name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Milestone {
    /// Collections took more than 30 % of the time over the watcher's window.
    GcShare,
    /// Every connection of a pool was in use and a caller waited.
    PoolFull,
    /// A caller gave up waiting for a connection.
    AcquireTimeout,
    /// A request was answered with a status of 500 or above.
    ServerError,
    /// The accept queue refused a request.
    Refused,
    /// The heap had no room.
    OutOfMemory,
    /// The kernel killed a process for its memory.
    OomKilled,
    /// A process ended.
    Exited,
    /// A process accepts requests again.
    Restarted,
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
    /// A probe of the platform failed.
    ProbeFailed,
    /// A probe failed for good, and the platform ended the process.
    ProbeKilled,
    /// A process was no longer ready to be called.
    NotReady,
    /// An executor had neither a thread nor a place for a task.
    TaskRejected,
    /// The arbiter killed a worker process that gave no sign of life.
    WorkerKilled,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "<",
            Self::AtMost => "≤",
            Self::AtLeast => "≥",
            Self::Above => ">",
        })
    }
}

/// Nothing for the whole run, else where it begins and ends.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |time: Time| print_duration(time - Time::ZERO);
        match self.until {
            None if self.from == Time::ZERO => Ok(()),
            None => write!(f, " from {}", at(self.from)),
            Some(until) => write!(f, " from {} until {}", at(self.from), at(until)),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound { statistic, relation, value, window } => {
                write!(f, "{} {relation} {}{window}", statistic.path(), Measured(*value, statistic.unit()))
            }
            Self::Value { statistic, value, precision, slack } => {
                write!(
                    f,
                    "{} = {}, in a band of at most ± {} %",
                    statistic.path(),
                    Measured(*value, statistic.unit()),
                    precision * 100.0
                )?;
                if *slack > 0.0 { write!(f, " and a slack of {} %", slack * 100.0) } else { Ok(()) }
            }
            Self::Exact { statistic, value, window } => {
                let value = match statistic.unit() {
                    Unit::Seconds => print_duration(Duration::from_nanos(*value)),
                    _ => value.to_string(),
                };
                write!(f, "{} = {value} exactly{window}", statistic.path())
            }
            Self::Chain { service, milestones, times } => {
                let names: Vec<String> = milestones.iter().map(|milestone| format!("{milestone:?}")).collect();
                write!(f, "{service}: {} ({times} times)", names.join(" → "))
            }
            Self::Reproduces { service, original, .. } => write!(f, "{service} does as {} did", original.set),
            Self::Never { service, milestone } => write!(f, "{service}: never {milestone:?}"),
        }
    }
}

/// Whether a service can ever reach a milestone: expecting what cannot be is a mistake of the scenario.
pub(crate) fn possible(runtime: &Runtime, milestone: Milestone) -> bool {
    match milestone {
        Milestone::GcShare | Milestone::OutOfMemory => matches!(runtime, Runtime::Jvm(_)),
        Milestone::PoolFull | Milestone::AcquireTimeout => {
            !matches!(runtime, Runtime::Postgres(_) | Runtime::Redis(_) | Runtime::Broker(_))
        }
        Milestone::MemoryAlarm
        | Milestone::Redelivered
        | Milestone::DeadLettered
        | Milestone::MessageDropped
        | Milestone::QueueFull => matches!(runtime, Runtime::Broker(_)),
        Milestone::TaskFailed => !matches!(runtime, Runtime::Postgres(_) | Runtime::Redis(_) | Runtime::Broker(_)),
        _ => true,
    }
}
