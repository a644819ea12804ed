//! What the platform does about a process, and what comes of it: a processor limit, a memory limit, a liveness probe.

use crate::support::{Run, load, minutes, run, set};
use crate::truth::conclude;
use knockon_kernel::{Duration, Time};
use knockon_lab::milestones::State;
use knockon_lab::truth::{Recovery, State as Node};
use knockon_model::record::{ChangeKind, Part, ProbeFailure, SpanKind};
use knockon_model::statistics::{ServiceStatistics, Statistics};
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options};

const PERIOD_NS: u64 = 100_000_000;

fn seeded(seed: u64, pairs: &[(&str, &str)]) -> Options {
    Options { seed, ..set(pairs) }
}

/// The statistics of a run that nobody observes.
fn finished(loaded: &Loaded) -> Statistics {
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
    world.statistics()
}

fn web(statistics: &Statistics) -> &ServiceStatistics {
    statistics.services.iter().find(|service| service.name == "web-api").expect("a service")
}

/// For ten minutes and twenty seeds: next to nothing fails, nothing is restarted, no probe fails.
fn twin_is_healthy(name: &str, fault: &str) {
    for seed in 1..=20 {
        let options = Options {
            seed,
            without: vec![fault.into()],
            duration: Some(Duration::from_secs(600)),
            ..Options::default()
        };
        let statistics = finished(&load(name, &options));
        let clients = &statistics.sources[0];
        assert!(clients.failed * 1000 < clients.sent, "{name}, seed {seed}: {} of {}", clients.failed, clients.sent);
        let web = web(&statistics);
        assert_eq!((web.restarts, web.probe_failures, web.oom_killed), (0, 0, 0), "{name}, seed {seed}");
    }
}

/// How much a counter of web-api's container grew between two instants.
fn growth(run: &Run, name: &str, from: Time, to: Time) -> f64 {
    let samples = run.metric("web-api", name);
    let at = |time: Time| samples.iter().rev().find(|sample| sample.0 <= time).expect("a sample").1;
    at(to) - at(from)
}

/// Server spans of web-api that began between two instants: how long each took in milliseconds, when it ended, and how long it was throttled.
fn served(run: &Run, from: Time, to: Time) -> Vec<(f64, Time, u64)> {
    let web = run.process("web-api");
    let rows = run.records.spans.iter().zip(&run.records.ledgers);
    let mine = rows.filter(|(span, _)| {
        let kind = run.catalogue.operations[span.operation.index()].kind;
        span.process.0 == web && kind == SpanKind::Server && span.start >= from && span.start < to
    });
    mine.map(|(span, ledger)| {
        ((span.end - span.start).as_nanos() as f64 / 1e6, span.end, ledger.parts[Part::Throttled as usize])
    })
    .collect()
}

fn quantile(spans: &[(f64, Time, u64)], q: f64) -> f64 {
    let mut times: Vec<f64> = spans.iter().map(|span| span.0).collect();
    times.sort_by(f64::total_cmp);
    times[(times.len() as f64 * q) as usize]
}

#[test]
fn a_burnt_quota_stops_all_threads_in_most_periods_at_a_low_mean_use() {
    for seed in 1..=10 {
        let run = run(&load("cpu_throttling", &seeded(seed, &[])));
        let (from, to) = (minutes(5), minutes(15));
        let grew = |name: &str| growth(&run, name, from, to);
        // The dashboard: throttled in 40 to 80 % of the periods, while less than half of the limit is used.
        let throttled = grew("container_cpu_cfs_throttled_periods_total") / grew("container_cpu_cfs_periods_total");
        assert!((0.4..0.8).contains(&throttled), "seed {seed}: {throttled}");
        let used = grew("container_cpu_usage_seconds_total") / 600.0 / 0.35;
        assert!(used < 0.5, "seed {seed}: {used} of the limit");
        // Slow requests go on when a period begins: that is when they end.
        let (calm, limited) = (served(&run, minutes(0), from), served(&run, from, to));
        let slow: Vec<_> = limited.iter().filter(|span| span.0 > 200.0).collect();
        let just_begun = slow.iter().filter(|span| span.1.as_nanos() % PERIOD_NS < PERIOD_NS / 4).count();
        assert!(slow.len() > 50 && just_begun * 10 > slow.len() * 6, "seed {seed}: {just_begun} of {}", slow.len());
        assert!(slow.iter().filter(|span| span.2 > 50_000_000).count() * 10 > slow.len() * 8, "seed {seed}: throttled");
        let before = calm.iter().filter(|span| span.1 < from);
        assert!(
            before.clone().count() > 2_000 && before.clone().all(|span| span.2 == 0),
            "seed {seed}: nothing is throttled before"
        );
        let steps = quantile(&limited, 0.99) - quantile(&calm, 0.99);
        assert!(steps > 100.0, "seed {seed}: p99 is {steps} ms more, a period at least");
        // Users time out, and it heals when the limit is back.
        let lost = run.records.requests.iter().filter(|request| request.error.is_some());
        let lost: Vec<Time> = lost.map(|request| request.ended).collect();
        let during = lost.iter().filter(|&&ended| ended >= from && ended < to + Duration::from_secs(1)).count();
        assert!(during >= 10 && (lost.len() - during) * 10 < during, "seed {seed}: {during} of {}", lost.len());
        assert!(quantile(&served(&run, minutes(16), minutes(20)), 0.99) < 250.0, "seed {seed}: it heals");
    }
}

