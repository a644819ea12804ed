//! Callers that balance, eject, break, wait, throttle and ration their retries, in whole worlds: against closed forms where there
//! are some, and against the same world without the mechanism where there are none.

use crate::support::{self, Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::*;
use knockon_model::breaker::BreakerState;
use knockon_model::id::*;
use knockon_model::record::{ErrorType, LogEvent, StateRecord, Transition};
use knockon_model::statistics::{LatencyHistogram, Statistics};
use knockon_model::{Null, World};

fn at(milliseconds: u64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

fn run_to(world: &mut World, seconds: u64) -> Statistics {
    world.run_until(at(seconds * 1_000), &mut Null).unwrap();
    let statistics = world.statistics();
    for link in &statistics.links {
        let ended = link.succeeded + link.failed + link.cancelled + link.lost;
        assert_eq!(link.sent, ended + link.in_flight(), "{link:?}");
    }
    for source in &statistics.sources {
        assert_eq!(source.sent, source.answered + source.failed + source.in_flight());
    }
    statistics
}

/// Mean in seconds of what was recorded between two readings of one histogram.
fn mean_between(before: &LatencyHistogram, after: &LatencyHistogram) -> f64 {
    let total = |h: &LatencyHistogram| h.count() as f64 * h.mean().as_secs_f64();
    (total(after) - total(before)) / (after.count() - before.count()) as f64
}

const CLIENTS: LinkEnd = LinkEnd::Source(SourceId(0));

/// One source that calls one service: exponential demands, one worker each, unlimited queues.
fn farm(replicas: u32, mean_ms: f64, rate: f64, seconds: u64) -> Builder {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let demand = b.exponential(mean_ms * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    b.0.services[0].replicas = replicas;
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Poisson { rate }, policy);
    b
}

#[test]
fn joining_the_shorter_of_two_queues_among_a_thousand_has_its_mean_field_sojourn() {
    let sojourn = |balance| {
        let mut b = farm(1_000, 1_000.0, 700.0, 140);
        b.traffic(CLIENTS, ServiceId(0)).balance = balance;
        let mut world = World::new(b.0);
        let before = run_to(&mut world, 40).sources[0].latency.clone();
        let after = run_to(&mut world, 140).sources[0].latency.clone();
        mean_between(&before, &after)
    };
    // T → Σ λ^(2^i − 2) = 1.614454 for n → ∞ (Vvedenskaya, Dobrushin, Karpelevich 1996; Mitzenmacher 2001), a thousand within 0.5 %.
    // 70 000 sojourns with a deviation of about 1.3 s, correlated over a few seconds: 4σ is about 0.03 s.
    let two = sojourn(Balance::LeastRequest { choices: 2 });
    assert!((two - 1.614_454).abs() < 0.03, "{two}");
    // Random: a thousand M/M/1, 1/(1 − λ) = 3.333, whose sojourns are correlated for longer.
    let random = sojourn(Balance::Random);
    assert!((random - 3.333).abs() < 0.2, "{random}");
    let turns = sojourn(Balance::RoundRobin);
    // Erlang-1000 gaps are nearly constant: D/M/1 at ρ = 0.7 has μW = 1/(1 − σ) with σ = e^(−(1 − σ)/ρ), σ = 0.467.
    assert!((turns - 1.876).abs() < 0.06, "{turns}");
}

#[test]
fn a_bulkhead_that_does_not_wait_loses_by_erlangs_formula() {
    let mut b = Builder::new(Duration::from_secs(60_000));
    let demand = b.exponential(1_000.0 * MS);
    let service = b.service("server", None, vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Poisson { rate: 3.0 }, policy);
    b.traffic(CLIENTS, service).bulkhead = Some(Bulkhead { maximum: 5, wait: Duration::ZERO });
    let statistics = run_to(&mut World::new(b.0), 60_000);
    let source = &statistics.sources[0];
    let lost = source.failed as f64 / source.sent as f64;
    // Erlang B (5, 3). 180 000 arrivals; 4σ with the loss's correlation is about 0.005.
    assert!((lost - 0.110_054).abs() < 0.005, "{lost}");
    assert_eq!(statistics.links[0].bulkhead_full, source.failed);
    assert_eq!(statistics.links[0].sent, statistics.services[0].arrived);
}

#[test]
fn a_bulkhead_that_waits_is_a_queue_at_the_caller() {
    let mut b = Builder::new(Duration::from_secs(60_000));
    let demand = b.exponential(1_000.0 * MS);
    let service = b.service("server", None, vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Poisson { rate: 1.0 }, policy);
    b.traffic(CLIENTS, service).bulkhead = Some(Bulkhead { maximum: 2, wait: Duration::from_secs(10_000) });
    let statistics = run_to(&mut World::new(b.0), 60_000);
    // M/M/2 at a = 1: W = 1 + 1/3 s. 60 000 customers, 4σ about 0.05 s.
    let mean = statistics.sources[0].latency.mean().as_secs_f64();
    assert!((mean - 4.0 / 3.0).abs() < 0.05, "{mean}");
    assert_eq!(statistics.links[0].bulkhead_full, 0);
}

#[test]
fn who_waits_too_long_for_a_permit_is_told_so_and_the_permit_goes_to_the_next() {
    let mut b = Builder::new(Duration::from_secs(20));
    let demand = b.constant(1_000.0 * MS);
    let service = b.service("server", None, vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    // At 10, 20, 30 ms; the next waits until 1 010 ms for the first one's permit.
    b.source("clients", service, Arrivals::Replay { at: vec![at(10), at(20), at(30), at(1_005)] }, policy);
    b.traffic(CLIENTS, service).bulkhead = Some(Bulkhead { maximum: 1, wait: Duration::from_millis(995) });
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(20_000), &mut keep).unwrap();
    let statistics = world.statistics();
    let refused: Vec<Time> = keep.states.iter().filter(|s| is_bulkhead(s)).map(|s| s.time).collect();
    // The second leaves at 1 015 ms but gets its permit at 1 010; the third leaves at 1 025; the fourth at 2 000.
    assert_eq!(refused, [at(1_025), at(2_000)]);
    assert_eq!((statistics.sources[0].answered, statistics.sources[0].failed), (2, 2));
    assert_eq!(statistics.sources[0].latency.maximum(), Duration::from_millis(1_990));
}

fn is_bulkhead(state: &StateRecord) -> bool {
    matches!(state.transition, Transition::BulkheadFull { .. })
}

/// A backend that takes a hundred a second and refuses the rest, offered a thousand.
#[test]
fn a_throttling_caller_sends_twice_what_is_accepted() {
    let arrived = |throttle| {
        let mut b = Builder::new(Duration::from_secs(300));
        let demand = b.constant(10.0 * MS);
        let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
        b.0.services[0].places = Some(10);
        let policy = b.policy(None, 0);
        b.source("clients", service, Arrivals::Poisson { rate: 1_000.0 }, policy);
        b.traffic(CLIENTS, service).throttle = throttle;
        let mut world = World::new(b.0);
        let before = run_to(&mut world, 200);
        let after = run_to(&mut world, 300);
        let per_second = |read: fn(&Statistics) -> u64| (read(&after) - read(&before)) as f64 / 100.0;
        (per_second(|s| s.services[0].arrived), per_second(|s| s.services[0].answered))
    };
    let (all, answered) = arrived(None);
    assert!((all - 1_000.0).abs() < 15.0 && (answered - 100.0).abs() < 0.5, "{all} {answered}");
    // 2 · 100/s, and the +1 of the formula, which is nothing at 120 000 requests; the draws' deviation is 1.3/s.
    let (sent, answered) = arrived(Some(Throttle { k: 2.0, window: Duration::from_secs(120) }));
    assert!((sent - 200.0).abs() < 6.0, "{sent}/s reach the backend");
    assert!((answered - 100.0).abs() < 0.5, "{answered}/s, as much as before");
    let (sent, _) = arrived(Some(Throttle { k: 1.1, window: Duration::from_secs(120) }));
    assert!((sent - 110.0).abs() < 4.0, "{sent}/s at k 1.1");
}

#[test]
fn retries_multiply_over_the_tiers() {
    let tree = |budget: Option<RetryBudget>| {
        let mut b = Builder::new(Duration::from_secs(100));
        let leaf = b.service("c", None, vec![Step::Fail { status: 503 }]);
        let retried = b.policy(None, 3);
        let call =
            |service| Step::Call { site: Site(1), service, endpoint: EndpointId(0), policy: retried, optional: false };
        let middle = b.service("b", None, vec![call(leaf)]);
        b.link(LinkEnd::Service(middle), leaf, 0.1 * MS);
        let front = b.service("a", None, vec![call(middle)]);
        b.link(LinkEnd::Service(front), middle, 0.1 * MS);
        b.source("clients", front, Arrivals::Replay { at: vec![at(1)] }, retried);
        for (from, to) in [(LinkEnd::Service(middle), leaf), (LinkEnd::Service(front), middle), (CLIENTS, front)] {
            b.traffic(from, to).retry_budget = budget;
        }
        let statistics = run_to(&mut World::new(b.0), 100);
        [leaf, middle, front].map(|service| statistics.services[service.index()].arrived)
    };
    // Three tiers that call with three retries each: (3 + 1)³.
    assert_eq!(tree(None), [64, 16, 4]);
    // Ten tokens, more than five needed: four retries a link are paid for, by whichever call wants them first.
    let grpc = tree(Some(RetryBudget::Grpc { maximum_tokens: 10, ratio_permille: 100 }));
    assert_eq!(grpc[2], 4, "three retries of the client's one call");
    assert!(grpc[0] < 20, "{grpc:?}");
}

/// One server of 10/s, a timeout of 5 s and 5 retries; a crowd comes from 300 to 600 s.
fn storm(seconds: u64, budget: Option<RetryBudget>) -> (Statistics, Statistics) {
    let mut b = Builder::new(Duration::from_secs(seconds));
    let demand = b.exponential(100.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(Some(Duration::from_secs(5)), 5);
    b.source("clients", service, Arrivals::Poisson { rate: 5.0 }, policy);
    let crowd = b.source("crowd", service, Arrivals::Poisson { rate: 10.0 }, policy);
    let surge = &mut b.0.sources[crowd.index()];
    (surge.from, surge.until) = (at(300_000), Some(at(600_000)));
    for source in [SourceId(0), crowd] {
        b.traffic(LinkEnd::Source(source), service).retry_budget = budget;
    }
    let mut world = World::new(b.0);
    let before = run_to(&mut world, seconds - 300);
    (before, run_to(&mut world, seconds))
}

#[test]
fn a_retry_storm_that_never_ends_ends_with_a_budget() {
    let goodput = |(before, after): (Statistics, Statistics)| {
        let (before, after) = (&before.sources[0], &after.sources[0]);
        (after.answered - before.answered) as f64 / (after.sent - before.sent) as f64
    };
    let without = goodput(storm(2_700, None));
    assert!(without < 0.1, "without a budget {without} are answered half an hour after the crowd has gone");
    for budget in [
        RetryBudget::Finagle { ratio_permille: 100, minimum_per_second: 0, ttl: Duration::from_secs(10) },
        RetryBudget::Grpc { maximum_tokens: 10, ratio_permille: 100 },
        RetryBudget::Envoy { permille: 200, minimum: 3 },
    ] {
        let with = goodput(storm(2_700, Some(budget)));
        assert!(with > 0.97, "with {budget:?} {with} are answered");
    }
}

fn resilience4j() -> Resilience4j {
    Resilience4j {
        window: 20,
        minimum_calls: 20,
        failure_permille: 500,
        slow: None,
        wait: Duration::from_secs(5),
        half_open_calls: 5,
    }
}

fn breaker_moves(keep: &Keep) -> Vec<(BreakerState, u64)> {
    let moves = keep.states.iter().filter_map(|state| match state.transition {
        Transition::Breaker { state: to, .. } => Some((to, state.time.as_nanos() / 100_000)),
        _ => None,
    });
    moves.collect()
}

/// Ten calls a second, a timeout of one second, and a callee that stands still from 10 to 40 s.
fn stalled(breaker: Option<Breaker>) -> (Keep, Statistics) {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.constant(1.0 * MS);
    let service = b.service("server", Some(100), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(Some(Duration::from_secs(1)), 0);
    b.source("clients", service, Arrivals::Constant { rate: 10.0 }, policy);
    b.traffic(CLIENTS, service).breaker = breaker;
    b.0.patches.push(Patch { fault: None, at: at(10_000), until: Some(at(40_000)), action: Action::Pause { service } });
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(60_000), &mut keep).unwrap();
    let statistics = run_to(&mut world, 60);
    (keep, statistics)
}

#[test]
fn resilience4j_opens_half_opens_and_closes_at_the_right_instants() {
    use BreakerState::{Closed, HalfOpen, Open};
    let (keep, statistics) = stalled(Some(Breaker::Resilience4j(resilience4j())));
    // In tenths of a millisecond. The call of 10.0 s is the first to time out, at 11.0 s, and the tenth does at 11.9: half of the window.
    // More than 5 s later, at 17.0 s, five calls may go; they time out up to 18.4 s. And so on, until the callee runs again.
    let expected = [
        (Open, 119_000),
        (HalfOpen, 170_000),
        (Open, 184_000),
        (HalfOpen, 235_000),
        (Open, 249_000),
        (HalfOpen, 300_000),
        (Open, 314_000),
        (HalfOpen, 365_000),
        (Open, 379_000),
        (HalfOpen, 430_000),
        (Closed, 434_010),
    ];
    assert_eq!(breaker_moves(&keep), expected);
    let link = &statistics.links[0];
    assert_eq!(link.opened, 5);
    // Of the 330 calls of 10.0 … 42.9 s, 19 were sent before it opened (the timer of 11.9 s is older than the call of 11.9 s) and four
    // times five when it was half-open.
    assert_eq!((link.failed, link.not_permitted), (39, 291));
    assert_eq!(statistics.sources[0].failed, 330);
    let (_, without) = stalled(None);
    assert_eq!(
        (without.sources[0].failed, without.links[0].failed),
        (291, 291),
        "those of 10.0 … 39.0 s all wait their second"
    );
}

#[test]
fn hystrix_sleeps_and_tries_one_call_at_a_time() {
    use BreakerState::{Closed, HalfOpen, Open};
    let config = Hystrix {
        volume: 20,
        error_permille: 500,
        sleep: Duration::from_secs(5),
        window: Duration::from_secs(10),
        snapshot: Duration::from_millis(500),
    };
    let (keep, statistics) = stalled(Some(Breaker::Hystrix(config)));
    // At 17.5 s the window holds 7.5 … 17.5 s: 25 answers until 10 s, and the timeouts from 11 s on; at 14.0 s it holds 4 … 14 s: 60 and 30.
    // The share reaches a half when (t − 11) ≥ 10 − (t − 10), so with the bucket that ends at 15.5 s: 45 answers, 45 timeouts.
    let moves = breaker_moves(&keep);
    assert_eq!(moves[0], (Open, 155_000));
    // It opened with the bucket's end, seen by the call of that instant; the first call after 20.5 s is the trial, which times out.
    assert_eq!(moves[1..5], [(HalfOpen, 206_000), (Open, 216_000), (HalfOpen, 267_000), (Open, 277_000)]);
    assert_eq!(moves.last().map(|&(state, _)| state), Some(Closed));
    // 10.0 … 15.4 s: 55 calls; then one trial in each 6.1 s until the callee runs again.
    let link = &statistics.links[0];
    assert_eq!(link.failed, 55 + 4);
    assert_eq!(statistics.sources[0].failed, link.failed + link.not_permitted);
}

/// A front with eight workers, half of whose requests need a backend that stands still for a minute.
fn shared_workers(breaker: Option<Breaker>, bulkhead: Option<Bulkhead>) -> (Statistics, Keep) {
    let mut b = Builder::new(Duration::from_secs(120));
    let demand = b.constant(2.0 * MS);
    let backend = b.service("backend", Some(50), vec![Step::Compute { site: Site(1), demand }]);
    let none = b.policy(None, 0);
    let second = b.policy(Some(Duration::from_secs(1)), 0);
    let call = Step::Call { site: Site(2), service: backend, endpoint: EndpointId(0), policy: second, optional: false };
    let front = b.service("front", Some(8), vec![call]);
    b.0.services[front.index()]
        .endpoints
        .push(support::endpoint("GET /own", vec![Step::Compute { site: Site(3), demand }]));
    b.link(LinkEnd::Service(front), backend, 0.1 * MS);
    for (name, endpoint) in [("needing", 0), ("own", 1)] {
        let source = b.source(name, front, Arrivals::Constant { rate: 20.0 }, none);
        b.0.sources[source.index()].mix[0].endpoint = EndpointId(endpoint);
    }
    let policy = b.traffic(LinkEnd::Service(front), backend);
    (policy.breaker, policy.bulkhead) = (breaker, bulkhead);
    let pause = Action::Pause { service: backend };
    b.0.patches.push(Patch { fault: None, at: at(20_000), until: Some(at(80_000)), action: pause });
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(120_000), &mut keep).unwrap();
    let statistics = run_to(&mut world, 120);
    (statistics, keep)
}

#[test]
fn a_breaker_or_a_bulkhead_keeps_a_slow_backend_from_taking_the_front_down() {
    let own = |statistics: &Statistics| statistics.sources[1].latency.maximum().as_secs_f64();
    let (without, _) = shared_workers(None, None);
    assert!(own(&without) > 30.0, "requests that need no backend wait up to {} s for a worker", own(&without));
    let breaker = Breaker::Resilience4j(Resilience4j { wait: Duration::from_secs(20), ..resilience4j() });
    let (broken, keep) = shared_workers(Some(breaker), None);
    assert!(own(&broken) < 3.0, "{}", own(&broken));
    let said = |keep: &Keep, wanted: ErrorType| {
        let failed = |log: &&knockon_model::record::LogRecord| matches!(log.event, LogEvent::RequestFailed { error, peer: Some(_), .. } if error == wanted);
        keep.logs.iter().filter(failed).count() as u64
    };
    assert_eq!(said(&keep, ErrorType::CallNotPermitted), broken.links[0].not_permitted);
    assert!(broken.links[0].not_permitted > 900);
    let (bounded, keep) = shared_workers(None, Some(Bulkhead { maximum: 4, wait: Duration::ZERO }));
    assert!(own(&bounded) < 0.01, "{}", own(&bounded));
    assert_eq!(said(&keep, ErrorType::BulkheadFull), bounded.links[0].bulkhead_full);
    assert!(bounded.links[0].bulkhead_full > 900);
}

/// Ten processes whose heaps fill up at different times; each is away for twenty seconds then.
fn crashing(outlier: Option<Outlier>) -> (Statistics, Keep) {
    const MIB: u64 = 1 << 20;
    let mut b = Builder::new(Duration::from_secs(300));
    let demand = b.constant(1.0 * MS);
    // One request in two hundred leaks a lot: lives are about 100 s long, and very different.
    let choose = Step::Choose { site: Site(2), choice: 0 };
    let steps = vec![choose, Step::Retain { bytes: 10 * MIB }, Step::Compute { site: Site(1), demand }];
    let service = b.service("server", Some(100), steps);
    b.0.services[0].endpoints[0].choices = vec![Choice { branches: vec![(1.0, 1), (199.0, 2)] }];
    let start_up = b.constant(20_000.0 * MS);
    let described = &mut b.0.services[0];
    described.replicas = 10;
    described.start_up = start_up;
    let soon = Duration::from_millis(1);
    described.restart = RestartPolicy::Compose { initial: soon, maximum: soon, reset: soon };
    described.runtime = Runtime::Jvm(small_heap());
    let policy = b.policy(Some(Duration::from_secs(1)), 0);
    b.source("clients", service, Arrivals::Poisson { rate: 200.0 }, policy);
    b.traffic(CLIENTS, service).outlier = outlier;
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(300_000), &mut keep).unwrap();
    let statistics = run_to(&mut world, 300);
    (statistics, keep)
}

#[test]
fn ejecting_the_process_that_refuses_spares_the_requests_it_would_have_got() {
    let (without, _) = crashing(None);
    let crashes = without.services[0].restarts;
    assert!(crashes >= 15, "{crashes}");
    // A crash costs a tenth of 20 s at 200/s without ejection, less where the run ends before; five failures with it, and a few more.
    let each = without.sources[0].failed as f64 / crashes as f64;
    assert!((300.0..440.0).contains(&each), "{each} failures a crash");
    let outlier = Outlier {
        consecutive_5xx: 5,
        interval: Duration::from_secs(10),
        base_ejection: Duration::from_secs(30),
        maximum_ejection: Duration::from_secs(300),
        maximum_permille: 1_000,
        always_one: false,
        panic_permille: 0,
    };
    let (with, keep) = crashing(Some(outlier));
    let each = with.sources[0].failed as f64 / with.services[0].restarts as f64;
    assert!(each < 20.0, "{each} failures a crash");
    let ejected =
        keep.states.iter().filter(|state| matches!(state.transition, Transition::Ejected { .. })).count() as u64;
    assert_eq!(ejected, with.links[0].ejections);
    assert!(ejected >= with.services[0].restarts);
}

#[test]
fn a_policy_that_does_nothing_changes_nothing() {
    let spans = |traffic: bool| {
        let mut b = farm(7, 50.0, 100.0, 60);
        b.0.policies[0].timeout = Some(Duration::from_millis(300));
        b.0.policies[0].retries = 2;
        if traffic {
            b.traffic(CLIENTS, ServiceId(0));
        }
        let mut world = World::new(b.0);
        let mut keep = Keep::default();
        world.run_until(at(60_000), &mut keep).unwrap();
        (keep.spans, world.events(), world.statistics().sources[0].attempts)
    };
    let (plain, guarded) = (spans(false), spans(true));
    assert!(plain.2 > 6_000);
    assert_eq!(plain, guarded);
}

#[test]
fn equal_keys_meet_the_same_process_and_one_request_does_all_its_calls_there() {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.exponential(1.0 * MS);
    let leaf = b.service("leaf", None, vec![Step::Compute { site: Site(1), demand }]);
    b.0.services[leaf.index()].replicas = 9;
    let none = b.policy(None, 0);
    let call =
        |site| Step::Call { site: Site(site), service: leaf, endpoint: EndpointId(0), policy: none, optional: false };
    let front = b.service("front", None, vec![call(1), call(2), call(3)]);
    b.link(LinkEnd::Service(front), leaf, 0.1 * MS);
    b.source("clients", front, Arrivals::Poisson { rate: 100.0 }, none);
    b.traffic(LinkEnd::Service(front), leaf).balance = Balance::ConsistentHash { keys: None, points: 160 };
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(60_000), &mut keep).unwrap();
    let mut homes = std::collections::BTreeMap::new();
    let mut shares = [0u32; 9];
    for span in keep.spans.iter().filter(|span| span.process.0 < 9) {
        assert_eq!(*homes.entry(span.trace).or_insert(span.process), span.process);
        shares[span.process.index()] += 1;
    }
    assert!(homes.len() > 5_000 && shares.iter().all(|&share| share > 1_000), "{shares:?}");
}

