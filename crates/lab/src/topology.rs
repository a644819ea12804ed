//! Who calls whom, in one line.

use knockon_model::blueprint::{Blueprint, LinkEnd};
use std::collections::BTreeMap;

/// Callers named before the rest is only counted.
const CALLERS_NAMED: usize = 6;

/// `3 services, 2 sources: users → web-api; web-api → auth, postgres`.
#[must_use]
pub fn in_words(blueprint: &Blueprint) -> String {
    let mut callees: BTreeMap<LinkEnd, Vec<&str>> = BTreeMap::new();
    for link in &blueprint.links {
        callees.entry(link.from).or_default().push(&blueprint[link.to].name);
    }
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let mut text =
        format!("{}, {}", count(blueprint.services.len(), "service"), count(blueprint.sources.len(), "source"));
    for (n, (from, to)) in callees.iter_mut().take(CALLERS_NAMED).enumerate() {
        to.sort_unstable();
        let from = match from {
            LinkEnd::Source(source) => &blueprint[*source].name,
            LinkEnd::Service(service) => &blueprint[*service].name,
        };
        text.push_str(if n == 0 { ": " } else { "; " });
        text.push_str(&format!("{from} → {}", to.join(", ")));
    }
    if callees.len() > CALLERS_NAMED {
        text.push_str(&format!("; and {} more callers", callees.len() - CALLERS_NAMED));
    }
    text
}
