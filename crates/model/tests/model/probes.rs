//! The platform asks for health over the same queue, workers and cores as everybody, and acts on what it hears.

use crate::support::{Builder, Keep, MS, assert_conserved, endpoint};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;

const S: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn probe(endpoint: u32) -> Probe {
    Probe {
        endpoint: Some(EndpointId(endpoint)),
        period: Duration::from_secs(10),
        timeout: S,
        failures: 3,
        successes: 1,
        initial_delay: Duration::ZERO,
    }
}

fn health(liveness: Option<Probe>, readiness: Option<Probe>) -> Health {
    Health { liveness, readiness, startup: None, propagation: S }
}

/// A service of one worker and one endpoint for probes, called four times a second for 10 ms each.
fn served(seconds: u64, health: Health) -> (Builder, ServiceId) {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let demand = b.constant(10.0 * MS);
    let service = b.service("web", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let small = b.constant(MS);
    b.0.services[0].endpoints.push(endpoint("GET /healthz", vec![Step::Compute { site: Site(1), demand: small }]));
    b.0.services[0].health = Some(health);
    let policy = b.policy(Some(Duration::from_secs(30)), 0);
    b.source("clients", service, Arrivals::Constant { rate: 4.0 }, policy);
    (b, service)
}

fn run(b: Builder, seconds: u64) -> (World, Keep) {
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(seconds), &mut keep).unwrap();
    assert_conserved(&world.statistics());
    assert_eq!(world.audit(), Vec::<String>::new());
    (world, keep)
}

fn set(b: &mut Builder, at: Time, until: Option<Time>, target: Target, value: Value) {
    b.0.patches.push(Patch { fault: None, at, until, action: Action::Set(vec![(target, value)]) });
}

#[test]
fn a_healthy_process_is_asked_once_a_period_and_nothing_else_comes_of_it() {
    let (b, _) = served(600, health(Some(probe(1)), Some(probe(1))));
    let (world, keep) = run(b, 600);
    let service = &world.statistics().services[0];
    assert_eq!((service.probes, service.probe_failures, service.probe_kills, service.not_ready), (120, 0, 0, 0));
    assert_eq!(service.restarts, 0);
    assert!(keep.states.is_empty() && keep.changes.is_empty());
    // What is done for probes is counted by the server, and traced by nobody.
    let server = |span: &&SpanRecord| span.peer.is_none();
    assert_eq!(service.answered, keep.spans.iter().filter(server).count() as u64 + 120);
}

#[test]
fn probes_wait_in_the_queue_and_kill_what_answers_too_late() {
    // The only worker is busy for 40 s with a request that comes while all is well.
    let (mut b, service) = served(200, health(Some(probe(1)), None));
    let slow = b.constant(40_000.0 * MS);
    set(&mut b, at(50), Some(at(51)), Target::Step(service, EndpointId(0), 0, StepField::Demand), Value::Sampler(slow));
    b.0.services[0].stop_grace = Duration::from_secs(5);
    let (world, keep) = run(b, 200);
    let failed: Vec<Time> = keep
        .states
        .iter()
        .filter(|state| matches!(state.transition, Transition::ProbeFailed { kind: ProbeKind::Liveness }))
        .map(|state| state.time)
        .collect();
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(failed.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_secs(10)), "a period apart: {failed:?}");
    let killed = keep.states.iter().find(|state| matches!(state.transition, Transition::ProbeKilled { .. })).unwrap();
    assert_eq!(killed.time, failed[2]);
    // It cannot finish within its grace, so it is killed with what it has in hand.
    let exited = keep.changes.iter().find(|change| matches!(change.kind, ChangeKind::Exited { .. })).unwrap();
    assert_eq!(
        (exited.time, exited.kind),
        (failed[2] + Duration::from_secs(5), ChangeKind::Exited { code: 137, oom_killed: false })
    );
    let service = &world.statistics().services[0];
    assert_eq!((service.probe_kills, service.restarts), (1, 1));
    assert!(service.lost > 0);
}

