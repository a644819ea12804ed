//! Patches act on causes; what follows, follows from the machines.

use crate::support::{Builder, Keep, MS, assert_conserved};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::Statistics;
use std::collections::BTreeMap;

const MIB: u64 = 1 << 20;

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

/// A web service over a pool of ten to a database, 150 requests a second, a client timeout of 5 s.
fn shop(seconds: u64) -> Builder {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let web = b.exponential(5.0 * MS);
    let query = b.exponential(10.0 * MS);
    let none = b.policy(None, 0);
    let program = vec![
        Step::Allocate { bytes: MIB },
        Step::Retain { bytes: 0 },
        Step::Compute { site: Site(1), demand: web },
        Step::Acquire { pool: PoolId(0) },
        Step::Query { site: Site(2), pool: PoolId(0), endpoint: EndpointId(0), policy: none, transaction: true },
        Step::Compute { site: Site(3), demand: web },
        Step::Query { site: Site(4), pool: PoolId(0), endpoint: EndpointId(1), policy: none, transaction: false },
        Step::Release { pool: PoolId(0) },
    ];
    let service = b.service("web", Some(50), program);
    let database = b.database("zdb", 8, query);
    b.pool(service, database, 10, Duration::from_millis(500));
    b.link(LinkEnd::Service(service), database, 0.2 * MS);
    let policy = b.policy(Some(Duration::from_secs(5)), 0);
    b.source("clients", service, Arrivals::Poisson { rate: 150.0 }, policy);
    b
}

fn heap(mib: u64) -> Heap {
    Heap {
        maximum: mib * MIB,
        collector: Collector::Serial,
        base: 20 * MIB,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: PauseCost { base: Duration::from_millis(1), per_mib: Duration::from_micros(1300) },
        major_pause: PauseCost { base: Duration::from_millis(11), per_mib: Duration::from_micros(410) },
        concurrent_milli_cores: 1000,
        mark_bytes_per_second: 500 * MIB,
        pause_target: Duration::from_millis(200),
        overhead_limit: true,
        pause_scale: 1.0,
        on_out_of_memory: OnOutOfMemory::Exit,
    }
}

fn patch(at_seconds: u64, until: Option<u64>, action: Action) -> Patch {
    Patch { fault: Some(FaultId(0)), at: at(at_seconds), until: until.map(at), action }
}

fn run(blueprint: Blueprint) -> (Keep, Statistics, World) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    let mut keep = Keep::default();
    // At any instant, not only at the end; odd ones, between and at events.
    for piece in 1..=97 {
        world.run_until(Time::from_nanos(end.as_nanos() / 97 * piece), &mut keep).unwrap();
        assert_conserved(&world.statistics());
    }
    world.run_until(end, &mut keep).unwrap();
    let statistics = world.statistics();
    assert_conserved(&statistics);
    for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    (keep, statistics, world)
}

#[test]
fn without_faults_all_is_well() {
    let (keep, statistics, _) = run(shop(60).0);
    assert_eq!(statistics.sources[0].failed, 0);
    assert_eq!(statistics.services[0].pools[0].timeouts, 0);
    assert!(keep.logs.is_empty() && keep.changes.is_empty());
}

#[test]
fn a_killed_service_refuses_until_it_has_restarted_cold() {
    let mut b = shop(60);
    b.0.patches.push(patch(20, None, Action::Kill { service: ServiceId(0) }));
    let (keep, statistics, _) = run(b.0);
    let web = &statistics.services[0];
    assert_eq!(web.restarts, 1);
    // Down for its start-up of one second at 150 requests a second; what was in flight is lost.
    assert!((110..=190).contains(&web.refused), "refused {}", web.refused);
    assert!(web.lost >= 1 && web.lost < 20, "lost {}", web.lost);
    assert_eq!(statistics.sources[0].failed, web.refused + web.lost);
    let kinds: Vec<ChangeKind> = keep.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Exited { code: 137, oom_killed: false }, ChangeKind::Restarted { count: 1 }]);
    assert!(keep.spans.iter().all(|span| span.end < at(20) || span.start > at(20) || span.peer.is_some()));
}

