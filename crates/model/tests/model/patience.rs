//! Patience: how long the client of a request waits for its end, whatever it consists of.

use crate::support::{self, Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Requests at 0 and 1000 ms to one worker, who needs 400 ms for each. Tries are given up after 100 ms and made again 50 ms later.
fn impatient(patience_ms: u64, timeout: Option<Duration>, retries: u32) -> Builder {
    let mut b = Builder::new(Duration::from_secs(4));
    let demand = b.constant(400.0 * MS);
    let service = b.service("web", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    let policy = b.policy(timeout, retries);
    b.0.policies[policy.index()].backoff.base = ms(50);
    b.0.policies[policy.index()].backoff.factor = 1.0;
    let at = vec![Time::ZERO, Time::ZERO + ms(1000)];
    let source = b.source("clients", service, Arrivals::Replay { at }, policy);
    b.0.sources[source.index()].patience = Some(b.constant(patience_ms as f64 * MS));
    b
}

/// When each request ended, after how many attempts, and how.
fn endings(b: Builder) -> Vec<(u64, u16, Option<ErrorType>)> {
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    for tenth in 1..=40 {
        world.run_until(Time::ZERO + ms(100 * tenth), &mut keep).unwrap();
        assert_eq!(world.audit(), [""; 0]);
    }
    let ending = |request: &RequestRecord| {
        ((request.ended - request.sent).as_nanos() / 1_000_000, request.attempts, request.error)
    };
    keep.requests.iter().map(ending).collect()
}

#[test]
fn a_client_leaves_when_its_patience_is_over_and_not_before() {
    assert_eq!(endings(impatient(300, None, 0)), [(300, 1, Some(ErrorType::Timeout)); 2]);
    assert_eq!(endings(impatient(401, None, 0)), [(400, 1, None); 2]);
}

#[test]
fn patience_is_for_all_attempts_and_pauses_together() {
    let give_up = Some(ErrorType::Timeout);
    // Attempts at 0, 150 and 300: the third is left after 20 ms, and there is no fourth.
    assert_eq!(endings(impatient(320, Some(ms(100)), 9)), [(320, 3, give_up); 2]);
    // It would be over in the pause after the second, which is not begun.
    assert_eq!(endings(impatient(270, Some(ms(100)), 9)), [(250, 2, give_up); 2]);
    // Over at once with an attempt.
    assert_eq!(endings(impatient(250, Some(ms(100)), 9)), [(250, 2, give_up); 2]);
    // There are no more attempts than the policy has.
    assert_eq!(endings(impatient(3000, Some(ms(100)), 1)), [(250, 2, give_up); 2]);
}

/// How a request ends that is taken up 300 ms after it was sent, when the worker is done with another one, and is answered at once; its
/// client has this much patience, and is alone or one of the users of a closed source.
fn taken_up_after_300_ms(patience: Duration, closed: bool, program: Vec<Step>) -> (Duration, Option<ErrorType>) {
    let mut b = Builder::new(Duration::from_secs(1));
    let demand = b.constant(400.0 * MS);
    let service = b.service("web", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    b.0.services[0].endpoints.push(support::endpoint("GET /at_once", program));
    let policy = b.policy(None, 0);
    b.source("other", service, Arrivals::Replay { at: vec![Time::ZERO] }, policy);
    let think = b.constant(100.0 * MS);
    let at = Time::ZERO + ms(100);
    let arrivals = if closed { Arrivals::Closed { users: 1, think } } else { Arrivals::Replay { at: vec![at] } };
    let source = b.source("clients", service, arrivals, policy);
    let patience = b.constant(patience.as_nanos() as f64);
    let described = &mut b.0.sources[source.index()];
    (described.mix[0].endpoint, described.patience, described.requests) = (EndpointId(1), Some(patience), Some(1));
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(Time::ZERO + ms(1000), &mut keep).unwrap();
    assert_eq!(world.audit(), [""; 0]);
    let statistics = &world.statistics().sources[source.index()];
    let mine: Vec<_> = keep.requests.iter().filter(|request| request.sent == at).collect();
    let [request] = mine[..] else { panic!("{mine:?}") };
    let answered = u64::from(request.error.is_none() && request.status == 200);
    assert_eq!((statistics.answered, statistics.failed), (answered, 1 - answered));
    assert_eq!(statistics.timeouts, u64::from(request.error == Some(ErrorType::Timeout)));
    (request.ended - request.sent, request.error)
}

#[test]
fn an_answer_in_the_last_instant_of_patience_is_one_and_none_a_moment_later_for_every_kind_of_client() {
    let last = ms(300);
    let moment = Duration::from_nanos(1);
    for closed in [false, true] {
        assert_eq!(taken_up_after_300_ms(last, closed, vec![]), (last, None));
        let fails = vec![Step::Fail { status: 503 }];
        assert_eq!(taken_up_after_300_ms(last, closed, fails.clone()), (last, Some(ErrorType::Application)));
        // Then it has given up, whatever becomes of the request.
        let over = last - moment;
        for program in [vec![], fails] {
            assert_eq!(taken_up_after_300_ms(over, closed, program), (over, Some(ErrorType::Timeout)));
        }
    }
}

#[test]
fn another_patience_is_that_of_requests_from_then_on() {
    let mut b = impatient(300, None, 0);
    let long = b.constant(2000.0 * MS);
    let target = Target::Source(SourceId(0), SourceField::Patience);
    b.0.patches.push(Patch {
        fault: Some(FaultId(0)),
        at: Time::ZERO + ms(500),
        until: Some(Time::ZERO + ms(1200)),
        action: Action::Set(vec![(target, Value::Sampler(long))]),
    });
    assert_eq!(endings(b), [(300, 1, Some(ErrorType::Timeout)), (400, 1, None)]);
}

#[test]
fn each_request_draws_a_patience_of_its_own() {
    let mut b = impatient(1, None, 0);
    b.0.sources[0].arrivals = Arrivals::Constant { rate: 500.0 };
    b.0.sources[0].patience = Some(b.exponential(20.0 * MS));
    b.0.services[0].workers = Some(1_000_000);
    let ends = endings(b);
    let mean = ends.iter().map(|ending| ending.0 as f64).sum::<f64>() / ends.len() as f64;
    // Recorded in whole milliseconds, rounded down.
    assert!(ends.len() > 1900 && (18.0..21.0).contains(&mean), "{mean} of {}", ends.len());
}
