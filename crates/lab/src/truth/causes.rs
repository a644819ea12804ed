//! What faults act on.

use knockon_model::blueprint::{Blueprint, Fault};
use knockon_model::id::FaultId;

/// Names of the components that a fault acts on: services whose parameters or processes it changes, callers of links that it changes, and sources
/// of load that it brings or whose requests it takes out.
#[must_use]
pub fn components(blueprint: &Blueprint, fault: FaultId) -> Vec<String> {
    let described = &blueprint.faults[fault.index()];
    let mut names: Vec<String> = Vec::new();
    for path in paths(described) {
        // Of a link, who calls over it.
        let path = path.split("->").next().unwrap_or(path).trim();
        let sources = blueprint.sources.iter().map(|source| &source.name);
        let services = blueprint.services.iter().map(|service| &service.name);
        let is_front = |name: &&String| {
            path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        };
        let found = sources.chain(services).filter(is_front).max_by_key(|name| name.len());
        let name = found.map_or(path, |name| name);
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Of a surge these lead to its source; `component` is whom that asks.
fn paths(fault: &Fault) -> impl Iterator<Item = &str> {
    let alone = fault.settings.is_empty().then_some(fault.component.as_str());
    fault.settings.iter().map(|(path, ..)| path.as_str()).chain(alone)
}
