//! What callers make of answers, to the nanosecond: worlds so small that paper is enough.

use knockon_arbitrary::{Records, load};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::record::{ErrorType, SpanKind};

/// Runs a scenario to its end.
fn run(text: &str) -> (Records, World) {
    let loaded = load(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let mut world = World::new(loaded.blueprint.clone());
    let mut records = Records::default();
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut records).expect("no limit is hit");
    assert!(records.faults.is_empty(), "{:?}", records.faults);
    assert!(world.audit().is_empty(), "{:?}", world.audit());
    (records, world)
}

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
