//! States that left their bands.

use super::state::State::{self, Held, Leak, Load, PoolTimeouts, PoolWait};
use crate::truth::contrast::Contrast;
use crate::truth::metric::Metric;
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

/// The states that left their bands for the worse.
pub(super) fn all(blueprint: &Blueprint, metrics: &Metrics, contrast: &Contrast) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for (index, (metric, course)) in metrics.list().iter().zip(&contrast.courses).enumerate() {
        let Some(onset) = course.onset else { continue };
        let pool = pool_of(blueprint, metric);
        let Some(state) = State::of(metric, pool.is_some()) else { continue };
        let more = course.peak.is_some_and(|(peak, _)| peak > 0.0);
        if !(course.hurt > 0 || state == Load && more) {
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
