//! gunicorn's workers: who is killed and when, what is given up then, who stands in, and what is told of it.

use crate::processes::{Ran, run};
use knockon_model::record::{ErrorType, LogEvent, Part};

/// Gunicorn with two workers that boot for 2 s; requests come at these instants and do `steps`.
fn gunicorn(settings: &str, steps: &str, at: &str, more: &str) -> String {
    format!(
        r#"(
    duration: "20s", scrape: "1s",
    services: {{
        "api": (runtime: CPython(base: "1MiB"), workers: 2, places: 10, cores: Unlimited, start_up: "1s", restart: Compose(initial: "1ms"), {more}
            prefork: Gunicorn(boot: "2s", {settings}),
            pools: {{"pool": QueuePool(database: "db", maximum: 1, overflow: 0, acquire_timeout: "20s")}},
            endpoints: {{
                "GET /": (steps: [{steps}]),
                "GET /never": (steps: [Call(to: "back/GET /"), Query(query: "slow")]),
            }}),
        "back": (cores: Unlimited, workers: Unlimited, endpoints: {{"GET /": (steps: [Sleep("8s")])}}),
    }},
    databases: {{"db": (connect: "0s", commit: "0s", workers: Unlimited, queries: {{"slow": (demand: "8s")}})}},
    links: {{"clients -> api": (latency: "0s"), "api -> back": (latency: "0s"), "api -> db": (latency: "0s")}},
    load: {{"clients": (target: "api", arrivals: Replay(at: [{at}]), mix: {{"GET /": 1}})}},
)"#
    )
}

/// What a process of workers says of them: instants in milliseconds, worker and word.
fn told(ran: &Ran) -> Vec<(u64, u32, &'static str)> {
    let lines = ran.records.logs.iter().filter_map(|log| {
        let (worker, what) = match log.event {
            LogEvent::WorkerTimeout { worker } => (worker, "timeout"),
            LogEvent::WorkerLastRequest { worker } => (worker, "last"),
            LogEvent::WorkerExiting { worker } => (worker, "exits"),
            LogEvent::WorkerFailed { worker } => (worker, "failed"),
            LogEvent::WorkerBooting { worker } => (worker, "boots"),
            _ => return None,
        };
        Some((log.time.as_nanos() / 1_000_000, worker, what))
    });
    lines.collect()
}

