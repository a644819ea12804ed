//! What a container's quota, a limit of requests at once and contention do to whole requests.

use crate::support::{self, Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::cpu::Contention;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::Statistics;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(milliseconds: u64) -> Time {
    Time::ZERO + ms(milliseconds)
}

/// A service whose requests come at these milliseconds and compute for so long.
fn service(instants: &[u64], demand_ms: f64) -> Builder {
    let mut b = Builder::new(Duration::from_secs(2));
    let demand = b.constant(demand_ms * MS);
    let service = b.service("web", None, vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    let arrivals = Arrivals::Replay { at: instants.iter().map(|&instant| at(instant)).collect() };
    b.source("clients", service, arrivals, policy);
    b
}

fn run(blueprint: Blueprint) -> (Keep, Statistics, World) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    let mut keep = Keep::default();
    for step in 1..=(end - Time::ZERO).as_nanos() / 7_000_000 {
        world.run_until(Time::ZERO + ms(7 * step), &mut keep).unwrap();
        assert_eq!(world.audit(), Vec::<String>::new(), "after {} ms", 7 * step);
    }
    world.run_until(end, &mut keep).unwrap();
    for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    let statistics = world.statistics();
    (keep, statistics, world)
}

/// Milliseconds of requests, with those spent in a part.
fn times(keep: &Keep, part: Part) -> Vec<(f64, f64)> {
    let servers = keep.spans.iter().zip(&keep.ledgers).filter(|(_, ledger)| ledger.server);
    servers
        .map(|(span, ledger)| ((span.end - span.start).as_nanos() as f64 / MS, ledger.parts[part as usize] as f64 / MS))
        .collect()
}

#[test]
fn time_without_a_quota_left_counts_while_it_passes() {
    let mut one = service(&[100], 50.0);
    one.0.services[0].quota = Some(200);
    let mut world = knockon_model::World::new(one.0);
    let mut throttled = |millis| {
        world.run_until(at(millis), &mut Keep::default()).unwrap();
        world.totals().services[0].throttled
    };
    // In each period of 100 ms it burns 20 ms, and stands still for the rest.
    assert_eq!(
        [100, 120, 150, 200, 220, 250, 300, 310, 320].map(&mut throttled),
        [0, 0, 30, 80, 80, 110, 160, 160, 160].map(ms)
    );
}

#[test]
fn a_throttled_request_takes_the_walls_time_that_the_quota_leaves_it() {
    let mut one = service(&[100], 50.0);
    one.0.services[0].quota = Some(200);
    let (keep, statistics, world) = run(one.0);
    assert_eq!(times(&keep, Part::Throttled), [(210.0, 160.0)]);
    assert_eq!(statistics.services[0].throttled, ms(160));
    assert_eq!((statistics.services[0].paused, statistics.services[0].computed), (Duration::ZERO, ms(50)));
    let value = |name: &str| {
        let series = world.catalogue().series.iter().position(|series| series.name == name).expect(name);
        keep.samples.iter().filter(|sample| sample.series.index() == series).map(|sample| sample.value).next_back()
    };
    // The only scrape is at the beginning; these are listed because there is a quota.
    assert_eq!(value("container_spec_cpu_quota"), Some(20_000.0));
    assert_eq!(value("container_cpu_cfs_throttled_periods_total"), Some(0.0));
    let mut four = service(&[100; 4], 75.0);
    four.0.services[0].quota = Some(2000);
    assert_eq!(times(&run(four.0).0, Part::Throttled), [(125.0, 50.0); 4]);
}

#[test]
fn a_throttled_process_does_nothing_else_either() {
    // It computes for 20 ms, its quota; a call that was sent before is answered meanwhile and is taken when the period begins.
    let mut b = service(&[100], 20.0);
    b.0.services[0].quota = Some(200);
    let slow = b.constant(30.0 * MS);
    let none = b.policy(None, 0);
    let other = b.service("zother", None, vec![Step::Sleep { site: Site(1), time: slow }]);
    let calls =
        vec![Step::Call { site: Site(2), service: other, endpoint: EndpointId(0), policy: none, optional: false }];
    b.0.services[0].endpoints.push(support::endpoint("GET /calls", calls));
    b.link(LinkEnd::Service(ServiceId(0)), other, 0.0);
    let caller = b.source("xcaller", ServiceId(0), Arrivals::Replay { at: vec![at(105)] }, none);
    b.0.sources[caller.index()].mix[0].endpoint = EndpointId(1);
    // A second computing request wants to run on, so that the quota holds the process back.
    let second = b.source("ysecond", ServiceId(0), Arrivals::Replay { at: vec![at(119)] }, none);
    b.0.sources[second.index()].mix[0].endpoint = EndpointId(0);
    let (keep, ..) = run(b.0);
    let calling = keep
        .spans
        .iter()
        .zip(&keep.ledgers)
        .find(|(span, ledger)| ledger.server && span.process == ProcessId(0) && span.start == at(105));
    let (span, ledger) = calling.expect("it was answered");
    assert_eq!(span.end, at(200), "the answer of 135 is taken when the next period begins");
    assert_eq!(ledger.parts[Part::Throttled as usize], 65_000_000);
    assert_eq!(ledger.parts[Part::Child as usize], 30_000_000);
}

#[test]
fn a_quota_that_is_lowered_slows_down_and_one_that_is_lifted_lets_go() {
    let mut b = service(&[0, 500, 1000], 40.0);
    b.0.services[0].quota = Some(1000);
    let quota = Target::Service(ServiceId(0), ServiceField::Quota);
    let patch = |at_ms, until, value| Patch {
        fault: Some(FaultId(0)),
        at: at(at_ms),
        until,
        action: Action::Set(vec![(quota, Value::Limit(value))]),
    };
    b.0.patches = vec![patch(450, Some(at(560)), Some(200)), patch(1010, None, None)];
    let (keep, ..) = run(b.0);
    // 20 ms, then throttled until the quota is what it was at 560: 20 ms more.
    assert_eq!(times(&keep, Part::Throttled), [(40.0, 0.0), (80.0, 40.0), (40.0, 0.0)]);
}

#[test]
fn a_collection_burns_the_quota_and_is_stopped_by_it() {
    let mut b = service(&[], 1.0);
    let heap = Heap {
        maximum: 64 << 20,
        collector: Collector::Parallel,
        base: 8 << 20,
        new_ratio: 2,
        survivor_ratio: 8,
        initiating_occupancy_percent: 45,
        minor_pause: PauseCost { base: ms(60), per_mib: Duration::ZERO },
        major_pause: PauseCost { base: ms(60), per_mib: Duration::ZERO },
        concurrent_milli_cores: 1000,
        mark_bytes_per_second: 500 << 20,
        pause_target: ms(200),
        overhead_limit: false,
        pause_scale: 1.0,
        on_out_of_memory: OnOutOfMemory::Exit,
    };
    let web = &mut b.0.services[0];
    web.runtime = Runtime::Jvm(heap);
    web.cores = Cores::Milli(2000);
    web.endpoints[0].program.insert(0, Step::Churn { bytes: 12 << 20 });
    b.0.sources[0].arrivals = Arrivals::Replay { at: vec![at(0), at(10)] };
    let collected = |quota: Option<u32>| {
        let mut b = b.0.clone();
        b.services[0].quota = quota;
        let (keep, statistics, _) = run(b);
        let collected = keep.states.iter().find(|state| matches!(state.transition, Transition::Collected { .. }));
        (collected.expect("eden is full").time, statistics.services[0].clone())
    };
    let (free, web) = collected(None);
    assert_eq!((free, web.throttled), (at(10 + 60), Duration::ZERO));
    // Two cores burn 120 ms in the pause of 60; 80 ms of quota are gone (but for 1 ms of the first request) 39.5 ms into it.
    let (late, web) = collected(Some(800));
    assert_eq!(late, at(100) + Duration::from_micros(20_500));
    assert_eq!(web.throttled + web.paused, late - at(10));
    assert_eq!(web.paused, late - at(10), "of two reasons the collection counts");
}

#[test]
fn a_limit_of_workers_is_processor_sharing_among_so_many() {
    // Two share one core, the third waits for a worker.
    let mut b = service(&[0; 3], 100.0);
    b.0.services[0].workers = Some(2);
    b.0.services[0].cores = Cores::Milli(1000);
    assert_eq!(times(&run(b.0).0, Part::Queued), [(200.0, 0.0), (200.0, 0.0), (300.0, 200.0)]);
}

#[test]
fn statements_that_contend_take_longer_the_more_of_them_run() {
    for jobs in [1_u64, 10, 40] {
        let mut b = service(&vec![0; jobs as usize], 10.0);
        b.0.services[0].contention = Some(Contention { sigma_nano: 50_000_000, kappa_nano: 100_000 });
        let (keep, ..) = run(b.0);
        let n = jobs as f64;
        let expected = 10.0 * (1.0 + 0.05 * (n - 1.0) + 1e-4 * n * (n - 1.0));
        for (took, waited) in times(&keep, Part::CpuWait) {
            assert!((took - expected).abs() < 1e-5 && (waited - (expected - 10.0)).abs() < 1e-5, "{took} of {jobs}");
        }
    }
}
