//! States that left their bands.

use super::state::State::{
    self, Death, Errors, Guards, Held, Latency, Leak, Locks, PoolTimeouts, PoolWait, Processor, Queue, Refusals,
    Rejections, Threads,
};
use crate::truth::components::Components;
use crate::truth::contrast::Contrast;
use crate::truth::episode::Episode;
use crate::truth::metric::{Metric, Worse};
use crate::truth::metrics::Metrics;
use crate::truth::outcomes::Outcomes;
use knockon_kernel::Time;
use knockon_model::blueprint::{Blueprint, Fault};
use knockon_model::record::ErrorType;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// A state that left its band.
#[derive(Clone, Debug)]
pub struct Node {
    /// The component.
    pub component: String,
    /// The pool, where it is about one.
    pub part: Option<String>,
    /// The state; `None` for a fault.
    pub state: Option<State>,
    /// The fault's name, for one.
    pub fault: Option<String>,
    /// Since when it has mattered: the beginning of a window.
    pub onset: Time,
    /// Whether `onset` is exact.
    pub(super) exact: bool,
    /// When it first left its band, however little: what did not do so later may have led to it.
    pub(super) first: Time,
    /// The number that shows it best, as an index of metrics.
    pub evidence: Option<usize>,
}

impl Node {
    /// A fault.
    pub(super) fn of_fault(fault: &Fault) -> Self {
        Self {
            component: fault.component.clone(),
            part: None,
            state: None,
            fault: Some(fault.name.clone()),
            onset: fault.at,
            exact: true,
            first: fault.at,
            evidence: None,
        }
    }

    /// Where it is: `web-api/pool`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.part {
            Some(part) => format!("{}/{part}", self.component),
            None => self.component.clone(),
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn what(&self) -> &str {
        match self.state {
            Some(state) => state.words(),
            None => self.fault.as_deref().unwrap_or_default(),
        }
    }
}

/// The share of the time that requests of a component take more in all that a wait must be, to be told of.
const MATERIAL: f64 = 0.01;

/// The metric that tells since when a state has mattered to anybody, where there is one and it has: how long callers wait does not tell how
/// many do, and what takes longer while less of it goes on holds up nobody.
fn mattering(metrics: &Metrics, contrast: &Contrast, index: usize, state: State, asked: f64) -> Option<usize> {
    let metric = &metrics.list()[index];
    let find = |part: &Option<String>, name: &str| {
        let is_it = |other: &Metric| other.component == metric.component && other.part == *part && other.name == name;
        metrics.list().iter().position(is_it)
    };
    let course = |index: usize| &contrast.courses[index];
    let index = match metric.name.as_str() {
        "wait.mean" => find(&metric.part, "waiting.present.mean").unwrap_or(index),
        "in_use.sojourn.mean" => find(&metric.part, "in_use.present.mean").unwrap_or(index),
        _ => index,
    };
    let present = find(&None, "present.mean").map(course);
    let is_enough = match state {
        // What takes longer holds up somebody only where more are there at a time, and who asks from outside cares little for next to none.
        Latency => present.is_none_or(|present| present.mattered.is_some() && present.excess >= MATERIAL * asked),
        Queue | Processor | Locks | PoolWait if metrics.list()[index].name.ends_with("present.mean") => {
            course(index).excess >= MATERIAL * present.map_or(0.0, |present| present.excess)
        }
        _ => true,
    };
    is_enough.then_some(index)
}

