//! What a scenario expects of its run: bounds on statistics, and chains of milestones.
//!
//! The tables here name every statistic, say what it is and read it; there is no other list of them.

use crate::suggest;
use knockon_model::blueprint::{Blueprint, Runtime};
use knockon_model::statistics::{LatencyHistogram, PoolStatistics, ServiceStatistics, SourceStatistics, Statistics};
use std::fmt::{self, Write as _};

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

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// How many.
    Count,
    /// A part of one.
    Share,
    /// A duration in seconds.
    Seconds,
}

/// A measured number of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Statistic {
    path: String,
    subject: Subject,
    index: usize,
}

/// Whose number it is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Subject {
    Source(String),
    Service(String),
    Pool(String, String),
}

/// A row of the tables.
struct Row<S> {
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    read: fn(&S) -> f64,
}

fn share(part: u64, rest: u64) -> f64 {
    if part + rest == 0 { 0.0 } else { part as f64 / (part + rest) as f64 }
}

fn quantile(histogram: &LatencyHistogram, permille: u64) -> f64 {
    histogram.quantile(permille).as_secs_f64()
}

/// The rows of a histogram under a name.
macro_rules! histogram {
    ($name:literal, $meaning:literal, $field:ident, [$($before:expr),* $(,)?]) => {
        &[
            $($before,)*
            Row { name: concat!($name, ".mean"), unit: Unit::Seconds, meaning: concat!("mean ", $meaning), read: |s| s.$field.mean().as_secs_f64() },
            Row { name: concat!($name, ".maximum"), unit: Unit::Seconds, meaning: concat!("longest ", $meaning), read: |s| s.$field.maximum().as_secs_f64() },
            Row { name: concat!($name, ".p50"), unit: Unit::Seconds, meaning: concat!("median ", $meaning), read: |s| quantile(&s.$field, 500) },
            Row { name: concat!($name, ".p90"), unit: Unit::Seconds, meaning: concat!("90th percentile of the ", $meaning), read: |s| quantile(&s.$field, 900) },
            Row { name: concat!($name, ".p95"), unit: Unit::Seconds, meaning: concat!("95th percentile of the ", $meaning), read: |s| quantile(&s.$field, 950) },
            Row { name: concat!($name, ".p99"), unit: Unit::Seconds, meaning: concat!("99th percentile of the ", $meaning), read: |s| quantile(&s.$field, 990) },
            Row { name: concat!($name, ".p999"), unit: Unit::Seconds, meaning: concat!("99.9th percentile of the ", $meaning), read: |s| quantile(&s.$field, 999) },
        ]
    };
}

const SOURCE: &[Row<SourceStatistics>] = histogram!(
    "latency",
    "time from sending to the end, of answered requests",
    latency,
    [
        Row { name: "sent", unit: Unit::Count, meaning: "requests sent", read: |s| s.sent as f64 },
        Row {
            name: "answered",
            unit: Unit::Count,
            meaning: "answered with a status below 500",
            read: |s| s.answered as f64
        },
        Row { name: "failed", unit: Unit::Count, meaning: "ended otherwise", read: |s| s.failed as f64 },
        Row {
            name: "in_flight",
            unit: Unit::Count,
            meaning: "not ended at the end of the run",
            read: |s| s.in_flight as f64
        },
        Row { name: "attempts", unit: Unit::Count, meaning: "attempts sent", read: |s| s.attempts as f64 },
        Row {
            name: "error_share",
            unit: Unit::Share,
            meaning: "failed of all ended requests",
            read: |s| share(s.failed, s.answered)
        },
    ]
);

const SERVICE: &[Row<ServiceStatistics>] = histogram!(
    "latency",
    "time from arrival to answer",
    latency,
    [
        Row { name: "arrived", unit: Unit::Count, meaning: "requests that arrived", read: |s| s.arrived as f64 },
        Row {
            name: "answered",
            unit: Unit::Count,
            meaning: "answered with a status below 500",
            read: |s| s.answered as f64
        },
        Row { name: "failed", unit: Unit::Count, meaning: "answered with an error", read: |s| s.failed as f64 },
        Row { name: "refused", unit: Unit::Count, meaning: "refused at the door", read: |s| s.refused as f64 },
        Row { name: "lost", unit: Unit::Count, meaning: "ended because the process died", read: |s| s.lost as f64 },
        Row {
            name: "error_share",
            unit: Unit::Share,
            meaning: "answered with an error, of all answered",
            read: |s| share(s.failed, s.answered)
        },
        Row {
            name: "computed",
            unit: Unit::Seconds,
            meaning: "processor time used by requests",
            read: |s| s.computed.as_secs_f64()
        },
        Row {
            name: "paused",
            unit: Unit::Seconds,
            meaning: "time stood still, summed over processes",
            read: |s| s.paused.as_secs_f64()
        },
        Row {
            name: "collections",
            unit: Unit::Count,
            meaning: "collections, minor and full",
            read: |s| s.collections as f64
        },
        Row {
            name: "full_collections",
            unit: Unit::Count,
            meaning: "full collections",
            read: |s| s.full_collections as f64
        },
        Row {
            name: "out_of_memory",
            unit: Unit::Count,
            meaning: "OutOfMemoryErrors",
            read: |s| s.out_of_memory as f64
        },
        Row {
            name: "oom_killed",
            unit: Unit::Count,
            meaning: "kills by the kernel for memory",
            read: |s| s.oom_killed as f64
        },
        Row { name: "restarts", unit: Unit::Count, meaning: "restarts by the platform", read: |s| s.restarts as f64 },
        Row { name: "hits", unit: Unit::Count, meaning: "cache reads that found their key", read: |s| s.hits as f64 },
        Row { name: "misses", unit: Unit::Count, meaning: "cache reads that did not", read: |s| s.misses as f64 },
        Row {
            name: "hit_ratio",
            unit: Unit::Share,
            meaning: "cache reads that found their key, of all",
            read: |s| share(s.hits, s.misses)
        },
    ]
);

