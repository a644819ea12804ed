//! Branches of requests that fail, take too long, are left by the client, or die with their process: what the client sees, what goes on, and
//! that nothing of them is left.

use crate::support::Records;
use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_model::World;
use knockon_model::record::{ErrorType, LogEvent};
use knockon_model::statistics::Statistics;
use knockon_scenario::{Options, Scenario};

/// Requests at 0, 1 and 2 s to a service that does `steps`; its steps may call `sink` and query `db`.
fn run(steps: &str, service: &str, load: &str, faults: &str) -> (Records, Statistics) {
    let text = format!(
        r#"(
    duration: "10s",
    services: {{
        "api": (
            runtime: Native, workers: Unlimited, cores: Unlimited, start_up: "100ms", restart: Compose(initial: "1ms"), {service}
            pools: {{"pool": QueuePool(database: "db", maximum: 1, overflow: 0, acquire_timeout: "20ms")}},
            endpoints: {{
                "GET /": (steps: [{steps}]),
                "GET /never": (steps: [Call(to: "sink/GET /"), Query(query: "slow")]),
            }},
        ),
        "sink": (runtime: Native, workers: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [Sleep("10ms")])}}),
    }},
    databases: {{"db": (connect: "0s", commit: "0s", workers: Unlimited, queries: {{"slow": (demand: "300ms")}})}},
    links: {{"clients -> api": (latency: "0s"), "api -> sink": (latency: "0s"), "api -> db": (latency: "0s")}},
    load: {{"clients": (target: "api", arrivals: Replay(at: ["0s", "1s", "2s"]), mix: {{"GET /": 1}}, {load})}},
    faults: {{{faults}}},
)"#
    );
    let none = |_: &str| Err("is not part of this test".to_owned());
    let loaded =
        Scenario::from_text("branches", &text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    let mut world = World::new(loaded.blueprint);
    let mut records = Records::default();
    for tick in 1..=1000 {
        world.run_until(Time::ZERO + Duration::from_millis(10 * tick), &mut records).expect("no limit is hit");
        assert_eq!(world.audit(), [""; 0], "after {tick} hundredths of a second");
    }
    assert_eq!(world.unfinished(), [""; 0]);
    let statistics = world.statistics();
    assert_eq!(conservation::breaches(&statistics), []);
    (records, statistics)
}

/// How long each request took in milliseconds, its status and its error, as its client saw it.
fn seen(records: &Records) -> Vec<(u64, u16, Option<ErrorType>)> {
    let request = |request: &knockon_model::record::RequestRecord| {
        ((request.ended - request.sent).as_nanos() / 1_000_000, request.status, request.error)
    };
    records.requests.iter().map(request).collect()
}

fn arrived(statistics: &Statistics, service: &str) -> u64 {
    statistics.services.iter().find(|found| found.name == service).expect("it is there").arrived
}

const PATIENT: &str = "timeout: None";

