//! The flagship: one cause, a leak, and everything that follows from it; and what happens when a link is taken away.

use crate::support::{Run, load, minutes, run, set};
use knockon_kernel::{Duration, Time};
use knockon_lab::milestones::State;
use knockon_model::record::{ChangeKind, CollectionKind, LogEvent, SpanKind};
use knockon_scenario::Options;

/// What one life of the process showed in its records, each at its first instant.
#[derive(Debug)]
struct Life {
    /// Bytes in use after the first and the last full collection.
    heap: Option<(u64, u64)>,
    gc_share: Option<Time>,
    pool_full: Option<Time>,
    acquire_timeout: Option<Time>,
    server_error: Option<Time>,
    out_of_memory: Option<Time>,
    exited: Time,
    restarted: Option<Time>,
}

/// Reads the lives of web-api from observed records alone: logs, metrics, spans and changes.
fn lives(run: &Run) -> Vec<Life> {
    let web = run.process("web-api");
    let changes: Vec<_> =
        run.records.changes.iter().filter(|change| change.process.is_some_and(|p| p.0 == web)).collect();
    let active = run.metric("web-api", "hikaricp_connections_active");
    let pending = run.metric("web-api", "hikaricp_connections_pending");
    let mut lives = Vec::new();
    let mut born = Time::ZERO;
    for (at, change) in changes.iter().enumerate() {
        let ChangeKind::Exited { code: 3, oom_killed: false } = change.kind else { continue };
        let within = |time: Time| time > born && time <= change.time;
        let logs: Vec<_> = run.records.logs.iter().filter(|log| log.process.0 == web && within(log.time)).collect();
        let mut full = Vec::new();
        let mut pauses: Vec<(Time, Duration)> = Vec::new();
        let (mut gc_share, mut pool_full, mut acquire_timeout, mut out_of_memory) = (None, None, None, None);
        for log in &logs {
            match log.event {
                LogEvent::Collection { kind, after, pause, .. } => {
                    if kind == CollectionKind::Full {
                        full.push(after);
                    }
                    pauses.push((log.time, pause));
                    let minute = pauses.iter().rev().take_while(|(time, _)| log.time - *time < Duration::from_secs(60));
                    let paused: Duration = minute.map(|&(_, pause)| pause).sum();
                    if paused > Duration::from_secs(18) {
                        gc_share.get_or_insert(log.time);
                    }
                }
                LogEvent::PoolTimeout { total, active, waiting, .. } => {
                    acquire_timeout.get_or_insert(log.time);
                    if active == total && waiting > 0 {
                        pool_full.get_or_insert(log.time);
                    }
                }
                LogEvent::OutOfMemory { .. } => {
                    out_of_memory.get_or_insert(log.time);
                }
                _ => {}
            }
        }
        // The dashboard may show the full pool before the log does.
        let shown = active.iter().zip(&pending).filter(|((time, _), _)| gc_share.is_some_and(|share| *time > share));
        let shown = shown.filter(|((time, _), _)| within(*time));
        let shown = shown.filter(|((_, active), (_, pending))| *active >= 10.0 && *pending >= 1.0);
        let shown = shown.map(|((time, _), _)| *time).next();
        let server_error = run.records.spans.iter().filter(|span| span.process.0 == web && within(span.end));
        lives.push(Life {
            heap: full.first().copied().zip(full.last().copied()),
            gc_share,
            pool_full: match (pool_full, shown) {
                (Some(logged), Some(shown)) => Some(logged.min(shown)),
                (logged, shown) => logged.or(shown),
            },
            acquire_timeout,
            server_error: server_error.filter(|span| span.http_status == 500).map(|span| span.end).min(),
            out_of_memory,
            exited: change.time,
            restarted: changes.get(at + 1).map(|next| next.time),
        });
        born = change.time;
    }
    lives
}

#[test]
fn the_whole_chain_shows_in_the_records_in_order_at_least_three_times() {
    let run = run(&load("memory_leak", &Options::default()));
    let lives = lives(&run);
    let complete = lives.iter().filter(|life| {
        let (Some((first, last)), Some(restarted)) = (life.heap, life.restarted) else { return false };
        let chain = [life.gc_share, life.pool_full, life.acquire_timeout, life.server_error, life.out_of_memory];
        let Some(times) = chain.into_iter().collect::<Option<Vec<Time>>>() else { return false };
        last > first && times.is_sorted() && times[4] <= life.exited && life.exited <= restarted
    });
    let complete = complete.count();
    assert!(complete >= 3, "{complete} of {} lives show the whole chain: {lives:#?}", lives.len());
    assert!(run.milestones.of(State::OomKilled).next().is_none());
    // The last phase is long enough for many to give up: half of the time in collections until death, in acquire timeouts.
    for (share, death) in run.times(State::GcShareOver30Percent).iter().zip(run.times(State::OutOfMemoryError)) {
        assert!(death - *share > Duration::from_millis(10 * 2_500), "the spiral from {share} to {death} is too short");
    }
    // The memory is nearly full, and the process is back within the platform's delays.
    assert!(run.statistics.services[3].restarts >= 3 && run.statistics.services[3].restarts <= 15);
}

