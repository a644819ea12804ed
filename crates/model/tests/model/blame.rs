//! Who held what others waited for, worked out by hand, to the nanosecond.

use crate::support::{Builder, Keep, MS, endpoint};
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::lock::RowId;
use knockon_model::record::*;
use knockon_model::{Null, World};
use std::collections::BTreeMap;

const NONE: PoolId = PoolId(0);

fn at(milliseconds: u64) -> Time {
    Time::ZERO + Duration::from_millis(milliseconds)
}

fn arrivals(milliseconds: &[u64]) -> Arrivals {
    Arrivals::Replay { at: milliseconds.iter().map(|&instant| at(instant)).collect() }
}

/// A further source, of requests of an endpoint of the first service.
fn source(b: &mut Builder, name: &str, of: u32, instants: &[u64]) {
    let policy = b.policy(None, 0);
    let id = b.source(name, ServiceId(0), arrivals(instants), policy);
    b.0.sources[id.index()].mix[0].endpoint = EndpointId(of);
}

fn patch(from: u64, until: u64, action: Action) -> Patch {
    Patch { fault: None, at: at(from), until: Some(at(until)), action }
}

/// Runs a world to its end, with everything counted again on the way, and tells its blame: kind, who waited and how, who held and how,
/// milliseconds (which must be whole ones) and refusals.
fn told(blueprint: Blueprint) -> Vec<String> {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    world.watch_blame();
    while world.step(end, &mut Null).unwrap().is_some() {
        assert_eq!(world.audit(), Vec::<String>::new(), "at {}", world.time());
    }
    let records = world.take_blame();
    assert_eq!(world.take_blame(), [], "what was taken is taken");
    let blueprint = world.blueprint();
    let words = |party: Party| {
        format!("{} {}", party.who.name(blueprint), party.activity.words(party.who, blueprint)).trim().to_owned()
    };
    let line = |record: &BlameRecord| {
        assert_eq!(record.ns % 1_000_000, 0, "{record:?}");
        let resource = record.resource;
        format!(
            "{} {}: {} <- {}: {} ms, {}",
            resource.kind.word(),
            resource.name(blueprint),
            words(record.waiting),
            words(record.holding),
            record.ns / 1_000_000,
            record.refusals
        )
    };
    records.iter().map(line).collect()
}

/// A service with a pool of one connection: `/slow` computes 30 ms on it and queries for 10, `/fast` only queries.
fn pooled(slow: &[u64], fast: &[u64]) -> Builder {
    let mut b = Builder::new(Duration::from_secs(10));
    let (thirty, ten) = (b.constant(30.0 * MS), b.constant(10.0 * MS));
    let none = b.policy(None, 0);
    let query = Step::Query { site: Site(1), pool: NONE, endpoint: EndpointId(0), policy: none, transaction: false };
    let (acquire, release) = (Step::Acquire { pool: NONE }, Step::Release { pool: NONE });
    let compute = Step::Compute { site: Site(2), demand: thirty };
    let web = b.service("web", None, Vec::new());
    b.0.services[0].endpoints = vec![
        endpoint("GET /slow", vec![acquire, compute, query, release]),
        endpoint("GET /fast", vec![acquire, query, release]),
    ];
    let database = b.database("zdb", 4, ten);
    b.pool(web, database, 1, Duration::from_secs(5));
    b.link(LinkEnd::Service(web), database, 0.0);
    source(&mut b, "slow", 0, slow);
    source(&mut b, "fast", 1, fast);
    b
}