/// Everything at once, with callers that die and stand still: nothing is lost count of, and a copy goes on as the original does.
#[test]
fn accounts_add_up_whatever_happens_to_the_callers() {
    let budgets = [
        RetryBudget::Envoy { permille: 200, minimum: 3 },
        RetryBudget::Grpc { maximum_tokens: 100, ratio_permille: 500 },
        RetryBudget::Finagle { ratio_permille: 500, minimum_per_second: 10, ttl: Duration::from_secs(10) },
    ];
    for (n, answers) in [Answers::Current, Answers::Outstanding, Answers::Any].into_iter().enumerate() {
        let mut b = Builder::new(Duration::from_secs(200));
        let demand = b.exponential(40.0 * MS);
        let backend = b.service("backend", Some(4), vec![Step::Compute { site: Site(1), demand }]);
        (b.0.services[0].replicas, b.0.services[0].places) = (3, Some(20));
        let none = b.policy(None, 0);
        let tried = b.policy(Some(Duration::from_millis(120)), 4);
        let policy = &mut b.0.policies[tried.index()];
        policy.answers = answers;
        policy.retry_on.rejected = true;
        policy.backoff.base = Duration::from_millis(30);
        let call =
            Step::Call { site: Site(2), service: backend, endpoint: EndpointId(0), policy: tried, optional: false };
        let front = b.service("front", None, vec![call]);
        b.0.services[front.index()].replicas = 2;
        b.link(LinkEnd::Service(front), backend, 1.0 * MS);
        b.source("clients", front, Arrivals::Poisson { rate: 260.0 }, none);
        let link = b.traffic(LinkEnd::Service(front), backend).link;
        let policy = b.0.traffic.last_mut().unwrap();
        policy.balance = Balance::PeakEwma { decay: Duration::from_secs(10) };
        policy.breaker = Some(Breaker::Resilience4j(Resilience4j { wait: Duration::from_secs(2), ..resilience4j() }));
        policy.retry_budget = Some(budgets[n]);
        policy.bulkhead = Some(Bulkhead { maximum: 12, wait: Duration::from_millis(50) });
        policy.throttle = Some(Throttle { k: 1.5, window: Duration::from_secs(30) });
        policy.outlier = Some(Outlier {
            consecutive_5xx: 5,
            interval: Duration::from_secs(3),
            base_ejection: Duration::from_secs(5),
            maximum_ejection: Duration::from_secs(60),
            maximum_permille: 700,
            always_one: true,
            panic_permille: 300,
        });
        let patch = |from: u64, until: Option<u64>, action| Patch {
            fault: None,
            at: at(from * 1_000),
            until: until.map(|until| at(until * 1_000)),
            action,
        };
        b.0.patches = vec![
            patch(40, None, Action::Kill { service: front }),
            patch(80, Some(85), Action::Pause { service: front }),
            patch(83, Some(130), Action::Set(vec![(Target::Link(link, LinkField::BulkheadMaximum), Value::Count(30))])),
            patch(100, Some(110), Action::Pause { service: backend }),
            patch(120, None, Action::Kill { service: backend }),
            patch(140, Some(143), Action::PauseIntake { service: backend }),
        ];
        let mut world = World::new(b.0);
        run_to(&mut world, 90);
        let mut copy: World = serde_json::from_str(&serde_json::to_string(&world).unwrap()).unwrap();
        let (straight, resumed) = (run_to(&mut world, 200), run_to(&mut copy, 200));
        assert_eq!(world.digest(), copy.digest());
        assert_eq!(straight.links, resumed.links);
        let link = &straight.links[0];
        let happened = [
            link.retries,
            link.retries_refused,
            link.not_permitted,
            link.bulkhead_full,
            link.throttled,
            link.ejections,
            link.lost,
        ];
        assert!(happened.iter().all(|&times| times > 0), "{answers:?}: {link:?}");
        assert_eq!(link.cancelled > 0, answers != Answers::Current, "{link:?}");
    }
}

