//! The world as a queueing system: closed forms, conservation, ledgers.

use crate::support::{Builder, Keep, MS, assert_conserved};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::{Null, World};

fn mm1(seconds: u64) -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let demand = b.exponential(100.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Poisson { rate: 8.0 }, policy);
    b.0
}

/// Three tiers with a pool and a client timeout.
fn tiers(rate: f64, seconds: u64) -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let web = b.exponential(5.0 * MS);
    let query = b.exponential(10.0 * MS);
    let none = b.policy(None, 0);
    let program = vec![
        Step::Compute { site: Site(1), demand: web },
        Step::Acquire { pool: PoolId(0) },
        Step::Query { site: Site(2), pool: PoolId(0), endpoint: EndpointId(0), policy: none, transaction: false },
        Step::Release { pool: PoolId(0) },
    ];
    let service = b.service("web", Some(16), program);
    let database = b.database("zdb", 8, query);
    b.pool(service, database, 10, Duration::from_secs(30));
    b.link(LinkEnd::Service(service), database, 0.2 * MS);
    let policy = b.policy(Some(Duration::from_secs(1)), 2);
    b.source("clients", service, Arrivals::Poisson { rate }, policy);
    b.0
}

#[test]
fn mm1_has_its_mean_sojourn() {
    let mut world = World::new(mm1(40_000));
    world.run_until(Time::ZERO + Duration::from_secs(40_000), &mut Null).unwrap();
    let clients = &world.statistics().sources[0];
    let mean = clients.latency.mean().as_secs_f64();
    // W = 0.5 s; the standard error of 320 000 customers at ρ = 0.8 is about 0.5 s · √(2·(2+ρ…)/n) ≈ 0.008 s.
    assert!((0.468..0.532).contains(&mean), "mean sojourn {mean} s, expected 0.5 s");
    assert_conserved(&world.statistics());
}

#[test]
fn every_ledger_sums_to_its_span_and_spans_nest() {
    for rate in [400.0, 900.0] {
        let mut world = World::new(tiers(rate, 30));
        let mut keep = Keep::default();
        world.run_until(Time::ZERO + Duration::from_secs(30), &mut keep).unwrap();
        assert_eq!(keep.spans.len(), keep.ledgers.len());
        assert!(keep.spans.len() > 10_000);
        let mut by_id = std::collections::BTreeMap::new();
        for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
            assert_eq!((span.trace, span.span), (ledger.trace, ledger.span));
            assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
            assert!(by_id.insert((span.trace, span.span), *span).is_none(), "span ids are unique");
        }
        for span in &keep.spans {
            if let Some(parent) = by_id.get(&(span.trace, span.parent)) {
                assert!(span.start >= parent.start);
                assert!(span.end <= parent.end, "these spans have no caller that leaves");
            }
        }
        assert_conserved(&world.statistics());
    }
}

#[test]
fn observing_and_cutting_a_run_change_nothing() {
    let end = Time::ZERO + Duration::from_secs(20);
    let mut bare = World::new(tiers(700.0, 20));
    bare.run_until(end, &mut Null).unwrap();
    let mut observed = World::new(tiers(700.0, 20));
    observed.run_until(end, &mut Keep::default()).unwrap();
    assert_eq!(bare.digest(), observed.digest());
    let mut cut = World::new(tiers(700.0, 20));
    for second in 1..=20 {
        cut.run_until(Time::ZERO + Duration::from_secs(second), &mut Null).unwrap();
        cut = cut.clone();
    }
    assert_eq!(bare.digest(), cut.digest());
    let mut stepped = World::new(tiers(700.0, 20));
    while stepped.step(end, &mut Null).unwrap().is_some() {}
    assert_eq!(bare.digest(), stepped.digest());
    let mut other = tiers(700.0, 20);
    other.seed = 2;
    let mut other = World::new(other);
    other.run_until(end, &mut Null).unwrap();
    assert_ne!(bare.digest(), other.digest());
}

#[test]
fn a_world_that_was_written_down_goes_on_as_if_nothing_had_been() {
    let (half, end) = (Time::ZERO + Duration::from_secs(7), Time::ZERO + Duration::from_secs(15));
    let mut straight = World::new(tiers(900.0, 15));
    straight.run_until(end, &mut Null).unwrap();
    let mut first = World::new(tiers(900.0, 15));
    first.run_until(half, &mut Null).unwrap();
    let text = serde_json::to_string(&first).unwrap();
    drop(first);
    let mut second: World = serde_json::from_str(&text).unwrap();
    second.run_until(end, &mut Null).unwrap();
    assert_eq!(straight.digest(), second.digest());
    assert_eq!(straight.events(), second.events());
}

#[test]
fn stations_know_what_a_regular_queue_is() {
    // Every 10 ms a request for 8 ms of one worker: no waits, N is 1 for 8 ms of 10.
    let mut b = Builder::new(Duration::from_secs(10));
    let demand = b.constant(8.0 * MS);
    let service = b.service("web", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    b.link(LinkEnd::Source(SourceId(0)), service, 0.0);
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Constant { rate: 100.0 }, policy);
    let mut world = World::new(b.0);
    let at = |ms: u64| Time::from_nanos(ms * 1_000_000);
    for (until_ms, left, present, present_ms) in
        [(9, 0, 0, 0), (15, 0, 1, 5), (18, 1, 0, 8), (1_000, 99, 1, 792), (1_005, 99, 1, 797)]
    {
        world.run_until(at(until_ms), &mut Null).unwrap();
        let statistics = world.statistics();
        assert_conserved(&statistics);
        assert_eq!(statistics.at, at(until_ms));
        let web = &statistics.services[0];
        assert_eq!((web.requests.left(), web.requests.present()), (left, present), "{until_ms} ms");
        assert_eq!(web.requests.present_ns(statistics.at), present_ms * 1_000_000, "{until_ms} ms");
        assert_eq!(web.queue.present_ns(statistics.at), 0);
        assert_eq!((web.queued.count(), web.queued.nonzero()), (left + present, 0));
        assert_eq!(web.workers.integral_ns(statistics.at), u128::from(until_ms) * 1_000_000);
    }
}
