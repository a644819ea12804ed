//! RCAEval's layout: a folder an incident, `<service>_<fault>/<n>/`, whose name is the answer to what is in it.
//!
//! ```text
//! postgres_cpu/1/data.csv         a row a second, a column a number of a service
//!                metrics.json     the series as they were scraped
//!                inject_time.txt  when the fault came
//!                logs.csv traces.csv
//! ```
//!
//! Source: RCAEval 1.8.1 (Pham et al., "RCAEval: A Benchmark for Root Cause Analysis of Microservice Systems with Telemetry Data", 2025),
//! `main.py` and the data sets RE1 and RE2: 720 s to either side of the fault, 1 441 rows.

mod frame;
mod samples;
mod tables;

use crate::error::Result;
use crate::fault::{self, hyphenated};
use crate::served::Components;
use crate::source::Source;
use crate::target::Target;
use crate::truth::{Incident, Truth};
use frame::Frame;
use std::collections::BTreeMap;

/// A second.
const SECOND: i64 = 1_000_000_000;
/// Seconds that are told of to either side of the fault.
const REACH: i64 = 720;
/// Incidents that are read for in one go through the tables: what is held at once is of so many.
const TOGETHER: usize = 16;
/// Seconds between scrapes, where a run has none.
const USUAL_INTERVAL: i64 = 15;

/// An incident, and where its files go.
struct Case {
    folder: String,
    /// The second in which the fault came.
    inject: i64,
    /// The first and the last second that are told of.
    seconds: (i64, i64),
}

impl Case {
    /// Whether an instant is told of.
    fn has(&self, time: i64) -> bool {
        (self.seconds.0 * SECOND..(self.seconds.1 + 1) * SECOND).contains(&time)
    }
}

pub(crate) fn write(source: &mut Source<'_>, truth: &Truth<'_>, target: &Target) -> Result<()> {
    let cases = cases(&truth.with_effect()?, source);
    for _ in 1..cases.len().div_ceil(TOGETHER) {
        ["observed/spans", "observed/spans", "observed/metrics", "observed/logs"]
            .iter()
            .for_each(|table| source.again(table));
    }
    ["observed/spans", "observed/spans", "observed/metrics"].iter().for_each(|table| source.again(table));
    let components = Components::of(source)?;
    let interval = samples::interval(source)?.unwrap_or(USUAL_INTERVAL * SECOND);
    let series = samples::Series::read(source)?;
    for cases in cases.chunks(TOGETHER) {
        let mut frames: Vec<_> = cases.iter().map(|case| Frame::new(case.seconds)).collect();
        samples::collect(source, &series, cases, &mut frames, target)?;
        components.windows(source, interval, |window| {
            for frame in &mut frames {
                for (name, served) in &window.served {
                    frame.served(name, window.end, interval, served);
                }
            }
            Ok(())
        })?;
        for (case, frame) in cases.iter().zip(frames) {
            frame.write(target.file(&format!("{}/data.csv", case.folder))?)?;
            target.file(&format!("{}/inject_time.txt", case.folder))?.text(&format!("{}\n", case.inject), 1)?;
        }
        tables::logs(source, cases, target)?;
        tables::traces(source, cases, target)?;
    }
    Ok(())
}

/// Cases by the order of incidents. Those of the same service and fault are numbered.
fn cases(incidents: &[&Incident], source: &Source<'_>) -> Vec<Case> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let run = (source.start_unix_ns(), source.end_unix_ns());
    let case = |incident: &&Incident| {
        let cause = incident.cause()?;
        let name = format!("{}_{}", hyphenated(&cause.root_cause), fault::name(cause));
        let number = numbers.entry(name.clone()).or_default();
        *number += 1;
        let inject = incident.start.div_euclid(SECOND);
        let first = (inject - REACH).max(run.0.div_euclid(SECOND));
        let last = (inject + REACH).min(run.1.div_euclid(SECOND));
        Some(Case { folder: format!("{name}/{number}"), inject, seconds: (first, last) })
    };
    incidents.iter().filter_map(case).collect()
}
