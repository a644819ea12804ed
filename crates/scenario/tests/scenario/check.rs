//! What is said on paper about links whose callers guard themselves, and about what runs out: connections, certificates, rows.

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

#[test]
fn what_will_run_out_is_said_with_its_time() {
    let lines = |leaks: &str, certificate: &str, rate: u32| {
        let text = format!(
            r#"(
    duration: "1h",
    services: {{
        "api": (
            workers: Unlimited, cores: Unlimited, {certificate}
            pools: {{"pool": HikariCp(database: "postgres", maximum: 10)}},
            endpoints: {{"GET /": (steps: [Transaction({leaks} steps: [Query("hot"), Query("hot"), Compute("10ms")])])}},
        ),
    }},
    databases: {{"postgres": (commit: "2ms", queries: {{"hot": (demand: "5ms", operation: "UPDATE", table: "stock", locks: Row("hot"))}})}},
    load: {{"clients": (target: "api", arrivals: Poisson("{rate}/s"), mix: {{"GET /": 1}})}},
    links: {{"api -> postgres": (latency: "0s")}},
)"#
        );
        let none = |_: &str| Err("cannot be read".to_owned());
        let loaded =
            Scenario::from_text("ends", &text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
        check(&loaded).into_iter().map(|line| (line.text, line.healthy)).collect::<Vec<_>>()
    };
    let find = |lines: Vec<(String, bool)>, part: &str| {
        lines.iter().find(|(text, _)| text.contains(part)).unwrap_or_else(|| panic!("{part:?} in {lines:#?}")).clone()
    };
    // 20/s hold 22 ms: 9.56 of ten are free, and go at 0.02/s.
    let leak = find(lines("leaks: \"0.1 %\",", "", 20), "leak");
    assert_eq!(leak, ("api/pool: 0.02 connections/s leak: exhausted after 8 min".to_owned(), false));
    assert!(!lines("", "", 20).iter().any(|(text, _)| text.contains("leak") || text.contains("certificate")));
    let expiry = find(lines("", "certificate_expires: \"30min\",", 20), "certificate");
    assert_eq!(expiry, ("api: its certificate expires after 30 min".to_owned(), false));
    assert!(!lines("", "certificate_expires: \"2h\",", 20).iter().any(|(text, _)| text.contains("certificate")));
    // From the first statement to the commit, 22 ms, once and not twice; 44 of a hundred seconds, or more than there are.
    let locked = find(lines("", "", 20), "locks is held");
    assert!(locked.1 && locked.0.contains("44 % of the time"), "{}", locked.0);
    assert!(!find(lines("", "", 40), "locks is held").1);
}

