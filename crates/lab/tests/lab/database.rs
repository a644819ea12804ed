//! Incidents of a database: one query that takes all of its workers, one lock that keeps everybody waiting. Both begin alike, seen from
//! the application; what they come from, and what helps, differs.

use crate::support::{self, Run, load, minutes, run};
use knockon_kernel::Time;
use knockon_lab::milestones::State as Milestone;
use knockon_lab::truth::{State, Truth};
use knockon_model::record::{Activity, BlameRecord, ErrorType, LogEvent, ResourceKind, Who};
use knockon_model::statistics::{PoolStatistics, ServiceStatistics};
use knockon_model::{Null, World};
use knockon_scenario::{Loaded, Options};
use std::ops::ControlFlow;

const SLOW: &str = "slow_query_cascade";
const HELD: &str = "held_lock_cascade";

fn seeded(name: &str, seed: u64, pairs: &[(&str, &str)]) -> Loaded {
    load(name, &Options { seed, ..support::set(pairs) })
}

/// Statistics of a run that nobody watches.
fn blind(loaded: &Loaded) -> (ServiceStatistics, ServiceStatistics, u64) {
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
    let statistics = world.statistics();
    let find = |name: &str| statistics.services.iter().find(|service| service.name == name).expect("a service").clone();
    let clients = statistics.sources.iter().find(|source| source.name == "clients").expect("a source");
    (find("web-api"), find("postgres"), clients.failed)
}

fn pool(web: &ServiceStatistics) -> &PoolStatistics {
    &web.pools[0]
}

/// The first sample of a metric that is at least so much.
fn reaches(run: &Run, service: &str, metric: &str, least: f64) -> Time {
    let samples = run.metric(service, metric);
    let found = samples.iter().find(|(_, value)| *value >= least);
    found.unwrap_or_else(|| panic!("{metric} never reaches {least}")).0
}

fn errors(run: &Run, from: u64, until: u64) -> usize {
    let web = run.process("web-api");
    let failed =
        run.records.spans.iter().filter(|span| span.process.0 == web && span.peer.is_none() && span.http_status >= 500);
    failed.filter(|span| span.start >= minutes(from) && span.start < minutes(until)).count()
}

/// From the outside both are this: connections run out, callers give up, users get errors; and it heals.
fn looks_like_an_exhausted_pool(run: &Run, healed: u64) {
    let first = |state| run.times(state)[0];
    let chain = [first(Milestone::PoolFull), first(Milestone::AcquireTimeout), first(Milestone::ServerError)];
    assert!(chain[0] > minutes(10) && chain.is_sorted(), "{chain:?}");
    assert!(reaches(run, "web-api", "hikaricp_connections_pending", 1.0) > minutes(10));
    assert_eq!(errors(run, 0, 10), 0);
    assert!(errors(run, 10, 14) > 200, "{}", errors(run, 10, 14));
    assert_eq!(errors(run, healed, 30), 0, "it heals");
    assert!(run.times(Milestone::Restarted).is_empty());
}

#[test]
fn one_query_without_an_index_takes_every_worker_then_every_connection_for_every_seed() {
    for seed in 1..=10 {
        let run = run(&seeded(SLOW, seed, &[]));
        looks_like_an_exhausted_pool(&run, 18);
        // More statements than workers.
        let active = run.catalogue.series.iter().position(|series| {
            series.name == "pg_stat_activity_count" && series.attributes.contains(&("state".into(), "active".into()))
        });
        let active = active.expect("the exporter counts sessions");
        let busy: Vec<_> =
            run.records.samples.iter().filter(|sample| sample.series.index() == active && sample.value > 8.0).collect();
        assert!(busy.len() > 5 && busy.iter().all(|sample| sample.time > minutes(10)), "seed {seed}");
        let postgres = run.process("postgres");
        let slow = run.records.logs.iter().filter(|log| log.process.0 == postgres);
        let slow = slow.filter(|log| matches!(log.event, LogEvent::SlowQuery { .. })).count();
        assert!(slow > 50, "seed {seed}: {slow} slow statements in the log");
        let database = run.statistics.services.iter().find(|service| service.name == "postgres").expect("a database");
        assert_eq!(database.locks.present_ns(minutes(30)), 0, "nobody waits for a lock");
    }
}