#[test]
fn a_stopped_service_answers_nothing_and_then_goes_on_in_order() {
    let mut b = shop(60);
    b.0.patches.push(patch(20, Some(22), Action::Pause { service: ServiceId(0) }));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(statistics.services[0].paused, Duration::from_secs(2));
    assert_eq!(statistics.sources[0].failed, 0, "two seconds are less than the client's five");
    let in_stop = |time: Time| time > at(20) && time < at(22);
    assert!(!keep.spans.iter().any(|span| span.process == ProcessId(0) && in_stop(span.end)));
    let longest = keep.ledgers.iter().map(|ledger| ledger.parts[Part::Paused as usize]).max().unwrap();
    assert!(longest <= 2_000_000_000 && longest > 1_900_000_000, "longest pause in a ledger {longest} ns");
    let queued = keep.ledgers.iter().map(|ledger| ledger.parts[Part::Queued as usize]).max().unwrap();
    assert!(queued > 1_900_000_000, "requests that came during the stop were queued by the kernel");
}

#[test]
fn time_stood_still_counts_while_it_passes() {
    let stands_still = |patches: &[Patch]| {
        let mut b = shop(30);
        b.0.patches.extend_from_slice(patches);
        let mut world = World::new(b.0);
        let mut told = Vec::new();
        for second in [20, 21, 23, 25, 27, 30] {
            // Whether or not anything happens at that very instant.
            world.run_until(at(second), &mut Keep::default()).unwrap();
            told.push(world.totals().services[0].paused.as_nanos() / 1_000_000_000);
        }
        told
    };
    let pause = |from, until| patch(from, until, Action::Pause { service: ServiceId(0) });
    assert_eq!(stands_still(&[pause(20, Some(25))]), [0, 1, 3, 5, 5, 5], "booked once");
    assert_eq!(stands_still(&[pause(20, None)]), [0, 1, 3, 5, 7, 10], "to the end of the run");
    let kill = patch(23, None, Action::Kill { service: ServiceId(0) });
    assert_eq!(stands_still(&[pause(20, Some(27)), kill]), [0, 1, 3, 3, 3, 3], "until it dies");
}

#[test]
fn a_killed_database_costs_a_few_errors_and_no_acquire_timeout() {
    let mut b = shop(60);
    let start_up = b.constant(20.0 * MS);
    b.0.services[1].start_up = start_up;
    b.0.services[0].pools[0].validate_after_idle = Some(Duration::from_millis(500));
    b.0.patches.push(patch(20, None, Action::Kill { service: ServiceId(1) }));
    let (keep, statistics, _) = run(b.0);
    let web = &statistics.services[0];
    assert!((1..=15).contains(&web.failed), "{} errors", web.failed);
    assert_eq!(web.pools[0].timeouts, 0);
    let late = keep.spans.iter().filter(|span| span.start > at(25) && span.status == Status::Error).count();
    assert_eq!(late, 0, "all broken connections are replaced within seconds");
}

#[test]
fn a_slow_query_exhausts_the_pool_and_it_heals() {
    let mut b = shop(90);
    let slow = b.constant(400.0 * MS);
    let target = Target::Step(ServiceId(1), EndpointId(0), 0, StepField::Demand);
    b.0.patches.push(patch(30, Some(50), Action::Set(vec![(target, Value::Sampler(slow))])));
    let (keep, statistics, _) = run(b.0);
    assert!(statistics.services[0].pools[0].timeouts > 100);
    let errors = |from: u64, to: u64| {
        let within = |span: &&SpanRecord| span.start >= at(from) && span.start < at(to);
        keep.spans.iter().filter(within).filter(|span| span.http_status == 500).count()
    };
    assert_eq!(errors(0, 30), 0);
    assert!(errors(32, 50) > 100);
    assert_eq!(errors(55, 90), 0, "it heals");
    let order: Vec<Transition> = keep.states.iter().map(|state| state.transition).collect();
    let full = order.iter().position(|state| matches!(state, Transition::PoolFull { .. })).unwrap();
    let timeout = order.iter().position(|state| matches!(state, Transition::AcquireTimeout { .. })).unwrap();
    let error = order.iter().position(|state| matches!(state, Transition::ServerError { .. })).unwrap();
    assert!(full < timeout && timeout < error);
}

