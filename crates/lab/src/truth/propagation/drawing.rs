//! Which of the edges that there may be are drawn.

use super::accounts::Accounts;
use super::known::Known;
use super::node::Node;
use super::rules::{WITHIN_FAINTLY, Way, is_faint, mechanism};
use super::state::State;
use super::{Graph, LEAST_SHARE, Link, MUCH};
use petgraph::algo::has_path_connecting;
use petgraph::graph::NodeIndex;
use petgraph::visit::{EdgeFiltered, IntoNeighbors};
use std::collections::BTreeSet;

/// The graph of states, of which those of components that are `acted_on` need nothing that leads to them; the `entries` among them are what faults set.
pub(super) fn draw(
    known: &Known<'_>,
    nodes: Vec<Node>,
    accounts: &Accounts,
    acted_on: &[String],
    entries: &[(String, Option<State>)],
) -> Graph {
    let mut graph = Graph::new();
    let mut possible = Vec::new();
    for b in 0..nodes.len() {
        for a in (0..nodes.len()).filter(|&a| a != b) {
            if let Some((mechanism, way)) = mechanism(known, &nodes[a], &nodes[b])
                && !(is_felt_or_not(way, &nodes[b]) && is_hardly_felt(&nodes, accounts, a))
            {
                let share = accounts.share(&nodes, a, b, way);
                possible.push((NodeIndex::new(a), NodeIndex::new(b), Link { mechanism, share }));
            }
        }
    }
    nodes.into_iter().for_each(|node| _ = graph.add_node(node));
    let is_entry = |node: &Node, is_sure: bool| {
        let mut of_it = entries.iter().filter(|(component, _)| *component == node.component);
        of_it.any(|(_, state)| {
            if is_sure { state.is_some() && *state == node.state } else { state.is_none() || *state == node.state }
        })
    };
    // Of what a fault sets itself all came, however little of it that is once the rest goes on without.
    let least = |a: NodeIndex| if is_entry(&graph[a], true) { f64::MIN_POSITIVE } else { LEAST_SHARE };
    let mut wanted: Vec<_> =
        possible.iter().copied().filter(|&(a, _, link)| link.share.is_none_or(|share| share >= least(a))).collect();
    // What much is due to first. Then those between states of different times: what happened at once must not turn time around.
    wanted.sort_by(|&(a, b, x), &(c, d, y)| {
        let at_once = |a: NodeIndex, b: NodeIndex| graph[a].first == graph[b].first;
        let much = |link: Link| link.share.filter(|&share| share >= MUCH).unwrap_or(0.0);
        let by_time = at_once(a, b).cmp(&at_once(c, d)).then_with(|| graph[a].first.cmp(&graph[c].first));
        much(y).total_cmp(&much(x)).then(by_time).then_with(|| (a, b).cmp(&(c, d)))
    });
    // What much is due to may have joined in later.
    let forward = |graph: &Graph, a: NodeIndex, b: NodeIndex, link: Link| {
        let is_in_time = graph[a].first <= graph[b].onset || link.share.is_some_and(|share| share >= MUCH);
        is_in_time && !has_path_connecting(graph, b, a, None)
    };
    // Of what happened at once, what can be led back to a fault comes first: where two ways would close a circle, the one that
    // begins there is drawn. A fault begins with the state that it sets, where it sets one, else anywhere in what it acts on.
    let mut reached: BTreeSet<NodeIndex> = graph.node_indices().filter(|&node| is_entry(&graph[node], false)).collect();
    follow(&mut graph, &mut wanted, &mut reached, forward);
    reached.extend(graph.node_indices().filter(|&node| acted_on.contains(&graph[node].component)));
    follow(&mut graph, &mut wanted, &mut reached, forward);
    // What nothing has led to yet may come of what little is due to.
    let is_unled = |graph: &Graph, node: NodeIndex| {
        graph.edges_directed(node, petgraph::Direction::Incoming).next().is_none() && !reached.contains(&node)
    };
    let unled: Vec<NodeIndex> = graph.node_indices().filter(|&node| is_unled(&graph, node)).collect();
    for &(a, b, link) in &possible {
        let may_be = graph[b].state != Some(State::Errors) || link.share.is_none_or(|share| share > 0.0);
        if unled.contains(&b) && reached.contains(&a) && may_be && forward(&graph, a, b, link) {
            graph.add_edge(a, b, Link { share: link.share.filter(|&share| share > 0.0), ..link });
        }
    }
    // And what some numbers show before others do.
    let unled: Vec<NodeIndex> = graph.node_indices().filter(|&node| is_unled(&graph, node)).collect();
    for &(a, b, link) in possible.iter().filter(|(_, b, _)| unled.contains(b)) {
        let is_due = link.share.is_some_and(|share| share >= LEAST_SHARE);
        let is_new = graph.find_edge(a, b).is_none();
        if is_due && is_new && graph[a].first <= graph[b].onset + known.late && !has_path_connecting(&graph, b, a, None)
        {
            graph.add_edge(a, b, link);
        }
    }
    for (a, b, mechanism) in faint(&graph, &reached) {
        let link = Link { mechanism, share: None };
        if forward(&graph, a, b, link) {
            graph.add_edge(a, b, link);
        }
    }
    for (a, b, link) in wanted {
        if graph.find_edge(a, b).is_none() && forward(&graph, a, b, link) {
            graph.add_edge(a, b, link);
        }
    }
    reduce(&mut graph);
    graph
}

