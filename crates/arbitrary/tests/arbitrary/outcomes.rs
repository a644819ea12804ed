//! Worlds so small that paper is enough: what callers make of answers, and what links, branches and loads give back.

use crate::support::run;
use knockon_arbitrary::Records;
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::record::{ErrorType, SpanKind};
use knockon_model::statistics::LinkStatistics;

/// One request at 0 s whose answer needs 30 ms, by a client that waits for 20 ms and then for 5 ms before its second and last attempt.
fn impatient(answers: &str) -> Records {
    let text = format!(
        r#"(
            duration: "1s",
            services: {{"slow": (endpoints: {{"GET /": (steps: [Sleep("30ms")])}})}},
            links: {{"client -> slow": (latency: "0s")}},
            load: {{"client": (
                target: "slow", arrivals: Replay(at: ["0s"]), mix: {{"GET /": 1}}, answers: {answers},
                timeout: "20ms", retries: 1, backoff: (base: "5ms", jitter: Off),
            )}},
        )"#
    );
    run(&text).0
}

#[test]
fn a_strict_caller_takes_no_answer_of_an_attempt_that_it_gave_up() {
    let requests = impatient("Current").requests;
    assert_eq!(requests.len(), 1);
    // The second attempt went out at 25 ms; the answer of the first came at 30 ms, and nothing until 45 ms.
    assert_eq!(requests[0].ended, Time::ZERO + Duration::from_millis(45));
    assert_eq!((requests[0].attempts, requests[0].error), (2, Some(ErrorType::Timeout)));
}

#[test]
fn a_lenient_caller_takes_the_first_answer_that_comes_once() {
    let requests = impatient("Any").requests;
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].ended, Time::ZERO + Duration::from_millis(30));
    assert_eq!((requests[0].attempts, requests[0].error), (2, None));
}

#[test]
fn a_deadline_cuts_the_timers_of_whom_it_reaches() {
    let (records, world) = run(r#"(
        duration: "2s",
        services: {
            "front": (endpoints: {"GET /": (steps: [Call(to: "middle/GET /", timeout: "100ms", propagates_deadline: true)])}),
            "middle": (endpoints: {"GET /": (steps: [Sleep("10ms"), Call(to: "back/GET /", timeout: "1s")])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("500ms")])}),
        },
        links: {
            "client -> front": (latency: "0s"),
            "front -> middle": (latency: "0s"),
            "middle -> back": (latency: "0s"),
        },
        load: {"client": (target: "front", arrivals: Replay(at: ["1ms"]), mix: {"GET /": 1}, timeout: None)},
    )"#);
    let catalogue = world.catalogue();
    let calls =
        records.spans.iter().filter(|span| catalogue.operations[span.operation.index()].kind == SpanKind::Client);
    let back = calls.clone().find(|span| catalogue.processes[span.process.index()].name == "middle");
    let back = back.expect("the call of middle was recorded");
    assert_eq!(back.start, Time::ZERO + Duration::from_millis(11));
    assert_eq!((back.end, back.error), (Time::ZERO + Duration::from_millis(101), Some(ErrorType::Timeout)));
}

/// Two branches race, of which the second still has a call to make when the first has won at 10 ms.
fn race(cancels_abandoned: bool) -> (Records, World) {
    let text = format!(
        r#"(
            duration: "1s",
            services: {{
                "front": (
                    cancels_abandoned: {cancels_abandoned},
                    endpoints: {{"GET /": (steps: [
                        Parallel(branches: [[Sleep("10ms")], [Sleep("20ms"), Call(to: "back/GET /")]], join: First),
                    ])}},
                ),
                "back": (endpoints: {{"GET /": (steps: [Sleep("5ms")])}}),
            }},
            links: {{"client -> front": (latency: "0s"), "front -> back": (latency: "0s")}},
            load: {{"client": (target: "front", arrivals: Replay(at: ["0s"]), mix: {{"GET /": 1}})}},
        )"#
    );
    run(&text)
}

#[test]
fn a_branch_that_lost_the_race_stops_where_abandoned_work_is_cancelled() {
    for (cancels_abandoned, calls) in [(false, 1), (true, 0)] {
        let (records, world) = race(cancels_abandoned);
        assert_eq!(records.requests[0].ended, Time::ZERO + Duration::from_millis(10));
        let statistics = world.statistics();
        let back = statistics.services.iter().find(|service| service.name == "back").expect("it is there");
        assert_eq!(back.arrived, calls, "cancels abandoned: {cancels_abandoned}");
    }
}

