//! What clients saw of their requests, also of those that no server did.

mod support;

use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::record::ErrorType;
use std::collections::{BTreeMap, BTreeSet};
use support::{Builder, Keep, MS};

/// One worker with three places before it, overloaded, and clients who try three times.
fn overloaded() -> Blueprint {
    let mut b = Builder::new(Duration::from_secs(60));
    let demand = b.exponential(100.0 * MS);
    let service = b.service("server", Some(1), vec![Step::Compute { site: Site(1), demand }]);
    b.0.services[0].places = Some(3);
    let policy = b.policy(Some(Duration::from_millis(300)), 2);
    b.source("clients", service, Arrivals::Poisson { rate: 30.0 }, policy);
    b.0
}

#[test]
fn every_request_that_ended_has_a_record_also_those_that_no_server_saw() {
    let mut world = World::new(overloaded());
    let mut keep = Keep::default();
    world.run_until(Time::ZERO + Duration::from_secs(60), &mut keep).unwrap();
    let clients = &world.statistics().sources[0];
    assert_eq!(keep.requests.len() as u64, clients.answered + clients.failed);
    assert_eq!(keep.requests.len() as u64 + clients.in_flight(), clients.sent);
    let numbers: BTreeSet<u64> = keep.requests.iter().map(|request| request.number).collect();
    assert_eq!(numbers.len(), keep.requests.len(), "a number is of one request");
    assert!(numbers.iter().all(|number| (1..=clients.sent).contains(number)));
    let answered = keep.requests.iter().filter(|request| request.error.is_none());
    assert_eq!(answered.clone().count() as u64, clients.answered);
    assert_eq!(
        answered.map(|request| (request.ended - request.sent).as_nanos()).max(),
        Some(clients.latency.maximum().as_nanos())
    );
    // Every attempt reached the server: it served it, which its trace shows, or refused it.
    let mut served: BTreeMap<_, u16> = BTreeMap::new();
    for span in &keep.spans {
        *served.entry(span.trace).or_default() += 1;
    }
    let unseen = keep.requests.iter().filter(|request| !served.contains_key(&request.trace));
    let refused = unseen.clone().filter(|request| request.error == Some(ErrorType::ConnectionRefused)).count();
    assert!(refused > 100, "{refused} requests were only ever refused");
    for request in &keep.requests {
        let seen = served.get(&request.trace).copied().unwrap_or(0);
        assert!(seen <= request.attempts && request.attempts <= 3, "{request:?} was served {seen} times");
        assert_eq!(request.error.is_none(), request.status == 200);
    }
}