#[test]
fn two_classes_that_share_a_pool_blame_who_has_it_for_what_they_do_with_it() {
    // The first slow one has the connection from 1000 to 1040, from 1030 on in its query; the fast ones from 1040 to 1050 and to 1060.
    let lines = told(pooled(&[1000, 1045], &[1005, 1010]).0);
    let expected = [
        "pool web/pool: web/GET /slow pool pool <- web/GET /fast child zdb/query: 15 ms, 0",
        "pool web/pool: web/GET /fast pool pool <- web/GET /slow computing: 45 ms, 0",
        "pool web/pool: web/GET /fast pool pool <- web/GET /slow child zdb/query: 20 ms, 0",
        "pool web/pool: web/GET /fast pool pool <- web/GET /fast child zdb/query: 10 ms, 0",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_connection_that_is_being_opened_is_what_is_waited_for() {
    // It is there after 2 ms.
    let lines = told(pooled(&[], &[1]).0);
    assert_eq!(lines, ["pool web/pool: web/GET /fast pool pool <- opening: 1 ms, 0"]);
}

#[test]
fn a_connection_that_was_never_given_back_is_held_by_who_leaked_it() {
    let mut b = pooled(&[1000], &[2000, 2500]);
    let program = &mut b.0.services[0].endpoints[0].program;
    program[3] = Step::Leak { site: Site(9), pool: NONE, share: 1.0 };
    // Both wait for their whole acquire timeout.
    let lines = told(b.0);
    assert_eq!(lines, ["pool web/pool: web/GET /fast pool pool <- web/GET /slow leaked: 10000 ms, 0"]);
}

#[test]
fn a_row_is_waited_for_because_of_the_one_transaction_that_has_it() {
    let mut b = Builder::new(Duration::from_secs(10));
    let (work, one) = (b.constant(18.0 * MS), b.constant(MS));
    let none = b.policy(None, 0);
    let query = |site, endpoint| Step::Query {
        site: Site(site),
        pool: NONE,
        endpoint: EndpointId(endpoint),
        policy: none,
        transaction: true,
    };
    let program = vec![
        Step::Acquire { pool: NONE },
        query(1, 3),
        Step::Compute { site: Site(2), demand: work },
        query(3, 1),
        Step::Release { pool: NONE },
    ];
    let web = b.service("web", None, program);
    let database = b.database("zdb", 4, one);
    let endpoints = &mut b.0.services[database.index()].endpoints;
    endpoints[1].program = vec![Step::Compute { site: Site(1), demand: one }];
    endpoints.push(Endpoint {
        name: "UPDATE".into(),
        operation: Operation::Sql { operation: "UPDATE".into(), table: "t".into(), text: "UPDATE".into() },
        program: vec![
            Step::Lock { table: Site(77), rows: 1, popularity: one, draw: 0 },
            Step::Compute { site: Site(1), demand: one },
        ],
        choices: Vec::new(),
        messages: Vec::new(),
    });
    b.pool(web, database, 10, Duration::from_secs(5));
    b.link(LinkEnd::Service(web), database, 0.0);
    // Somebody outside has the row until 1200; the first of 2000 has it for 20 ms, computing from 2001 to 2019.
    source(&mut b, "clients", 0, &[1150, 2000, 2005]);
    let hold = Action::Hold { service: database, row: RowId { table: 77, number: 0 } };
    b.0.patches.push(patch(1100, 1200, hold));
    let expected = [
        "locks zdb: zdb/UPDATE lock <- session: 50 ms, 0",
        "locks zdb: zdb/UPDATE lock <- web/GET / computing: 14 ms, 0",
        "locks zdb: zdb/UPDATE lock <- web/GET / child zdb/COMMIT: 1 ms, 0",
    ];
    assert_eq!(told(b.0), expected);
}

/// One endpoint a demand, in milliseconds, of a service with cores and workers.
fn computing(demands: &[f64], workers: Option<u32>, milli: u32) -> Builder {
    let mut b = Builder::new(Duration::from_secs(10));
    b.service("web", workers, Vec::new());
    for (n, demand) in demands.iter().enumerate() {
        let demand = b.constant(demand * MS);
        let compute = vec![Step::Compute { site: Site(1), demand }];
        let endpoints = &mut b.0.services[0].endpoints;
        endpoints.push(endpoint(&format!("GET /{n}"), compute));
    }
    b.0.services[0].endpoints.remove(0);
    b.0.services[0].cores = Cores::Milli(milli);
    b
}

#[test]
fn those_who_share_a_core_blame_each_other_and_nobody_blames_himself() {
    // Three jobs of 10 ms on one core: each waits 20 ms. Two of one endpoint: half of what each waits is for the other of its kind.
    let mut b = computing(&[10.0, 10.0], None, 1000);
    source(&mut b, "a", 0, &[1000, 1000]);
    source(&mut b, "b", 1, &[1000]);
    let expected = [
        "processor web: web/GET /0 computing <- web/GET /0 computing: 20 ms, 0",
        "processor web: web/GET /0 computing <- web/GET /1 computing: 20 ms, 0",
        "processor web: web/GET /1 computing <- web/GET /0 computing: 20 ms, 0",
    ];
    assert_eq!(told(b.0), expected);
}

#[test]
fn whoever_queues_for_a_core_waits_for_those_that_have_one() {
    let mut b = computing(&[30.0, 10.0], None, 1000);
    b.0.services[0].discipline = CpuDiscipline::FirstCome;
    source(&mut b, "a", 0, &[1000]);
    source(&mut b, "b", 1, &[1010, 1020]);
    let expected = [
        "processor web: web/GET /1 computing <- web/GET /0 computing: 30 ms, 0",
        "processor web: web/GET /1 computing <- web/GET /1 computing: 10 ms, 0",
    ];
    assert_eq!(told(b.0), expected);
}

#[test]
fn a_burnt_quota_was_burnt_by_those_who_compute() {
    // A tenth of a core: 10 ms of each period of 100. The job of 25 ms runs from 1000 to 1010, 1100 to 1110 and 1200 to 1205.
    let mut b = computing(&[25.0], None, 2000);
    b.0.services[0].quota = Some(100);
    source(&mut b, "a", 0, &[1000]);
    let expected = ["processor web: web/GET /0 throttled <- web/GET /0 throttled: 180 ms, 0"];
    assert_eq!(told(b.0), expected);
}

#[test]
fn a_stop_from_outside_is_the_reason_of_those_who_would_run_and_of_those_who_find_a_worker_free() {
    let mut b = computing(&[20.0], Some(2), 4000);
    source(&mut b, "a", 0, &[1000, 1015, 1020]);
    b.0.patches.push(patch(1010, 1110, Action::Pause { service: ServiceId(0) }));
    let mut lines = told(b.0.clone());
    // One computes, and one worker is free: the two that come later wait for the process; afterwards, the third for the first
    // worker that has nothing more to do, for 10 ms.
    let expected = [
        "workers web: web/GET /0 queued <- outside: 185 ms, 0",
        "workers web: web/GET /0 queued <- web/GET /0 computing: 10 ms, 0",
        "running web: web/GET /0 paused <- outside: 100 ms, 0",
    ];
    assert_eq!(lines, expected);
    // With one worker both wait for it, whatever it does.
    b.0.services[0].workers = Some(1);
    lines = told(b.0);
    let expected = [
        "workers web: web/GET /0 queued <- web/GET /0 computing: 40 ms, 0",
        "workers web: web/GET /0 queued <- web/GET /0 paused: 185 ms, 0",
        "running web: web/GET /0 paused <- outside: 100 ms, 0",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn who_finds_no_place_is_refused_because_of_those_who_have_one() {
    let mut b = computing(&[100.0, 100.0], Some(1), 4000);
    b.0.services[0].places = Some(2);
    source(&mut b, "a", 0, &[1000, 1010]);
    source(&mut b, "b", 1, &[1020, 1030, 1040, 1050]);
    // The worker has the first; one of each kind has a place; the next three find none: one and a half each, which is rounded so that
    // there are three.
    let lines = told(b.0);
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("places")).collect();
    let expected = [
        "places web: web/GET /1 queued <- web/GET /0 queued: 0 ms, 2",
        "places web: web/GET /1 queued <- web/GET /1 queued: 0 ms, 1",
    ];
    assert_eq!(refused, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_limiter_refuses_because_of_those_whom_it_let_through() {
    let mut b = computing(&[1.0, 1.0], None, 4000);
    let limit = RateLimit { kind: RateLimitKind::TokenBucket, rate_milli: 100, burst: 2, status: 429 };
    b.0.services[0].admission.rate_limit = Some(limit);
    source(&mut b, "a", 0, &[1000, 1001]);
    source(&mut b, "b", 1, &[1002, 1003]);
    assert_eq!(told(b.0), ["tokens web: web/GET /1 queued <- web/GET /0 admitted: 0 ms, 2"]);
}

/// Poisson arrivals of three endpoints, exponential demands.
fn busy(discipline: CpuDiscipline, quota: Option<u32>) -> Blueprint {
    let mut b = computing(&[1.0, 1.0, 1.0], None, 1500);
    for (n, mean) in [2.0, 5.0, 9.0].into_iter().enumerate() {
        let demand = b.exponential(mean * MS);
        b.0.services[0].endpoints[n].program = vec![Step::Compute { site: Site(1), demand }; 2];
        let policy = b.policy(None, 0);
        let id = b.source(&format!("s{n}"), ServiceId(0), Arrivals::Poisson { rate: 40.0 }, policy);
        b.0.sources[id.index()].mix[0].endpoint = EndpointId(n as u32);
    }
    b.0.services[0].discipline = discipline;
    b.0.services[0].quota = quota;
    b.0
}

#[test]
fn what_is_blamed_on_others_of_a_processor_is_what_ledgers_book_but_for_a_nanosecond_a_demand() {
    for (discipline, quota) in
        [(CpuDiscipline::Shared, None), (CpuDiscipline::FirstCome, None), (CpuDiscipline::Shared, Some(1400))]
    {
        let mut blueprint = busy(discipline, quota);
        for source in &mut blueprint.sources {
            source.until = Some(at(8000));
        }
        let mut world = World::new(blueprint);
        world.watch_blame();
        let mut keep = Keep::default();
        // Until all have ended: then ledgers have everything.
        world.run_until(at(60_000), &mut keep).unwrap();
        let mut booked: BTreeMap<EndpointId, (u64, u64)> = BTreeMap::new();
        for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
            let endpoint = world.catalogue().operations[span.operation.index()].endpoint;
            let sum = booked.entry(endpoint).or_default();
            let parts = ledger.parts;
            *sum = (sum.0 + parts[Part::CpuWait as usize] + parts[Part::Throttled as usize], sum.1 + 2);
        }
        let mut blamed: BTreeMap<EndpointId, u64> = BTreeMap::new();
        for record in world.take_blame() {
            let Who::Endpoint(_, endpoint) = record.waiting.who else { continue };
            if record.resource.kind == ResourceKind::Processor {
                *blamed.entry(endpoint).or_default() += record.ns;
            }
        }
        assert_eq!(booked.len(), 3);
        for (endpoint, (ns, demands)) in booked {
            let more = ns.checked_sub(blamed[&endpoint]).expect("a ledger never has less");
            assert!(demands > 400 && more <= demands + 2, "{endpoint:?}: {more} ns more for {demands} demands");
            assert!(ns > 100_000_000, "there was waiting");
        }
    }
}

#[test]
fn accounts_that_are_begun_later_cut_taken_or_stored_say_the_same_and_the_world_is_the_same() {
    let end = at(10_000);
    let blueprint = || busy(CpuDiscipline::Shared, Some(1400));
    let mut plain = World::new(blueprint());
    plain.run_until(end, &mut Null).unwrap();
    let mut whole = World::new(blueprint());
    whole.watch_blame();
    whole.run_until(at(4_000), &mut Null).unwrap();
    let early = whole.take_blame();
    let mut late = World::new(blueprint());
    late.run_until(at(4_000), &mut Null).unwrap();
    late.watch_blame();
    let stored: World = serde_json::from_str(&serde_json::to_string(&late).unwrap()).unwrap();
    let mut worlds = [whole, late.clone(), stored, late];
    // The last is looked at in windows.
    let mut windows = Vec::new();
    for window in 1..=60 {
        worlds[3].run_until(at(4_000 + 100 * window), &mut Null).unwrap();
        windows.extend(worlds[3].take_blame());
    }
    worlds.iter_mut().for_each(|world| world.run_until(end, &mut Null).unwrap());
    assert!(worlds.iter().all(|world| world.digest() == plain.digest()));
    let [whole, late, stored, _] = &mut worlds;
    let records = whole.take_blame();
    assert_eq!((&late.take_blame(), &stored.take_blame()), (&records, &records));
    assert!(!early.is_empty() && records.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
    // Windows sum to it, but for their rounding: less than a nanosecond each way a row and window.
    let ns = |records: &[BlameRecord]| records.iter().map(|record| record.ns).sum::<u64>();
    let (cut, all) = (ns(&windows), ns(&records));
    assert!(cut <= all && all - cut < 60 * 8, "{all} ns, in windows {cut}");
}
