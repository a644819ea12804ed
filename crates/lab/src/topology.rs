//! Who calls whom, in one line.

use knockon_model::Topology;

/// Callers named before the rest is only counted.
const CALLERS_NAMED: usize = 6;

/// `3 services, 1 source: users → web-api; web-api → auth, postgres`.
#[must_use]
pub fn in_words(topology: &Topology) -> String {
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let sources = topology.sources();
    let mut text = format!("{}, {}", count(topology.names().len() - sources, "service"), count(sources, "source"));
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
