//! What data sets call a fault: by what it acts on, not by how it was brought about.

use crate::truth::Fault;

/// `cpu`, `mem`, `disk`, `delay`, `loss` or `socket`, after the parameter that was set; of anything else what was done: `surge`, `kill`, `flush`.
pub(crate) fn name(fault: &Fault) -> String {
    let known = fault.paths.iter().find_map(|path| by_parameter(path));
    known.map_or_else(|| hyphenated(&fault.kind), str::to_owned)
}

/// A name in which nothing separates words but hyphens, so that underscores and slashes may stand around it.
pub(crate) fn hyphenated(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

fn by_parameter(path: &str) -> Option<&'static str> {
    let (component, field) = path.rsplit_once('.')?;
    if component.ends_with("/disk") {
        return Some("disk");
    }
    let field = field.split('[').next().unwrap_or(field);
    Some(match field {
        "demand" | "cores" | "quota" | "contention" | "factor" | "commands" => "cpu",
        "retain" | "allocate" | "churn" | "base" | "baseline" | "limit" | "maxmemory" => "mem",
        "log_growth" | "shared_buffers" => "disk",
        "latency" | "time" | "sleep" | "block" => "delay",
        "loss" => "loss",
        "leaks" | "max_connections" | "maxclients" => "socket",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_called_after_what_it_acts_on() {
        let fault = |kind: &str, path: &str| Fault {
            name: "f".into(),
            root_cause: "a".into(),
            kind: kind.into(),
            paths: vec![path.into()],
            is_cause: true,
            spared: 0,
        };
        for (kind, path, name_of) in [
            ("set", "postgres/search_products.demand", "cpu"),
            ("set", "web-api/GET /api/search.demand[1]", "cpu"),
            ("deploy", "web-api/POST /api/checkout.retain", "mem"),
            ("set", "postgres/disk.log_growth", "disk"),
            ("set", "web-api->postgres.latency", "delay"),
            ("surge", "rush.arrivals", "surge"),
            ("hold lock", "", "hold-lock"),
        ] {
            assert_eq!(name(&fault(kind, path)), name_of, "{path}");
        }
    }
}