/// The published collapse of a system without any randomness: arrivals every 1/7 s, 100 ms of service, a timer of 500 ms, three
/// retries, each 50 ms after the expiry, and a second in which the server takes nothing up.
#[test]
fn the_deterministic_collapse_has_its_exact_counts() {
    let counts = |answers, retries| {
        let mut b = Builder::new(Duration::from_secs(110));
        let demand = b.constant(100.0 * MS);
        let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
        let policy = b.policy(Some(Duration::from_millis(500)), retries);
        let described = &mut b.0.policies[policy.index()];
        described.answers = answers;
        described.backoff = Backoff {
            base: Duration::from_millis(50),
            factor: 1.0,
            maximum: Duration::from_secs(10),
            jitter: Jitter::None,
        };
        let source = b.source("clients", service, Arrivals::Constant { rate: 7.0 }, policy);
        b.0.sources[source.index()].requests = Some(700);
        let pause = Action::PauseIntake { service };
        b.0.patches.push(Patch { fault: None, at: at(30_001), until: Some(at(31_000)), action: pause });
        b.traffic(CLIENTS, service);
        let statistics = run_to(&mut World::new(b.0), 110);
        let (source, link) = (&statistics.sources[0], &statistics.links[0]);
        assert_eq!(source.sent, 700);
        (source.attempts, source.answered, link.failed, link.retries, source.failed)
    };
    // Attempts, answered, timeouts, retries, given up.
    assert_eq!(counts(Answers::Outstanding, 3), (2149, 228, 1921, 1449, 472));
    assert_eq!(counts(Answers::Any, 3), (2146, 230, 1917, 1447, 470));
    assert_eq!(counts(Answers::Current, 3), (2170, 210, 1960, 1470, 490));
    // Without retries it recovers.
    let (attempts, answered, timeouts, retries, given_up) = counts(Answers::Current, 0);
    assert_eq!((attempts, answered, timeouts, retries, given_up), (700, 689, 11, 0, 11));
}