#[test]
fn with_room_for_its_bursts_a_quota_hurts_nobody() {
    // More than the mean use in both: what differs is whether four threads at once are too much for a period.
    let run = run(&load("cpu_throttling", &set(&[("web-api.cores", "1 cpu")])));
    let one = growth(&run, "container_cpu_cfs_throttled_periods_total", minutes(5), minutes(15));
    let all = growth(&run, "container_cpu_cfs_periods_total", minutes(5), minutes(15));
    assert!(one / all > 0.2, "a single thread burns it too, only later");
    // The ablation proper: no limit at all.
    let without = Options { without: vec!["limit".into()], ..Options::default() };
    let statistics = finished(&load("cpu_throttling", &without));
    assert_eq!(web(&statistics).throttled, Duration::ZERO);
    assert!(statistics.sources[0].timeouts <= 3);
    twin_is_healthy("cpu_throttling", "limit");
}

#[test]
fn throttling_leads_to_queues_latency_and_time_outs_upstream() {
    let concluded = conclude(&load("cpu_throttling", &Options::default()), 2);
    let Recovery::At(at) = concluded.incident().recovery else { panic!("it heals") };
    assert!(at >= minutes(15) && at < minutes(16), "{at}");
    concluded.assert_way(&[
        ("limit", None),
        ("web-api", Some(Node::Throttling)),
        ("web-api", Some(Node::Queue)),
        ("web-api", Some(Node::Latency)),
        ("clients", Some(Node::Latency)),
        ("clients", Some(Node::Errors)),
    ]);
}

/// The states of one life of a process, in order.
fn assert_order(run: &Run, states: &[State], cycles: std::ops::RangeInclusive<u32>, seed: u64) {
    for cycle in cycles {
        let first = |state: State| {
            let mut found = run.milestones.of(state).filter(|m| m.cycle == cycle && m.instance == "web-api-0");
            found.next().map(|milestone| milestone.time)
        };
        let times: Vec<_> = states.iter().map(|&state| first(state)).collect();
        assert!(times.iter().all(Option::is_some), "seed {seed}, life {cycle}: {states:?} at {times:?}");
        assert!(times.is_sorted(), "seed {seed}, life {cycle}: {states:?} at {times:?}");
    }
}

