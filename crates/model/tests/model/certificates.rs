//! Certificates: who connects anew, who has a connection, what a reload and a renewal do, and servers that are away.

use crate::support::{Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::record::*;

fn at(milliseconds: u64) -> Time {
    Time::ZERO + Duration::from_millis(milliseconds)
}

fn patch(at_ms: u64, until_ms: Option<u64>, action: Action) -> Patch {
    Patch { fault: Some(FaultId(0)), at: at(at_ms), until: until_ms.map(at), action }
}

fn run(builder: Builder) -> Keep {
    let mut world = World::new(builder.0);
    let mut keep = Keep::default();
    world.run_until(at(4000), &mut keep).unwrap();
    assert_eq!(world.audit(), [""; 0]);
    let service = &world.statistics().services[0];
    assert_eq!(
        service.arrived,
        service.answered + service.failed + service.refused + service.lost + service.in_flight()
    );
    keep
}

/// A service whose certificate expires at 1000 ms, and two clients every 100 ms: one connects for each request, one keeps its connection.
fn certified() -> Builder {
    let mut b = Builder::new(Duration::from_secs(4));
    let service = b.service("web", None, Vec::new());
    b.0.services[service.index()].certificate = Some(at(1000));
    let policy = b.policy(None, 0);
    for (name, keep_alive) in [("kept", Some(1)), ("multiplexed", None), ("new", Some(0))] {
        b.source(name, service, Arrivals::Constant { rate: 10.0 }, policy);
        let latency = b.constant(MS);
        let link = b.0.links.last_mut().unwrap();
        *link = Link { latency, keep_alive, tls: true, connect_round_trips: 2, ..*link };
    }
    b
}

/// When the requests of a source failed, in milliseconds.
fn failures(keep: &Keep, source: u32) -> Vec<u64> {
    // Client sides come behind the one process of the service.
    let client = ProcessId(1 + source);
    let failed = keep.requests.iter().filter(|request| request.client == client && request.error.is_some());
    failed
        .map(|request| {
            assert_eq!(request.error, Some(ErrorType::Certificate));
            request.sent.as_nanos() / 1_000_000
        })
        .collect()
}

#[test]
fn an_expired_certificate_stops_new_connections_and_a_reload_the_others() {
    let mut b = certified();
    let service = ServiceId(0);
    b.0.patches.push(patch(1850, None, Action::Reload { service }));
    b.0.patches.push(patch(2450, None, Action::Renew { service, expires: at(100_000) }));
    b.0.patches.push(patch(2650, None, Action::Reload { service }));
    let keep = run(b);
    let every = |from: u64, to: u64| (from..=to).step_by(100).collect::<Vec<_>>();
    assert_eq!(
        failures(&keep, 2),
        every(1000, 2600),
        "who connects anew fails from the expiry on, until the new one is loaded"
    );
    for kept in [0, 1] {
        assert_eq!(failures(&keep, kept), every(1900, 2600), "who has a connection fails when that is closed");
    }
    // Four messages to open a connection, two for the request.
    let took = |sent: u64, source: u32| {
        let request =
            keep.requests.iter().find(|r| r.client == ProcessId(1 + source) && r.sent == at(sent)).expect("a request");
        (request.ended - request.sent).as_nanos() / 1_000_000
    };
    assert_eq!((took(500, 0), took(500, 1), took(500, 2)), (2, 2, 6));
    assert_eq!(
        (took(1500, 0), took(1500, 1), took(1500, 2)),
        (2, 2, 4),
        "a refused handshake is over before the request is sent"
    );
    assert_eq!((took(2700, 0), took(2700, 1), took(2700, 2)), (6, 6, 6), "all connect anew");
    assert_eq!((took(2800, 0), took(2800, 1), took(2800, 2)), (2, 2, 6));
}

/// How long the requests of a source took, in milliseconds, that came at these instants around a reload of a good certificate at 1850 ms.
fn took_around_a_reload(source: usize, sent: &[u64]) -> Vec<u64> {
    let mut b = certified();
    let service = ServiceId(0);
    b.0.services[0].certificate = None;
    b.0.sources[source].arrivals = Arrivals::Replay { at: sent.iter().copied().map(at).collect() };
    for reload in [1850, 1953] {
        b.0.patches.push(patch(reload, None, Action::Reload { service }));
    }
    let keep = run(b);
    let mine = keep.requests.iter().filter(|request| request.client == ProcessId(1 + source as u32));
    let mut took: Vec<(Time, u64)> =
        mine.map(|request| (request.sent, (request.ended - request.sent).as_nanos() / 1_000_000)).collect();
    took.sort_unstable();
    assert!(keep.requests.iter().all(|request| request.error.is_none()));
    took.into_iter().map(|(_, took)| took).collect()
}

#[test]
fn calls_wait_for_a_multiplexed_connection_that_another_opens_and_else_open_their_own() {
    // Four messages to open a connection: the first call's is open 4 ms later, and the others go over it then, two messages each.
    assert_eq!(took_around_a_reload(1, &[1800, 1900, 1901, 1903, 1904, 1910]), [2, 6, 5, 3, 2, 2]);
    assert_eq!(took_around_a_reload(0, &[1800, 1900, 1901, 1903, 1904, 1910]), [6, 6, 6, 6, 6, 2]);
    // Closed while it is being opened: opened anew. What is under way over it arrives.
    assert_eq!(took_around_a_reload(1, &[1800, 1951, 1952, 1954, 1955]), [2, 6, 5, 6, 5]);
}

#[test]
fn a_renewed_certificate_is_of_no_use_until_it_is_loaded() {
    let mut b = certified();
    let service = ServiceId(0);
    b.0.patches.push(patch(500, None, Action::Renew { service, expires: at(100_000) }));
    let start_up = b.constant(50.0 * MS);
    b.0.services[0].start_up = start_up;
    b.0.patches.push(patch(1510, None, Action::Kill { service }));
    let keep = run(b);
    assert_eq!(failures(&keep, 2), [1000, 1100, 1200, 1300, 1400, 1500]);
    assert!(failures(&keep, 0).is_empty());
}

/// When each request of a source ended, and how, in milliseconds.
fn endings(keep: &Keep, source: u32) -> Vec<(u64, Option<ErrorType>)> {
    let mine = keep.requests.iter().filter(|request| request.client == ProcessId(1 + source));
    mine.map(|request| (request.ended.as_nanos() / 1_000_000, request.error)).collect()
}

#[test]
fn a_server_that_stands_still_shows_its_certificate_when_it_goes_on() {
    let mut b = certified();
    let service = ServiceId(0);
    b.0.patches.push(patch(1350, Some(1600), Action::Pause { service }));
    let keep = run(b);
    // Sent at 1400 and 1500, three ways there; one way back from 1600. Over a connection that is there the requests themselves wait.
    assert_eq!(
        endings(&keep, 2)[12..17].iter().map(|ending| ending.0).collect::<Vec<_>>(),
        [1304, 1601, 1601, 1604, 1704]
    );
    assert!(endings(&keep, 2)[12..17].iter().all(|ending| ending.1 == Some(ErrorType::Certificate)));
    assert_eq!(endings(&keep, 1)[13..16], [(1601, None), (1601, None), (1602, None)]);
}

#[test]
fn a_server_that_is_away_shows_no_certificate() {
    let mut b = certified();
    let service = ServiceId(0);
    b.0.services[0].restart = RestartPolicy::Never;
    b.0.patches.push(patch(1350, Some(1550), Action::Pause { service }));
    b.0.patches.push(patch(1450, None, Action::Kill { service }));
    let keep = run(b);
    let ends = endings(&keep, 2);
    assert_eq!(ends[12], (1304, Some(ErrorType::Certificate)));
    // One handshake was waiting when the server died.
    assert_eq!(ends[13], (1451, Some(ErrorType::ConnectionReset)));
    assert_eq!(ends[14].1, Some(ErrorType::ConnectionRefused));
}