#[test]
fn a_link_keeps_no_more_idle_connections_than_it_may() {
    // Two connections are opened at 0 s; those of 1 s find one of them, or both.
    for (idle, expected_ms) in [(0, [40, 40, 40, 40]), (1, [40, 40, 20, 40]), (2, [40, 40, 20, 20])] {
        let text = format!(
            r#"(
                duration: "2s",
                services: {{"web": (endpoints: {{"GET /": (steps: [])}})}},
                links: {{"client -> web": (latency: "10ms", keep_alive: Idle({idle}))}},
                load: {{"client": (
                    target: "web", arrivals: Replay(at: ["0ms", "1ms", "1s", "1001ms"]), mix: {{"GET /": 1}},
                )}},
            )"#
        );
        assert_eq!(run(&text).0.took_ms(), expected_ms, "{idle} idle");
    }
}

#[test]
fn a_caller_that_throttles_itself_knows_a_refusal_for_load_from_an_error() {
    for (status, throttles) in [(429, true), (503, true), (500, false)] {
        let text = format!(
            r#"(
                duration: "20s",
                services: {{"web": (endpoints: {{"GET /": (steps: [Fail(status: {status})])}})}},
                links: {{"client -> web": (latency: "0s", throttle: (k: 2, window: "10s"))}},
                load: {{"client": (target: "web", mix: {{"GET /": 1}}, arrivals: Constant("100/s"))}},
            )"#
        );
        let (_, world) = run(&text);
        let links = world.statistics().links;
        // With nothing accepted, one of n requests goes: 1 + 1/2 + … + 1/1000 in the first window.
        let expected = if throttles { 0..=30 } else { 1_999..=2_000 };
        assert!(expected.contains(&links[0].sent), "{status}: {} sent", links[0].sent);
    }
}

/// Two requests, 2 s apart, that miss a key and wait 50 ms for its load, which calls over a guarded link. What became of the link's attempts.
fn abandoned(how: &str, guard: &str, back: &str, call: &str) -> LinkStatistics {
    let text = format!(
        r#"(
            duration: "4s",
            services: {{
                "api": (endpoints: {{"GET /": (steps: [
                    CacheAside(keys: "users", load: [Call(to: "back/GET /", {call})], coalesce: true, load_timeout: "50ms", abandoned: {how}),
                ])}}),
                "back": (endpoints: {{"GET /": (steps: [{back}])}}),
            }},
            caches: {{"redis": (keys: {{"users": (count: 1)}})}},
            links: {{"api -> back": (latency: "0s", {guard})}},
            load: {{"client": (target: "api", mix: {{"GET /": 1}}, arrivals: Replay(at: ["100ms", "2100ms"]))}},
        )"#
    );
    // Stocktaking at the end counts what is under way again.
    run(&text).1.statistics().links.swap_remove(0)
}

