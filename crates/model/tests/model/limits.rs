//! Limits in whole worlds: nginx's `limit_req` against what a real nginx did with the same arrivals, token buckets, concurrency limits.

use crate::support::{Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::ServiceStatistics;
use knockon_model::{Null, World};

fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9).round() as u64)
}

/// A server without bounds of its own, and who calls it.
fn server(demand_ms: f64, workers: Option<u32>, arrivals: Arrivals, seconds: u64) -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let demand = b.exponential(demand_ms * MS);
    let service = b.service("server", workers, vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    b.source("clients", service, arrivals, policy);
    b.0
}

fn replay(instants: &[f64]) -> Arrivals {
    Arrivals::Replay { at: instants.iter().map(|&seconds| at(seconds)).collect() }
}

fn run(blueprint: Blueprint) -> (World, Keep) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    let mut keep = Keep::default();
    world.run_until(end, &mut keep).unwrap();
    for service in &world.statistics().services {
        let ended = service.answered + service.failed + service.refused + service.lost;
        assert_eq!(service.arrived, ended + service.in_flight(), "{}", service.name);
    }
    for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    assert_eq!(world.audit(), Vec::<String>::new());
    (world, keep)
}

fn service(world: &World) -> ServiceStatistics {
    world.statistics().services[0].clone()
}

fn limit_req(rate: u64, burst: u32, undelayed: Option<u32>) -> Option<RateLimit> {
    let kind = RateLimitKind::LimitReq { undelayed };
    Some(RateLimit { kind, rate_milli: rate * 1000, burst, status: 429 })
}

fn recorded(text: &str) -> Arrivals {
    let micros = text.lines().map(|line| line.parse::<u64>().expect("an instant in µs"));
    Arrivals::Replay { at: micros.map(|us| Time::from_nanos(us * 1000)).collect() }
}

/// Arrival lists that were sent to nginx 1.22.1 three times each. It turned away 75, 74, 74 of the first and 57, 56, 57 of the second;
/// it sees requests up to two milliseconds after they were planned, so one in a run may fall on the other side of the limit.
#[test]
fn limit_req_turns_away_what_nginx_turned_away() {
    let strict = include_str!("../limit_req/strict.txt");
    let nodelay = include_str!("../limit_req/nodelay.txt");
    let table = [(strict, limit_req(20, 0, Some(0)), 201, 74..=75), (nodelay, limit_req(10, 5, None), 219, 56..=57)];
    for (list, limit, sent, rejected) in table {
        let mut blueprint = server(1.0, None, recorded(list), 60);
        blueprint.services[0].admission.rate_limit = limit;
        let (world, keep) = run(blueprint);
        let statistics = service(&world);
        assert_eq!((statistics.arrived, statistics.delayed), (sent, 0));
        assert!(rejected.contains(&statistics.limited), "{}", statistics.limited);
        assert_eq!(statistics.limited, statistics.refused);
        assert_eq!(world.statistics().sources[0].failed, statistics.limited);
        let lines = keep.logs.iter().filter(|line| matches!(line.event, LogEvent::RateLimited { delayed: false, .. }));
        assert_eq!(lines.count() as u64, statistics.limited);
        let told = keep.spans.iter().filter(|span| span.http_status == 429 && span.status == Status::Unset);
        assert_eq!(told.count() as u64, statistics.limited);
    }
}

#[test]
fn what_is_within_the_burst_waits_and_comes_out_at_the_rate() {
    let mut blueprint = server(1.0, None, replay(&[0.0, 0.001, 0.002, 0.003, 0.004]), 10);
    let demand = SamplerId(blueprint.samplers.len() as u32);
    blueprint.samplers.push(knockon_kernel::Sampler::constant(1.0 * MS).unwrap());
    blueprint.services[0].endpoints[0].program = vec![Step::Compute { site: Site(1), demand }];
    blueprint.services[0].admission.rate_limit = limit_req(10, 3, Some(0));
    let (world, keep) = run(blueprint);
    let statistics = service(&world);
    assert_eq!((statistics.answered, statistics.delayed, statistics.limited), (4, 3, 1));
    let mut ends: Vec<u64> = keep.spans.iter().map(|span| span.end.as_nanos() / 1_000_000).collect();
    ends.sort_unstable();
    // excess after Δt: 0.99, 1.98, 2.97 → 99, 198, 297 ms after their arrival; the fifth is turned away at once.
    assert_eq!(ends, [1, 4, 1 + 99 + 1, 2 + 198 + 1, 3 + 297 + 1]);
    let queued = |ledger: &LedgerRecord| ledger.parts[Part::Queued as usize] / 1_000_000;
    let mut waits: Vec<u64> = keep.ledgers.iter().map(queued).collect();
    waits.sort_unstable();
    assert_eq!(waits, [0, 0, 99, 198, 297]);
}

