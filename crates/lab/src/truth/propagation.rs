//! How an incident came about: which states of which components left their bands, in what order, and by which mechanism one led to the
//! next. The files `truth/propagation.json` and `truth/propagation.dot`.
//!
//! Nodes are states (memory, pauses, connections held, callers waiting …), each read from the numbers that tell of it. The edges that
//! there may be follow from the machines and from who may call whom, never from the data: pauses hold connections longer, a slow callee
//! holds its caller, a caller's misses load the database. An edge is drawn where both of its states left their bands and the
//! first did not do so later; what a longer way already says is left out (transitive reduction). States that nothing led to are roots:
//! those of a component that a fault acts on are led to by the fault, others are said to be unexplained.

use super::contrast::Contrast;
use super::incident::Incident;
use super::metric::{Metric, Metrics};
use crate::Calendar;
use knockon_kernel::Time;
use knockon_model::blueprint::{Blueprint, LinkEnd};
use knockon_model::id::FaultId;
use petgraph::algo::{has_path_connecting, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef, IntoNeighbors};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A state of a component, or of a part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// More requests come.
    Load,
    /// More bytes are kept.
    Memory,
    /// It stands still: collections, stops, vacations.
    Pauses,
    /// Its quota is burnt.
    Throttling,
    /// More want a core, or for longer.
    Processor,
    /// Statements wait for rows.
    Locks,
    /// Reads do not find what they look for.
    Misses,
    /// Connections are never given back.
    Leak,
    /// Connections of a pool are held longer, or more of them.
    Held,
    /// Callers wait for a connection.
    PoolWait,
    /// Callers give up waiting for one.
    PoolTimeouts,
    /// Requests wait for a worker, or workers are busy.
    Queue,
    /// Requests take longer.
    Latency,
    /// Requests are turned away.
    Refusals,
    /// Calls are not let through, or hosts left out.
    Guards,
    /// Requests fail.
    Errors,
    /// Requests are sent again.
    Retries,
    /// The process ended, and what it knew with it.
    Death,
}

use State::{
    Death, Errors, Guards, Held, Latency, Leak, Load, Locks, Memory, Misses, Pauses, PoolTimeouts, PoolWait, Processor,
    Queue, Refusals, Retries, Throttling,
};

impl State {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Load => "more load",
            Memory => "live memory grows",
            Pauses => "stands still longer",
            Throttling => "throttled",
            Processor => "waits for cores",
            Locks => "statements wait for rows",
            Misses => "cache misses",
            Leak => "connections leak",
            Held => "connections are held longer",
            PoolWait => "callers wait for connections",
            PoolTimeouts => "acquire timeouts",
            Queue => "workers are held, requests queue",
            Latency => "responds more slowly",
            Refusals => "turns requests away",
            Guards => "callers' guards act",
            Errors => "errors",
            Retries => "retries",
            Death => "process ends, and starts cold",
        }
    }

    /// The state that a metric tells of, when it is worse (or, for load, higher).
    fn of(metric: &Metric, pool: bool) -> Option<Self> {
        Some(match metric.name.as_str() {
            "sent" | "arrived" => Load,
            "retained" | "live_after_full_collection" | "resident" => Memory,
            "paused" | "full_collections" | "stops" => Pauses,
            "throttled" => Throttling,
            "processor.present.mean" => Processor,
            "locks.present.mean" | "row_holders" => Locks,
            "hit_share" | "misses" => Misses,
            "leaked" | "leaked_connections" => Leak,
            "in_use.present.mean" | "in_use.sojourn.mean" => Held,
            "wait.mean" | "waiting.present.mean" if pool => PoolWait,
            "timeouts" if pool => PoolTimeouts,
            "queue.present.mean" | "utilisation" | "inbox" => Queue,
            "present.mean" | "latency.mean" | "latency.p95" | "latency.p99" => Latency,
            "refused" | "shed" | "expired" | "limited" | "over_limit" | "syn_dropped" | "abandoned" | "delayed" => {
                Refusals
            }
            "not_permitted" | "opened" | "bulkhead_full" | "ejections" | "breaker" | "ejected_hosts" => Guards,
            "failed" | "timeouts" | "lock_timeouts" | "statement_timeouts" => Errors,
            "retries" => Retries,
            "out_of_memory" | "oom_killed" | "restarts" | "lost" | "life" | "warm_up_left" => Death,
            _ => return None,
        })
    }
}