/// Throughput is at most min(N/(Z + D), 1/Dmax), and what users wait for follows from it by Little's law.
#[test]
fn users_send_no_more_than_the_busiest_station_can_do() {
    let lines = |users: u32, think: &str, service: &str, timeout: &str| {
        let text = format!(
            r#"(
    services: {{"api": ({service}, places: Unlimited, endpoints: {{"GET /": (steps: [Compute("5ms")])}})}},
    load: {{"users": (target: "api", arrivals: Closed(users: {users}, think: "{think}"), mix: {{"GET /": 1}}, timeout: {timeout})}},
    links: {{"users -> api": (latency: "0s")}},
)"#
        );
        let none = |_: &str| Err("cannot be read".to_owned());
        let loaded =
            Scenario::from_text("users", &text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
        let lines: Vec<_> = check(&loaded).into_iter().map(|line| line.text).collect();
        assert!(!lines.iter().any(|line| line.contains('∞')), "{lines:#?}");
        lines.join("\n")
    };
    let told = |lines: String, parts: &[&str]| {
        parts.iter().for_each(|part| assert!(lines.contains(part), "{part} in\n{lines}"))
    };
    // Eight workers of 5 ms: 1 600/s, whoever comes; 100 users who do not think are served every 62.5 ms.
    let workers = "workers: 8, cores: Unlimited";
    told(
        lines(100, "1ns", workers, "\"30s\""),
        &[
            "at most 1600/s, which is what the busiest station can do",
            "mean 62.5 ms, P(T > 30.0 s) ≈ under 0.01 %",
            "workers busy, 100 %",
        ],
    );
    // Who thinks for a second leaves them half idle: 800/s, less what waiting takes.
    told(lines(804, "1s", workers, "None"), &["at most 800/s", " of 8 workers busy, 50 %"]);
    // A thousand cores that contend: C(60) = 13.94 jobs' worth, so 2 788/s and not the 12 000/s of 60 jobs alone.
    let contended = "workers: Unlimited, cores: \"1000 cpu\", contention: (sigma: 0.05, kappa: 0.0001)";
    told(lines(60, "1ns", contended, "None"), &["at most 2788/s", "cores 100 % used"]);
    // Users of another service are none of its business.
    let text = r#"(
    services: {
        "a": (workers: 1, places: Unlimited, cores: Unlimited, endpoints: {"GET /": (steps: [Compute("5ms")])}),
        "b": (workers: 8, places: Unlimited, cores: Unlimited, endpoints: {"GET /": (steps: [Compute("5ms")])}),
    },
    load: {
        "many": (target: "a", arrivals: Closed(users: 100, think: "1ns"), mix: {"GET /": 1}, timeout: None),
        "few": (target: "b", arrivals: Closed(users: 2, think: "1ns"), mix: {"GET /": 1}, timeout: None),
    },
    links: {"many -> a": (latency: "0s"), "few -> b": (latency: "0s")},
)"#;
    let none = |_: &str| Err("cannot be read".to_owned());
    let loaded =
        Scenario::from_text("two", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    let lines: Vec<_> = check(&loaded).into_iter().map(|line| line.text).collect();
    for (who, most) in [("many", "at most 200/s, which"), ("few", "at most 400/s")] {
        assert!(lines.iter().any(|line| line.starts_with(who) && line.contains(most)), "{who} {most} in {lines:#?}");
    }
}

/// What is said of a text, by a part of it.
fn said(text: &str, part: &str) -> (String, bool) {
    let none = |_: &str| Err("cannot be read".to_owned());
    let loaded =
        Scenario::from_text("said", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    let lines: Vec<_> = check(&loaded).into_iter().map(|line| (line.text, line.healthy)).collect();
    let found = lines.iter().find(|(text, _)| text.contains(part));
    found.unwrap_or_else(|| panic!("{part:?} in {lines:#?}")).clone()
}

#[test]
fn connections_and_keys_of_a_redis_are_counted() {
    let redis = |cache: &str, link: &str| {
        format!(
            r#"(
    services: {{"api": (replicas: 3, workers: 10, endpoints: {{"GET /": (steps: [CacheAside(keys: "users", load: [])])}})}},
    caches: {{"redis": ({cache})}},
    links: {{"api -> redis": ({link})}},
    load: {{"clients": (target: "api", arrivals: Poisson("30/s"), mix: {{"GET /": 1}})}},
)"#
        )
    };
    let of = |clients: u32, link: &str| {
        let keys = r#"keys: {"users": (count: 10)}"#;
        said(&redis(&format!("maxclients: {clients}, {keys}"), link), "connections at most")
    };
    let counted = "redis: 20 connections at most, of which callers open 3.00 when all their workers ask at once";
    assert_eq!(of(20, "keep_alive: Always"), (counted.to_owned(), true));
    assert!(of(30, "keep_alive: Idle(2)").1 && !of(29, "keep_alive: Idle(2)").1, "each worker may have one");
    let expiring = |keys: u32| {
        let cache =
            format!(r#"expiry: (look: "1us", delete: "99us"), keys: {{"users": (count: {keys}, expire_at: "1h")}}"#);
        said(&redis(&cache, ""), "expire at once")
    };
    let long =
        "redis/users: 50000 keys may expire at once; deleting them takes 5.0 s of the thread, up to 32.0 ms at a time";
    assert_eq!(expiring(50_000), (long.to_owned(), false));
    assert!(expiring(100).1);
}

#[test]
fn a_task_that_is_tried_again_after_its_visibility_timeout_is_told_of() {
    let of = |countdown: &str| {
        said(
            &format!(
                r#"(
    services: {{
        "api": (endpoints: {{"POST /": (steps: [Publish(to: "broker/tasks")])}}),
        "worker": (places: Unlimited, consumers: {{"handle": (
            queue: "broker/tasks", on_failure: Retry(countdown: "{countdown}"), steps: [Compute("5ms")],
        )}}),
    }},
    brokers: {{"broker": (transport: Redis(visibility_timeout: "10min"), queues: {{"tasks": ()}})}},
    load: {{"clients": (target: "api", arrivals: Poisson("1/s"), mix: {{"POST /": 1}})}},
)"#
            ),
            "tried again",
        )
    };
    let late = "broker/tasks: what failed is tried again after 15 min, and others are given it before that, since it is taken back after 10 min";
    assert_eq!(of("15min"), (late.to_owned(), false));
    assert!(of("3min").1);
}

