//! Worlds so small that paper is enough: what pauses and restarts do to a process, what becomes of changes that end, and what grows or
//! shrinks with time.

use crate::support::run;
use knockon_kernel::{Duration, Time};
use knockon_model::record::{CollectionKind, LogEvent};

#[test]
fn a_process_is_warm_at_first_and_cold_after_each_restart() {
    let (records, _) = run(r#"(
        duration: "3s",
        services: {"web": (
            cores: "1 cpu", start_up: "100ms", warm_up: (factor: 3, requests: 4),
            endpoints: {"GET /": (steps: [Compute("10ms")])},
        )},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (
            target: "web", mix: {"GET /": 1},
            arrivals: Replay(at: ["100ms", "200ms", "1200ms", "1300ms", "1400ms", "1500ms", "1600ms"]),
        )},
        faults: {"crash": Kill(service: "web", at: "1s")},
    )"#);
    // By a half of the demand less with each of four requests; the first one has been taken up when its demand is looked at.
    assert_eq!(records.took_ms(), [10, 10, 25, 20, 15, 10, 10]);
}

#[test]
fn what_a_caller_learnt_of_a_link_dies_with_its_process() {
    let (_, world) = run(r#"(
        duration: "3s",
        services: {
            "front": (start_up: "100ms", endpoints: {"GET /": (steps: [Call(to: "back/GET /", timeout: "10ms")])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("20ms")])}),
        },
        links: {
            "client -> front": (latency: "0s"),
            "front -> back": (latency: "0s", breaker: Resilience4j(window: 2, minimum_calls: 2, wait: "60s")),
        },
        load: {"client": (
            target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "200ms", "300ms", "1200ms", "1300ms", "1400ms"]),
        )},
        faults: {"crash": Kill(service: "front", at: "1s")},
    )"#);
    let links = world.statistics().links;
    // Two failures open the breaker of each life.
    assert_eq!((links[0].sent, links[0].not_permitted, links[0].opened), (4, 2, 2));
}

#[test]
fn of_two_changes_that_overlap_each_ends_in_what_was_before_it() {
    for (first_until, second_until, expected_ms) in
        [("3s", "4s", [10, 20, 30, 30, 10]), ("4s", "3s", [10, 20, 30, 20, 10])]
    {
        let text = format!(
            r#"(
                duration: "5s",
                services: {{"web": (endpoints: {{"GET /": (steps: [])}})}},
                links: {{"client -> web": (latency: "5ms", keep_alive: Always)}},
                load: {{"client": (
                    target: "web", mix: {{"GET /": 1}},
                    arrivals: Replay(at: ["100ms", "500ms", "1500ms", "2500ms", "3500ms", "4500ms"]),
                )}},
                faults: {{
                    "first": Set(at: "1s", until: "{first_until}", set: {{"client -> web.latency": "10ms"}}),
                    "second": Set(at: "2s", until: "{second_until}", set: {{"client -> web.latency": "15ms"}}),
                }},
            )"#
        );
        // The first of all opens the connection.
        assert_eq!(run(&text).0.took_ms()[1..], expected_ms, "until {first_until} and {second_until}");
    }
}

#[test]
fn a_profile_thins_arrivals_to_its_shape() {
    let (records, _) = run(r#"(
        duration: "1000s",
        services: {"web": (endpoints: {"GET /": (steps: [])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (
            target: "web", mix: {"GET /": 1}, arrivals: Poisson("40/s"),
            profile: (period: "10s", points: [(at: "0s", factor: 1), (at: "5s", factor: 0)]),
        )},
    )"#);
    // Half of the peak on average; in the middle fifth of a period, 0.1 of it.
    let middle = records.requests.iter().filter(|request| {
        let within_s = request.sent.as_nanos() / 1_000_000_000 % 10;
        (4..6).contains(&within_s)
    });
    for (count, expected) in [(records.requests.len() as f64, 20_000.0), (middle.count() as f64, 800.0)] {
        assert!((count - expected).abs() < 4.0 * f64::sqrt(expected), "{count}, expected {expected}");
    }
}

#[test]
fn what_a_pause_kept_waiting_is_delivered_in_the_order_in_which_it_came() {
    // Answers of 150 and 160 ms come while the process stands still; each then needs its only core for 10 ms.
    let (records, _) = run(r#"(
        duration: "1s",
        services: {
            "front": (discipline: FirstCome, endpoints: {"GET /": (steps: [Call(to: "back/GET /"), Compute("10ms")])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("50ms")])}),
        },
        links: {"client -> front": (latency: "0s"), "front -> back": (latency: "0s")},
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "110ms"]))},
        faults: {"stop": Pause(service: "front", at: "120ms", until: "300ms")},
    )"#);
    assert_eq!(records.took_ms(), [310 - 100, 320 - 110]);
}