/// Draws what leads on from states that are `reached`, and from those that it leads to.
fn follow(
    graph: &mut Graph,
    wanted: &mut Vec<(NodeIndex, NodeIndex, Link)>,
    reached: &mut BTreeSet<NodeIndex>,
    forward: impl Fn(&Graph, NodeIndex, NodeIndex, Link) -> bool,
) {
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        wanted.retain(|&(a, b, link)| {
            if !reached.contains(&a) {
                return true;
            }
            if forward(graph, a, b, link) {
                graph.add_edge(a, b, link);
                goes_on |= reached.insert(b);
            }
            false
        });
    }
}

/// Whether what a component does while it stands still reaches somewhere only if those who are in it feel it.
fn is_felt_or_not(way: Way, to: &Node) -> bool {
    way == Way::Down || to.state == Some(State::Probes)
}

/// Whether a component stands still for so short that those who are in it hardly feel it: then nobody it calls does.
fn is_hardly_felt(nodes: &[Node], accounts: &Accounts, pauses: usize) -> bool {
    let still = &nodes[pauses];
    if still.state != Some(State::Pauses) {
        return false;
    }
    let is_latency = |node: &Node| node.component == still.component && node.state == Some(State::Latency);
    let latency = nodes.iter().position(is_latency);
    latency
        .and_then(|latency| accounts.share(nodes, pauses, latency, Way::Within))
        .is_some_and(|share| share < LEAST_SHARE)
}

/// Faint edges to states that nothing has led to.
fn faint(graph: &Graph, reached: &BTreeSet<NodeIndex>) -> Vec<(NodeIndex, NodeIndex, &'static str)> {
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
fn reduce(graph: &mut Graph) {
    let edges: Vec<_> = graph.edge_indices().collect();
    let mut redundant = BTreeSet::new();
    for edge in edges {
        let (a, b) = graph.edge_endpoints(edge).expect("it is an edge");
        if graph[edge].share.is_some_and(|share| share >= MUCH) {
            continue;
        }
        let strong = EdgeFiltered::from_fn(&*graph, |edge| !is_faint(edge.weight().mechanism));
        let longer = strong.neighbors(a).any(|next| next != b && has_path_connecting(&strong, next, b, None));
        if longer {
            redundant.insert(edge);
        }
    }
    graph.retain_edges(|_, edge| !redundant.contains(&edge));
}