#[test]
fn with_more_workers_or_a_statement_timeout_the_report_harms_nobody_else() {
    for seed in 1..=3 {
        let (_, before, failed) = blind(&seeded(SLOW, seed, &[]));
        assert!(failed > 200 && before.queued.maximum().as_secs_f64() > 5.0, "seed {seed}");
        let (web, database, failed) = blind(&seeded(SLOW, seed, &[("postgres.workers", "40")]));
        assert_eq!((pool(&web).timeouts, failed), (0, 0), "seed {seed}");
        assert!(database.queued.maximum().is_zero(), "no statement waits for a worker");
        assert!(database.latency.maximum().as_secs_f64() > 30.0, "the report takes as long as ever");
        let (web, database, failed) = blind(&seeded(SLOW, seed, &[("postgres.statement_timeout", "5s")]));
        assert_eq!((pool(&web).timeouts, failed), (0, 0), "seed {seed}");
        assert!(database.statement_timeouts > 30, "seed {seed}: {}", database.statement_timeouts);
    }
}

#[test]
fn a_held_table_keeps_connections_but_no_worker_for_every_seed() {
    for seed in 1..=10 {
        let run = run(&seeded(HELD, seed, &[]));
        looks_like_an_exhausted_pool(&run, 15);
        let waits = |wanted| {
            let events = run.records.logs.iter().map(|log| log.event);
            events.filter(|event| matches!(*event, LogEvent::TableWait { acquired, .. } if acquired == wanted)).count()
        };
        assert!(waits(false) >= 20 && waits(true) >= 20, "seed {seed}: {} and {}", waits(false), waits(true));
        let database = run.statistics.services.iter().find(|service| service.name == "postgres").expect("a database");
        assert!(database.queued.maximum().as_secs_f64() < 1.0, "seed {seed}: workers are free all along");
        assert_eq!(database.deadlocks, 0);
    }
}

#[test]
fn a_lock_timeout_frees_the_connections_and_more_workers_free_nothing() {
    for seed in 1..=3 {
        let (web, database, _) = blind(&seeded(HELD, seed, &[]));
        assert!(pool(&web).timeouts > 200 && database.lock_timeouts == 0, "seed {seed}");
        let (web, database, failed) = blind(&seeded(HELD, seed, &[("postgres.lock_timeout", "500ms")]));
        assert_eq!(pool(&web).timeouts, 0, "seed {seed}");
        assert!(database.lock_timeouts > 200 && failed > 200, "those who want the table fail all the same");
        let (web, ..) = blind(&seeded(HELD, seed, &[("postgres.workers", "40")]));
        assert!(pool(&web).timeouts > 200, "seed {seed}: workers were not what was missing");
    }
}

#[test]
fn without_the_report_and_without_the_migration_the_shop_is_healthy() {
    for (name, fault) in [(SLOW, "reports"), (HELD, "migration")] {
        for seed in 1..=20 {
            let duration = Some(knockon_kernel::Duration::from_secs(240));
            let options = Options { seed, duration, without: vec![fault.into()], ..Options::default() };
            let (web, database, failed) = blind(&load(name, &options));
            assert_eq!((failed, pool(&web).timeouts, database.lock_wait.count()), (0, 0, 0), "{name}, seed {seed}");
        }
    }
}

/// What truth says: states by component in the order of their onsets, what it comes from, and all blame.
fn concluded(name: &str) -> (Vec<(String, State)>, Vec<String>, Vec<BlameRecord>) {
    let loaded = load(name, &Options::default());
    let mut fact = World::new(loaded.blueprint.clone());
    let mut truth = Truth::<true>::new(&fact, 1, true);
    let mut blame = Vec::new();
    let followed = truth.follow(&mut fact, |_, _, settled| {
        blame.extend(settled.blame.into_iter().flat_map(|window| window.records));
        ControlFlow::Continue(())
    });
    followed.expect("no limit is hit");
    let propagation = truth.propagations().remove(0);
    let nodes = propagation.graph.node_weights();
    let mut nodes: Vec<_> = nodes.filter_map(|node| Some((node.onset, node.component.clone(), node.state?))).collect();
    nodes.sort();
    let roots = propagation.roots().into_iter().map(str::to_owned).collect();
    (nodes.into_iter().map(|(_, component, state)| (component, state)).collect(), roots, blame)
}

