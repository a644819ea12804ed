//! What a scenario expects of its run: bounds on statistics, and chains of milestones.
//!
//! Judging them is the lab's: what is here says what was asked for, and reads statistics by name.

mod statistic;

pub(crate) use statistic::describe;
pub use statistic::{Measured, Statistic, Unit};

use knockon_model::blueprint::Runtime;
use std::fmt;

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
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound { statistic, relation, value } => {
                let relation = match relation {
                    Relation::Below => "<",
                    Relation::AtMost => "≤",
                    Relation::AtLeast => "≥",
                    Relation::Above => ">",
                };
                write!(f, "{} {relation} {}", statistic.path(), Measured(*value, statistic.unit()))
            }
            Self::Chain { service, milestones, times } => {
                let names: Vec<String> = milestones.iter().map(|milestone| format!("{milestone:?}")).collect();
                write!(f, "{service}: {} ({times} times)", names.join(" → "))
            }
            Self::Never { service, milestone } => write!(f, "{service}: never {milestone:?}"),
        }
    }
}

/// Whether a service can ever reach a milestone: expecting what cannot be is a mistake of the scenario.
pub(crate) fn possible(runtime: &Runtime, milestone: Milestone) -> bool {
    match milestone {
        Milestone::GcShare | Milestone::OutOfMemory => matches!(runtime, Runtime::Jvm(_)),
        Milestone::PoolFull | Milestone::AcquireTimeout => !matches!(runtime, Runtime::Postgres(_) | Runtime::Redis(_)),
        _ => true,
    }
}