#[test]
fn a_condemned_process_that_is_done_in_time_ends_by_itself() {
    // Its health endpoint alone is broken.
    let (mut b, service) = served(100, health(Some(Probe { failures: 1, ..probe(1) }), None));
    let slow = b.constant(3_000.0 * MS);
    set(&mut b, at(30), Some(at(40)), Target::Step(service, EndpointId(1), 0, StepField::Demand), Value::Sampler(slow));
    let (_, keep) = run(b, 100);
    let codes = keep.changes.iter().filter_map(|change| match change.kind {
        ChangeKind::Exited { code, .. } => Some(code),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [0]);
    let failed = keep.changes.iter().find_map(|change| match change.kind {
        ChangeKind::Unhealthy { failure, .. } => Some(failure),
        _ => None,
    });
    assert_eq!(failed, Some(ProbeFailure::Timeout));
}

#[test]
fn who_is_not_ready_is_not_called_and_comes_back() {
    let ready = Probe { failures: 1, period: Duration::from_secs(2), ..probe(1) };
    let (mut b, service) = served(100, health(None, Some(ready)));
    b.0.services[0].replicas = 2;
    let slow = b.constant(3_000.0 * MS);
    set(&mut b, at(30), Some(at(60)), Target::Step(service, EndpointId(1), 0, StepField::Demand), Value::Sampler(slow));
    let (world, keep) = run(b, 100);
    let changes: Vec<(Time, u32, bool)> = keep
        .states
        .iter()
        .filter_map(|state| match state.transition {
            Transition::Ready { on } => Some((state.time, state.process.0, on)),
            _ => None,
        })
        .collect();
    assert!(changes.iter().filter(|change| !change.2).count() >= 2, "{changes:?}");
    let out = changes.iter().find(|change| !change.2).unwrap().0;
    assert!(out >= at(31) && out <= at(34), "one period and the timeout after the cause: {out}");
    // While neither is ready, calls are refused: as from the propagation after the second of them.
    let refused: Vec<Time> =
        keep.requests.iter().filter(|r| r.error == Some(ErrorType::ConnectionRefused)).map(|r| r.sent).collect();
    let second = changes.iter().filter(|change| !change.2).nth(1).unwrap().0;
    assert!(
        refused.first().is_some_and(|&first| first >= second + S && first < second + S + S),
        "{refused:?}, {second}"
    );
    assert!(keep.requests.iter().filter(|r| r.sent > at(70)).all(|r| r.error.is_none()), "all is well again");
    assert_eq!(world.statistics().services[0].restarts, 0, "readiness kills nobody");
}

#[test]
fn only_the_process_that_is_not_ready_is_left_out_of_rotation() {
    let ready = Probe { failures: 1, period: S, timeout: Duration::from_millis(100), ..probe(1) };
    for guarded in [false, true] {
        let (mut b, service) = served(60, health(None, Some(ready)));
        b.0.services[0].replicas = 2;
        let from = LinkEnd::Source(SourceId(0));
        if guarded {
            b.traffic(from, service);
        }
        // One request takes the worker of one of the two for 20 s.
        let slow = b.constant(20_000.0 * MS);
        let (from, until) = (at(20) + Duration::from_millis(200), at(20) + Duration::from_millis(300));
        set(
            &mut b,
            from,
            Some(until),
            Target::Step(service, EndpointId(0), 0, StepField::Demand),
            Value::Sampler(slow),
        );
        let (world, keep) = run(b, 60);
        let out = keep.states.iter().find(|state| matches!(state.transition, Transition::Ready { on: false })).unwrap();
        let back = keep.states.iter().find(|state| matches!(state.transition, Transition::Ready { on: true })).unwrap();
        assert_eq!(out.process, back.process);
        assert!(out.time < at(22) && back.time > at(40) && back.time < at(42), "{} {}", out.time, back.time);
        let called = |from: Time, to: Time| {
            let served = keep.spans.iter().filter(|span| span.peer.is_none() && span.process == out.process);
            served.filter(|span| span.start >= from && span.start < to).count()
        };
        assert!(called(at(20), out.time + S) > 0, "callers have not heard of it yet");
        assert_eq!(called(out.time + S, back.time + S), 0, "guarded: {guarded}");
        assert!(called(back.time + S, at(60)) > 10, "it is called again");
        assert_eq!(world.statistics().services[0].refused, 0);
    }
}

#[test]
fn until_it_has_started_a_process_is_asked_nothing_else() {
    let startup = Some(Probe { period: S, failures: 5, ..probe(1) });
    let liveness = Some(Probe { period: S, failures: 1, ..probe(1) });
    let started_in = |seconds: f64| {
        let (mut b, _) = served(120, Health { liveness, readiness: None, startup, propagation: S });
        b.0.services[0].start_up = b.constant(seconds * 1000.0 * MS);
        b.0.patches.push(Patch {
            fault: None,
            at: at(10),
            until: None,
            action: Action::Kill { service: ServiceId(0) },
        });
        let (world, _) = run(b, 120);
        world.statistics().services[0].probe_kills
    };
    assert_eq!(started_in(3.0), 0, "liveness is not asked while it boots");
    assert!(started_in(8.0) > 2, "the startup probe itself does not wait for ever");
}

#[test]
fn a_tcp_probe_is_answered_by_the_kernel_of_a_process_that_stands_still() {
    let tcp = Probe { endpoint: None, ..probe(0) };
    for (asked, kills) in [(tcp, 0), (probe(1), 1)] {
        let (mut b, service) = served(200, health(Some(asked), None));
        b.0.patches.push(Patch { fault: None, at: at(20), until: Some(at(140)), action: Action::Pause { service } });
        let (world, _) = run(b, 130);
        assert_eq!(world.statistics().services[0].probe_kills, kills);
    }
}

#[test]
fn a_placebo_asks_at_other_times_and_nothing_else_differs() {
    let times = |salt: Option<u64>| {
        let (b, _) = served(60, health(Some(Probe { failures: 1000, ..probe(0) }), None));
        let mut world = World::new(b.0);
        let mut keep = Keep::default();
        world.run_until(at(25), &mut keep).unwrap();
        if let Some(salt) = salt {
            world.redraw_phases(salt);
        }
        assert!(world.has_phases());
        world.run_until(at(60), &mut keep).unwrap();
        let sent: Vec<_> = keep.requests.iter().map(|request| request.sent).collect();
        (world.digest_of_events(), sent, world.statistics().services[0].probes)
    };
    let (plain, sent, probes) = times(None);
    assert_eq!(times(None).0, plain);
    let (other, sent_too, probes_too) = times(Some(3));
    assert_ne!(other, plain);
    assert_eq!(sent, sent_too);
    assert!(probes.abs_diff(probes_too) <= 1);
}
