//! Executors of a service: who gets a thread, who waits, who is turned away and what becomes of that; and what is told of it.

use crate::processes::{Ran, run};
use knockon_model::record::{ErrorType, LogEvent, Part};
use knockon_model::statistics::ExecutorStatistics;

/// A service with an executor, whose requests come at these instants and do `steps`; it may call `back`, which takes 100 ms.
fn with(runtime: &str, executor: &str, steps: &str, at: &str, more: &str) -> String {
    format!(
        r#"(
    duration: "20s", scrape: "1s",
    services: {{
        "api": (runtime: {runtime}, workers: Unlimited, cores: Unlimited, start_up: "1s", restart: Compose(initial: "1ms"),
            executors: {{"tasks": ({executor})}},
            endpoints: {{"GET /": (steps: [{steps}])}}),
        "back": (cores: Unlimited, workers: Unlimited, endpoints: {{"GET /": (steps: [Sleep("100ms")])}}),
    }},
    links: {{"clients -> api": (latency: "0s"), "api -> back": (latency: "0s")}},
    load: {{"clients": (target: "api", arrivals: Replay(at: [{at}]), mix: {{"GET /": 1}}, timeout: None)}},
    faults: {{{more}}},
)"#
    )
}

fn java(executor: &str, steps: &str, at: &str) -> Ran {
    run(&with("Jvm()", executor, steps, at, ""))
}

fn tasks(ran: &Ran) -> &ExecutorStatistics {
    &ran.statistics.services[0].executors[0]
}

const CALLS: &str = r#"Run(executor: "tasks", timeout: None, steps: [Call(to: "back/GET /", timeout: "5s")])"#;
const AT_ONCE: &str = r#""1s", "1s", "1s", "1s""#;

/// Requests that fail for want of a thread.
const REJECTED: (u64, u16, Option<ErrorType>) = (0, 500, Some(ErrorType::TaskRejected));

