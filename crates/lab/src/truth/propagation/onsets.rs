//! Since when states count, by what they led to and what led to them.

use super::{Graph, Link};
use knockon_kernel::Duration;
use petgraph::algo::toposort;
use petgraph::visit::EdgeRef;

/// The share from which on one is led to by the other for the most part.
const MOST: f64 = 0.5;

/// Takes what leads to a state back to when that began, as far as numbers may show it `late`, and what comes of an instant to that.
pub(super) fn settle(graph: &mut Graph, late: Duration, window: Duration) {
    let order = toposort(&*graph, None).expect("edges never close a circle");
    // What led to most of something had begun by then, and has mattered since.
    for node in order.iter().rev().copied() {
        let most = |share: Option<f64>| share.is_none_or(|share| share >= MOST);
        let led = graph.edges(node).filter(|edge| most(edge.weight().share)).map(|edge| graph[edge.target()].onset);
        let (earliest, described) = (led.min(), &mut graph[node]);
        if let Some(earliest) = earliest.filter(|&led| led < described.onset && !described.exact) {
            // Not every number shows at once what there is.
            described.onset = if described.first <= earliest + late { earliest } else { described.first };
        }
    }
    // And what comes of it mostly did not do so before it, within one window.
    for node in order {
        let (onset, exact) = (graph[node].onset, graph[node].exact);
        let mostly = |link: &Link| link.share.is_some_and(|share| share >= MOST);
        let led = graph.edges(node).filter(|edge| exact && mostly(edge.weight())).map(|edge| edge.target());
        for led in led.collect::<Vec<_>>() {
            let led = &mut graph[led];
            if !led.exact && onset > led.onset && onset < led.onset + window {
                (led.onset, led.exact) = (onset, true);
            }
        }
    }
}
