//! Admission in whole worlds: queue disciplines against closed forms and published collapses, overflow, SYNs that come again.

use crate::support::{Builder, Keep, MS, assert_conserved};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::ServiceStatistics;
use knockon_model::{Null, Sink, World};

fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9).round() as u64)
}

fn replay(instants: &[f64]) -> Arrivals {
    Arrivals::Replay { at: instants.iter().map(|&seconds| at(seconds)).collect() }
}

/// One server with a demand, called by replayed clients.
fn server(demand_ms: f64, arrivals: &[f64], timeout: Option<Duration>) -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(300));
    let demand = b.constant(demand_ms * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(timeout, 0);
    b.source("clients", service, replay(arrivals), policy);
    b.0
}

fn run(blueprint: Blueprint) -> (World, Keep) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    let mut keep = Keep::default();
    world.run_until(end, &mut keep).unwrap();
    assert_conserved(&world.statistics());
    for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    (world, keep)
}

fn service(world: &World) -> ServiceStatistics {
    world.statistics().services[0].clone()
}

/// Starts and ends of the server's spans, in seconds, in order of start.
fn served(keep: &Keep) -> Vec<(f64, f64)> {
    let seconds = |at: Time| at.as_nanos() as f64 / 1e9;
    let mut served: Vec<_> = keep.spans.iter().map(|span| (seconds(span.start), seconds(span.end))).collect();
    served.sort_by(|a, b| a.partial_cmp(b).unwrap());
    served
}

/// First and second moments of the waits, by batch.
#[derive(Default)]
struct Waits {
    batches: Vec<[f64; 2]>,
    sums: [f64; 2],
    count: usize,
}

const BATCH: usize = 40_000;

impl Sink for Waits {
    const OBSERVES: bool = false;
    const LEDGER: bool = true;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn ledger(&mut self, record: LedgerRecord) {
        let wait = record.parts[Part::Queued as usize] as f64 / 1e9;
        self.sums[0] += wait;
        self.sums[1] += wait * wait;
        self.count += 1;
        if self.count == BATCH {
            self.batches.push(self.sums.map(|sum| sum / BATCH as f64));
            (self.sums, self.count) = ([0.0; 2], 0);
        }
    }
    fn span(&mut self, _: SpanRecord) {}
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, _: SampleRecord) {}
    fn change(&mut self, _: ChangeRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn watermark(&mut self, _: Time) {}
}

