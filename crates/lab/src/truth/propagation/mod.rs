//! How an incident came about: which states of which components left their bands, in what order, and by which mechanism one led to the
//! next. The files `truth/propagation.json` and `truth/propagation.dot`.
//!
//! Nodes are states (memory, pauses, connections held, callers waiting …), each read from the numbers that tell of it. The edges that
//! there may be follow from the machines and from who may call whom, never from the data: pauses hold connections longer, a slow callee
//! holds its caller, a caller's misses load the database. An edge is drawn where both of its states left their bands and the
//! first did not do so later; what a longer way already says is left out (transitive reduction). States that nothing led to are roots:
//! those of a component that a fault acts on are led to by the fault, others are said to be unexplained.

mod document;
mod node;
mod rules;
mod state;

pub use node::Node;
pub use state::State;

use super::causes;
use super::components::Components;
use super::episode::Episode;
use super::incident::{FaultFound, Incident};
use super::metrics::Metrics;
use knockon_model::blueprint::Blueprint;
use petgraph::algo::{has_path_connecting, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeFiltered, IntoNeighbors};
use rules::{Known, WITHIN_FAINTLY, is_faint, mechanism};
use std::collections::BTreeSet;

/// The least share of a component's failures, in hundredths, that must be of the kind that a mechanism makes.
const SHARE_PERCENT: u64 = 5;

/// States, and what led to what.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// The graph.
    pub graph: DiGraph<Node, &'static str>,
}

impl Propagation {
    /// How an incident came about.
    #[must_use]
    pub fn of(
        blueprint: &Blueprint,
        metrics: &Metrics,
        components: &Components,
        episode: &Episode,
        incident: &Incident,
    ) -> Self {
        let contrast = episode.whole();
        let known = Known { blueprint, components, failures: &contrast.failures, share_percent: SHARE_PERCENT };
        let mut graph = DiGraph::new();
        let mut nodes = node::all(blueprint, metrics, components, episode);
        nodes.sort_by(|a, b| (a.onset, a.state, &a.component, &a.part).cmp(&(b.onset, b.state, &b.component, &b.part)));
        let indices: Vec<NodeIndex> = nodes.into_iter().map(|node| graph.add_node(node)).collect();
        let mut wanted = Vec::new();
        for &a in &indices {
            for &b in &indices {
                if a != b
                    && let Some(mechanism) = mechanism(&known, &graph[a], &graph[b])
                {
                    wanted.push((graph[b].onset.max(graph[a].onset), graph[b].onset, a, b, mechanism));
                }
            }
        }
        // Those between states of different times first: what happened at once must not turn time around.
        wanted.sort_by_key(|&(_, onset, a, b, _)| (graph[a].onset == onset, graph[a].onset, a, b));
        let forward = |graph: &DiGraph<Node, &'static str>, a: NodeIndex, b: NodeIndex| {
            graph[a].onset <= graph[b].onset && !has_path_connecting(graph, b, a, None)
        };
        // Of what happened at once, what can be led back to a fault comes first: where two ways would close a circle, the one that
        // begins there is drawn.
        let acted_on: Vec<String> =
            acting(incident).flat_map(|found| causes::components(blueprint, found.fault)).collect();
        let mut reached: BTreeSet<NodeIndex> =
            indices.iter().copied().filter(|&node| acted_on.contains(&graph[node].component)).collect();
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            wanted.retain(|&(_, _, a, b, mechanism)| {
                if !reached.contains(&a) {
                    return true;
                }
                if forward(&graph, a, b) {
                    graph.add_edge(a, b, mechanism);
                    goes_on |= reached.insert(b);
                }
                false
            });
        }
        // What nothing has led to yet may come of what is rare over the whole incident.
        let lenient = Known { share_percent: 0, ..known };
        let unled: Vec<NodeIndex> = indices
            .iter()
            .copied()
            .filter(|&node| graph.edges_directed(node, petgraph::Direction::Incoming).next().is_none())
            .filter(|node| !reached.contains(node))
            .collect();
        for b in unled {
            for &a in &indices {
                if a != b
                    && reached.contains(&a)
                    && let Some(mechanism) = mechanism(&lenient, &graph[a], &graph[b])
                    && forward(&graph, a, b)
                {
                    graph.add_edge(a, b, mechanism);
                }
            }
        }
        for (a, b, mechanism) in faint(&graph, &reached) {
            if forward(&graph, a, b) {
                graph.add_edge(a, b, mechanism);
            }
        }
        for (_, _, a, b, mechanism) in wanted {
            if forward(&graph, a, b) {
                graph.add_edge(a, b, mechanism);
            }
        }
        reduce(&mut graph);
        let mut propagation = Self { graph };
        propagation.add_faults(blueprint, incident);
        propagation
    }

    fn add_faults(&mut self, blueprint: &Blueprint, incident: &Incident) {
        let led_by = |graph: &DiGraph<Node, &'static str>, node: NodeIndex, component: &str| {
            let mut causes = graph.neighbors_directed(node, petgraph::Direction::Incoming);
            causes.any(|cause| component.is_empty() || graph[cause].component == component)
        };
        let unled: Vec<NodeIndex> = self.graph.node_indices().filter(|&node| !led_by(&self.graph, node, "")).collect();
        let mut before: Vec<(Vec<String>, Vec<NodeIndex>)> = Vec::new();
        for found in acting(incident) {
            let fault = &blueprint.faults[found.fault.index()];
            let acted_on = causes::components(blueprint, found.fault);
            let is_there = |node: &Node| acted_on.contains(&node.component);
            let is_later = |node: &Node| node.onset.as_nanos() + 1 >= fault.at.as_nanos();
            let mut led: Vec<NodeIndex> = unled.clone();
            led.retain(|&node| is_there(&self.graph[node]) && is_later(&self.graph[node]));
            // What an earlier one did to the same component, it does again.
            let again = before.iter().filter(|(others, _)| others.iter().any(|other| acted_on.contains(other)));
            led.extend(again.flat_map(|(_, led)| led));
            led.sort();
            led.dedup();
            if led.is_empty() {
                // Other components led there before.
                let entries = self.graph.node_indices().filter(|&node| {
                    let component = &self.graph[node].component;
                    let is_state = self.graph[node].fault.is_none();
                    is_state && is_there(&self.graph[node]) && !led_by(&self.graph, node, component)
                });
                led = entries.collect();
            }
            let node = self.graph.add_node(Node::of_fault(fault));
            for &led in &led {
                self.graph.add_edge(node, led, "the fault");
            }
            before.push((acted_on, led));
        }
    }

    /// States that no fault and no other state led to.
    #[must_use]
    pub fn unexplained(&self) -> Vec<&Node> {
        let unled = self.graph.externals(petgraph::Direction::Incoming).map(|node| &self.graph[node]);
        unled.filter(|node| node.fault.is_none()).collect()
    }

    /// Names of the faults that led to something.
    #[must_use]
    pub fn roots(&self) -> Vec<&str> {
        let led = |node: &NodeIndex| self.graph.edges(*node).next().is_some();
        let roots = self.graph.externals(petgraph::Direction::Incoming).filter(led);
        roots.filter_map(|node| self.graph[node].fault.as_deref()).collect()
    }

    /// Nodes in an order in which causes come first, and of those that could come next the earliest.
    #[must_use]
    pub fn in_order(&self) -> Vec<NodeIndex> {
        let mut order = toposort(&self.graph, None).expect("edges never close a circle");
        let depth = |node: NodeIndex| self.depth(node);
        order.sort_by_key(|&node| (self.graph[node].onset, self.graph[node].fault.is_none(), depth(node), node));
        order
    }

    /// The longest way from a root.
    fn depth(&self, node: NodeIndex) -> usize {
        let parents = self.graph.neighbors_directed(node, petgraph::Direction::Incoming);
        parents.map(|parent| self.depth(parent) + 1).max().unwrap_or(0)
    }
}

