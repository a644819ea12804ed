//! Milestones from hand-written records.

use super::*;
use knockon_kernel::{Duration, Time};
use knockon_model::Sink;
use knockon_model::id::{PoolId, ProcessId, SeriesId, ServiceId};
use knockon_model::record::{
    ChangeKind, ChangeRecord, CollectionCause, CollectionKind, LogEvent, LogRecord, SampleRecord, SpanId, StateRecord,
    TraceId, Transition,
};

const POOL: PoolId = PoolId(0);
const API: ProcessId = ProcessId(0);

/// A watcher of one process `api-0` with one pool.
fn watcher() -> Watcher {
    Watcher::of_names(&[("api", "api-0", &["pool"])], &[(SeriesId(7), API, POOL)])
}

fn at(second: u64) -> Time {
    Time::from_nanos(second * 1_000_000_000)
}

fn enter(watcher: &mut Watcher, second: u64, transition: Transition) {
    watcher.state(StateRecord { time: at(second), process: API, transition });
}

fn pause(watcher: &mut Watcher, second: u64, pause_s: u64) {
    let pause = Duration::from_secs(pause_s);
    enter(watcher, second, Transition::Collected { pause, live_after: 0, usable: 0, full: true });
}

fn document(milestones: &Milestones) -> serde_json::Value {
    serde_json::to_value(milestones.document(Calendar { epoch_unix_ns: 0 })).unwrap()
}

fn states(milestones: &Milestones) -> Vec<(u64, u32, State)> {
    milestones.kept.iter().map(|found| (found.time.as_nanos() / 1_000_000_000, found.cycle, found.state)).collect()
}

#[test]
fn gc_share_counts_the_last_minute_only() {
    let mut watched = watcher();
    for second in [0, 50, 110, 170] {
        pause(&mut watched, second + 1, 1);
    }
    // 18 s of 60 is exactly 30 %: not over it yet.
    pause(&mut watched, 300, 18);
    assert_eq!(watched.clone().finish(at(300)), Milestones::default());
    pause(&mut watched, 302, 1);
    let found = watched.finish(at(302));
    assert_eq!(states(&found), [(302, 1, State::GcShareOver30Percent)]);
    assert_eq!(found.kept[0].value, Some(0.316));
}

#[test]
fn a_pause_longer_than_the_window_fills_it() {
    let mut watched = watcher();
    pause(&mut watched, 200, 150);
    assert_eq!(watched.finish(at(200)).kept[0].value, Some(1.0));
}

#[test]
fn each_state_once_a_cycle() {
    let mut watched = watcher();
    let error = Transition::ServerError { status: 500, trace: TraceId(1), span: SpanId(2) };
    enter(&mut watched, 0, Transition::Running { restarts: 0 });
    for start in [100, 200] {
        enter(&mut watched, start, Transition::AcquireTimeout { pool: POOL });
        enter(&mut watched, start + 1, Transition::AcquireTimeout { pool: POOL });
        enter(&mut watched, start + 1, error);
        enter(&mut watched, start + 2, error);
        enter(&mut watched, start + 3, Transition::OutOfMemory);
        enter(&mut watched, start + 3, Transition::Exited { code: 3 });
        enter(&mut watched, start + 30, Transition::Running { restarts: start as u32 / 100 });
    }
    let expected = |start, cycle| {
        [
            (start, cycle, State::AcquireTimeout),
            (start + 1, cycle, State::ServerError),
            (start + 3, cycle, State::OutOfMemoryError),
            (start + 3, cycle, State::Exited),
            (start + 30, cycle + 1, State::Restarted),
        ]
    };
    assert_eq!(states(&watched.finish(at(300))), [expected(100, 1), expected(200, 2)].concat());
}

#[test]
fn a_pool_that_is_full_for_a_moment_is_no_milestone() {
    let mut watched = watcher();
    let full = Transition::PoolFull { pool: POOL, waiting: 3 };
    enter(&mut watched, 0, Transition::Refused);
    watched.state(StateRecord { time: Time::from_nanos(10), process: API, transition: full });
    watched.state(StateRecord { time: at(1), process: API, transition: Transition::PoolRelieved { pool: POOL } });
    enter(&mut watched, 20, full);
    enter(&mut watched, 25, Transition::PoolRelieved { pool: POOL });
    let found = watched.finish(at(30));
    assert_eq!(states(&found), [(0, 1, State::Refused), (20, 1, State::PoolFull)]);
    assert_eq!((found.kept[1].component.as_str(), found.kept[1].value), ("api/pool", Some(3.0)));
}

