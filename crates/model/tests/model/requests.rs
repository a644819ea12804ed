//! What clients saw of their requests, also of those that no server did.

use crate::support::{Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::record::ErrorType;
use std::collections::{BTreeMap, BTreeSet};

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

#[test]
fn the_identity_of_a_line_is_of_its_own_program_alone() {
    // A service that writes two lines for each request, behind others or not: what they do has its place in the table of all programs.
    let lines = |before: usize| {
        let mut b = Builder::new(Duration::from_secs(5));
        let demand = b.exponential(5.0 * MS);
        let policy = b.policy(None, 0);
        for n in 0..before {
            let name = format!("other-{n}");
            let log = Step::Log { severity: Severity::Info, message: 0 };
            let other = b.service(&name, None, vec![log, Step::Compute { site: Site(1), demand }, log]);
            b.0.services[other.index()].endpoints[0].messages.push("other".into());
            b.source(&format!("of-{name}"), other, Arrivals::Poisson { rate: 20.0 }, policy);
        }
        let compute = Step::Compute { site: Site(1), demand };
        let log = Step::Log { severity: Severity::Info, message: 0 };
        let web = b.service("web", None, vec![log, compute, log, Step::Fail { status: 500 }]);
        b.0.services[web.index()].endpoints[0].messages.push("line".into());
        b.source("clients", web, Arrivals::Poisson { rate: 50.0 }, policy);
        let mut world = World::new(b.0);
        let mut keep = Keep::default();
        world.run_until(Time::ZERO + Duration::from_secs(5), &mut keep).unwrap();
        let mine = keep.logs.into_iter().filter(|log| log.process.index() == web.index());
        mine.map(|log| (log.time, log.uid, log.context)).collect::<Vec<_>>()
    };
    let alone = lines(0);
    let distinct: BTreeSet<u128> = alone.iter().map(|line| line.1).collect();
    assert!(alone.len() > 600 && distinct.len() == alone.len(), "{} lines, {} uids", alone.len(), distinct.len());
    assert_eq!(lines(1), alone);
    assert_eq!(lines(3), alone);
}