#[test]
fn a_caller_that_honours_retry_after_waits_and_one_that_does_not_is_turned_away_again() {
    let run = |honours_retry_after| {
        let mut b = Builder::new(Duration::from_secs(20));
        let demand = b.constant(1.0 * MS);
        let service = b.service("server", None, vec![Step::Compute { site: Site(1), demand }]);
        let limit = RateLimit { kind: RateLimitKind::TokenBucket, rate_milli: 1_000, burst: 1, status: 429 };
        b.0.services[0].admission.rate_limit = Some(limit);
        let policy = b.policy(None, 3);
        let described = &mut b.0.policies[policy.index()];
        described.retry_on = RetryOn { rate_limited: true, ..RetryOn::default() };
        described.backoff.base = Duration::from_millis(10);
        described.honours_retry_after = honours_retry_after;
        b.source("clients", service, Arrivals::Replay { at: vec![at(100), at(200)] }, policy);
        let statistics = run_to(&mut World::new(b.0), 20);
        let source = &statistics.sources[0];
        (source.answered, source.failed, source.attempts, source.latency.maximum().as_nanos() / 1_000_000)
    };
    // The bucket has its next token at 1.1 s; the answer says "in a second", which is at 1.2 s.
    assert_eq!(run(true), (2, 0, 3, 1_001));
    // Pauses of 10, 20 and 40 ms end at 270 ms.
    assert_eq!(run(false), (1, 1, 5, 1));
}