#[test]
fn a_request_that_takes_longer_than_the_timeout_is_killed_with_its_worker() {
    // Taken up at 500 ms; the arbiter looks at whole seconds: at 4 s it is 3.5 s, which is too long.
    let ran = run(&gunicorn(r#"timeout: "3s""#, r#"Call(to: "back/GET /", timeout: None)"#, r#""500ms""#, ""));
    assert_eq!(ran.seen(), [(3500, 0, Some(ErrorType::ConnectionReset))]);
    assert_eq!(told(&ran), [(4000, 1, "timeout"), (4000, 1, "exits"), (4000, 1, "failed"), (4000, 3, "boots")]);
    let api = &ran.statistics.services[0];
    assert_eq!((api.worker_timeouts, api.lost, api.failed), (1, 1, 0));
    let spans = ran.records.spans.iter().filter(|span| span.process.0 == 0).count();
    assert_eq!(spans, 0, "a worker that is killed tells of no span");
    assert_eq!(ran.sampled("gunicorn_log_critical").last(), Some(&1.0));
    assert_eq!(ran.sampled("gunicorn_requests").last(), Some(&0.0));
}

#[test]
fn one_that_takes_less_is_not_and_neither_is_anybody_without_a_timeout() {
    let calls = r#"Call(to: "back/GET /", timeout: None)"#;
    let ran = run(&gunicorn(r#"timeout: "8s""#, calls, r#""500ms""#, ""));
    assert_eq!(ran.seen(), [(8000, 200, None)]);
    let ran = run(&gunicorn("timeout: None", calls, r#""500ms""#, ""));
    assert_eq!((ran.seen(), told(&ran)), (vec![(8000, 200, None)], vec![]));
}

#[test]
fn while_new_workers_boot_requests_wait_in_the_one_queue_of_all() {
    // Two are killed at 4 s, three wait; the new workers have booted at 6 s.
    let at = r#""500ms", "500ms", "600ms", "700ms", "4500ms""#;
    let ran =
        run(&gunicorn(r#"timeout: "3s""#, r#"Call(to: "back/GET /", timeout: "2500ms", optional: true)"#, at, ""));
    assert_eq!(ran.seen()[..2], [(2500, 200, None); 2], "whoever gives up in time lives");
    let ran = run(&gunicorn(r#"timeout: "3s""#, r#"Call(to: "back/GET /", timeout: None)"#, at, ""));
    let reset = Some(ErrorType::ConnectionReset);
    assert_eq!(
        ran.seen(),
        [(3500, 0, reset), (3500, 0, reset), (9400, 0, reset), (9300, 0, reset), (11_500, 0, reset)],
        "taken up at 6 s, killed at 10, taken up at 12, killed at 16"
    );
    assert_eq!(ran.statistics.services[0].worker_timeouts, 5);
}

#[test]
fn what_a_killed_worker_held_is_given_up() {
    // One has the only connection, and its statement runs; the other waits for it.
    let ran = run(&gunicorn(r#"timeout: "3s""#, r#"Query("slow")"#, r#""500ms", "2500ms""#, ""));
    let reset = Some(ErrorType::ConnectionReset);
    assert_eq!(
        ran.seen(),
        [(3500, 0, reset), (3500, 0, reset)],
        "at 4 s the other begins its statement, and is killed at 6"
    );
    let lost = ran.records.logs.iter().filter(|log| matches!(log.event, LogEvent::ClientLost { .. })).count();
    assert_eq!(lost, 2, "the database finds both gone when their statements end");
}

#[test]
fn branches_and_retries_of_a_killed_worker_end_with_it() {
    let steps = r#"Parallel([[Sleep("50s")], [Call(to: "back/GET /", timeout: "1s", retries: 9, backoff: (base: "1s", jitter: Off))], [Compute("9s")]])"#;
    let ran = run(&gunicorn(r#"timeout: "3s""#, steps, r#""500ms""#, ""));
    assert_eq!(ran.seen(), [(3500, 0, Some(ErrorType::ConnectionReset))]);
    assert_eq!(ran.world.unfinished(), [""; 0]);
}

#[test]
fn a_worker_exits_after_its_last_request_and_another_one_boots() {
    let at = r#""1s", "2s", "3s", "4s", "4100ms""#;
    let ran = run(&gunicorn("max_requests: 2", r#"Compute("100ms")"#, at, ""));
    // The one that has been idle longest takes the next.
    assert_eq!(
        told(&ran),
        [
            (3000, 1, "last"),
            (3100, 1, "exits"),
            (3100, 3, "boots"),
            (4000, 2, "last"),
            (4100, 2, "exits"),
            (4100, 4, "boots")
        ]
    );
    // Nobody is up until the first of the new ones has booted.
    assert_eq!(ran.seen().last(), Some(&(1100, 200, None)));
    assert_eq!(ran.statistics.services[0].worker_exits, 2);
}

#[test]
fn jitter_draws_for_each_worker_how_many_more() {
    let at: Vec<String> = (1..90).map(|n| format!("\"{}ms\"", n * 200)).collect();
    let ran = run(&gunicorn("max_requests: 5, max_requests_jitter: 20", r#"Compute("1ms")"#, &at.join(","), ""));
    let lasts: Vec<u64> = told(&ran).iter().filter(|(.., what)| *what == "last").map(|&(at, ..)| at).collect();
    assert!(lasts.len() >= 2 && lasts.windows(2).all(|pair| pair[0] != pair[1]), "{lasts:?}");
}

#[test]
fn what_a_worker_has_kept_goes_with_it() {
    let steps = r#"Compute("10ms"), Retain("8MiB")"#;
    let at = r#""1s", "2s", "3s", "4s", "5s""#;
    let resident = |settings: &str| {
        *run(&gunicorn(settings, steps, at, "")).sampled("process_resident_memory_bytes").last().expect("it is there")
    };
    let (kept, given_back) = (resident(""), resident("max_requests: 2"));
    let mib = f64::from(1 << 20);
    assert_eq!((kept - given_back) / mib, 32.0, "four of five requests were those of workers that have exited");
}

#[test]
fn a_process_that_stands_still_is_looked_after_when_it_goes_on() {
    let paused = gunicorn(r#"timeout: "3s""#, r#"Compute("1s")"#, r#""500ms", "9500ms""#, "").replace(
        "    load:",
        r#"    faults: {"pause": Pause(service: "api", at: "1s", until: "9s")},
    load:"#,
    );
    let ran = run(&paused);
    // Its heartbeat is eight seconds old when the arbiter looks; idle ones have beaten again.
    assert_eq!(ran.seen(), [(8500, 0, Some(ErrorType::ConnectionReset)), (1000, 200, None)]);
    assert_eq!(ran.statistics.services[0].worker_timeouts, 1);
}

#[test]
fn workers_end_with_their_process_and_begin_with_it() {
    let killed = gunicorn(r#"timeout: "3s""#, r#"Call(to: "back/GET /", timeout: None)"#, r#""500ms", "3s""#, "")
        .replace(
            "    load:",
            r#"    faults: {"kill": Kill(service: "api", at: "1s")},
    load:"#,
        );
    let ran = run(&killed);
    let reset = Some(ErrorType::ConnectionReset);
    assert_eq!(
        ran.seen(),
        [(500, 0, reset), (3001, 0, reset)],
        "it starts at 2.001 s, and looks each second from then on"
    );
}

#[test]
fn a_boot_that_takes_longer_than_the_timeout_never_ends() {
    let ran = run(&gunicorn(r#"timeout: "900ms", max_requests: 1"#, r#"Compute("1ms")"#, r#""1s""#, ""));
    let timeouts = told(&ran).iter().filter(|(.., what)| *what == "timeout").count();
    assert!(timeouts >= 7, "it boots for 2 s, and is killed at the next look: {:?}", told(&ran));
    assert_eq!(ran.served([Part::Computing]), [(1, [1])]);
}