#[test]
fn a_token_bucket_lets_its_rate_through_and_says_when_to_come_again() {
    let mut blueprint = server(1.0, None, Arrivals::Constant { rate: 50.0 }, 100);
    let limit = RateLimit { kind: RateLimitKind::TokenBucket, rate_milli: 20_000, burst: 10, status: 429 };
    blueprint.services[0].admission.rate_limit = Some(limit);
    let (world, _) = run(blueprint.clone());
    let statistics = service(&world);
    assert_eq!(statistics.arrived, 5000);
    // 100 s · 20/s and the ten that were there at first.
    let passed = statistics.arrived - statistics.limited;
    assert!((2008..=2010).contains(&passed), "{passed}");
    // An endpoint's own limit stands in the place of the service's; a fault can change the service's.
    blueprint.services[0].admission.endpoint_limits = vec![Some(RateLimit { rate_milli: 40_000, ..limit })];
    let (world, _) = run(blueprint.clone());
    let passed = service(&world).arrived - service(&world).limited;
    assert!((4000..=4012).contains(&passed), "{passed}");
    blueprint.services[0].admission.endpoint_limits.clear();
    let target = Target::Service(ServiceId(0), ServiceField::RateLimit);
    let set = Action::Set(vec![(target, Value::Count(5_000))]);
    blueprint.patches = vec![Patch { fault: None, at: at(20.0), until: Some(at(60.0)), action: set }];
    let (world, _) = run(blueprint);
    let passed = service(&world).arrived - service(&world).limited;
    assert!((1408..=1412).contains(&passed), "60 s · 20/s, 40 s · 5/s, and ten: {passed}");
}

#[test]
fn a_held_back_request_whose_caller_leaves_is_forgotten() {
    let mut blueprint = server(1.0, None, replay(&[0.0, 0.001]), 10);
    blueprint.policies[0].timeout = Some(Duration::from_millis(50));
    blueprint.services[0].cancels_abandoned = true;
    blueprint.services[0].admission.rate_limit = limit_req(1, 5, Some(0));
    let (world, _) = run(blueprint);
    let statistics = service(&world);
    assert_eq!((statistics.answered, statistics.failed, statistics.in_flight()), (1, 1, 0));
}

#[test]
fn a_process_that_dies_loses_what_it_held_back() {
    let mut blueprint = server(1.0, None, replay(&[0.0, 0.001, 0.002]), 60);
    blueprint.services[0].admission.rate_limit = limit_req(1, 5, Some(0));
    let kill = Action::Kill { service: ServiceId(0) };
    blueprint.patches = vec![Patch { fault: None, at: at(1.5), until: None, action: kill }];
    let (world, _) = run(blueprint);
    let statistics = service(&world);
    assert_eq!((statistics.answered, statistics.lost, statistics.in_flight()), (2, 1, 0));
}

fn concurrency(algorithm: Algorithm, excess: Option<Rejection>) -> ConcurrencyLimit {
    ConcurrencyLimit { algorithm, initial: 20, minimum: 5, maximum: 200, window: None, excess }
}

/// Four cores and many threads, called faster than four cores can serve: times grow with what is in work.
fn crowded(limit: Option<ConcurrencyLimit>) -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.exponential(20.0 * MS);
    let service = b.service("server", Some(400), vec![Step::Compute { site: Site(1), demand }]);
    b.0.services[0].cores = Cores::Milli(4000);
    b.0.services[0].places = Some(400);
    let policy = b.policy(Some(Duration::from_secs(1)), 0);
    b.source("clients", service, Arrivals::Poisson { rate: 300.0 }, policy);
    b.0.services[0].admission.concurrency = limit;
    b.0
}