#[test]
fn a_queue_before_the_threads_keeps_some_waiting_and_turns_the_rest_away() {
    let calls = CALLS.replace("None", r#""5s""#);
    let ran = java("threads: 1, queue: 2", &calls, AT_ONCE);
    assert_eq!(ran.seen(), [REJECTED, (100, 200, None), (200, 200, None), (300, 200, None)]);
    let tasks = tasks(&ran);
    assert_eq!((tasks.submitted, tasks.completed, tasks.rejected, tasks.peak_waiting), (4, 3, 1, 2));
    let told: Vec<_> = ran.records.logs.iter().map(|log| log.event).collect();
    assert!(
        told.iter().any(|event| matches!(
            event,
            LogEvent::TaskRejected { threads: 1, active: 1, queued: 2, completed: 0, .. }
        )),
        "it says what there was: {told:?}"
    );
    // What they waited for a thread is theirs, to the nanosecond.
    let queued: Vec<u64> =
        ran.records.requests.iter().map(|request| request.parts[Part::Queued as usize] / 1_000_000).collect();
    assert_eq!(queued, [0, 0, 100, 200]);
    assert_eq!(ran.sampled("executor_completed_tasks_total").last(), Some(&3.0));
    assert_eq!(ran.sampled("executor_pool_size_threads").last(), Some(&1.0));
    assert_eq!(ran.sampled("executor_queue_remaining_tasks").last(), Some(&2.0));
    assert_eq!(ran.sampled("executor_seconds_count").last(), Some(&3.0));
}

#[test]
fn a_full_queue_gets_more_threads_which_die_when_they_are_idle() {
    let calls = CALLS.replace("None", r#""5s""#);
    let ran = java(r#"threads: 1, maximum: 3, queue: 1, keep_alive: "3s""#, &calls, AT_ONCE);
    assert_eq!(ran.seen(), [(100, 200, None), (100, 200, None), (100, 200, None), (200, 200, None)]);
    let threads = ran.sampled("executor_pool_size_threads");
    assert_eq!((threads.iter().copied().fold(0.0, f64::max), threads.last()), (3.0, Some(&1.0)));
}

#[test]
fn whoever_gives_up_waiting_leaves_its_task_to_the_executor_unless_it_cancels_it() {
    for (cancel, called) in [("", 2), (", cancel: true", 1)] {
        let steps = format!(
            r#"Run(executor: "tasks", timeout: "60ms"{cancel}, steps: [Sleep("50ms"), Call(to: "back/GET /", timeout: "5s")])"#
        );
        let ran = java("threads: 1", &steps, r#""1s", "1s""#);
        let late = (60, 500, Some(ErrorType::TaskTimeout));
        assert_eq!(ran.seen(), [late, late]);
        // The first is at its call already; the second waits for the thread, and is looked at when that is free.
        assert_eq!(ran.statistics.services[1].arrived, called, "{cancel}");
        assert_eq!(tasks(&ran).completed, 2);
    }
}

#[test]
fn nobody_waits_for_what_is_forgotten_and_a_stop_does_not_either() {
    let steps = CALLS.replace("timeout: None", "wait: false");
    let ran = run(&with("Jvm()", "threads: 1", &steps, AT_ONCE, ""));
    assert_eq!(ran.seen(), [(0, 200, None); 4]);
    assert_eq!((tasks(&ran).completed, ran.statistics.services[1].arrived), (4, 4));
    let ran = run(&with("Jvm()", "threads: 1", &steps, AT_ONCE, r#""kill": Kill(service: "api", at: "1150ms")"#));
    let tasks = tasks(&ran);
    assert_eq!((tasks.completed, tasks.lost), (1, 3), "what waits and what runs goes with its process");
}

#[test]
fn whoever_finds_no_room_does_it_or_nobody_does() {
    let with = |rejection: &str, timeout: &str| {
        let steps = CALLS.replace("None", timeout);
        java(&format!("threads: 1, queue: 1, rejection: {rejection}"), &steps, r#""1s", "1s", "1s""#)
    };
    let ran = with("CallerRuns", r#""5s""#);
    assert_eq!(ran.seen(), [(100, 200, None), (100, 200, None), (200, 200, None)]);
    assert_eq!((tasks(&ran).caller_ran, tasks(&ran).completed), (1, 2));
    let given_up = (5000, 500, Some(ErrorType::TaskTimeout));
    let ran = with("Discard", r#""5s""#);
    assert_eq!(ran.seen(), [(100, 200, None), (200, 200, None), given_up]);
    let ran = with("DiscardOldest", r#""5s""#);
    assert_eq!(ran.seen(), [(100, 200, None), (200, 200, None), given_up]);
    assert_eq!((tasks(&ran).discarded, ran.statistics.services[1].arrived), (1, 2));
}

#[test]
fn what_becomes_of_the_rejected_can_be_set_while_the_world_runs() {
    let calls = CALLS.replace("None", r#""5s""#);
    let more = r#""caller-runs": Set(at: "2s", until: "4s", set: {"api/tasks.rejection": CallerRuns})"#;
    let ran = run(&with("Jvm()", "threads: 1, queue: 0", &calls, r#""1s", "1s", "3s", "3s", "5s", "5s""#, more));
    let done = (100, 200, None);
    assert_eq!(ran.seen(), [REJECTED, done, done, done, REJECTED, done]);
}

#[test]
fn pythons_executor_has_a_queue_without_end_and_nothing_to_scrape() {
    let text = with("CPython(base: \"1MiB\")", "threads: 2", CALLS, AT_ONCE, "");
    let ran = run(&text);
    assert_eq!(ran.seen(), [(100, 200, None), (100, 200, None), (200, 200, None), (200, 200, None)]);
    assert!(!ran.world.catalogue().series.iter().any(|series| series.name.starts_with("executor_")));
}

#[test]
fn more_threads_take_what_waits_at_once_and_fewer_end_theirs_first() {
    let calls = CALLS.replace("None", r#""5s""#);
    let set = |threads: u32| {
        let more = format!(r#""more": Set(at: "1050ms", until: "10s", set: {{"api/tasks.threads": {threads}}})"#);
        run(&with("Jvm()", "threads: 1", &calls, AT_ONCE, &more))
    };
    assert_eq!(set(4).seen(), [(100, 200, None), (150, 200, None), (150, 200, None), (150, 200, None)]);
    let ran = run(&with(
        "Jvm()",
        "threads: 4",
        &calls,
        AT_ONCE,
        r#""fewer": Set(at: "1050ms", set: {"api/tasks.threads": 1})"#,
    ));
    assert_eq!(ran.seen(), [(100, 200, None); 4]);
    assert_eq!(ran.sampled("executor_pool_size_threads").last(), Some(&1.0));
}

#[test]
fn tasks_that_wait_for_tasks_of_their_executor_wait_for_ever_when_all_threads_do() {
    let inner = CALLS.replace("None", r#""3s""#);
    let steps = format!(r#"Run(executor: "tasks", timeout: "4s", steps: [Sleep("10ms"), {inner}])"#);
    let ran = run(&with("Jvm()", "threads: 2", &steps, r#""1s", "1s""#, ""));
    let late = (3010, 500, Some(ErrorType::TaskTimeout));
    assert_eq!(ran.seen(), [late, late], "both threads wait for one");
    let ran = run(&with("Jvm()", "threads: 2", &steps, r#""1s""#, ""));
    assert_eq!(ran.seen(), [(110, 200, None)]);
}

#[test]
fn a_process_that_stops_ends_with_the_request_that_fails_last() {
    // The second task gets the thread when the first has failed; with it the last request fails that the process waits for.
    let steps =
        r#"Run(executor: "tasks", timeout: None, steps: [Call(to: "back/GET /", timeout: "5s"), Fail(status: 500)])"#;
    let deploy = r#""next": Deploy(service: "api", at: "1050ms", set: {"api/GET /.allocate": "2KiB"})"#;
    let ran = run(&with("Jvm()", "threads: 1", steps, r#""1s", "1s", "3s""#, deploy));
    let seen: Vec<(u64, u16)> = ran.seen().into_iter().map(|(after, status, _)| (after, status)).collect();
    assert_eq!(seen, [(100, 500), (200, 500), (100, 500)]);
    assert_eq!((tasks(&ran).completed, tasks(&ran).lost), (3, 0));
}

#[test]
fn whoever_waits_in_vain_is_dropped_with_its_caller_where_the_server_drops_abandoned_work() {
    let text = with("Jvm()", "threads: 1, queue: 0, rejection: Discard", CALLS, r#""1s", "1s", "3s", "3s""#, "");
    let text = text.replace(
        "workers: Unlimited, cores: Unlimited, start_up",
        "workers: 2, cancels_abandoned: true, cores: Unlimited, start_up",
    );
    let ran = run(&text.replace(r#""GET /": 1}, timeout: None"#, r#""GET /": 1}, timeout: "1s""#));
    // Were the second one's worker kept, the fourth would wait for the third one's, and find the thread free.
    let given_up = (1000, 0, Some(ErrorType::Timeout));
    assert_eq!(ran.seen(), [(100, 200, None), given_up, (100, 200, None), given_up]);
    assert_eq!(tasks(&ran).discarded, 2);
}
