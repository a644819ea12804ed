//! What is said on paper about links whose callers guard themselves.

use knockon_scenario::{Options, Scenario, check};

fn lines(link: &str, retries: u32) -> Vec<(String, bool)> {
    let text = format!(
        r#"(
    services: {{
        "api": (replicas: 3, cores: "1 cpu", workers: None, endpoints: {{"GET /": (steps: [Compute("10ms")])}}),
    }},
    load: {{
        "clients": (target: "api", arrivals: Poisson("30/s"), mix: {{"GET /": 1}}, timeout: "1s", retries: {retries}),
    }},
    links: {{"clients -> api": (latency: "45ms", {link})}},
)"#
    )
    .replace("workers: None, ", "");
    let none = |_: &str| Err("cannot be read".to_owned());
    let loaded =
        Scenario::from_text("links", &text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    check(&loaded).into_iter().map(|line| (line.text, line.healthy)).collect()
}

#[test]
fn links_are_judged_by_what_guards_them() {
    let find = |link: &str, retries, part: &str| {
        let lines = lines(link, retries);
        let found = lines.iter().find(|(text, _)| text.contains(part));
        found.unwrap_or_else(|| panic!("{part:?} in {lines:#?}")).clone()
    };
    // 30/s of 100 ms (and a little waiting for the core): three of ten permits, Erlang's loss formula says 0.08 %.
    let wide = find("bulkhead: (maximum: 10)", 0, "permits out");
    assert!(wide.1 && wide.0.contains("of 10 permits out") && wide.0.contains("refused"), "{}", wide.0);
    let narrow = find("bulkhead: (maximum: 3, wait: \"10ms\")", 0, "permits out");
    assert!(!narrow.1 && narrow.0.ends_with("made to wait"), "{}", narrow.0);
    assert!(!find("outlier: ()", 0, "ejected").1, "10 % of three processes is none");
    assert!(find("outlier: (maximum_share: \"34 %\")", 0, "at most 1 of 3").1);
    assert!(find("outlier: (always_one: true)", 0, "at most 1 of 3").1);
    // ρ = 0.1: four tries feed themselves from 25 % on, with a budget of a fifth from 83 %.
    let tries = find("balance: RoundRobin", 3, "tries a call");
    assert!(tries.0.contains("4 tries a call") && tries.0.contains("from 25 %"), "{}", tries.0);
    let budget = find("retry_budget: Finagle()", 3, "tries a call");
    assert!(budget.0.contains("1.2 tries a call") && budget.0.contains("from 83 %"), "{}", budget.0);
    let lines = lines("retry_budget: Grpc()", 3);
    assert!(!lines.iter().any(|(text, _)| text.contains("tries a call")), "tokens run out: {lines:#?}");
}