#[test]
fn of_two_pauses_that_overlap_the_process_goes_on_after_the_last() {
    let (records, world) = run(r#"(
        duration: "5s",
        services: {"web": (endpoints: {"GET /": (steps: [])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["2500ms", "3500ms", "4500ms"]))},
        faults: {
            "first": Pause(service: "web", at: "1s", until: "3s"),
            "second": Pause(service: "web", at: "2s", until: "4s"),
        },
    )"#);
    assert_eq!(records.took_ms(), [1_500, 500, 0]);
    assert_eq!(world.statistics().services[0].paused, Duration::from_secs(3));
}

#[test]
fn idle_connections_to_a_process_that_died_are_gone() {
    let (records, _) = run(r#"(
        duration: "3s",
        services: {"web": (start_up: "100ms", endpoints: {"GET /": (steps: [])})},
        links: {"client -> web": (latency: "10ms", keep_alive: Idle(5))},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "200ms", "2s", "2100ms"]))},
        faults: {"crash": Kill(service: "web", at: "1s")},
    )"#);
    assert_eq!(records.took_ms(), [40, 20, 40, 20]);
}

#[test]
fn a_limit_that_grows_lets_more_of_those_who_queue_work() {
    // Each answer finds the limit used and adds one to it: 1, 2, 4 and 8 at a time.
    let (records, _) = run(r#"(
        duration: "1s",
        services: {"web": (
            concurrency: Aimd(initial: 1, minimum: 1, maximum: 100, excess: Queue), endpoints: {"GET /": (steps: [Sleep("100ms")])},
        )},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["0s"]), batch: Fixed(15))},
    )"#);
    let mut took_ms = records.took_ms();
    took_ms.sort_unstable();
    let expected: Vec<u64> =
        [100, 200, 300, 400].into_iter().zip([1, 2, 4, 8]).flat_map(|(ms, n)| vec![ms; n]).collect();
    assert_eq!(took_ms, expected);
}

#[test]
fn concurrent_marking_waits_while_its_process_stands_still() {
    let remarked = |pause: &str| {
        let text = format!(
            r#"(
                duration: "20s",
                services: {{"web": (
                    runtime: Jvm(heap: (
                        maximum: "64MiB", collector: G1, base: "40MiB", mark_rate: "10MiB",
                        minor_pause: (base: "0s", per_mib: "0s"), major_pause: (base: "0s", per_mib: "0s"),
                    )),
                    endpoints: {{"GET /": (churn: "1MiB", steps: [])}},
                )}},
                links: {{"client -> web": (latency: "0s")}},
                load: {{"client": (target: "web", mix: {{"GET /": 1}}, arrivals: Constant("100/s"), requests: 30)}},
                faults: {{{pause}}},
            )"#
        );
        let (records, _) = run(&text);
        let remark = records
            .logs
            .iter()
            .find(|log| matches!(log.event, LogEvent::Collection { kind: CollectionKind::Remark, .. }));
        remark.expect("marking ended").time - Time::ZERO
    };
    let undisturbed = remarked("");
    assert!(undisturbed > Duration::from_secs(3), "{undisturbed}");
    let stopped = remarked(r#""stop": Pause(service: "web", at: "1s", until: "3s")"#);
    assert_eq!(stopped, undisturbed + Duration::from_secs(2));
}

#[test]
fn jobs_stand_still_while_a_collection_stops_the_world() {
    // The second request drops more than a young space holds, and has it collected for 50 ms.
    let (records, world) = run(r#"(
        duration: "1s",
        services: {"web": (
            cores: "2 cpu",
            runtime: Jvm(heap: (
                maximum: "64MiB", base: "8MiB", collector: Serial, minor_pause: (base: "50ms", per_mib: "0s"),
            )),
            endpoints: {"GET /": (steps: [Compute("100ms")]), "GET /large": (churn: "20MiB", steps: [])},
        )},
        links: {"client -> web": (latency: "0s"), "other -> web": (latency: "0s")},
        load: {
            "client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms"])),
            "other": (target: "web", mix: {"GET /large": 1}, arrivals: Replay(at: ["150ms"])),
        },
    )"#);
    assert_eq!(world.statistics().services[0].collections, 1);
    assert_eq!(records.took_ms(), [150, 50]);
}

#[test]
fn when_requests_come_does_not_hang_on_how_others_fare() {
    let sent = |demand: &str| {
        let text = format!(
            r#"(
                duration: "10s",
                services: {{"web": (endpoints: {{"GET /": (steps: [Compute("{demand}")])}})}},
                links: {{"client -> web": (latency: "0s")}},
                load: {{"client": (target: "web", mix: {{"GET /": 1}}, arrivals: Poisson("20/s"), timeout: "200ms")}},
            )"#
        );
        let mut sent: Vec<Time> = run(&text).0.requests.iter().map(|request| request.sent).collect();
        sent.sort_unstable();
        sent.retain(|&sent| sent < Time::ZERO + Duration::from_secs(9));
        sent
    };
    let (fast, slow) = (sent("1ms"), sent("150ms"));
    assert!(fast.len() > 100, "{}", fast.len());
    assert_eq!(fast, slow);
}