/// The faults of an incident that do anything, or would alone.
fn acting(incident: &Incident) -> impl Iterator<Item = &FaultFound> {
    incident.faults.iter().filter(|found| found.role.may_act())
}

/// Faint edges to states that nothing has led to.
fn faint(
    graph: &DiGraph<Node, &'static str>,
    reached: &BTreeSet<NodeIndex>,
) -> Vec<(NodeIndex, NodeIndex, &'static str)> {
    let unled = |node: &NodeIndex| graph.edges_directed(*node, petgraph::Direction::Incoming).next().is_none();
    let mut edges = Vec::new();
    for b in graph.node_indices().filter(unled) {
        for &a in reached.iter().filter(|&&a| graph[a].component == graph[b].component && !unled(&a)) {
            let (Some(from), Some(to)) = (graph[a].state, graph[b].state) else { continue };
            let rule = WITHIN_FAINTLY.iter().find(|(cause, effect, _)| (*cause, *effect) == (from, to));
            edges.extend(rule.map(|&(_, _, mechanism)| (a, b, mechanism)));
        }
    }
    edges
}

/// Takes edges out that longer ways stand for (Aho, Garey, Ullman, "The Transitive Reduction of a Directed Graph", 1972).
fn reduce(graph: &mut DiGraph<Node, &'static str>) {
    let edges: Vec<_> = graph.edge_indices().collect();
    let mut redundant = BTreeSet::new();
    for edge in edges {
        let (a, b) = graph.edge_endpoints(edge).expect("it is an edge");
        let strong = EdgeFiltered::from_fn(&*graph, |edge| !is_faint(edge.weight()));
        let longer = strong.neighbors(a).any(|next| next != b && has_path_connecting(&strong, next, b, None));
        if longer {
            redundant.insert(edge);
        }
    }
    graph.retain_edges(|_, edge| !redundant.contains(&edge));
}
