//! Circles of synchronous calls between endpoints: a request that waits for itself.
//!
//! Services may well call each other in a circle; only endpoints must not.

use super::Compiler;
use crate::origin::Span;
use knockon_model::id::{EndpointId, ServiceId};
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

type Node = (ServiceId, EndpointId);

/// One endpoint calls another.
pub(crate) struct Edge {
    pub(crate) from: Node,
    pub(crate) to: Node,
    pub(crate) span: Span,
}

impl Compiler<'_> {
    /// Reports each group of endpoints that call each other in a circle, at its first call in the text.
    pub(super) fn cycles(&mut self) {
        let plain = |(service, endpoint): Node| (service.0, endpoint.0);
        let graph: DiGraphMap<(u32, u32), ()> =
            self.calls.iter().map(|edge| (plain(edge.from), plain(edge.to))).collect();
        for circle in tarjan_scc(&graph) {
            let mut within: Vec<&Edge> = self
                .calls
                .iter()
                .filter(|edge| circle.contains(&plain(edge.from)) && circle.contains(&plain(edge.to)))
                .collect();
            within.sort_by_key(|edge| edge.span);
            let Some(first) = within.first() else { continue };
            // Walk along the first call out of each endpoint until one comes again.
            let mut path = vec![first.from];
            while let Some(edge) = within.iter().find(|edge| Some(&edge.from) == path.last()) {
                let again = path.contains(&edge.to);
                path.push(edge.to);
                if again {
                    break;
                }
            }
            let names: Vec<String> = path.iter().map(|&node| self.endpoint_name(node)).collect();
            let (span, text) = (first.span, names.join(" → "));
            self.report(
                span,
                format!("endpoints call each other in a circle: {text}"),
                Some("a request would wait for itself; call another endpoint".into()),
            );
        }
    }

    fn endpoint_name(&self, (service, endpoint): Node) -> String {
        let service = &self.blueprint.services[service.index()];
        format!("{}/{}", service.name, service.endpoints[endpoint.index()].name)
    }
}