#[test]
fn a_pool_that_is_full_at_the_end_counts() {
    let mut watched = watcher();
    enter(&mut watched, 20, Transition::PoolFull { pool: POOL, waiting: 1 });
    assert_eq!(states(&watched.clone().finish(at(20))), []);
    assert_eq!(states(&watched.finish(at(21))), [(20, 1, State::PoolFull)]);
}

#[test]
fn milestones_cite_the_row_that_shows_them() {
    let collection = LogEvent::Collection {
        number: 1,
        kind: CollectionKind::Full,
        cause: CollectionCause::Ergonomics,
        before: 2,
        after: 1,
        committed: 3,
        pause: Duration::from_secs(30),
    };
    let line = |second, uid, event| LogRecord { time: at(second), process: API, uid, context: None, event };
    for line_first in [true, false] {
        let mut watched = watcher();
        watched.log(line(99, 1, collection));
        if line_first {
            watched.log(line(100, 2, collection));
        }
        pause(&mut watched, 100, 30);
        if !line_first {
            watched.log(line(100, 2, collection));
        }
        watched.log(line(101, 3, collection));
        let found = watched.finish(at(200));
        assert_eq!(found.kept[0].shown_by, Some(Shown::log(2)), "line first: {line_first}");
    }
}

#[test]
fn a_late_row_shows_nothing() {
    let mut watched = watcher();
    enter(&mut watched, 100, Transition::OutOfMemory);
    let event = LogEvent::OutOfMemory { overhead_limit: false };
    watched.log(LogRecord { time: at(101), process: API, uid: 1, context: None, event });
    assert_eq!(watched.finish(at(200)).kept[0].shown_by, None);
}

#[test]
fn a_full_pool_is_shown_by_a_sample_of_its_waiters() {
    let mut watched = watcher();
    let sample = |second, value| SampleRecord { series: SeriesId(7), time: at(second), value };
    watched.sample(sample(15, 4.0));
    enter(&mut watched, 20, Transition::PoolFull { pool: POOL, waiting: 1 });
    watched.sample(sample(30, 0.0));
    watched.sample(sample(45, 2.0));
    watched.sample(sample(60, 5.0));
    let found = watched.finish(at(61));
    assert_eq!(found.kept[0].shown_by, Some(Shown::sample(SeriesId(7), at(45))));
}

#[test]
fn memory_is_bounded() {
    let mut watched = watcher();
    for second in 0..1_500 {
        enter(&mut watched, second, Transition::OomKilled);
        enter(&mut watched, second, Transition::Running { restarts: 1 });
    }
    let found = watched.finish(at(1_500));
    assert_eq!(found.kept.len(), KEPT_MAXIMUM);
    let not_kept: u64 = found.not_kept.values().sum();
    assert_eq!(not_kept, 1_500 + 1_500 - KEPT_MAXIMUM as u64);
}

#[test]
fn the_file_names_times_states_figures_and_rows() {
    let mut watched = watcher();
    enter(&mut watched, 60, Transition::ServerError { status: 503, trace: TraceId(1), span: SpanId(2) });
    enter(&mut watched, 61, Transition::Refused);
    let json = document(&watched.finish(at(61)));
    assert_eq!(
        json["milestones"][0],
        serde_json::json!({
            "time": "1970-01-01T00:01:00.000000000Z",
            "offset_ns": 60_000_000_000u64,
            "component": "api",
            "instance": "api-0",
            "cycle": 1,
            "state": "server_error",
            "status": 503,
            "shown_by": {
                "table": "observed/spans",
                "key": { "trace_id": "00000000000000000000000000000001", "span_id": "0000000000000002" },
            },
        })
    );
    assert_eq!(json["milestones"][1]["shown_by"], serde_json::Value::Null);
}

#[test]
fn a_kill_is_shown_by_the_change_that_tells_it() {
    let mut watched = watcher();
    let kind = ChangeKind::Exited { code: 137, oom_killed: true };
    watched.change(ChangeRecord { time: at(5), kind, service: ServiceId(0), process: Some(API) });
    enter(&mut watched, 5, Transition::OomKilled);
    enter(&mut watched, 5, Transition::Exited { code: 137 });
    let json = document(&watched.finish(at(6)));
    let key = serde_json::json!({ "time": "1970-01-01T00:00:05.000000000Z", "kind": "exited", "instance": "api-0" });
    for milestone in 0..2 {
        assert_eq!(json["milestones"][milestone]["shown_by"]["key"], key);
    }
}
