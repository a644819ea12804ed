//! The dependency graph: who may call whom. Built with petgraph, frozen to sorted adjacency for everything that runs.

use crate::blueprint::{Blueprint, LinkEnd};
use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};

/// Components and their links. Components are the sources, then the services, each in name order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    names: Vec<String>,
    /// Callees of each component, ascending.
    callees: Vec<Vec<usize>>,
    sources: usize,
}

impl Topology {
    /// The topology of a blueprint.
    #[must_use]
    pub fn of(blueprint: &Blueprint) -> Self {
        let graph = graph(blueprint);
        let callees = graph.node_indices().map(|node| {
            let mut callees: Vec<usize> = graph.neighbors(node).map(NodeIndex::index).collect();
            callees.sort_unstable();
            callees.dedup();
            callees
        });
        Self {
            callees: callees.collect(),
            names: graph.node_weights().map(|&name| name.to_owned()).collect(),
            sources: blueprint.sources.len(),
        }
    }

    /// Names of the components, sources first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of sources: the first so many components.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.sources
    }

    /// Whom a component calls, ascending.
    #[must_use]
    pub fn callees(&self, component: usize) -> &[usize] {
        &self.callees[component]
    }

    /// Hops from a component to each other along calls; `None` where there is no way.
    #[must_use]
    pub fn distances_from(&self, component: usize) -> Vec<Option<u32>> {
        let mut distances = vec![None; self.names.len()];
        distances[component] = Some(0);
        let mut frontier = std::collections::VecDeque::from([(component, 0)]);
        while let Some((at, distance)) = frontier.pop_front() {
            for &callee in &self.callees[at] {
                if distances[callee].is_none() {
                    distances[callee] = Some(distance + 1);
                    frontier.push_back((callee, distance + 1));
                }
            }
        }
        distances
    }
}

/// The petgraph graph of a blueprint: an edge a link.
#[must_use]
pub fn graph(blueprint: &Blueprint) -> DiGraph<&str, ()> {
    let mut graph = DiGraph::new();
    let sources: Vec<_> = blueprint.sources.iter().map(|source| graph.add_node(source.name.as_str())).collect();
    let services: Vec<_> = blueprint.services.iter().map(|service| graph.add_node(service.name.as_str())).collect();
    for link in &blueprint.links {
        let from = match link.from {
            LinkEnd::Source(source) => sources[source.index()],
            LinkEnd::Service(service) => services[service.index()],
        };
        graph.add_edge(from, services[link.to.index()], ());
    }
    graph
}
