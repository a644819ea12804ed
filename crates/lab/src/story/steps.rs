//! The steps of a story: states that left their bands, in an order in which causes come first, each with the number that shows it.

use super::documents::{Graph, Instant, Node};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One state of one component that was not as without the fault.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// When its number left the band: the beginning of a window.
    pub onset: Instant,
    /// Where: a component or, with a slash, a pool of it.
    pub place: String,
    /// The component alone.
    pub component: String,
    /// What, in words.
    pub what: String,
    /// What led to it; nothing where no known mechanism did.
    pub because: Vec<Because>,
    /// The number.
    pub evidence: Option<Evidence>,
}

/// What led to a step.
#[derive(Clone, Debug, Serialize)]
pub struct Because {
    /// Where.
    pub place: String,
    /// The state there, or the fault's name.
    pub what: String,
    /// How it did.
    pub mechanism: String,
    /// How much is due to it, where an account tells.
    pub share: Option<f64>,
    /// Whether it was the fault itself.
    pub fault: bool,
}

/// Where a step's number is found, and what it is there: the window in which the two worlds differ most.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The table.
    pub table: &'static str,
    /// The metric: component, part and name in one.
    pub path: String,
    /// Its name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// First instant of the window.
    pub window: Instant,
    /// Length of the window in nanoseconds.
    pub window_ns: u64,
    /// Value without the fault.
    pub without: f64,
    /// Value with it.
    pub with: f64,
    /// Labelled windows of this metric.
    pub labelled_windows: u64,
    /// Of them those in which it was worse.
    pub hurt_windows: u64,
}

/// A row of `truth/windows`, as far as stories need it.
#[derive(Clone, Copy, Debug)]
pub struct WindowRow<'a> {
    /// Number of the contrast.
    pub contrast: u32,
    /// The component.
    pub component: &'a str,
    /// The part of it.
    pub part: Option<&'a str>,
    /// The metric's name.
    pub metric: &'a str,
    /// Its unit.
    pub unit: &'a str,
    /// First instant of the window since the run began, in nanoseconds.
    pub start_ns: u64,
    /// Its end.
    pub end_ns: u64,
    /// Value with the fault.
    pub with: Option<f64>,
    /// Value without.
    pub without: Option<f64>,
    /// Whether the fault did that.
    pub labelled: bool,
    /// Whether it is worse.
    pub hurt: bool,
}

/// Steps, and what has been seen of their numbers.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    steps: Vec<Step>,
    /// By metric's path: the steps that it shows, and the best row so far.
    wanted: BTreeMap<String, Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    steps: Vec<usize>,
    best: Option<(bool, bool, f64)>,
    evidence: Option<Evidence>,
    labelled: u64,
    hurt: u64,
}

impl Steps {
    /// Of a graph of propagation.
    pub(super) fn of(graph: &Graph) -> Self {
        let depths = depths(graph);
        let states = graph.nodes.iter().filter(|node| node.fault.is_none());
        let mut order: Vec<_> = states.map(|node| (node.onset_offset_ns, depths[&node.id], node)).collect();
        let led = led(graph);
        // Of what began in the same window, what comes of the fault is told first.
        order.sort_by_key(|&(onset, depth, node)| (onset, !led.contains(&node.id), depth, node.id));
        let mut wanted: BTreeMap<String, Seen> = BTreeMap::new();
        let mut steps = Vec::new();
        for (_, _, node) in order {
            if let Some(path) = &node.evidence {
                wanted.entry(path.clone()).or_default().steps.push(steps.len());
            }
            steps.push(Step {
                onset: Instant { time: node.onset.clone(), offset_ns: node.onset_offset_ns },
                place: place(node),
                component: node.component.clone(),
                what: node.words.clone(),
                because: because(graph, node, &led),
                evidence: None,
            });
        }
        Self { steps, wanted }
    }

