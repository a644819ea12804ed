//! Who calls whom, in one line.

use knockon_model::Topology;
use knockon_model::blueprint::{Blueprint, Runtime, Service};

/// Callers named before the rest is only counted.
const CALLERS_NAMED: usize = 6;

/// `2 services, 1 database, 1 source: users → web-api; web-api → auth, postgres`.
#[must_use]
pub fn in_words(blueprint: &Blueprint) -> String {
    let topology = Topology::of(blueprint);
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let of = |is: fn(&Service) -> bool| blueprint.services.iter().filter(|service| is(service)).count();
    let databases = of(|service| matches!(service.runtime, Runtime::Postgres(_)));
    let caches = of(|service| matches!(service.runtime, Runtime::Redis(_)));
    let brokers = of(|service| matches!(service.runtime, Runtime::Broker(_)));
    let mut parts = vec![count(blueprint.services.len() - databases - caches - brokers, "service")];
    parts.extend((databases > 0).then(|| count(databases, "database")));
    parts.extend((caches > 0).then(|| count(caches, "cache")));
    parts.extend((brokers > 0).then(|| count(brokers, "broker")));
    parts.push(count(topology.sources(), "source"));
    let mut text = parts.join(", ");
    let callers: Vec<_> = (0..topology.names().len()).filter(|&caller| !topology.callees(caller).is_empty()).collect();
    for (n, &caller) in callers.iter().take(CALLERS_NAMED).enumerate() {
        let callees: Vec<_> =
            topology.callees(caller).iter().map(|&callee| topology.names()[callee].as_str()).collect();
        text.push_str(if n == 0 { ": " } else { "; " });
        text.push_str(&format!("{} → {}", topology.names()[caller], callees.join(", ")));
    }
    if callers.len() > CALLERS_NAMED {
        text.push_str(&format!("; and {} more callers", callers.len() - CALLERS_NAMED));
    }
    text
}
