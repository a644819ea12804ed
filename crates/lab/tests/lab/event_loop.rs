//! Synchronous work that keeps the event loop: who waits for it, in which order all go on, and what is told of it.

use crate::processes::{load, run};
use knockon_model::record::{Activity, Part, ResourceKind, Who};
use knockon_scenario::check;

/// A service on Node to which requests come at 100, 110 … ms: first one that does `first`, then ones that do `then`.
fn node(first: &str, then: &str, more: &str) -> String {
    format!(
        r#"(
    duration: "3s", scrape: "1s",
    services: {{
        "auth": (runtime: Node, workers: 10, places: 10, cores: "1 cpu", start_up: "100ms", {more}
            endpoints: {{"GET /first": (steps: [{first}]), "GET /then": (steps: [{then}]), "GET /never": (steps: [Call(to: "back/GET /")])}}),
        "back": (cores: Unlimited, endpoints: {{"GET /": (steps: [Sleep("30ms")])}}),
    }},
    links: {{"one -> auth": (latency: "0s"), "others -> auth": (latency: "0s"), "auth -> back": (latency: "0s")}},
    load: {{
        "one": (target: "auth", arrivals: Replay(at: ["100ms"]), mix: {{"GET /first": 1}}),
        "others": (target: "auth", arrivals: Replay(at: ["90ms", "110ms"]), mix: {{"GET /then": 1}}, timeout: "400ms"),
    }},
)"#
    )
}

#[test]
fn nothing_else_of_the_process_runs_while_a_request_keeps_its_loop() {
    // One has called when the loop is kept, and its answer of 120 ms is taken at 300; the other comes then, and is taken up at 300.
    let ran = run(&node(r#"Block("200ms")"#, r#"Call(to: "back/GET /"), Compute("5ms")"#, ""));
    let parts = [Part::BackingOff, Part::Paused, Part::Child, Part::Queued, Part::Computing];
    let served: Vec<_> = ran.served(parts).into_iter().filter(|(_, parts)| parts[2] > 0 || parts[0] == 200).collect();
    assert_eq!(served, [(200, [200, 0, 0, 0, 0]), (215, [0, 180, 30, 0, 5]), (225, [0, 0, 30, 190, 5])]);
    let auth = &ran.statistics.services[0];
    assert_eq!(auth.paused.as_nanos(), 200_000_000);
    assert_eq!(auth.computed.as_nanos(), 10_000_000, "what blocks does not compute");
}

#[test]
fn timers_fire_late_too() {
    // The attempt's timer of 50 ms is due at 150 ms, and is looked at when the loop is free.
    let ran = run(&node(r#"Block("200ms")"#, r#"Call(to: "back/GET /", timeout: "20ms", optional: true)"#, ""));
    let served = ran.served([Part::Child, Part::Paused]);
    assert!(served.contains(&(210, [20, 190])), "{served:?}");
}

#[test]
fn whoever_computes_has_its_turn_before_and_those_behind_wait() {
    // At 90 ms one begins to compute, until 140; then the loop is kept until 340, though it was wanted at 100; who came at 110 has it until 390.
    let ran = run(&node(r#"Block("200ms")"#, r#"Compute("50ms")"#, ""));
    let served = ran.served([Part::CpuWait, Part::Paused, Part::BackingOff, Part::Computing]);
    assert_eq!(served, [(50, [0, 0, 0, 50]), (240, [40, 0, 200, 0]), (280, [30, 200, 0, 50])]);
}

#[test]
fn no_time_is_no_block_and_the_processor_is_not_used() {
    let ran = run(&node(r#"Block("0ms"), Compute("5ms")"#, r#"Block("100ms")"#, ""));
    let cpu = ran.sampled("process_cpu_seconds_total");
    assert_eq!(cpu.last(), Some(&0.005));
    assert_eq!(ran.statistics.services[0].paused.as_nanos(), 200_000_000);
}

#[test]
fn a_process_that_dies_while_its_loop_is_kept_forgets_it() {
    let killed = node(r#"Block("2s")"#, r#"Compute("5ms")"#, r#"restart: Compose(initial: "10ms"),"#).replace(
        "    load:",
        r#"    faults: {"kill": Kill(service: "auth", at: "500ms"), "pause": Pause(service: "auth", at: "300ms", until: "400ms")},
    load:"#,
    );
    let ran = run(&killed);
    assert_eq!(ran.seen().len(), 3);
    assert_eq!(ran.statistics.services[0].paused.as_nanos(), 400_000_000);
}

#[test]
fn a_process_that_is_stopped_meanwhile_goes_on_when_both_are_over() {
    let stopped = node(r#"Block("200ms"), Compute("1ms")"#, r#"Compute("5ms")"#, "").replace(
        "    load:",
        r#"    faults: {"pause": Pause(service: "auth", at: "200ms", until: "400ms")},
    load:"#,
    );
    let ran = run(&stopped);
    let served = ran.served([Part::BackingOff, Part::Paused, Part::Queued]);
    assert!(served.contains(&(301, [200, 100, 0])), "{served:?}");
    assert!(served.contains(&(296, [0, 0, 290])), "who waits goes on behind it: {served:?}");
}

#[test]
fn who_waits_for_the_loop_is_told_who_kept_it() {
    let ran = run(&node(r#"Block("200ms")"#, r#"Call(to: "back/GET /"), Compute("5ms")"#, ""));
    let of_loop = ran.blame.iter().filter(|row| row.resource.kind == ResourceKind::Running);
    let held: Vec<_> =
        of_loop.map(|row| (row.holding.activity, matches!(row.holding.who, Who::Endpoint(..)), row.ns)).collect();
    assert_eq!(held, [(Activity::Blocking, true, 180_000_000)]);
    let of_workers: u64 = ran
        .blame
        .iter()
        .filter(|row| row.resource.kind == ResourceKind::Workers && row.holding.activity == Activity::Blocking)
        .map(|row| row.ns)
        .sum();
    assert_eq!(of_workers, 190_000_000, "who queues does so because of it too");
}

#[test]
fn lag_is_told_as_prom_client_tells_it() {
    let ran = run(&node(r#"Block("1500ms")"#, r#"Compute("5ms")"#, ""));
    // Scrapes at 0, 1, 2 and 3 s: kept from 100 to 1600 ms.
    let maxima = ran.sampled("nodejs_eventloop_lag_max_seconds");
    let near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() < 2e-3;
    assert!(near(maxima[maxima.len() - 2], 1.5) && near(maxima[maxima.len() - 1], 0.010), "{maxima:?}");
    let lag = ran.sampled("nodejs_eventloop_lag_seconds");
    assert!(lag.iter().any(|lag| near(*lag, 0.600)), "600 ms are left at 1 s: {lag:?}");
    assert!(near(*ran.sampled("nodejs_eventloop_lag_p50_seconds").last().expect("there is one"), 0.010));
}

#[test]
fn a_loop_that_would_be_kept_for_longer_than_there_is_time_is_warned_of() {
    let text =
        node(r#"Block("600ms")"#, r#"Compute("5ms")"#, "").replace(r#"Replay(at: ["100ms"])"#, r#"Poisson("2/s")"#);
    let lines = check(&load(&text));
    let line = lines.iter().find(|line| line.text.contains("event loop")).expect("there is a line");
    assert!(!line.healthy && line.text.contains("120 % by what blocks"), "{}", line.text);
}