#[test]
fn a_branch_that_fails_fails_its_request_when_all_have_ended() {
    let steps = r#"Parallel([[Sleep("30ms"), Fail(503)], [Sleep("80ms"), Call(to: "sink/GET /")]]), Sleep("500ms")"#;
    let (records, statistics) = run(steps, "", PATIENT, "");
    assert_eq!(seen(&records), [(90, 503, Some(ErrorType::Application)); 3], "what comes behind it is not done");
    assert_eq!(arrived(&statistics, "sink"), 3, "the other branch is not stopped");
    let told = records.logs.iter().filter(|log| matches!(log.event, LogEvent::RequestFailed { .. })).count();
    assert_eq!(told, 3, "the request says so, once");
    // For every span there is a ledger whose parts are its length.
    for (span, ledger) in records.spans.iter().zip(&records.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
}

#[test]
fn the_first_that_does_not_fail_is_enough_and_if_all_do_the_last_one_counts() {
    let first = |branches: &str| {
        let (records, statistics) = run(&format!("Parallel(branches: [{branches}], join: First)"), "", PATIENT, "");
        (seen(&records), arrived(&statistics, "sink"))
    };
    let calls = r#"[Sleep("70ms"), Call(to: "sink/GET /")]"#;
    let (ends, called) = first(&format!(r#"[Fail(503)], [Sleep("40ms")], {calls}"#));
    assert_eq!((ends, called), (vec![(40, 200, None); 3], 3), "whoever is left runs on");
    let (ends, _) = first(r#"[Sleep("10ms"), Fail(503)], [Sleep("60ms"), Fail(504)]"#);
    assert_eq!(ends, [(60, 504, Some(ErrorType::Application)); 3]);
}

#[test]
fn branches_that_take_too_long_are_left_and_stop_only_where_work_is_cancelled() {
    let slow = r#"[Sleep("40ms"), Sleep("40ms"), Call(to: "sink/GET /")]"#;
    let steps = format!(r#"Parallel(branches: [[Sleep("10ms")], {slow}], timeout: "50ms")"#);
    for (service, called) in [("", 3), ("cancels_abandoned: true,", 0)] {
        let (records, statistics) = run(&steps, service, PATIENT, "");
        assert_eq!(seen(&records), [(50, 500, Some(ErrorType::Timeout)); 3]);
        assert_eq!(arrived(&statistics, "sink"), called, "{service}");
    }
    // A client that leaves is another reason not to wait.
    let steps = format!("Parallel([{slow}, {slow}])");
    for (service, called) in [("", 6), ("cancels_abandoned: true,", 0)] {
        let (records, statistics) = run(&steps, service, r#"timeout: "50ms""#, "");
        assert_eq!(seen(&records), [(50, 0, Some(ErrorType::Timeout)); 3]);
        assert_eq!(arrived(&statistics, "sink"), called, "{service}");
    }
}

#[test]
fn a_branch_without_a_connection_fails_and_leaves_the_other_its_own() {
    // Two branches, one connection: whoever comes second gives up after 20 ms, and the first goes on for 300.
    let steps = r#"Parallel([[Query(query: "slow")], [Query(query: "slow")]])"#;
    let (records, statistics) = run(steps, "", PATIENT, "");
    assert_eq!(seen(&records), [(300, 500, Some(ErrorType::PoolTimeout)); 3]);
    let pool = &statistics.services.iter().find(|service| service.name == "api").expect("it is there").pools[0];
    assert_eq!((pool.acquired, pool.timeouts), (3, 3));
}

#[test]
fn branches_die_with_their_process_whatever_they_wait_for() {
    // A statement, a call, a place in the pool, another fork's branches: all at 1.02 s, when the process is killed.
    let inner = r#"Parallel([[Sleep("100ms")], [Call(to: "sink/GET /"), Sleep("100ms")]])"#;
    let branches =
        format!(r#"[Query(query: "slow")], [Sleep("10ms"), Query(query: "slow")], [{inner}], [Compute("1s")]"#);
    let kill = r#""kill": Kill(service: "api", at: "1.015s")"#;
    let (records, statistics) = run(&format!("Parallel([{branches}])"), "", PATIENT, kill);
    let ends = seen(&records);
    assert_eq!(ends.len(), 3);
    assert_eq!(ends.iter().filter(|end| **end == (15, 0, Some(ErrorType::ConnectionReset))).count(), 1, "{ends:?}");
    let failed = ends.iter().filter(|end| **end == (1000, 500, Some(ErrorType::PoolTimeout))).count();
    assert_eq!(failed, 2, "before and after all is as ever: {ends:?}");
    let api = statistics.services.iter().find(|service| service.name == "api").expect("it is there");
    assert_eq!((api.lost, api.restarts, api.failed), (1, 1, 2));
    // The database has one connection again, of the life that followed.
    assert_eq!(arrived(&statistics, "db"), 3, "each life's branches asked once");
}
