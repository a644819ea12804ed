//! States that left their bands.

use super::state::State::{self, Held, Latency, Leak, Load, Locks, PoolTimeouts, PoolWait, Processor, Queue};
use crate::truth::components::Components;
use crate::truth::contrast::Contrast;
use crate::truth::episode::Episode;
use crate::truth::metric::{Metric, Worse};
use crate::truth::metrics::Metrics;
use knockon_kernel::Time;
use knockon_model::blueprint::{Blueprint, Fault};

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
    /// When it left its band: the beginning of a window.
    pub onset: Time,
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

/// The least mean number of requests that wait.
const LEAST_WAITING: f64 = 0.01;
/// The least share of its own by which there is more of something, or it takes longer.
const LEAST_MORE: f64 = 0.1;

/// Whether a load, a wait or a latency is more by more than next to nothing, beside itself, and a wait also beside all the time that requests are
/// in the component for longer.
fn is_material(metrics: &Metrics, components: &Components, contrast: &Contrast, index: usize, state: State) -> bool {
    let is_more = |index: usize| {
        let highest = contrast.courses[index].highest;
        highest.is_some_and(|(more, without)| without.is_nan() || more >= LEAST_MORE * without)
    };
    if matches!(state, Load | Latency | Held) {
        return is_more(index);
    }
    if !matches!(state, Queue | Processor | Locks | PoolWait) {
        return true;
    }
    let metric = &metrics.list()[index];
    // How long callers wait does not tell how many do.
    let index = if metric.name == "wait.mean" {
        let of_part = |other: &Metric| other.component == metric.component && other.part == metric.part;
        let waiting = |other: &Metric| of_part(other) && other.name == "waiting.present.mean";
        metrics.list().iter().position(waiting).unwrap_or(index)
    } else {
        index
    };
    if !metrics.list()[index].name.ends_with("present.mean") {
        return true;
    }
    let component = components.of_metric(index);
    let whole = metrics.list().iter().zip(&contrast.courses).enumerate().find(|(n, (metric, _))| {
        components.of_metric(*n) == component && metric.part.is_none() && metric.name == "present.mean"
    });
    let longer = whole.map_or(0.0, |(_, (_, course))| course.excess);
    let course = &contrast.courses[index];
    is_more(index)
        && course.excess >= MATERIAL * longer
        && course.highest.is_some_and(|(highest, _)| highest >= LEAST_WAITING)
}

/// The states that left their bands for the worse.
pub(super) fn all(blueprint: &Blueprint, metrics: &Metrics, components: &Components, episode: &Episode) -> Vec<Node> {
    let contrast = episode.whole();
    let mut nodes: Vec<Node> = Vec::new();
    for (index, (metric, course)) in metrics.list().iter().zip(&contrast.courses).enumerate() {
        let pool = pool_of(blueprint, metric);
        let Some(state) = State::of(metric, pool.is_some()) else { continue };
        let onset = |contrast: &Contrast| match metric.worse {
            Worse::Lower => contrast.courses[index].onset_lower,
            // Of what is worse neither way, more is what leads somewhere.
            Worse::Higher | Worse::Neither => contrast.courses[index].onset_higher,
        };
        let Some(began) = onset(contrast).filter(|_| course.labelled > 0) else { continue };
        let onset = episode.began(began, blueprint.scrape_interval, onset);
        if !is_material(metrics, components, contrast, index, state) {
            continue;
        }
        let part = matches!(state, Held | PoolWait | PoolTimeouts | Leak).then_some(pool).flatten();
        let known = nodes
            .iter_mut()
            .find(|node| node.component == metric.component && node.part == part && node.state == Some(state));
        match known {
            Some(node) if node.onset <= onset => {}
            Some(node) => (node.onset, node.evidence) = (onset, Some(index)),
            None => nodes.push(Node {
                component: metric.component.clone(),
                part,
                state: Some(state),
                fault: None,
                onset,
                evidence: Some(index),
            }),
        }
    }
    nodes
}

/// The pool that a metric is about.
fn pool_of(blueprint: &Blueprint, metric: &Metric) -> Option<String> {
    let service = blueprint.services.iter().find(|service| service.name == metric.component)?;
    let part = metric.part.as_deref()?;
    let name = part.rsplit('/').next()?;
    service.pools.iter().find(|pool| pool.name == name).map(|pool| pool.name.clone())
}