/// What one state does to another of the same component.
const WITHIN: &[(State, State, &str)] = &[
    (Load, Memory, "more requests keep bytes at once"),
    (Load, Processor, "more requests want cores"),
    (Load, Held, "more requests hold connections"),
    (Load, Queue, "more requests want workers"),
    (Memory, Pauses, "collections have more to move, and run more often"),
    (Pauses, Processor, "what stood still wants cores at once"),
    (Pauses, Held, "connections are held over pauses"),
    (Pauses, Queue, "workers are held over pauses"),
    (Pauses, Latency, "requests stand still"),
    (Throttling, Held, "connections are held while the quota is burnt"),
    (Throttling, Queue, "workers are held while the quota is burnt"),
    (Throttling, Latency, "requests wait for the next period"),
    (Processor, Held, "connections are held by who waits for a core"),
    (Processor, Queue, "workers are held by who waits for a core"),
    (Processor, Latency, "requests wait for a core"),
    (Locks, Latency, "statements wait for rows"),
    (Locks, Errors, "lock timeouts"),
    (Misses, Latency, "values are loaded"),
    (Leak, PoolWait, "fewer connections are left"),
    (Held, PoolWait, "no connection is free"),
    (PoolWait, PoolTimeouts, "waits exceed the acquire timeout"),
    (PoolWait, Queue, "workers are held by who waits for a connection"),
    (PoolWait, Latency, "requests wait for a connection"),
    (PoolTimeouts, Errors, "requests fail without a connection"),
    (Queue, Latency, "requests wait for a worker"),
    (Queue, Refusals, "no place is left in the queue"),
    (Latency, Queue, "workers are held for longer"),
    (Latency, Memory, "requests keep their bytes for longer"),
    (Memory, Death, "no room is left"),
    (Death, Refusals, "nobody listens"),
    (Death, Errors, "requests end with the process"),
    (Death, Latency, "a cold process is slow"),
    (Latency, Retries, "attempts time out"),
    (Errors, Retries, "failed attempts are sent again"),
    (Latency, Errors, "requests time out"),
    (Errors, Guards, "failures are counted"),
    (Guards, Errors, "calls are not permitted"),
];

/// What one state does to another of the same component, where nothing else did: it explains, and stands for no other way.
const WITHIN_FAINTLY: &[(State, State, &str)] =
    &[(PoolWait, Processor, "who has waited for a connection goes on at once")];

/// What a state of a callee does to one of its caller.
const UPWARD: &[(State, State, &str)] = &[
    (Latency, Held, "connections are held by who waits for it"),
    (Latency, Queue, "workers are held by who waits for it"),
    (Latency, Latency, "callers wait for it"),
    (Latency, Retries, "attempts time out"),
    (Latency, Errors, "calls time out"),
    (Errors, Errors, "its errors are passed on"),
    (Errors, Retries, "failed attempts are sent again"),
    (Errors, Guards, "its failures are counted"),
    (Refusals, Errors, "it turns calls away"),
    (Refusals, Retries, "refused attempts are sent again"),
    (Death, Errors, "connections to it break"),
];