#[test]
fn threads_of_executors_are_counted_and_what_cannot_happen_in_them_is_said() {
    let of = |executor: &str, run: &str, part: &str| {
        said(
            &format!(
                r#"(
    services: {{
        "api": (runtime: Jvm(), workers: Unlimited, executors: {{"calls": ({executor})}}, endpoints: {{"GET /": (steps: [
            Run(executor: "calls", {run} steps: [Sleep("100ms")]),
        ])}}),
    }},
    load: {{"clients": (target: "api", arrivals: Poisson("20/s"), mix: {{"GET /": 1}})}},
)"#
            ),
            part,
        )
    };
    let busy = "api/calls: λ·time = 20.0/s · 100.0 ms = 2.00 of 10 threads busy, 20 %, a task waits with probability under 0.01 %";
    assert_eq!(of("threads: 10", "", "threads busy"), (busy.to_owned(), true));
    assert!(!of("threads: 2", "", "threads busy").1);
    let grows = "api/calls: λ·time = 20.0/s · 100.0 ms = 2.00 of 20 threads busy, 10 %, a task finds all 2 core threads busy with probability 100 %";
    assert_eq!(of("threads: 2, maximum: 20, queue: 5", "", "threads busy"), (grows.to_owned(), true));
    assert!(of("threads: 1, maximum: 20, queue: 0", "", "threads busy").1, "threads above the core come at once");
    let never =
        "api/calls: its queue has no end and so is never full: of at most 20 threads there are never more than 4";
    assert_eq!(of("threads: 4, maximum: 20", "", "never full"), (never.to_owned(), false));
    assert!(!of("threads: 4, queue: 9, rejection: Discard", "", "for ever").1);
    assert!(of("threads: 4", r#"timeout: "2s","#, "P(T > 2.0 s)").1);
}

#[test]
fn workers_that_are_killed_or_have_had_enough_requests_are_counted() {
    let gunicorn = |prefork: &str, step: &str| {
        format!(
            r#"(
    services: {{"api": (
        runtime: CPython(), workers: 4, prefork: Gunicorn({prefork}), endpoints: {{"GET /": (steps: [{step}])}},
    )}},
    load: {{"clients": (target: "api", arrivals: Poisson("2/s"), mix: {{"GET /": 1}})}},
)"#
        )
    };
    let killed = |time: &str| said(&gunicorn(r#"boot: "5s""#, &format!(r#"Sleep("{time}")"#)), "the arbiter kills");
    let rarely = "api: GET / keeps a worker longest, mean 1.0 s; the arbiter kills who serves for 30.0 s, under 0.01 % of all requests";
    assert_eq!(killed("1s"), (rarely.to_owned(), true));
    assert!(!killed("6s").1, "an exponential time of this mean is longer than 30 s for seven of a thousand");
    let exits = |settings: &str| said(&gunicorn(settings, r#"Sleep("1s")"#), "each worker exits");
    let one_by_one = "api: each worker exits after some 1100.0 s, one by one, and another boots for 5.0 s: 0.45 % of them are missing, 50 % of the rest busy";
    assert_eq!(exits(r#"boot: "5s", max_requests: 500, max_requests_jitter: 100"#), (one_by_one.to_owned(), true));
    let (text, healthy) = exits(r#"boot: "5s", max_requests: 500"#);
    assert!(text.contains("all at about the same time, for want of a jitter") && !healthy, "{text}");
    assert!(exits(r#"boot: "1s", max_requests: 500"#).1, "four workers catch up with two requests");
    assert!(!exits(r#"boot: "90s", max_requests: 40, max_requests_jitter: 40"#).1, "too few are left");
}
