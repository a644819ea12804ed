//! The graph as it is written: JSON, and the language of Graphviz.

use super::Propagation;
use super::state::State;
use crate::Calendar;
use crate::truth::metrics::Metrics;
use petgraph::visit::EdgeRef;
use serde::Serialize;
use std::fmt::Write as _;

impl Propagation {
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
            let _ = writeln!(text, "    n{from} -> n{to} [label=\"{}\"];", edge.weight().mechanism);
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
            mechanism: edge.weight().mechanism,
            share: edge.weight().share,
        });
        Document {
            nodes: nodes.collect(),
            edges: edges.collect(),
            roots: self.roots().into_iter().map(str::to_owned).collect(),
            unexplained: self.unexplained().len(),
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
    share: Option<f64>,
}