/// The states that left their bands for the worse.
pub(super) fn all(blueprint: &Blueprint, metrics: &Metrics, components: &Components, episode: &Episode) -> Vec<Node> {
    let contrast = episode.whole();
    let of_sources = metrics.list().iter().zip(&contrast.courses).filter(|(metric, _)| {
        let is_source = blueprint.sources.iter().any(|source| source.name == metric.component);
        is_source && metric.part.is_none() && metric.name == "present.mean"
    });
    let asked: f64 = of_sources.map(|(_, course)| course.excess).sum();
    let mut nodes: Vec<Node> = Vec::new();
    for (index, (metric, course)) in metrics.list().iter().zip(&contrast.courses).enumerate() {
        let pool = pool_of(blueprint, metric);
        let executor = executor_of(blueprint, metric);
        let Some(state) = State::of(metric, pool.is_some(), executor.is_some()).filter(|_| course.labelled > 0) else {
            continue;
        };
        // Where workers are processes of their own, requests are lost with those.
        let of_workers = || blueprint.services.iter().any(|s| s.name == metric.component && s.prefork.is_some());
        let state = if metric.name == "lost" && of_workers() { State::Kills } else { state };
        let first = |contrast: &Contrast| match metric.worse {
            Worse::Lower => contrast.courses[index].onset_lower,
            // Of what is worse neither way, more is what leads somewhere.
            Worse::Higher | Worse::Neither => contrast.courses[index].onset_higher,
        };
        let Some(began) = first(contrast) else { continue };
        let Some(telling) = mattering(metrics, contrast, index, state, asked) else { continue };
        let mattered = |contrast: &Contrast| contrast.courses[telling].mattered;
        let Some(mattering) = mattered(contrast) else { continue };
        let first = episode.began(began, blueprint.scrape_interval, first);
        let onset = episode.began(mattering, blueprint.scrape_interval, mattered).max(first);
        let part = match state {
            Held | PoolWait | PoolTimeouts | Leak => pool,
            Threads | Rejections => executor,
            _ => None,
        };
        let known = nodes
            .iter_mut()
            .find(|node| node.component == metric.component && node.part == part && node.state == Some(state));
        match known {
            Some(node) => {
                node.first = node.first.min(first);
                if onset < node.onset {
                    (node.onset, node.evidence) = (onset, Some(index));
                }
            }
            None => nodes.push(Node {
                component: metric.component.clone(),
                part,
                state: Some(state),
                fault: None,
                onset,
                exact: false,
                first,
                evidence: Some(index),
            }),
        }
    }
    for node in &mut nodes {
        let component = components.find(&node.component);
        let window = node.onset..=node.onset + blueprint.scrape_interval;
        let exact = component.and_then(|component| begins(&episode.outcomes, component, node.state?, &window));
        if let Some(exact) = exact {
            (node.onset, node.exact) = (exact, true);
        }
    }
    nodes
}

/// Caches that find a smaller share of what is looked for.
pub(super) fn finding_less(metrics: &Metrics, episode: &Episode) -> BTreeSet<String> {
    let courses = metrics.list().iter().zip(&episode.whole().courses);
    let found = courses.filter(|(metric, course)| metric.name == "hit_share" && course.hurt > 0);
    found.map(|(metric, _)| metric.component.clone()).collect()
}

/// The instant in which a state showed by the first request or call that failed of it.
fn begins(outcomes: &Outcomes, component: usize, state: State, within: &RangeInclusive<Time>) -> Option<Time> {
    use ErrorType::{
        BulkheadFull, CallNotPermitted, ClientThrottled, ConnectionLost, ConnectionRefused, ConnectionReset,
        Overloaded, PoolTimeout, RateLimited, Terminated,
    };
    let refused = |why| matches!(why, ConnectionRefused | Overloaded | RateLimited);
    let not_let_through = |why| matches!(why, CallNotPermitted | BulkheadFull | ClientThrottled);
    let broken = |why| matches!(why, ConnectionReset | ConnectionLost | Terminated);
    match state {
        PoolTimeouts => outcomes.first_failed(component, within, |why| why == PoolTimeout),
        Errors => outcomes.first_failed(component, within, |_| true),
        Refusals => outcomes.first_failed_call(component, within, refused),
        Death => outcomes.first_failed_call(component, within, broken),
        Guards => outcomes.first_failed(component, within, not_let_through),
        Rejections => outcomes.first_failed(component, within, |why| why == ErrorType::TaskRejected),
        _ => None,
    }
}

/// The executor that a metric is about.
fn executor_of(blueprint: &Blueprint, metric: &Metric) -> Option<String> {
    let service = blueprint.services.iter().find(|service| service.name == metric.component)?;
    let part = metric.part.as_deref()?;
    service.executors.iter().find(|executor| executor.name == part).map(|executor| executor.name.clone())
}

/// The pool that a metric is about.
fn pool_of(blueprint: &Blueprint, metric: &Metric) -> Option<String> {
    let service = blueprint.services.iter().find(|service| service.name == metric.component)?;
    let part = metric.part.as_deref()?;
    let name = part.rsplit('/').next()?;
    service.pools.iter().find(|pool| pool.name == name).map(|pool| pool.name.clone())
}