#[test]
fn a_leak_ends_in_out_of_memory_and_a_cold_start_again_and_again() {
    let mut b = shop(600);
    b.0.services[0].runtime = Runtime::Jvm(heap(128));
    let retain = Target::Step(ServiceId(0), EndpointId(0), 1, StepField::Bytes);
    b.0.patches.push(patch(
        10,
        None,
        Action::Deploy { service: ServiceId(0), set: vec![(retain, Value::Bytes(20 * 1024))] },
    ));
    let (keep, statistics, _) = run(b.0.clone());
    let web = &statistics.services[0];
    // 3 MiB a second fill what is free of 124 MiB in about 35 s; the platform backs off between restarts.
    assert!((4..=10).contains(&web.out_of_memory), "{} out-of-memory errors", web.out_of_memory);
    assert!(web.restarts == web.out_of_memory || web.restarts + 1 == web.out_of_memory, "the last may be backing off");
    assert!(keep.changes.iter().any(|change| change.kind == ChangeKind::Deployment { from: 0, to: 1 }));
    // Without the defect the same deploy leads to nothing.
    let Action::Deploy { set, .. } = &mut b.0.patches[0].action else { unreachable!() };
    set.clear();
    let (_, statistics, _) = run(b.0);
    assert_eq!((statistics.services[0].out_of_memory, statistics.services[0].restarts), (0, 0));
}

#[test]
fn a_container_limit_kills_where_the_heap_would_not() {
    let mut b = shop(300);
    b.0.services[0].runtime = Runtime::CPython(CPython {
        base: 40 * MIB,
        object_bytes: 512,
        thresholds: [700, 10, 10],
        per_object: Duration::from_nanos(50),
    });
    b.0.services[0].memory = Memory { baseline: 30 * MIB, limit: Some(200 * MIB) };
    let retain = Target::Step(ServiceId(0), EndpointId(0), 1, StepField::Bytes);
    b.0.patches.push(patch(10, None, Action::Set(vec![(retain, Value::Bytes(40 * 1024))])));
    let (keep, statistics, _) = run(b.0);
    let web = &statistics.services[0];
    assert!(web.oom_killed >= 2, "{} kills", web.oom_killed);
    assert_eq!((web.out_of_memory, web.pools[0].timeouts), (0, 0));
    let killed = ChangeKind::Exited { code: 137, oom_killed: true };
    assert_eq!(keep.changes.iter().filter(|change| change.kind == killed).count() as u64, web.oom_killed);
}

#[test]
fn taking_a_fault_away_leaves_what_is_unrelated_as_it_was() {
    let quiet = shop(60);
    let mut faulty = shop(60);
    faulty.0.patches.push(patch(30, None, Action::Kill { service: ServiceId(0) }));
    let (without, ..) = run(quiet.0);
    let (with, ..) = run(faulty.0);
    let before = |keep: &Keep| {
        let spans: Vec<SpanRecord> = keep.spans.iter().filter(|span| span.end < at(30)).copied().collect();
        spans
    };
    assert_eq!(before(&without), before(&with), "every record before the fault is the same");
    // By address: every request comes at the same instant, and what both worlds computed took the same demand.
    let demands = |keep: &Keep| -> BTreeMap<(TraceId, SpanId), (Time, u64)> {
        let servers = keep.spans.iter().zip(&keep.ledgers).filter(|(_, ledger)| ledger.server);
        servers
            .filter(|(span, _)| span.status == Status::Unset)
            .map(|(span, ledger)| ((span.trace, span.span), (span.start, ledger.parts[Part::Computing as usize])))
            .collect()
    };
    let (with, without) = (demands(&with), demands(&without));
    let mut common = 0;
    for (address, demand) in &with {
        if let Some(other) = without.get(address) {
            assert_eq!(demand, other);
            common += u32::from(demand.0 > at(30));
        }
    }
    assert!(common > 1_000, "only {common} requests after the fault are in both worlds");
}