#[test]
fn a_liveness_probe_keeps_a_cold_process_from_ever_warming_up() {
    for seed in 1..=10 {
        let run = run(&load("liveness_kill_loop", &seeded(seed, &[])));
        // Slow first, then killed: in each life.
        assert_order(&run, &[State::PoolFull, State::ProbeFailed, State::ProbeKilled, State::Exited], 1..=5, seed);
        // Each of them is killed by the third failure in a row, a period apart.
        let changes = &run.records.changes;
        let killed: Vec<Time> =
            changes.iter().filter(|c| matches!(c.kind, ChangeKind::Killing { .. })).map(|c| c.time).collect();
        assert!(killed.len() >= 5, "seed {seed}");
        for &time in &killed {
            let failed: Vec<_> = changes
                .iter()
                .filter(|c| c.time <= time && time - c.time < Duration::from_secs(22))
                .filter_map(|c| match c.kind {
                    ChangeKind::Unhealthy { failure, .. } => Some(failure),
                    _ => None,
                })
                .collect();
            assert!(failed.len() >= 3, "seed {seed}: {failed:?} before {time}");
            assert!(
                failed.iter().all(|failure| matches!(failure, ProbeFailure::Timeout | ProbeFailure::Refused)),
                "seed {seed}: nothing is broken, all is slow: {failed:?}"
            );
        }
        // The kubelet counts what it is told, and the restarts, ever later.
        let restarts = run.metric("web-api", "kube_pod_container_status_restarts_total");
        assert!(restarts.last().expect("a sample").1 >= 5.0, "seed {seed}");
        let probes = run.metric("web-api", "prober_probe_total").last().expect("a sample").1;
        assert_eq!(probes as u64, web(&run.statistics).probes, "seed {seed}");
        let gaps: Vec<Duration> = killed.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[gaps.len() - 1] > gaps[0] + gaps[0], "seed {seed}: {gaps:?}");
        // The crowd is long gone.
        let late = run.records.requests.iter().filter(|request| request.sent > minutes(20));
        let (lost, all) = late.fold((0, 0), |(lost, all), r| (lost + usize::from(r.error.is_some()), all + 1));
        assert!(lost * 2 > all, "seed {seed}: {lost} of {all}");
        // What is done for probes is nobody's request.
        let healthz = |operation: usize| {
            let described = &run.catalogue.operations[operation];
            described.operation
                == knockon_model::blueprint::Operation::Http { method: "GET".into(), route: "/healthz".into() }
        };
        assert!(run.records.spans.iter().all(|span| !healthz(span.operation.index())), "seed {seed}");
    }
}

#[test]
fn without_the_probe_or_without_the_cold_start_the_crowd_is_survived() {
    for (pairs, kills) in [
        // Patience in number: nobody is killed, and all is well soon after the crowd.
        (&[("web-api/liveness.failures", "30")][..], 0..=0),
        // Patience in time: a full queue still refuses probes, three in a row at most once while the crowd is there; but no cold process is killed.
        (&[("web-api/liveness.timeout", "8s")][..], 0..=1),
        // A process that is warm at once is killed while the crowd is there, and then no more.
        (&[("web-api.warm_up", "None")][..], 1..=3),
    ] {
        for seed in 1..=3 {
            let run = run(&load("liveness_kill_loop", &seeded(seed, pairs)));
            let killed = web(&run.statistics).probe_kills;
            assert!(kills.contains(&killed), "{pairs:?}, seed {seed}: {killed}");
            let late = run.records.requests.iter().filter(|request| request.sent > minutes(10));
            assert!(late.filter(|request| request.error.is_some()).count() == 0, "{pairs:?}, seed {seed}");
        }
    }
    twin_is_healthy("liveness_kill_loop", "crowd");
}

#[test]
fn the_kill_loop_outlives_the_crowd_and_is_led_back_to_it() {
    let concluded = conclude(&load("liveness_kill_loop", &Options::default()), 2);
    assert_eq!(concluded.incident().recovery, Recovery::Metastable);
    concluded.assert_way(&[
        ("crowd", None),
        ("web-api", Some(Node::Load)),
        ("web-api", Some(Node::Processor)),
        ("web-api", Some(Node::Latency)),
        ("web-api", Some(Node::Probes)),
        ("web-api", Some(Node::Death)),
    ]);
}