/// Mean of a moment over batches but the first, and its standard error.
fn estimate(waits: &Waits, moment: usize) -> (f64, f64) {
    let values: Vec<f64> = waits.batches[1..].iter().map(|batch| batch[moment]).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn lifo_has_the_mean_wait_of_fifo_and_a_larger_second_moment() {
    // M/M/1, λ 8, μ 10, not preemptive: Wq = 0.4 s either way; E[Wq²] = 2ρ/(μ²(1−ρ)²) = 0.4 for FCFS, 1/(1−ρ) times that for LIFO.
    for (order, second) in [(Order::Fifo, 0.4), (Order::Lifo, 2.0)] {
        let mut b = Builder::new(Duration::from_secs(400_000));
        let demand = b.exponential(100.0 * MS);
        let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
        let policy = b.policy(None, 0);
        b.source("clients", service, Arrivals::Poisson { rate: 8.0 }, policy);
        b.0.services[0].admission.queue.order = order;
        let end = Time::ZERO + b.0.duration;
        let mut world = World::new(b.0);
        let mut waits = Waits::default();
        world.run_until(end, &mut waits).unwrap();
        for (moment, expected) in [(0, 0.4), (1, second)] {
            let (mean, error) = estimate(&waits, moment);
            assert!((mean - expected).abs() < 4.0 * error, "{order:?} E[Wq^{}] {mean} ± {error}", moment + 1);
            assert!(4.0 * error < 0.15 * expected, "{order:?}: too wide, ± {error}");
        }
    }
}

/// The reference retry model of HotOS'25: μ 10, τ 5 s, five retries, 150 places, silent overflow; λ 5, then 15 from 300 to
/// 900 s, then 5. Returns the share of the last 300 s that was answered.
fn retry_storm(set: impl FnOnce(&mut Admission)) -> f64 {
    let mut b = Builder::new(Duration::from_secs(2700));
    let demand = b.exponential(100.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(Some(Duration::from_secs(5)), 5);
    b.source("base", service, Arrivals::Poisson { rate: 5.0 }, policy);
    let surge = b.source("surge", service, Arrivals::Poisson { rate: 10.0 }, policy);
    b.0.sources[surge.index()].from = at(300.0);
    b.0.sources[surge.index()].until = Some(at(900.0));
    b.0.services[0].places = Some(150);
    b.0.services[0].admission.overflow = Rejection::Silent;
    b.0.services[0].admission.queue.dropped = Rejection::Silent;
    set(&mut b.0.services[0].admission);
    let mut world = World::new(b.0);
    world.run_until(at(2400.0), &mut Null).unwrap();
    let before = world.statistics().sources[0].clone();
    world.run_until(at(2700.0), &mut Null).unwrap();
    let after = &world.statistics().sources[0];
    (after.answered - before.answered) as f64 / (after.sent - before.sent) as f64
}

#[test]
fn a_retry_storm_outlives_its_trigger_unless_the_queue_drops_what_is_dead() {
    let collapsed = retry_storm(|_| {});
    assert!(collapsed < 0.1, "first in, first out: {collapsed}");
    let five = Duration::from_secs(5);
    let recovered = [
        ("by age", retry_storm(|admission| admission.queue.maximum_age = Some(five))),
        ("abandoned", retry_storm(|admission| admission.queue.drops_abandoned = true)),
        ("last in, first out", retry_storm(|admission| admission.queue.order = Order::Lifo)),
        ("adaptive", retry_storm(|admission| admission.queue.order = Order::AdaptiveLifo { threshold: 10 })),
    ];
    for (how, share) in recovered {
        assert!(share > 0.9, "{how}: {share}");
    }
}

#[test]
fn a_deadline_that_travels_lets_the_server_drop_what_has_expired() {
    let mut blueprint = server(1000.0, &[0.0, 0.1, 0.2], Some(Duration::from_millis(1500)));
    blueprint.policies[0].propagates_deadline = true;
    blueprint.services[0].admission.queue.drops_expired = true;
    let (world, keep) = run(blueprint);
    // The second begins at 1 s and is given up at 1.6 s; the third would begin at 2 s, 0.3 s after its deadline.
    let statistics = service(&world);
    assert_eq!((statistics.answered, statistics.expired, statistics.refused), (1, 1, 1));
    assert!(keep.states.iter().any(|record| record.transition == Transition::Shed));
}

#[test]
fn a_dropped_syn_comes_again_when_the_kernel_of_its_sender_says() {
    for (schedule, arrives, dropped) in [(SynSchedule::Exponential, 3.1, 2), (SynSchedule::Linear, 2.1, 2)] {
        // Busy from 0 to 1.5 s without a place: the SYN of 0.1 s is dropped, the one of 1.1 s too.
        let mut blueprint = server(1500.0, &[0.0, 0.1], None);
        blueprint.services[0].places = Some(0);
        blueprint.services[0].admission.overflow = Rejection::Retransmit(schedule);
        let (world, keep) = run(blueprint);
        assert_eq!(served(&keep), [(0.0, 1.5), (arrives, arrives + 1.5)]);
        let statistics = service(&world);
        assert_eq!((statistics.arrived, statistics.answered, statistics.syn_dropped), (2, 2, dropped));
        assert_eq!(statistics.refused, 0);
        let longest = world.statistics().sources[0].latency.maximum();
        assert_eq!(longest, Duration::from_nanos(((arrives - 0.1 + 1.5) * 1e9_f64).round() as u64));
    }
}

#[test]
fn nobody_sends_a_syn_again_for_a_caller_that_left() {
    let mut blueprint = server(10_000.0, &[0.0, 0.1], Some(Duration::from_secs(2)));
    blueprint.services[0].places = Some(0);
    blueprint.services[0].admission.overflow = Rejection::Retransmit(SynSchedule::Exponential);
    let (world, keep) = run(blueprint);
    let statistics = service(&world);
    assert_eq!((statistics.arrived, statistics.syn_dropped), (1, 2), "at 0.1 and 1.1 s, not at 3.1 s");
    assert_eq!(keep.spans.len(), 1);
    assert_eq!(world.statistics().sources[0].failed, 2);
}

#[test]
fn a_connection_that_nobody_accepts_times_out_in_the_kernel() {
    let mut blueprint = server(200_000.0, &[0.0, 0.1], None);
    blueprint.services[0].places = Some(0);
    blueprint.services[0].admission.overflow = Rejection::Retransmit(SynSchedule::Exponential);
    let mut world = World::new(blueprint);
    world.run_until(at(127.0), &mut Null).unwrap();
    assert_eq!(world.statistics().sources[0].failed, 0);
    world.run_until(at(127.2), &mut Null).unwrap();
    assert_eq!(world.statistics().sources[0].failed, 1);
    assert_eq!(service(&world).syn_dropped, 7, "the first and six more");
}

#[test]
fn overflow_is_told_as_the_service_says() {
    let timeout = Some(Duration::from_secs(5));
    let overflowed = |overflow| {
        let mut blueprint = server(1000.0, &[0.0, 0.1, 0.2], timeout);
        blueprint.services[0].places = Some(1);
        blueprint.services[0].admission.overflow = overflow;
        let (world, keep) = run(blueprint);
        let statistics = service(&world);
        assert_eq!((statistics.answered, statistics.refused, statistics.overflowed), (2, 1, 1), "{overflow:?}");
        assert_eq!(world.statistics().sources[0].failed, 1);
        let statuses: Vec<u16> = keep.spans.iter().map(|span| span.http_status).collect();
        (statuses, keep)
    };
    assert_eq!(overflowed(Rejection::Refuse).0, [200, 200]);
    assert_eq!(overflowed(Rejection::Silent).0, [200, 200]);
    let (statuses, keep) = overflowed(Rejection::Status(503));
    assert_eq!(statuses, [503, 200, 200]);
    assert_eq!((keep.spans[0].start, keep.spans[0].end), (at(0.2), at(0.2)));
}

#[test]
fn the_more_important_class_comes_first_and_is_given_the_place_of_the_less_important() {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.constant(1000.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(None, 0);
    // Queued from 0.1 s on: two sheddable, one critical; at 0.4 s a critical one displaces the later sheddable one.
    b.source("batch", service, replay(&[0.0, 0.1, 0.2]), policy);
    b.source("users", service, replay(&[0.3, 0.4]), policy);
    b.0.sources[0].class = 3;
    b.0.sources[1].class = 1;
    b.0.services[0].places = Some(3);
    b.0.services[0].admission.queue.by_class = true;
    let (world, keep) = run(b.0.clone());
    assert_eq!(served(&keep), [(0.0, 1.0), (0.1, 4.0), (0.2, 0.4), (0.3, 2.0), (0.4, 3.0)]);
    assert_eq!((world.statistics().sources[0].failed, world.statistics().sources[1].failed), (1, 0));
    // What the service says of the endpoint counts for more than what the request brings along.
    b.0.services[0].admission.classes = vec![Some(2)];
    let (_, keep) = run(b.0);
    assert_eq!(served(&keep), [(0.0, 1.0), (0.1, 2.0), (0.2, 3.0), (0.3, 4.0)], "all alike: the last is refused");
}

#[test]
fn a_class_travels_with_the_calls_of_a_request() {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.constant(1000.0 * MS);
    let policy = b.policy(None, 0);
    let call = Step::Call { site: Site(1), service: ServiceId(1), endpoint: EndpointId(0), policy, optional: false };
    let front = b.service("front", None, vec![call]);
    let back = b.service("back", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    b.link(LinkEnd::Service(front), back, 0.0);
    b.source("batch", front, replay(&[0.0, 0.1]), policy);
    b.source("users", front, replay(&[0.2]), policy);
    b.0.sources[0].class = 3;
    b.0.services[1].admission.queue.by_class = true;
    let (_, keep) = run(b.0);
    let ends: Vec<_> = served(&keep).into_iter().filter(|&(start, end)| start == 0.2 && end == 2.0).collect();
    assert_eq!(
        ends.len(),
        3,
        "front, back and the call between: the user's request is served before the batch's second one"
    );
}

#[test]
fn codel_keeps_the_wait_of_an_overloaded_server_short() {
    let wait = |delay| {
        let mut b = Builder::new(Duration::from_secs(120));
        let demand = b.exponential(10.0 * MS);
        let server = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
        let policy = b.policy(None, 0);
        b.source("clients", server, Arrivals::Poisson { rate: 120.0 }, policy);
        b.0.services[0].admission.queue.delay = delay;
        b.0.services[0].places = Some(500);
        let (world, _) = run(b.0);
        (world.statistics().sources[0].latency.mean().as_secs_f64(), service(&world))
    };
    let (target, interval) = (Duration::from_millis(20), Duration::from_millis(100));
    let (unchecked, statistics) = wait(None);
    assert!(unchecked > 3.0 && statistics.shed == 0, "{unchecked}");
    let (codel, statistics) = wait(Some(DelayControl::CoDel { target, interval }));
    assert!(codel < 0.2 && statistics.overflowed == 0 && statistics.shed > 1000, "{codel} {}", statistics.shed);
    let (standing, statistics) = wait(Some(DelayControl::Standing { target, interval }));
    assert!(standing < 0.05 && statistics.overflowed == 0 && statistics.shed > 1000, "{standing} {}", statistics.shed);
}

#[test]
fn observing_writing_down_and_going_on_change_nothing_under_any_discipline() {
    let overload = |queue: Queue, overflow| {
        let mut b = Builder::new(Duration::from_secs(30));
        let demand = b.exponential(10.0 * MS);
        let service = b.service("server", Some(2), vec![Step::Compute { site: Site(1), demand }]);
        let policy = b.policy(Some(Duration::from_millis(300)), 2);
        b.source("clients", service, Arrivals::Poisson { rate: 260.0 }, policy);
        b.source("batch", service, Arrivals::Poisson { rate: 60.0 }, policy);
        b.0.sources[1].class = 2;
        b.0.services[0].places = Some(20);
        b.0.services[0].cancels_abandoned = true;
        b.0.services[0].admission = Admission { queue, overflow, ..Admission::default() };
        b.0
    };
    let ms = Duration::from_millis;
    let lifo = Queue { order: Order::AdaptiveLifo { threshold: 5 }, by_class: true, ..Queue::default() };
    let codel = Some(DelayControl::CoDel { target: ms(5), interval: ms(100) });
    let codel = Queue { delay: codel, victim: Victim::Oldest, dropped: Rejection::Silent, ..Queue::default() };
    let queues = [Queue::default(), lifo, codel];
    let overflows = [Rejection::Silent, Rejection::Status(429), Rejection::Retransmit(SynSchedule::Linear)];
    for queue in queues {
        for overflow in overflows {
            let end = at(30.0);
            let (observed, _) = run(overload(queue, overflow));
            let mut cut = World::new(overload(queue, overflow));
            cut.run_until(at(11.0), &mut Null).unwrap();
            let text = serde_json::to_string(&cut).unwrap();
            let mut cut: World = serde_json::from_str(&text).unwrap();
            cut.run_until(end, &mut Null).unwrap();
            assert_eq!(observed.digest(), cut.digest(), "{queue:?} {overflow:?}");
            assert!(service(&cut).overflowed > 100);
        }
    }
}

#[test]
fn an_age_that_is_set_while_the_world_runs_counts_for_who_already_waits() {
    let mut blueprint = server(1000.0, &[0.0, 0.1, 0.2, 0.3], None);
    let target = Target::Service(ServiceId(0), ServiceField::MaximumAge);
    let set = Action::Set(vec![(target, Value::Duration(Duration::from_millis(1500)))]);
    blueprint.patches = vec![Patch { fault: None, at: at(0.5), until: Some(at(2.5)), action: set }];
    let (world, keep) = run(blueprint);
    // At 1 s the second has waited 0.9 s; at 2 s the others 1.8 and 1.7 s.
    assert_eq!(served(&keep), [(0.0, 1.0), (0.1, 2.0), (0.2, 2.0), (0.3, 2.0)]);
    assert_eq!(service(&world).expired, 2);
}