#[test]
fn exporters_show_what_guards_the_calls_of_a_process() {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.constant(1.0 * MS);
    let backend = b.service("backend", Some(50), vec![Step::Compute { site: Site(1), demand }]);
    let none = b.policy(None, 0);
    let second = b.policy(Some(Duration::from_secs(1)), 1);
    let call = Step::Call { site: Site(2), service: backend, endpoint: EndpointId(0), policy: second, optional: false };
    let front = b.service("front", None, vec![call]);
    b.0.services[front.index()].runtime = Runtime::Jvm(small_heap());
    b.link(LinkEnd::Service(front), backend, 0.1 * MS);
    b.source("clients", front, Arrivals::Constant { rate: 10.0 }, none);
    let policy = b.traffic(LinkEnd::Service(front), backend);
    policy.breaker = Some(Breaker::Resilience4j(resilience4j()));
    policy.bulkhead = Some(Bulkhead { maximum: 40, wait: Duration::ZERO });
    policy.retry_budget = Some(RetryBudget::Envoy { permille: 200, minimum: 3 });
    b.0.scrape_interval = Duration::from_secs(1);
    b.0.patches = vec![
        Patch { fault: None, at: at(10_000), until: Some(at(40_000)), action: Action::Pause { service: backend } },
        Patch { fault: None, at: at(55_000), until: None, action: Action::Kill { service: front } },
    ];
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(60_000), &mut keep).unwrap();
    let value = |name: &str, label: &str, second: u64| {
        let is = |series: &&knockon_model::record::SeriesInfo| {
            series.name == name && (label.is_empty() || series.attributes.iter().any(|(_, value)| value == label))
        };
        let series = world.catalogue().series.iter().position(|series| is(&series)).unwrap_or_else(|| panic!("{name}"));
        let of = |sample: &&knockon_model::record::SampleRecord| {
            sample.series.index() == series && sample.time == at(second * 1_000)
        };
        keep.samples.iter().find(of).map(|sample| sample.value)
    };
    let state = |label, second| value("resilience4j_circuitbreaker_state", label, second).unwrap();
    assert_eq!([state("closed", 9), state("open", 9), state("half_open", 9)], [1.0, 0.0, 0.0]);
    assert_eq!([state("closed", 14), state("open", 14), state("half_open", 14)], [0.0, 1.0, 0.0]);
    assert_eq!(value("resilience4j_circuitbreaker_failure_rate", "", 9), Some(0.0));
    assert!(value("resilience4j_circuitbreaker_failure_rate", "", 14).unwrap() >= 50.0);
    assert_eq!(value("resilience4j_circuitbreaker_failure_rate", "", 1), Some(-1.0), "ten calls are too few");
    let calls = |kind, second| value("resilience4j_circuitbreaker_calls_seconds_count", kind, second);
    assert_eq!(calls("failed", 9), Some(0.0));
    let (failed, refused) =
        (calls("failed", 54), value("resilience4j_circuitbreaker_not_permitted_calls_total", "", 54));
    let link = &world.statistics().links[0];
    assert_eq!((failed, refused), (Some(link.failed as f64), Some(link.not_permitted as f64)));
    assert_eq!(value("resilience4j_bulkhead_max_allowed_concurrent_calls", "", 5), Some(40.0));
    assert!(value("resilience4j_bulkhead_available_concurrent_calls", "", 11).unwrap() < 35.0);
    assert_eq!(value("envoy_cluster_upstream_rq_retry", "", 54), Some(link.retries as f64));
    assert!(value("envoy_cluster_upstream_rq_active", "", 11).unwrap() > 5.0);
    assert_eq!(calls("failed", 58), Some(0.0), "the new process has counted nothing yet");
    assert!(calls("successful", 59).unwrap() > 0.0);
}

fn small_heap() -> Heap {
    const MIB: u64 = 1 << 20;
    Heap {
        maximum: 128 * MIB,
        collector: Collector::Serial,
        base: 20 * MIB,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: PauseCost { base: Duration::from_millis(1), per_mib: Duration::ZERO },
        major_pause: PauseCost { base: Duration::from_millis(2), per_mib: Duration::ZERO },
        concurrent_milli_cores: 1_000,
        mark_bytes_per_second: 500 * MIB,
        pause_target: Duration::from_millis(200),
        overhead_limit: false,
        pause_scale: 1.0,
        on_out_of_memory: OnOutOfMemory::Exit,
    }
}
