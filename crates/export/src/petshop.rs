//! PetShop's layout: statistics of each component over five minutes, with an issue's root cause beside it.
//!
//! ```text
//! graph.csv                       who calls whom: rows call columns
//! noissue/metrics.csv             when nothing was wrong
//! {train,test}/issue_N/           metrics.csv and target.json of an incident
//! ```
//!
//! Source: Hardt et al., "The PetShop Dataset: Finding Causes of Performance Issues across Microservices", 2024, and its loader
//! (`rca_task.py`), which takes the third row of an issue for the one to be explained. Incidents go to `test` and `train` by turns.

use crate::error::Result;
use crate::served::{Components, Served};
use crate::source::Source;
use crate::target::{Csv, Target};
use crate::truth::{Incident, Truth};
use serde::Serialize;
use std::collections::BTreeMap;

/// The width of a window, in nanoseconds.
const WIDTH: i64 = 300_000_000_000;
/// Rows of an issue before the one to be explained.
const BEFORE: i64 = 2;
/// Statistics of a component, in the order of columns.
const STATISTICS: [(&str, &str); 7] = [
    ("latency", "Average"),
    ("latency", "p90"),
    ("latency", "p50"),
    ("latency", "p95"),
    ("latency", "p99"),
    ("requests", "Sum"),
    ("availability", "Average"),
];

/// `target.json`.
#[derive(Serialize)]
struct Answer<'a> {
    target: Aim<'a>,
    root_cause: Cause<'a>,
    metadata: Metadata,
}

/// What is to be explained.
#[derive(Serialize)]
struct Aim<'a> {
    node: &'a str,
    metric: &'a str,
    agg: &'a str,
    timestamp: i64,
}

/// The explanation.
#[derive(Serialize)]
struct Cause<'a> {
    node: &'a str,
    /// Any of the component's.
    metric: Option<&'a str>,
}

#[derive(Serialize)]
struct Metadata {
    faults: Vec<String>,
}

/// A window's statistics, a component after the other.
type Row = Vec<[Option<f64>; 7]>;

pub(crate) fn write(source: &mut Source<'_>, truth: &Truth<'_>, target: &Target) -> Result<()> {
    let incidents = truth.with_effect()?;
    source.again("observed/spans");
    let components = Components::of(source)?;
    graph(&components, target)?;
    let origin = source.start_unix_ns();
    let whole = (source.end_unix_ns() - origin) / WIDTH;
    let rows = rows(&components, source, origin, whole)?;
    let is_quiet = |window: i64| {
        let (from, to) = (origin + window * WIDTH, origin + (window + 1) * WIDTH);
        !incidents.iter().any(|incident| incident.start < to && from < incident.until)
    };
    metrics(&components, origin, "noissue", (0..whole).filter(|&window| is_quiet(window)), &rows, target)?;
    // The loader looks into both folders, and passes over what is hidden.
    for split in ["train", "test"] {
        target.file(&format!("{split}/.keep"))?.text("", 0)?;
    }
    let mut number = [0; 2];
    for (incident, split) in incidents.iter().zip([0, 1].into_iter().cycle()) {
        let folder = format!("{}/issue_{}", ["test", "train"][split], number[split]);
        if issue(incident, &components, (origin, whole), &folder, &rows, target)? {
            number[split] += 1;
        }
    }
    Ok(())
}

fn graph(components: &Components, target: &Target) -> Result<()> {
    let names = components.names().iter().map(String::as_str);
    let mut file = Csv::begin(target.file("graph.csv")?, std::iter::once("").chain(names.clone()))?;
    for caller in names.clone() {
        let calls = names.clone().map(|callee| if components.calls(caller, callee) { "1.0" } else { "0.0" });
        file.row(std::iter::once(caller).chain(calls))?;
    }
    file.finish()
}

/// The statistics of all whole windows in which anything was served: some hundred bytes for five minutes of a component.
fn rows(components: &Components, source: &mut Source<'_>, origin: i64, whole: i64) -> Result<BTreeMap<i64, Row>> {
    let mut rows = BTreeMap::new();
    components.windows(source, WIDTH, |window| {
        let index = (window.end - origin) / WIDTH - 1;
        if index < whole {
            rows.insert(index, window.served.iter().map(|(_, served)| statistics(served)).collect());
        }
        Ok(())
    })?;
    Ok(rows)
}

