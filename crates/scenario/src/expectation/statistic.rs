//! Statistics by name: `SOURCE.error_share`, `SERVICE.restarts`, `SERVICE/POOL.wait.p99`.
//!
//! The tables name every statistic, say what it is and read it; there is no other list of them.

use crate::suggest;
use knockon_model::blueprint::Blueprint;
use knockon_model::statistics::{LatencyHistogram, PoolStatistics, ServiceStatistics, SourceStatistics, Statistics};
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

const fn count<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> f64) -> Row<S> {
    Row { name, unit: Unit::Count, meaning, read }
}

const fn part<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> f64) -> Row<S> {
    Row { name, unit: Unit::Share, meaning, read }
}

const fn time<S>(name: &'static str, meaning: &'static str, read: fn(&S) -> f64) -> Row<S> {
    Row { name, unit: Unit::Seconds, meaning, read }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn quantile(histogram: &LatencyHistogram, permille: u64) -> f64 {
    histogram.quantile(permille).as_secs_f64()
}

/// Rows, and behind them those of a histogram.
macro_rules! table {
    ([$($before:expr),* $(,)?], $name:literal, $meaning:literal, $field:ident) => {
        &[
            $($before,)*
            count(concat!($name, ".count"), concat!("number of measured values of the ", $meaning), |s| s.$field.count() as f64),
            time(concat!($name, ".mean"), concat!("mean ", $meaning), |s| s.$field.mean().as_secs_f64()),
            time(concat!($name, ".maximum"), concat!("longest ", $meaning), |s| s.$field.maximum().as_secs_f64()),
            time(concat!($name, ".p50"), concat!("median ", $meaning), |s| quantile(&s.$field, 500)),
            time(concat!($name, ".p90"), concat!("90th percentile of the ", $meaning), |s| quantile(&s.$field, 900)),
            time(concat!($name, ".p95"), concat!("95th percentile of the ", $meaning), |s| quantile(&s.$field, 950)),
            time(concat!($name, ".p99"), concat!("99th percentile of the ", $meaning), |s| quantile(&s.$field, 990)),
            time(concat!($name, ".p999"), concat!("99.9th percentile of the ", $meaning), |s| quantile(&s.$field, 999)),
        ]
    };
}

const SOURCE: &[Row<SourceStatistics>] = table!(
    [
        count("sent", "requests sent", |s| s.sent as f64),
        count("answered", "answered with a status below 500", |s| s.answered as f64),
        count("failed", "ended otherwise", |s| s.failed as f64),
        count("in_flight", "not ended at the end of the run", |s| s.in_flight as f64),
        count("attempts", "attempts sent", |s| s.attempts as f64),
        part("error_share", "failed, of all that ended", |s| share(s.failed, s.answered + s.failed)),
    ],
    "latency",
    "time from sending to the end, of answered requests",
    latency
);

const SERVICE: &[Row<ServiceStatistics>] = table!(
    [
        count("arrived", "requests that arrived", |s| s.arrived as f64),
        count("answered", "answered with a status below 500", |s| s.answered as f64),
        count("failed", "answered with an error", |s| s.failed as f64),
        count("refused", "refused at the door", |s| s.refused as f64),
        count("lost", "ended because the process died", |s| s.lost as f64),
        count("in_flight", "not ended at the end of the run", |s| s.in_flight as f64),
        part("error_share", "failed, refused or lost, of all that ended", errors),
        time("computed", "processor time used by requests", |s| s.computed.as_secs_f64()),
        time("paused", "time stood still, summed over processes", |s| s.paused.as_secs_f64()),
        count("collections", "collections, minor and full", |s| s.collections as f64),
        count("full_collections", "full collections", |s| s.full_collections as f64),
        count("out_of_memory", "OutOfMemoryErrors", |s| s.out_of_memory as f64),
        count("oom_killed", "kills by the kernel for memory", |s| s.oom_killed as f64),
        count("restarts", "restarts by the platform", |s| s.restarts as f64),
        count("hits", "cache reads that found their key", |s| s.hits as f64),
        count("misses", "cache reads that did not", |s| s.misses as f64),
        part("hit_share", "cache reads that found their key, of all", |s| share(s.hits, s.hits + s.misses)),
    ],
    "latency",
    "time from arrival to answer",
    latency
);

const POOL: &[Row<PoolStatistics>] = table!(
    [
        count("acquired", "connections handed out", |s| s.acquired as f64),
        count("timeouts", "callers that gave up", |s| s.timeouts as f64),
        part("timeout_share", "callers that gave up, of all", |s| share(s.timeouts, s.acquired + s.timeouts)),
        count("peak_waiting", "most callers that waited at once", |s| f64::from(s.peak_waiting)),
    ],
    "wait",
    "wait for a connection, of those who got one",
    wait
);

fn errors(s: &ServiceStatistics) -> f64 {
    let errors = s.failed + s.refused + s.lost;
    share(errors, s.answered + errors)
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