#[test]
fn without_the_defect_the_same_deploy_leads_to_nothing() {
    let options = Options { without: vec!["leak".into()], ..Options::default() };
    let run = run(&load("memory_leak", &options));
    let web = &run.statistics.services[3];
    assert_eq!((web.out_of_memory, web.failed, web.restarts, web.pools[0].timeouts), (0, 0, 0, 0));
    assert!(run.records.changes.iter().any(|change| matches!(change.kind, ChangeKind::Deployment { .. })));
    for state in [State::GcShareOver30Percent, State::PoolFull, State::AcquireTimeout, State::ServerError] {
        assert!(run.times(state).is_empty(), "{state:?}");
    }
    // Only the restart of the deploy itself is felt.
    let clients = &run.statistics.sources[0];
    assert!(clients.failed * 500 < clients.sent, "{} of {} failed", clients.failed, clients.sent);
}

#[test]
fn with_pauses_of_no_length_only_the_kill_remains() {
    let run = run(&load("memory_leak", &set(&[("web-api/heap.pause_scale", "0")])));
    assert!(run.times(State::OutOfMemoryError).len() >= 3);
    for state in [State::GcShareOver30Percent, State::PoolFull, State::AcquireTimeout, State::ServerError] {
        assert!(run.times(state).is_empty(), "{state:?}");
    }
    let active = run.metric("web-api", "hikaricp_connections_active");
    assert!(active.iter().all(|&(_, active)| active < 10.0), "the pool never fills");
}

#[test]
fn a_pool_of_twice_the_size_is_exhausted_later() {
    for seed in 1..=3 {
        let options = |pairs| Options { seed, ..set(pairs) };
        let ten = run(&load("memory_leak", &options(&[])));
        let twenty = run(&load("memory_leak", &options(&[("web-api/pool.maximum", "20")])));
        // Within the first life, from the same collections on.
        assert_eq!(ten.times(State::GcShareOver30Percent)[0], twenty.times(State::GcShareOver30Percent)[0]);
        for state in [State::PoolFull, State::AcquireTimeout] {
            let (sooner, later) = (ten.times(state)[0], twenty.times(state)[0]);
            assert!(sooner < later, "seed {seed}: {state:?} at {sooner} and {later}");
            assert!(later < twenty.times(State::OutOfMemoryError)[0], "seed {seed}: {state:?} within the first life");
        }
    }
}

#[test]
fn under_cpython_the_same_cause_only_kills() {
    let run = run(&load("memory_leak_cpython", &Options::default()));
    let killed = run.times(State::OomKilled);
    assert!(killed.len() >= 3);
    assert!(run.times(State::Restarted).len() >= 3);
    for state in [
        State::GcShareOver30Percent,
        State::PoolFull,
        State::AcquireTimeout,
        State::ServerError,
        State::OutOfMemoryError,
    ] {
        assert!(run.times(state).is_empty(), "{state:?}");
    }
    // Resident memory only grows between two kills, up to the limit.
    let memory = run.metric("web-api", "process_resident_memory_bytes");
    let life: Vec<f64> = memory
        .iter()
        .filter(|(time, _)| *time > killed[0] + Duration::from_secs(60) && *time < killed[1])
        .map(|&(_, bytes)| bytes)
        .collect();
    assert!(life.is_sorted() && life.len() > 20, "resident memory of CPython never shrinks");
}

#[test]
fn errors_show_upstream_of_the_full_pool_only() {
    let run = run(&load("memory_leak", &Options::default()));
    let web = run.process("web-api");
    let failed = run.records.spans.iter().filter(|span| span.http_status >= 500);
    let servers = failed.filter(|span| run.catalogue.operations[span.operation.index()].kind == SpanKind::Server);
    let mut count = 0;
    for span in servers {
        assert_eq!(span.process.0, web, "the services that web-api calls answer all along");
        assert!(span.start >= minutes(20), "nothing fails before the deploy");
        count += 1;
    }
    assert!(count > 100);
}