fn statistics(served: &Served) -> [Option<f64>; 7] {
    let count = served.count() as f64;
    let answered = (count > 0.0).then(|| 100.0 * (count - served.failed as f64) / count);
    let percentile = |hundredths| served.percentile(hundredths);
    [served.mean(), percentile(90), percentile(50), percentile(95), percentile(99), Some(count), answered]
}

/// Windows as a `metrics.csv` with three rows of header. Where nothing was served there is no latency: a cell is empty.
fn metrics(
    components: &Components,
    origin: i64,
    folder: &str,
    windows: impl Iterator<Item = i64>,
    rows: &BTreeMap<i64, Row>,
    target: &Target,
) -> Result<()> {
    let columns =
        || STATISTICS.into_iter().flat_map(|statistic| components.names().iter().map(move |name| (name, statistic)));
    let named = |name: &'static str, of: fn((&String, (&'static str, &'static str))) -> String| {
        std::iter::once(name.to_owned()).chain(columns().map(of)).collect::<Vec<_>>()
    };
    let file = target.file(&format!("{folder}/metrics.csv"))?;
    let mut file = Csv::begin(file, named("microservice", |(name, _)| name.clone()))?;
    file.header(named("metric", |(_, (metric, _))| metric.to_owned()))?;
    file.header(named("statistic", |(_, (_, statistic))| statistic.to_owned()))?;
    file.header(named("unix_timestamp", |_| String::new()))?;
    let nothing: Row = vec![statistics(&Served::default()); components.names().len()];
    for window in windows {
        let row = rows.get(&window).unwrap_or(&nothing);
        let values = (0..STATISTICS.len()).flat_map(|place| row.iter().map(move |statistics| statistics[place]));
        let values = values.map(|value| value.map_or_else(String::new, |value| value.to_string()));
        file.row(std::iter::once(timestamp(origin, window)).chain(values))?;
    }
    file.finish()
}

/// The first second of a window.
fn timestamp(origin: i64, window: i64) -> String {
    format!("{}.0", (origin + window * WIDTH) / 1_000_000_000)
}

/// An incident's files; whether there was a window to tell of.
fn issue(
    incident: &Incident,
    components: &Components,
    (origin, whole): (i64, i64),
    folder: &str,
    rows: &BTreeMap<i64, Row>,
    target: &Target,
) -> Result<bool> {
    let first = (incident.start - origin) / WIDTH;
    let last = ((incident.until - 1 - origin) / WIDTH).min(whole - 1);
    // Where users come in, and of several such places the busiest.
    let place = |name: &str| components.names().iter().position(|known| known == name);
    let busy = |node: usize| (first..=last).filter_map(|window| rows.get(&window)?[node][5]).sum::<f64>();
    let nodes = components.entries().filter_map(place);
    let Some(node) = nodes.max_by(|&a, &b| busy(a).total_cmp(&busy(b)).then(b.cmp(&a))) else { return Ok(false) };
    let by_failures = 2 * incident.requests.failed >= incident.requests.hurt;
    // The window in which it was worst there.
    let harm = |window: i64| {
        let statistics = rows.get(&window)?[node];
        if by_failures { statistics[6].map(|answered| -answered) } else { statistics[0] }
    };
    let worst = (first..=last).filter_map(|window| Some((window, harm(window)?)));
    let Some((worst, _)) = worst.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { return Ok(false) };
    let Some(cause) = incident.cause() else { return Ok(false) };
    metrics(components, origin, folder, (worst - BEFORE).max(0)..=last.max(worst), rows, target)?;
    let answer = Answer {
        target: Aim {
            node: &components.names()[node],
            metric: if by_failures { "availability" } else { "latency" },
            agg: "Average",
            timestamp: (origin + worst * WIDTH) / 1_000_000_000,
        },
        root_cause: Cause { node: &cause.root_cause, metric: None },
        metadata: Metadata { faults: incident.faults.iter().map(|fault| fault.name.clone()).collect() },
    };
    let text = serde_json::to_string(&answer).expect("an answer is plain data") + "\n";
    target.file(&format!("{folder}/target.json"))?.text(&text, 1)?;
    Ok(true)
}