#[test]
fn an_interrupted_load_gives_back_what_its_attempt_was_granted() {
    let call = r#"timeout: "10s""#;
    let link = abandoned("Interrupt", "bulkhead: (maximum: 1)", r#"Sleep("3s")"#, call);
    assert_eq!((link.sent, link.bulkhead_full, link.cancelled, link.in_flight()), (2, 0, 2, 0));
}

#[test]
fn a_load_that_is_cancelled_before_or_in_its_retry_gives_its_budget_back() {
    let guard = r#"retry_budget: Envoy(share: "0 %", minimum: 1)"#;
    let pause = |base: &str| format!(r#"timeout: "10s", retries: 1, backoff: (base: "{base}", jitter: Off)"#);
    let before = abandoned("Cancel", guard, "Fail(status: 503)", &pause("1s"));
    assert_eq!((before.sent, before.retries, before.retries_refused), (2, 2, 0));
    // The first attempt times out, the second is under way when its caller leaves.
    let call = r#"timeout: "40ms", retries: 1, backoff: (base: "1ms", jitter: Off)"#;
    let within = abandoned("Interrupt", guard, r#"Sleep("3s")"#, call);
    assert_eq!((within.sent, within.retries, within.retries_refused), (4, 2, 0));
}

#[test]
fn a_request_that_fails_within_two_transactions_rolls_back_each_at_an_address_of_its_own() {
    let (records, world) = run(r#"(
        duration: "1s",
        services: {"api": (
            pools: {"read": HikariCp(database: "db", maximum: 1), "write": HikariCp(database: "db", maximum: 1)},
            endpoints: {"GET /": (steps: [
                Transaction(pool: "read", steps: [
                    Query(query: "select", pool: "read"),
                    Transaction(pool: "write", steps: [Query(query: "insert", pool: "write"), Fail(status: 500)]),
                ]),
            ])},
        )},
        databases: {"db": (queries: {"select": (demand: "1ms"), "insert": (demand: "1ms")})},
        links: {"client -> api": (latency: "0s"), "api -> db": (latency: Exponential("10ms"))},
        load: {"client": (target: "api", mix: {"GET /": 1}, arrivals: Replay(at: ["500ms"]))},
    )"#);
    let catalogue = world.catalogue();
    let rollbacks: Vec<_> = records
        .spans
        .iter()
        .filter(|span| catalogue.operations[span.operation.index()].operation.statement() == Some("ROLLBACK"))
        .collect();
    assert_eq!(rollbacks.len(), 2, "{rollbacks:?}");
    let took = |n: usize| rollbacks[n].end - rollbacks[n].start;
    assert!(rollbacks[0].span != rollbacks[1].span && took(0) != took(1), "{rollbacks:?}");
}

#[test]
fn each_attempt_has_an_address_of_its_own() {
    let (records, _) = run(r#"(
        duration: "1s",
        services: {
            "front": (endpoints: {"GET /": (steps: [Call(to: "back/GET /", retries: 2, backoff: (base: "1ms", jitter: Off))])}),
            "back": (endpoints: {"GET /": (steps: [Sleep(Exponential("10ms")), Fail(status: 503)])}),
        },
        links: {"client -> front": (latency: "0s"), "front -> back": (latency: "0s")},
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms"]))},
    )"#);
    let mut attempts: Vec<_> = records.spans.iter().filter(|span| span.peer.is_some()).collect();
    assert_eq!(attempts.len(), 3);
    attempts.dedup_by_key(|attempt| attempt.end - attempt.start);
    assert_eq!(attempts.len(), 3, "each draws a time of its own: {attempts:?}");
    assert!(attempts[0].span != attempts[1].span && attempts[1].span != attempts[2].span);
}

#[test]
fn a_retry_that_was_answered_makes_room_for_the_next() {
    // Twice the backend stands still for 30 ms; the first attempt is given up after 20 ms, the second answered as it goes on.
    let (_, world) = run(r#"(
        duration: "3s",
        services: {
            "front": (endpoints: {"GET /": (steps: [
                Call(to: "back/GET /", timeout: "20ms", retries: 1, backoff: (base: "1ms", jitter: Off)),
            ])}),
            "back": (endpoints: {"GET /": (steps: [])}),
        },
        links: {
            "client -> front": (latency: "0s"),
            "front -> back": (latency: "0s", retry_budget: Envoy(share: "0 %", minimum: 1)),
        },
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["1s", "2s"]))},
        faults: {
            "first": Pause(service: "back", at: "999ms", until: "1030ms"),
            "second": Pause(service: "back", at: "1999ms", until: "2030ms"),
        },
    )"#);
    let statistics = world.statistics();
    let link = &statistics.links[0];
    assert_eq!((link.retries, link.retries_refused, statistics.sources[0].answered), (2, 0, 2));
}

#[test]
fn an_answered_attempt_leaves_no_timer_behind() {
    // The second call, without a timer of its own, is waited for when that of the first would be over.
    let (records, _) = run(r#"(
        duration: "2s",
        services: {
            "front": (endpoints: {"GET /": (steps: [
                Call(to: "back/GET /", timeout: "50ms"), Call(to: "back/GET /slow", timeout: None),
            ])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("5ms")]), "GET /slow": (steps: [Sleep("300ms")])}),
        },
        links: {"client -> front": (latency: "0s"), "front -> back": (latency: "0s")},
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms"]))},
    )"#);
    assert_eq!((records.took_ms(), records.requests[0].error), (vec![305], None));
}
