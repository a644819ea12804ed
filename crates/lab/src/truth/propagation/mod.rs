//! How an incident came about: which states of which components left their bands, in what order, and by which mechanism one led to the
//! next. The files `truth/propagation.json` and `truth/propagation.dot`.
//!
//! Nodes are states (memory, pauses, connections held, callers waiting …), each read from the numbers that tell of it. The edges that
//! there may be follow from the machines and from who may call whom: pauses hold connections longer, a slow callee
//! holds its caller, a caller's misses load the database. An edge is drawn where both of its states left their bands, the
//! first did so before the second mattered, and, where [`accounts`] tell how much is due to it, that is not next to nothing. What a longer way already says is
//! left out (transitive reduction), unless much is due to it. States that nothing led to are roots:
//! those of a component that a fault acts on are led to by the fault, others are said to be unexplained.

mod accounts;
mod document;
mod drawing;
mod entry;
mod known;
mod node;
mod onsets;
mod rules;
mod state;

pub use node::Node;
pub use state::State;

use super::causes;
use super::components::Components;
use super::contrast::Contrast;
use super::episode::Episode;
use super::incident::{FaultFound, Incident};
use super::metrics::Metrics;
use accounts::Accounts;
use knockon_kernel::Duration;
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use known::Known;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeSet;

/// The least share of a state that must be due to what leads to it, where an account tells.
const LEAST_SHARE: f64 = 0.05;
/// The share of a state from which on much of it is due to what leads to it: no longer way stands for that, and it is told.
pub const MUCH: f64 = 0.1;

/// By how many windows a cause may be seen later than what came of it, where an account tells and nothing else led there.
const LATE_WINDOWS: u64 = 2;

/// How a fault led to a state where no mechanism is known.
const UNSEEN: &str = "the fault, in a way that no number shows";

/// That one state led to another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Link {
    /// How.
    pub mechanism: &'static str,
    /// The share of the other that is due to the one, where an account tells.
    pub share: Option<f64>,
}

type Graph = DiGraph<Node, Link>;

/// States, and what led to what.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// The graph.
    pub graph: DiGraph<Node, Link>,
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
        let (outcomes, waits) = (&episode.outcomes, &episode.waits);
        let late = Duration::from_nanos(blueprint.scrape_interval.as_nanos().saturating_mul(LATE_WINDOWS));
        let finds_less = &node::finding_less(metrics, episode);
        let known = Known { blueprint, components, outcomes, waits, late, finds_less };
        let acted_on: Vec<String> =
            acting(incident).flat_map(|found| causes::components(blueprint, found.fault)).collect();
        let mut nodes = node::all(blueprint, metrics, components, episode);
        let other_work = other_work(&known, &acted_on, &nodes);
        nodes.retain(|node| match node.state {
            Some(State::Latency) => !other_work.contains(&node.component),
            // Threads that stand still are counted at the processor too.
            Some(State::Processor) => !known.mostly_stands_still(&node.component),
            _ => true,
        });
        nodes.sort_by(|a, b| (a.first, a.state, &a.component, &a.part).cmp(&(b.first, b.state, &b.component, &b.part)));
        let accounts = Accounts::of(&known, &nodes);
        let entries: Vec<_> = acting(incident).flat_map(|found| entry::of(blueprint, found.fault)).collect();
        let mut graph = drawing::draw(&known, nodes, &accounts, &acted_on, &entries);
        onsets::settle(&mut graph, late, blueprint.scrape_interval);
        let mut propagation = Self { graph };
        let faults = propagation.add_faults(blueprint, incident, &accounts);
        propagation.add_unseen(&faults, episode);
        propagation
    }

    fn add_faults(
        &mut self,
        blueprint: &Blueprint,
        incident: &Incident,
        accounts: &Accounts,
    ) -> Vec<(FaultId, NodeIndex)> {
        let mut faults = Vec::new();
        let led_by = |graph: &Graph, node: NodeIndex, component: &str| {
            let mut causes = graph.neighbors_directed(node, petgraph::Direction::Incoming);
            causes.any(|cause| component.is_empty() || graph[cause].component == component)
        };
        let unled: Vec<NodeIndex> = self.graph.node_indices().filter(|&node| !led_by(&self.graph, node, "")).collect();
        let states = (0..self.graph.node_count()).map(NodeIndex::new);
        let mut before: Vec<(Vec<String>, Vec<NodeIndex>)> = Vec::new();
        for found in acting(incident) {
            let fault = &blueprint.faults[found.fault.index()];
            let acted_on = causes::components(blueprint, found.fault);
            let is_there = |node: &Node| acted_on.contains(&node.component);
            let is_later = |node: &Node| node.first.as_nanos() + 1 >= fault.at.as_nanos();
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
            // What takes its time by itself, and not for what it waits for.
            let slow = states.clone().filter(|&node| {
                let described = &self.graph[node];
                let is_own = described.state == Some(State::Latency) && accounts.own(node.index()) >= MUCH;
                is_own && is_there(described) && is_later(described) && !led.contains(&node)
            });
            led.extend(slow.collect::<Vec<_>>());
            let node = self.graph.add_node(Node::of_fault(fault));
            for &led in &led {
                let own = accounts.own(led.index());
                let share = (self.graph[led].state == Some(State::Latency) && own > 0.0).then_some(own);
                self.graph.add_edge(node, led, Link { mechanism: "the fault", share });
            }
            before.push((acted_on, led));
            faults.push((found.fault, node));
        }
        faults
    }

    /// States that came of a fault in a way that no number shows: each is led to by the faults without which, or by which alone, there
    /// would be none of it.
    fn add_unseen(&mut self, faults: &[(FaultId, NodeIndex)], episode: &Episode) {
        for node in self.unexplained() {
            let Some(evidence) = self.graph[node].evidence else { continue };
            for &(fault, index) in faults {
                let of_it = |contrast: &&Contrast| contrast.kind.is_of(fault);
                let does = |contrast: &Contrast| contrast.courses[evidence].labelled > 0;
                if faults.len() == 1 || episode.contrasts.iter().filter(of_it).any(does) {
                    self.graph.add_edge(index, node, Link { mechanism: UNSEEN, share: None });
                }
            }
        }
    }

    /// States to which no known mechanism led.
    #[must_use]
    pub fn unexplained(&self) -> Vec<NodeIndex> {
        let is_led = |node: NodeIndex| {
            let mut into = self.graph.edges_directed(node, petgraph::Direction::Incoming);
            into.any(|edge| edge.weight().mechanism != UNSEEN)
        };
        self.graph.node_indices().filter(|&node| self.graph[node].fault.is_none() && !is_led(node)).collect()
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

/// Components that call no others and whose requests take longer though they wait no longer than before and no fault, no restart and no
/// contention makes them slower: they were given other work, which is no state of theirs.
fn other_work(known: &Known<'_>, acted_on: &[String], nodes: &[Node]) -> BTreeSet<String> {
    let accounts = Accounts::of(known, nodes);
    let services = known.blueprint.services.iter().filter(|service| {
        let died = nodes.iter().any(|node| node.component == service.name && node.state == Some(State::Death));
        let slow = nodes.iter().position(|node| node.component == service.name && node.state == Some(State::Latency));
        let is_own = slow.is_some_and(|slow| accounts.own(slow) > 1.0 - MUCH);
        is_own
            && known.callees(&service.name).next().is_none()
            && !died
            && service.contention.is_none()
            && !acted_on.contains(&service.name)
    });
    services.map(|service| service.name.clone()).collect()
}