const POOL: &[Row<PoolStatistics>] = histogram!(
    "wait",
    "wait for a connection, of those who got one",
    wait,
    [
        Row { name: "acquired", unit: Unit::Count, meaning: "connections handed out", read: |s| s.acquired as f64 },
        Row { name: "timeouts", unit: Unit::Count, meaning: "callers that gave up", read: |s| s.timeouts as f64 },
        Row {
            name: "peak_waiting",
            unit: Unit::Count,
            meaning: "most callers that waited at once",
            read: |s| f64::from(s.peak_waiting)
        },
    ]
);

/// The section of the schema about statistics.
pub(crate) fn describe() -> String {
    let mut out = String::from("## statistics\n\nWhat expectations can be about:\n\n");
    let mut rows = |form: &str, rows: &mut dyn Iterator<Item = (&str, Unit, &str)>| {
        for (name, unit, meaning) in rows {
            let unit = match unit {
                Unit::Count => "count",
                Unit::Share => "share",
                Unit::Seconds => "duration",
            };
            let _ = writeln!(out, "    {:<32} {meaning} ({unit}).", format!("{form}.{name}"));
        }
    };
    rows("SOURCE", &mut SOURCE.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("SERVICE", &mut SERVICE.iter().map(|row| (row.name, row.unit, row.meaning)));
    rows("SERVICE/POOL", &mut POOL.iter().map(|row| (row.name, row.unit, row.meaning)));
    out
}

impl Statistic {
    /// Finds a statistic of a blueprint's components.
    ///
    /// # Errors
    /// What is wrong with the path, and a hint.
    pub(crate) fn resolve(blueprint: &Blueprint, path: &str) -> Result<Self, (String, Option<String>)> {
        let Some((owner, name)) = path.split_once('.') else {
            return Err((format!("{path:?} names no statistic"), Some("for example \"clients.error_share\"".into())));
        };
        let (component, pool) =
            owner.split_once('/').map_or((owner, None), |(component, pool)| (component, Some(pool)));
        let (subject, names): (Subject, Vec<&'static str>) = match pool {
            None if blueprint.sources.iter().any(|source| source.name == component) => {
                (Subject::Source(component.to_owned()), SOURCE.iter().map(|row| row.name).collect())
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
                    Some(pool) => {
                        let known: Vec<&str> = service.pools.iter().map(|pool| pool.name.as_str()).collect();
                        return Err((format!("{component:?} has no pool {pool:?}"), suggest::hint(pool, known)));
                    }
                }
            }
        };
        match names.iter().position(|known| *known == name) {
            Some(index) => Ok(Self { path: path.to_owned(), subject, index }),
            None => Err((format!("{owner:?} has no statistic {name:?}"), suggest::hint(name, names))),
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
        match self.subject {
            Subject::Source(_) => SOURCE[self.index].unit,
            Subject::Service(_) => SERVICE[self.index].unit,
            Subject::Pool(..) => POOL[self.index].unit,
        }
    }

    /// Reads it: seconds for durations. `None` if the statistics are of another scenario.
    #[must_use]
    pub fn read(&self, statistics: &Statistics) -> Option<f64> {
        let service = |name: &String| statistics.services.iter().find(|service| &service.name == name);
        match &self.subject {
            Subject::Source(name) => {
                statistics.sources.iter().find(|source| &source.name == name).map(SOURCE[self.index].read)
            }
            Subject::Service(name) => service(name).map(SERVICE[self.index].read),
            Subject::Pool(name, pool) => {
                service(name)?.pools.iter().find(|known| &known.name == pool).map(POOL[self.index].read)
            }
        }
    }
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

/// A number with its unit, for people.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured(pub f64, pub Unit);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Unit::Count => write!(f, "{}", self.0),
            Unit::Share => write!(f, "{:.3} %", self.0 * 100.0),
            Unit::Seconds if self.0 < 1.0 => write!(f, "{:.3} ms", self.0 * 1e3),
            Unit::Seconds => write!(f, "{:.3} s", self.0),
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