/// What a state of a caller does to one of its callee.
const DOWNWARD: &[(State, State, &str)] = &[
    (Load, Load, "more requests, more calls"),
    (Retries, Load, "each attempt is one more call"),
    (Pauses, Processor, "what stood still calls at once"),
    (Pauses, Queue, "what stood still calls at once"),
    (Pauses, Latency, "what stood still calls at once"),
    (Death, Queue, "who comes back calls at once"),
    (Death, Latency, "who comes back calls at once, and for other things"),
    (Death, Misses, "who comes back asks for other keys"),
];

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

/// States, and what led to what.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// The graph.
    pub graph: DiGraph<Node, &'static str>,
}

impl Propagation {
    /// How an incident came about.
    #[must_use]
    pub fn of(blueprint: &Blueprint, metrics: &Metrics, contrast: &Contrast, incident: &Incident) -> Self {
        let mut graph = DiGraph::new();
        let mut nodes = nodes(blueprint, metrics, contrast);
        nodes.sort_by(|a, b| (a.onset, a.state, &a.component, &a.part).cmp(&(b.onset, b.state, &b.component, &b.part)));
        let indices: Vec<NodeIndex> = nodes.into_iter().map(|node| graph.add_node(node)).collect();
        let mut wanted = Vec::new();
        for &a in &indices {
            for &b in &indices {
                if a != b
                    && let Some(mechanism) = mechanism(blueprint, &graph[a], &graph[b])
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
        let acted_on: Vec<&str> = incident.faults.iter().flat_map(|found| acted_on(blueprint, found.fault)).collect();
        let mut reached: BTreeSet<NodeIndex> =
            indices.iter().copied().filter(|&node| acted_on.contains(&graph[node].component.as_str())).collect();
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
        let unled: Vec<NodeIndex> = self
            .graph
            .node_indices()
            .filter(|&node| self.graph.edges_directed(node, petgraph::Direction::Incoming).next().is_none())
            .collect();
        for found in &incident.faults {
            let fault = &blueprint.faults[found.fault.index()];
            let acted_on = acted_on(blueprint, found.fault);
            let led: Vec<NodeIndex> = unled
                .iter()
                .copied()
                .filter(|&node| {
                    let node = &self.graph[node];
                    node.onset.as_nanos() + 1 >= fault.at.as_nanos() && acted_on.contains(&node.component.as_str())
                })
                .collect();
            let node = self.graph.add_node(Node {
                component: fault.component.clone(),
                part: None,
                state: None,
                fault: Some(fault.name.clone()),
                onset: fault.at,
                evidence: None,
            });
            for led in led {
                self.graph.add_edge(node, led, "the fault");
            }
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

    /// The graph in Graphviz' language.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text =
            String::from("digraph propagation {\n    rankdir=LR;\n    node [shape=box, fontname=\"sans-serif\"];\n");
        for node in self.graph.node_indices() {
            let described = &self.graph[node];
            let shape = if described.fault.is_some() { ", style=bold" } else { "" };
            let label = format!("{}\\n{}", described.place(), described.what()).replace('"', "\\\"");
            let _ = writeln!(text, "    n{} [label=\"{label}\"{shape}];", node.index());
        }
        for edge in self.graph.edge_references() {
            let (from, to) = (edge.source().index(), edge.target().index());
            let _ = writeln!(text, "    n{from} -> n{to} [label=\"{}\"];", edge.weight());
        }
        text.push_str("}\n");
        text
    }

    /// The graph as it is written.
    #[must_use]
    pub fn document(&self, metrics: &Metrics, calendar: Calendar) -> impl Serialize + use<> {
        let nodes = self.graph.node_indices().map(|index| {
            let node = &self.graph[index];
            NodeRow {
                id: index.index(),
                component: node.component.clone(),
                part: node.part.clone(),
                state: node.state,
                fault: node.fault.clone(),
                words: node.what().to_owned(),
                onset: calendar.rfc3339(node.onset),
                onset_offset_ns: node.onset.as_nanos(),
                evidence: node.evidence.map(|metric| metrics.list()[metric].path()),
            }
        });
        let edges = self.graph.edge_references().map(|edge| EdgeRow {
            from: edge.source().index(),
            to: edge.target().index(),
            mechanism: edge.weight(),
        });
        Document {
            nodes: nodes.collect(),
            edges: edges.collect(),
            roots: self.roots().into_iter().map(str::to_owned).collect(),
            unexplained: self.unexplained().len(),
        }
    }
}

impl Node {
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

#[derive(Serialize)]
struct Document {
    nodes: Vec<NodeRow>,
    edges: Vec<EdgeRow>,
    roots: Vec<String>,
    unexplained: usize,
}

#[derive(Serialize)]
struct NodeRow {
    id: usize,
    component: String,
    part: Option<String>,
    state: Option<State>,
    fault: Option<String>,
    words: String,
    onset: String,
    onset_offset_ns: u64,
    evidence: Option<String>,
}

#[derive(Serialize)]
struct EdgeRow {
    from: usize,
    to: usize,
    mechanism: &'static str,
}

/// The states that left their bands for the worse.
fn nodes(blueprint: &Blueprint, metrics: &Metrics, contrast: &Contrast) -> Vec<Node> {
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

/// The components that a fault acts on: its own, and where that is a source of load, whom it asks.
fn acted_on(blueprint: &Blueprint, fault: FaultId) -> Vec<&str> {
    let path = &blueprint.faults[fault.index()].component;
    let component = path.split('/').next().unwrap_or(path);
    let source = blueprint.sources.iter().find(|source| source.name == component);
    source.map(|source| blueprint[source.target].name.as_str()).into_iter().chain([component]).collect()
}

/// The pool that a metric is about.
fn pool_of(blueprint: &Blueprint, metric: &Metric) -> Option<String> {
    let service = blueprint.services.iter().find(|service| service.name == metric.component)?;
    let part = metric.part.as_deref()?;
    let name = part.rsplit('/').next()?;
    service.pools.iter().find(|pool| pool.name == name).map(|pool| pool.name.clone())
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

/// How one state can lead to another, if it can.
fn mechanism(blueprint: &Blueprint, a: &Node, b: &Node) -> Option<&'static str> {
    let (from, to) = (a.state?, b.state?);
    let find = |rules: &[(State, State, &'static str)]| {
        rules.iter().find(|(cause, effect, _)| (*cause, *effect) == (from, to)).map(|&(_, _, mechanism)| mechanism)
    };
    if a.component == b.component {
        let same_pool = a.part.is_none() || b.part.is_none() || a.part == b.part;
        return find(WITHIN).filter(|_| same_pool);
    }
    if calls(blueprint, &b.component, &a.component) {
        return find(UPWARD);
    }
    if calls(blueprint, &a.component, &b.component) {
        return find(DOWNWARD);
    }
    // What is not found in a cache is asked of whatever else its callers call.
    let siblings = (from, to) == (Misses, Load)
        && callers(blueprint, &a.component).any(|caller| calls(blueprint, caller, &b.component));
    siblings.then_some("what is not found there is loaded from here")
}

fn name_of(blueprint: &Blueprint, end: LinkEnd) -> &str {
    match end {
        LinkEnd::Source(source) => &blueprint[source].name,
        LinkEnd::Service(service) => &blueprint[service].name,
    }
}

fn calls(blueprint: &Blueprint, caller: &str, callee: &str) -> bool {
    blueprint.links.iter().any(|link| name_of(blueprint, link.from) == caller && blueprint[link.to].name == callee)
}

fn callers<'a>(blueprint: &'a Blueprint, callee: &'a str) -> impl Iterator<Item = &'a str> {
    let links = blueprint.links.iter().filter(move |link| blueprint[link.to].name == callee);
    links.map(|link| name_of(blueprint, link.from))
}

fn is_faint(mechanism: &str) -> bool {
    WITHIN_FAINTLY.iter().any(|(_, _, faint)| *faint == mechanism)
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