/// Of the waiting of a kind, the share that a party is to blame for.
fn share(blame: &[BlameRecord], of: impl Fn(ResourceKind) -> bool, held: impl Fn(&BlameRecord) -> bool) -> f64 {
    let of: Vec<_> = blame.iter().filter(|record| of(record.resource.kind)).collect();
    let all: u64 = of.iter().map(|record| record.ns).sum();
    let held: u64 = of.iter().filter(|record| held(record)).map(|record| record.ns).sum();
    held as f64 / all as f64
}

#[test]
fn truth_tells_the_two_apart_from_their_first_state_on() {
    let loaded = load(SLOW, &Options::default());
    let (slow, roots, blame) = concluded(SLOW);
    assert_eq!(roots, ["reports"], "{slow:?}");
    let has = |states: &[(String, State)], component: &str, state| states.contains(&(component.to_owned(), state));
    assert!(has(&slow, "postgres", State::Queue) && !has(&slow, "postgres", State::Locks), "{slow:?}");
    let report = |record: &BlameRecord| {
        let Who::Endpoint(service, endpoint) = record.holding.who else { return false };
        let name = &loaded.blueprint[service].endpoints[endpoint.index()].name;
        record.holding.activity == Activity::Computing && name == "revenue_report"
    };
    let of_workers = share(&blame, |kind| kind == ResourceKind::Workers, report);
    assert!(of_workers > 0.95, "{of_workers}: the reports have the workers");
    let (held, roots, blame) = concluded(HELD);
    assert_eq!(roots, ["migration"], "{held:?}");
    assert!(has(&held, "postgres", State::Locks), "{held:?}");
    let first = held.iter().position(|(component, _)| component == "postgres").map(|n| held[n].1);
    assert_eq!(first, Some(State::Locks), "{held:?}");
    let of_locks =
        share(&blame, |kind| kind == ResourceKind::Locks, |record| record.holding.activity == Activity::Session);
    assert!(of_locks > 0.99, "{of_locks}: the migration has the table");
    for states in [&slow, &held] {
        assert!(has(states, "web-api", State::PoolWait), "the application sees the same");
    }
}

#[test]
fn the_victims_of_a_deadlock_fail_and_the_others_go_on() {
    let text = r#"(
        duration: "2min",
        services: {"bank": (
            workers: Unlimited, cores: Unlimited,
            pools: {"pool": HikariCp(database: "db", maximum: 50)},
            endpoints: {
                "POST /there": (steps: [Transaction([Query("first"), Compute("100ms"), Query("second")])]),
                "POST /back": (steps: [Transaction([Query("second"), Compute("100ms"), Query("first")])]),
            },
        )},
        databases: {"db": (workers: 50, queries: {
            "first": (operation: "UPDATE", table: "accounts", demand: "1ms", locks: Drawn(table: "accounts", count: 3)),
            "second": (operation: "UPDATE", table: "accounts", demand: "1ms", locks: Drawn(table: "accounts", count: 3, draw: 2)),
        })},
        load: {"clients": (target: "bank", arrivals: Poisson("5/s"), timeout: None, mix: {"POST /there": 1, "POST /back": 1})},
    )"#;
    let loaded = knockon_scenario::Scenario::from_text("bank", text, &Options::default(), &|_| Err(String::new()));
    let run = run(&loaded.unwrap_or_else(|wrong| panic!("{wrong}")));
    let database = run.statistics.services.iter().find(|service| service.name == "db").expect("a database");
    assert!(database.deadlocks > 5, "{}", database.deadlocks);
    let failed =
        run.records.spans.iter().filter(|span| span.peer.is_none() && span.error == Some(ErrorType::Deadlock)).count();
    assert_eq!(failed as u64, database.deadlocks, "one victim each, and nobody else fails");
    assert_eq!(run.statistics.sources[0].failed, database.deadlocks);
    assert!(database.lock_wait.maximum().as_secs_f64() >= 1.0, "the others wait until the victim has looked");
}