#[test]
fn adaptive_limits_keep_an_overloaded_server_answering_in_time() {
    let in_time = |limit| {
        let (world, _) = run(crowded(limit));
        let clients = &world.statistics().sources[0];
        (clients.answered as f64 / 60.0, service(&world))
    };
    // 200/s can be served; without a limit 400 threads share the cores and nearly nothing is done within a second.
    let (unlimited, _) = in_time(None);
    assert!(unlimited < 60.0, "{unlimited}/s in time without a limit");
    let aimd = Algorithm::Aimd { backoff: 0.9, timeout: Duration::from_millis(500) };
    let vegas = Algorithm::Vegas { smoothing: 1.0, probe_multiplier: 30 };
    let rejects = Some(Rejection::Status(503));
    for algorithm in [Algorithm::Fixed, aimd, vegas] {
        let (goodput, statistics) = in_time(Some(concurrency(algorithm, rejects)));
        assert!(goodput > 180.0, "{algorithm:?}: {goodput}/s in time");
        assert!(statistics.over_limit > 4000 && statistics.over_limit == statistics.refused, "{statistics:?}");
    }
}

#[test]
fn a_limit_that_queues_lowers_the_number_of_workers() {
    let mut blueprint = server(100.0, Some(50), Arrivals::Poisson { rate: 30.0 }, 2000);
    let fixed = ConcurrencyLimit { initial: 4, minimum: 4, maximum: 4, ..concurrency(Algorithm::Fixed, None) };
    let mut four = blueprint.clone();
    four.services[0].workers = Some(4);
    blueprint.services[0].admission.concurrency = Some(fixed);
    let end = at(2000.0);
    let (mut limited, mut four) = (World::new(blueprint.clone()), World::new(four));
    limited.run_until(end, &mut Null).unwrap();
    four.run_until(end, &mut Null).unwrap();
    assert_eq!(limited.digest(), four.digest(), "a limit of four and four workers are the same");
    // A fault that raises the limit lets more of them work at once.
    let target = Target::Service(ServiceId(0), ServiceField::ConcurrencyLimit);
    let set = Action::Set(vec![(target, Value::Count(2))]);
    blueprint.patches = vec![Patch { fault: None, at: at(500.0), until: Some(at(510.0)), action: set }];
    let (world, keep) = run(blueprint);
    let waits = |from: f64, to: f64| {
        let of = keep.ledgers.iter().filter(|ledger| (at(from)..at(to)).contains(&ledger.start));
        let waits: Vec<u64> = of.map(|ledger| ledger.parts[Part::Queued as usize]).collect();
        waits.iter().sum::<u64>() as f64 / waits.len() as f64 / 1e9
    };
    assert!(waits(500.0, 510.0) > 10.0 * waits(400.0, 500.0), "two for ten seconds");
    assert_eq!(service(&world).over_limit, 0);
}

#[test]
fn limits_change_nothing_where_they_are_not_reached_and_go_on_after_being_written_down() {
    let plain = World::new(crowded(None));
    let digest = |mut world: World, cut: bool| {
        if cut {
            world.run_until(at(7.0), &mut Null).unwrap();
            world = serde_json::from_str(&serde_json::to_string(&world).unwrap()).unwrap();
        }
        world.run_until(at(60.0), &mut Null).unwrap();
        world.digest()
    };
    let high = ConcurrencyLimit {
        minimum: 1000,
        initial: 1000,
        maximum: 1000,
        ..concurrency(Algorithm::Fixed, Some(Rejection::Refuse))
    };
    let mut unreached = crowded(Some(high));
    let limit =
        RateLimit { kind: RateLimitKind::TokenBucket, rate_milli: u64::from(u32::MAX), burst: 1000, status: 429 };
    unreached.services[0].admission.rate_limit = Some(limit);
    assert_eq!(digest(plain, false), digest(World::new(unreached), false));
    let gradient = Algorithm::Gradient2 { smoothing: 0.2, queue: 4, long_window: 600, tolerance: 1.5 };
    let adaptive = ConcurrencyLimit { window: Some(Duration::from_millis(200)), ..concurrency(gradient, None) };
    let mut adaptive = crowded(Some(adaptive));
    adaptive.services[0].admission.rate_limit = limit_req(280, 20, Some(0));
    assert_eq!(digest(World::new(adaptive.clone()), false), digest(World::new(adaptive), true));
}
