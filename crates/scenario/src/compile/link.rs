//! Links: one for each pair that talks, with what the text says about it.

use super::Compiler;
use crate::decode::Entry;
use crate::language::{LinkText, Persistence};
use crate::origin::Span;
use crate::path::link_name;
use crate::suggest;
use knockon_model::blueprint::{Link, LinkEnd, Runtime, Step};
use knockon_model::id::{LinkId, ServiceId};
use std::collections::{BTreeMap, BTreeSet};

/// Idle connections kept between services when nothing is said.
const KEEP_ALIVE: u32 = 32;

impl Compiler<'_> {
    pub(super) fn links(&mut self) {
        let edges = self.edges();
        let texts = self.link_texts();
        let names: BTreeSet<(String, String)> = edges.iter().map(|edge| self.edge_names(*edge)).collect();
        for ((from, to), (span, _)) in &texts {
            if !names.contains(&(from.clone(), to.clone())) && !self.unsure() {
                let known: Vec<String> = names.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
                let wanted = format!("{from} -> {to}");
                let hint = suggest::hint(&wanted, known.iter().map(String::as_str));
                self.report(*span, format!("nothing goes from {from:?} to {to:?}"), hint);
            }
        }
        let mut edges: Vec<(LinkEnd, ServiceId)> = edges.into_iter().collect();
        edges.sort_by_key(|&edge| self.edge_names(edge));
        let standard = LinkText::standard();
        for edge in edges {
            let text = texts.get(&self.edge_names(edge)).map_or(&standard, |(_, text)| text);
            let link = self.link(edge, text);
            self.blueprint.links.push(link);
            let id = LinkId(self.blueprint.links.len() as u32 - 1);
            self.traffic(id, edge, text);
        }
    }

    /// What the text says, by the names of both ends.
    fn link_texts(&mut self) -> BTreeMap<(String, String), (Span, LinkText)> {
        let mut texts = BTreeMap::new();
        for (name, Entry { name: span, value, .. }) in self.system.links.iter() {
            let Some(ends) = link_name(name) else {
                let hint = "links are named \"caller -> callee\"".into();
                self.report(*span, format!("{name:?} is not a link's name"), Some(hint));
                continue;
            };
            if texts.insert(ends, (*span, value.clone())).is_some() {
                self.report(*span, format!("the link {name:?} is given twice"), None);
            }
        }
        texts
    }

    /// Who talks to whom.
    fn edges(&self) -> BTreeSet<(LinkEnd, ServiceId)> {
        let blueprint = &self.blueprint;
        let mut edges: BTreeSet<(LinkEnd, ServiceId)> = BTreeSet::new();
        edges.extend(
            blueprint
                .sources
                .iter()
                .zip(0..)
                .map(|(source, n)| (LinkEnd::Source(knockon_model::id::SourceId(n)), source.target)),
        );
        for (service, n) in blueprint.services.iter().zip(0..) {
            let from = LinkEnd::Service(ServiceId(n));
            edges.extend(service.pools.iter().map(|pool| (from, pool.database)));
            edges.extend(service.consumers.iter().map(|consumer| (from, consumer.broker)));
            for step in service.endpoints.iter().flat_map(|endpoint| &endpoint.program) {
                match *step {
                    Step::Call { service, .. } | Step::Publish { service, .. } => edges.insert((from, service)),
                    Step::CacheGet { keyspace, .. } => {
                        blueprint.keyspaces.get(keyspace.index()).is_some_and(|keys| edges.insert((from, keys.cache)))
                    }
                    _ => false,
                };
            }
        }
        edges
    }

    pub(super) fn edge_names(&self, (from, to): (LinkEnd, ServiceId)) -> (String, String) {
        let from = match from {
            LinkEnd::Source(source) => self.blueprint.sources[source.index()].name.clone(),
            LinkEnd::Service(service) => self.service_name(service),
        };
        (from, self.service_name(to))
    }

    fn service_name(&self, service: ServiceId) -> String {
        self.blueprint.services.get(service.index()).map_or(String::new(), |service| service.name.clone())
    }

    fn link(&mut self, (from, to): (LinkEnd, ServiceId), text: &LinkText) -> Link {
        let callee = self.blueprint.services.get(to.index()).map(|service| &service.runtime);
        let store = matches!(callee, Some(Runtime::Postgres(_) | Runtime::Redis(_) | Runtime::Broker(_)));
        let keep_alive = match &text.keep_alive.value {
            Some(Persistence::Always) => None,
            Some(Persistence::Idle(idle)) => idle.connections.0.or(Some(u32::MAX)),
            None if store || matches!(from, LinkEnd::Source(_)) => None,
            None => Some(KEEP_ALIVE),
        };
        Link {
            from,
            to,
            latency: self.sampler(&text.latency, text.latency.span),
            connect_round_trips: 1 + u32::from(text.tls.value),
            tls: text.tls.value,
            keep_alive,
        }
    }
}