#[test]
fn a_container_below_what_its_heap_needs_is_killed_in_equal_cycles_ever_further_apart() {
    for seed in 1..=10 {
        let run = run(&load("oom_restart_loop", &seeded(seed, &[])));
        assert_order(&run, &[State::OomKilled, State::Exited], 2..=5, seed);
        let killed = run.times(State::OomKilled);
        let started = run.times(State::Restarted);
        assert!(killed.len() >= 5 && killed[0] > minutes(5), "seed {seed}: {killed:?}");
        // It always lives about as long, whatever the platform does in between.
        let lives: Vec<f64> = started
            .iter()
            .filter_map(|&start| {
                killed.iter().find(|&&death| death > start).map(|&death| (death - start).as_secs_f64())
            })
            .collect();
        let mean = lives.iter().sum::<f64>() / lives.len() as f64;
        assert!(lives.iter().all(|life| (life / mean - 1.0).abs() < 0.5), "seed {seed}: {lives:?}");
        let gaps: Vec<Duration> = killed.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[1..].is_sorted() || gaps[gaps.len() - 1] > gaps[0] + gaps[0], "seed {seed}: {gaps:?}");
        // The platform says why: 137, out of memory, at the limit.
        let exits = run.records.changes.iter().filter_map(|change| match change.kind {
            ChangeKind::Exited { code, oom_killed } => Some((code, oom_killed)),
            _ => None,
        });
        assert!(exits.into_iter().all(|exit| exit == (137, true)), "seed {seed}");
        let memory = run.metric("web-api", "container_memory_working_set_bytes");
        let most = memory.iter().filter(|sample| sample.0 > minutes(6)).map(|sample| sample.1).fold(0.0, f64::max);
        assert!(most > 0.9 * 420.0 * 1_048_576.0 && most <= 420.0 * 1_048_576.0, "seed {seed}: {most}");
        // No OutOfMemoryError: the heap itself has room.
        assert!(run.times(State::OutOfMemoryError).is_empty(), "seed {seed}");
    }
}

#[test]
fn a_limit_that_the_heap_fits_below_kills_nobody() {
    let fits = |text: &str| text.replace("420MiB", "700MiB");
    let statistics = finished(&crate::support::load_changed("oom_restart_loop", "fits", fits));
    assert_eq!((web(&statistics).oom_killed, web(&statistics).restarts), (0, 0));
    // The same deploy without the defect: users see it pass, and nothing else.
    for seed in 1..=20 {
        let options = Options { seed, without: vec!["limit".into()], ..Options::default() };
        let options = Options { duration: Some(Duration::from_secs(600)), ..options };
        let statistics = finished(&load("oom_restart_loop", &options));
        let (clients, web) = (&statistics.sources[0], web(&statistics));
        assert_eq!((web.oom_killed, web.restarts), (0, 0), "seed {seed}");
        assert!(clients.failed < 120, "seed {seed}: {} while it is replaced", clients.failed);
    }
    let concluded = conclude(&load("oom_restart_loop", &Options::default()), 2);
    assert_eq!(concluded.incident().recovery, Recovery::InForce);
    concluded.assert_way(&[
        ("limit", None),
        ("web-api", Some(Node::Death)),
        ("web-api", Some(Node::Refusals)),
        ("clients", Some(Node::Errors)),
    ]);
}

/// The shop with a readiness probe that asks the database, and with a database whose queries take 1.5 s from the 5th to the 10th minute.
fn deep(health: &str) -> Loaded {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let systems = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    let text = format!(
        r#"(
            system: "systems/webshop.ron",
            duration: "15min",
            with: {{"web-api.replicas": 3, "postgres.workers": 40, {health}}},
            faults: {{"slow": Set(at: "5min", until: "10min", set: {{"postgres/select_user.demand": "1500ms"}})}},
        )"#
    );
    match knockon_scenario::Scenario::from_text("deep", &text, &Options::default(), &systems) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn a_health_endpoint_that_goes_too_deep_turns_a_slow_database_into_an_outage() {
    let probe = |steps: &str| {
        format!(
            r#""web-api.health": (
                endpoints: {{"GET /ready": (steps: [{steps}])}},
                readiness: (endpoint: "GET /ready", period: "5s", failures: 2),
            )"#
        )
    };
    let failed = |health: &str| {
        let statistics = finished(&deep(health));
        (statistics.sources[0].failed, web(&statistics).not_ready)
    };
    // Slow, but one request in six is all that asks this of the database: a shallow endpoint tells so, a deep one does not.
    let (shallow, deep, none) =
        (failed(&probe("Compute(\"1ms\")")), failed(&probe("Query(\"select_user\")")), failed(""));
    assert_eq!((none.1, shallow.1), (0, 0));
    assert_eq!(deep.1, 3, "all of them at once");
    assert!(deep.0 > 2_000, "{} failed: nobody is called", deep.0);
    assert!(shallow.0 < 100 && none.0 < 100, "{} and {} failed", shallow.0, none.0);
}
