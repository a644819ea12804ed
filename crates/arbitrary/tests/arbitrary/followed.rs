//! Worlds so small that paper is enough: where the time of requests went, and requests that are taken out.

use crate::support::run;
use knockon_arbitrary::Records;
use knockon_model::record::Part;

/// Whole milliseconds of each request that went into these parts, in the order of their sending; nothing may be left over.
fn went_ms(records: &Records, parts: &[Part]) -> Vec<Vec<u64>> {
    let mut requests: Vec<_> = records.requests.iter().collect();
    requests.sort_by_key(|request| (request.sent, request.number));
    let of = |request: &&knockon_model::record::RequestRecord| -> Vec<u64> {
        let known: u64 = parts.iter().map(|part| request.parts[*part as usize]).sum();
        assert_eq!(known, (request.ended - request.sent).as_nanos(), "{request:?}");
        parts.iter().map(|part| request.parts[*part as usize] / 1_000_000).collect()
    };
    requests.iter().map(of).collect()
}

#[test]
fn what_a_chain_of_calls_computes_and_what_its_links_take_adds_up() {
    let (records, _) = run(r#"(
        duration: "3s",
        services: {
            "front": (endpoints: {"GET /": (steps: [Compute("5ms"), Call(to: "back/GET /"), Compute("1ms")])}),
            "back": (endpoints: {"GET /": (steps: [Compute("10ms"), Sleep("20ms")])}),
        },
        links: {
            "client -> front": (latency: "1ms", keep_alive: Always),
            "front -> back": (latency: "2ms", keep_alive: Always),
        },
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["0s", "1s"]))},
    )"#);
    assert_eq!(went_ms(&records, &[Part::Computing, Part::BackingOff, Part::Network]), [[16, 20, 6], [16, 20, 6]]);
}

#[test]
fn an_attempt_that_was_given_up_counts_with_what_was_spent_on_it_until_then() {
    let (records, _) = run(r#"(
        duration: "1s",
        services: {"web": (workers: 1, endpoints: {"GET /": (steps: [Sleep("40ms")])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (
            target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms"]),
            timeout: "30ms", retries: 1, backoff: (base: "5ms", jitter: Off),
        )},
    )"#);
    // Sleeps 30 ms, backs off 5 ms, queues behind itself 5 ms, sleeps 25 ms.
    assert_eq!(went_ms(&records, &[Part::BackingOff, Part::Queued]), [[60, 5]]);
}

#[test]
fn of_branches_the_one_that_was_waited_for_to_the_end_counts() {
    for (join, computing, sleeping) in [("All", 30, 0), ("First", 0, 10)] {
        let text = format!(
            r#"(
                duration: "1s",
                services: {{"web": (endpoints: {{"GET /": (steps: [
                    Parallel(branches: [[Sleep("10ms")], [Compute("30ms")], [Sleep("20ms")]], join: {join}),
                ])}})}},
                links: {{"client -> web": (latency: "0s")}},
                load: {{"client": (target: "web", mix: {{"GET /": 1}}, arrivals: Replay(at: ["100ms"]))}},
            )"#
        );
        let went = went_ms(&run(&text).0, &[Part::Computing, Part::BackingOff]);
        assert_eq!(went, [[computing, sleeping]], "{join}");
    }
}

#[test]
fn whoever_joins_a_load_counts_what_was_left_of_it() {
    let (records, _) = run(r#"(
        duration: "1s",
        services: {
            "api": (endpoints: {"GET /": (steps: [
                CacheAside(keys: "users", load: [Compute("20ms"), Call(to: "back/GET /")], coalesce: true),
            ])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("40ms")])}),
        },
        caches: {"redis": (keys: {"users": (count: 1)}, get: "0s", set: "0s")},
        links: {
            "client -> api": (latency: "0s"), "api -> back": (latency: "0s"), "api -> redis": (latency: "0s"),
        },
        load: {"client": (target: "api", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "110ms", "130ms"]))},
    )"#);
    let went = went_ms(&records, &[Part::Computing, Part::BackingOff]);
    assert_eq!(went, [[20, 40], [10, 40], [0, 30]]);
}

#[test]
fn what_a_timer_ended_while_its_process_stood_still_ends_at_the_timer() {
    let (records, _) = run(r#"(
        duration: "1s",
        services: {
            "front": (endpoints: {"GET /": (steps: [Call(to: "back/GET /", timeout: "20ms")])}),
            "back": (endpoints: {"GET /": (steps: [Sleep("15ms"), Compute("100ms")])}),
        },
        links: {"client -> front": (latency: "0s"), "front -> back": (latency: "0s")},
        load: {"client": (target: "front", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms"]))},
        faults: {"still": Pause(service: "front", at: "110ms", until: "140ms")},
    )"#);
    assert_eq!(went_ms(&records, &[Part::BackingOff, Part::Computing, Part::Paused]), [[15, 5, 20]]);
}

#[test]
fn what_a_process_did_before_it_died_was_done() {
    let (records, _) = run(r#"(
        duration: "1s",
        services: {"web": (cores: "1 cpu", endpoints: {"GET /": (steps: [Compute("40ms")])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "110ms"]))},
        faults: {"crash": Kill(service: "web", at: "116ms")},
    )"#);
    // Alone for ten milliseconds, then two at half the speed.
    assert_eq!(went_ms(&records, &[Part::Computing, Part::CpuWait]), [[13, 3], [3, 3]]);
}

#[test]
fn a_request_that_is_dropped_is_missing_and_leaves_its_number_behind() {
    let (records, world) = run(r#"(
        duration: "1s",
        services: {"web": (workers: 1, endpoints: {"GET /": (steps: [Sleep("20ms")])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Replay(at: ["100ms", "110ms", "115ms"]), requests: 3)},
        faults: {"gap": DropRequest(source: "client", number: 2)},
    )"#);
    let numbers: Vec<u64> = records.requests.iter().map(|request| request.number).collect();
    assert_eq!(numbers, [1, 3]);
    // It queues behind one, not two.
    assert_eq!(went_ms(&records, &[Part::Queued, Part::BackingOff]), [[0, 20], [5, 20]]);
    assert_eq!(world.statistics().sources[0].sent, 2);
    let fault = &world.blueprint().faults[0];
    assert_eq!((fault.kind.as_str(), fault.at.as_nanos()), ("drop request", 110_000_000));
}

#[test]
fn a_user_whose_request_is_dropped_goes_on_at_once() {
    let (records, _) = run(r#"(
        duration: "100ms",
        services: {"web": (endpoints: {"GET /": (steps: [Sleep("20ms")])})},
        links: {"client -> web": (latency: "0s")},
        load: {"client": (target: "web", mix: {"GET /": 1}, arrivals: Closed(users: 1, think: "10ms"))},
        faults: {"gap": DropRequest(source: "client", number: 2)},
    )"#);
    let sent: Vec<_> = records.requests.iter().map(|r| (r.number, r.sent.as_nanos() / 1_000_000)).collect();
    // The first ends at 30 ms; at 40 ms nothing is sent.
    assert_eq!(sent, [(1, 10), (3, 50), (4, 80)]);
}