#[test]
fn a_surge_is_one_more_source_and_moves_no_other_request() {
    let (without, ..) = run(shop(40).0);
    let mut b = shop(40);
    let policy = PolicyId(1);
    let surge = b.source("surge", ServiceId(0), Arrivals::Poisson { rate: 200.0 }, policy);
    b.0.sources[surge.index()].from = at(10);
    b.0.sources[surge.index()].until = Some(at(20));
    let (with, statistics, _) = run(b.0);
    assert!((1_800..2_200).contains(&statistics.sources[1].sent));
    let arrivals = |keep: &Keep| -> BTreeMap<TraceId, Time> {
        keep.spans.iter().filter(|span| span.parent == SpanId(0)).map(|span| (span.trace, span.start)).collect()
    };
    let with = arrivals(&with);
    assert!(arrivals(&without).iter().all(|(trace, start)| with.get(trace) == Some(start)));
}

#[test]
fn retries_multiply_and_zombies_live_on() {
    let mut b = Builder::new(Duration::from_secs(30));
    let demand = b.constant(300.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(Some(Duration::from_millis(100)), 3);
    b.source("clients", service, Arrivals::Constant { rate: 1.0 }, policy);
    let (_, statistics, _) = run(b.0.clone());
    let clients = &statistics.sources[0];
    assert_eq!(clients.answered, 0, "no answer is in time");
    assert!(clients.attempts >= 4 * clients.failed && clients.attempts <= 4 * clients.sent);
    // Nobody tells the server: it goes on with all of them, one after the other.
    assert_eq!(statistics.services[0].answered, 96, "29 s of 300 ms each");
    // Where the server looks, it drops what has been left.
    b.0.services[0].cancels_abandoned = true;
    let (_, statistics, _) = run(b.0);
    assert!(statistics.services[0].answered < 70, "{} answered", statistics.services[0].answered);
}

#[test]
fn slots_at_the_database_are_given_back_whoever_dies() {
    let mut b = shop(120);
    // A client that gives up early leaves statements behind.
    b.0.policies[0].timeout = Some(Duration::from_millis(15));
    for second in [20, 40, 60] {
        b.0.patches.push(patch(second, None, Action::Kill { service: ServiceId(0) }));
    }
    b.0.patches.push(patch(80, None, Action::Kill { service: ServiceId(1) }));
    b.0.patches.sort_by_key(|patch| patch.at);
    let (keep, statistics, world) = run(b.0);
    assert!(statistics.services[0].failed > 100, "{} statements timed out", statistics.services[0].failed);
    let backends = world.catalogue().series.iter().position(|series| series.name == "pg_stat_database_numbackends");
    let backends = SeriesId(backends.expect("a database has back ends") as u32);
    let samples: Vec<f64> =
        keep.samples.iter().filter(|sample| sample.series == backends).map(|sample| sample.value).collect();
    // Ten of the pool, and those of statements that still run for nobody; none while web is down.
    assert!(samples.iter().all(|&open| open == 0.0 || (10.0..=12.0).contains(&open)), "{samples:?}");
    assert!(samples.iter().filter(|&&open| open > 0.0).count() >= 6, "{samples:?}");
}

#[test]
fn vacations_become_longer_for_those_that_begin_from_then_on() {
    let mut b = Builder::new(Duration::from_secs(10));
    let service = b.service("web", None, Vec::new());
    let (every, length) = (b.constant(1000.0 * MS), b.constant(100.0 * MS));
    b.0.services[service.index()].vacation = Some(Vacation::Periodic { every, length });
    let long = b.constant(400.0 * MS);
    let target = Target::Vacation(service, VacationField::Length);
    // In the middle of the third, until the middle of the fifth: neither changes, and all begin when they would.
    b.0.patches.push(Patch {
        fault: Some(FaultId(0)),
        at: Time::ZERO + Duration::from_millis(3050),
        until: Some(Time::ZERO + Duration::from_millis(5050)),
        action: Action::Set(vec![(target, Value::Sampler(long))]),
    });
    let mut world = World::new(b.0);
    let mut stood = Vec::new();
    for second in 1..=9 {
        world.run_until(Time::ZERO + Duration::from_millis(second * 1000 + 500), &mut Keep::default()).unwrap();
        stood.push(world.statistics().services[0].paused.as_nanos() / 1_000_000);
    }
    assert_eq!(stood, [100, 200, 300, 700, 1100, 1200, 1300, 1400, 1500]);
    assert_eq!(world.statistics().services[0].vacations, 9);
}