    /// Looks at a row of the story's contrast; `instant` dates what is kept.
    pub(super) fn see(&mut self, row: &WindowRow<'_>, instant: impl Fn(u64) -> Instant) {
        let path = path(row);
        let Some(seen) = self.wanted.get_mut(&path) else { return };
        let (true, Some(with), Some(without)) = (row.labelled, row.with, row.without) else { return };
        seen.labelled += 1;
        seen.hurt += u64::from(row.hurt);
        // Of what is worse neither way, more of it is what led somewhere.
        let weight = (row.hurt, with > without, (with - without).abs());
        if seen.best.is_none_or(|best| weight > best) {
            seen.best = Some(weight);
            seen.evidence = Some(Evidence {
                table: "truth/windows",
                path,
                metric: row.metric.to_owned(),
                unit: row.unit.to_owned(),
                window: instant(row.start_ns),
                window_ns: row.end_ns - row.start_ns,
                without,
                with,
                labelled_windows: 0,
                hurt_windows: 0,
            });
        }
    }

    /// The steps, with what was seen.
    pub(super) fn finish(mut self) -> Vec<Step> {
        for seen in self.wanted.into_values() {
            let evidence = seen.evidence.map(|evidence| Evidence {
                labelled_windows: seen.labelled,
                hurt_windows: seen.hurt,
                ..evidence
            });
            for step in seen.steps {
                self.steps[step].evidence.clone_from(&evidence);
            }
        }
        self.steps
    }
}

/// As the lab names metrics (`truth::Metric::path`).
fn path(row: &WindowRow<'_>) -> String {
    match row.part {
        None => format!("{}.{}", row.component, row.metric),
        Some(link) if link.contains(" -> ") => format!("{link}.{}", row.metric),
        Some(part) => format!("{}/{part}.{}", row.component, row.metric),
    }
}

fn place(node: &Node) -> String {
    node.part.as_ref().map_or_else(|| node.component.clone(), |part| format!("{}/{part}", node.component))
}

/// What led to a state: first what comes of the fault, then what most is due to, then what is near, then what came last before it.
fn because(graph: &Graph, node: &Node, led: &BTreeSet<usize>) -> Vec<Because> {
    let find = |id: usize| graph.nodes.iter().find(|node| node.id == id);
    let into = graph.edges.iter().filter(|edge| edge.to == node.id);
    let mut causes: Vec<_> = into.filter_map(|edge| Some((find(edge.from)?, edge))).collect();
    causes.sort_by(|(a, x), (b, y)| {
        let key = |cause: &Node| {
            let far = cause.component != node.component;
            (far, std::cmp::Reverse(cause.onset_offset_ns), cause.id)
        };
        let unled = |cause: &Node| !led.contains(&cause.id);
        let share = |edge: &super::Edge| edge.share.unwrap_or(0.0);
        unled(a).cmp(&unled(b)).then_with(|| share(y).total_cmp(&share(x))).then_with(|| key(a).cmp(&key(b)))
    });
    let tell = |(cause, edge): (&Node, &super::Edge)| Because {
        place: place(cause),
        what: cause.words.clone(),
        mechanism: edge.mechanism.clone(),
        share: edge.share,
        fault: cause.fault.is_some(),
    };
    causes.into_iter().map(tell).collect()
}

/// Nodes to which a way leads from a fault, and the faults.
fn led(graph: &Graph) -> BTreeSet<usize> {
    let mut led: BTreeSet<usize> = graph.nodes.iter().filter(|node| node.fault.is_some()).map(|node| node.id).collect();
    loop {
        let before = led.len();
        let next: Vec<_> = graph.edges.iter().filter(|edge| led.contains(&edge.from)).map(|edge| edge.to).collect();
        led.extend(next);
        if led.len() == before {
            return led;
        }
    }
}

/// The longest way from a root, by node. A graph that closes a circle is none of ours; it is left after as many rounds as it has nodes.
fn depths(graph: &Graph) -> BTreeMap<usize, usize> {
    let mut depths: BTreeMap<usize, usize> = graph.nodes.iter().map(|node| (node.id, 0)).collect();
    for _ in &graph.nodes {
        let mut changed = false;
        for edge in &graph.edges {
            let deeper = depths.get(&edge.from).copied().unwrap_or(0) + 1;
            let depth = depths.entry(edge.to).or_insert(0);
            changed |= *depth < deeper;
            *depth = deeper.max(*depth);
        }
        if !changed {
            break;
        }
    }
    depths
}
