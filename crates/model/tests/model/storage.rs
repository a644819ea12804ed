//! What a database reads and writes on its disk: misses that wait for it, writes that find no room, a log without room that ends the server.

use crate::support::{Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::disk::SEGMENT;
use knockon_model::id::*;
use knockon_model::record::*;
use knockon_model::statistics::Statistics;

const WEB: ServiceId = ServiceId(0);
const DATABASE: ServiceId = ServiceId(1);
const READ: EndpointId = EndpointId(3);
const WRITE: EndpointId = EndpointId(4);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(milliseconds: u64) -> Time {
    Time::ZERO + ms(milliseconds)
}

/// Requests at these milliseconds run one statement of 1 ms each, over a link without latency, at a database with a disk whose I/Os take 10 ms.
fn shop(instants: &[u64], statement: EndpointId, change: impl FnOnce(&mut Storage)) -> Builder {
    let mut b = Builder::new(Duration::from_secs(60));
    let one = b.constant(MS);
    let latency = b.constant(10.0 * MS);
    let none = b.policy(None, 0);
    let program = vec![
        Step::Acquire { pool: PoolId(0) },
        Step::Query { site: Site(1), pool: PoolId(0), endpoint: statement, policy: none, transaction: false },
        Step::Release { pool: PoolId(0) },
    ];
    let web = b.service("web", None, program);
    let database = b.database("zdb", 8, one);
    let sql = |name: &str, program| Endpoint {
        name: name.into(),
        operation: Operation::Sql { operation: name.into(), table: "t".into(), text: name.into() },
        program,
        choices: Vec::new(),
        messages: Vec::new(),
    };
    let compute = Step::Compute { site: Site(1), demand: one };
    let endpoints = &mut b.0.services[database.index()].endpoints;
    endpoints.push(sql("SELECT", vec![Step::ReadPages { site: Site(5), table: 0, pages: 1 }, compute]));
    let writes = vec![compute, Step::WriteRows { bytes: 8192, wal: SEGMENT / 4 }, Step::SyncLog { site: Site(6) }];
    endpoints.push(sql("INSERT", writes));
    let disk = Disk {
        capacity: 20 * SEGMENT,
        used: 0,
        latency,
        bandwidth: 1 << 50,
        depth: 1,
        growth: 0,
        log_growth: 0,
        log_rotation: None,
        log_line: 0,
        minimum_wal: 2 * SEGMENT,
        maximum_wal: 64 * SEGMENT,
        checkpoint_timeout: Duration::from_secs(300),
    };
    let mut storage = Storage { disk, buffers: 0, tables: vec![1_000] };
    change(&mut storage);
    b.0.services[database.index()].storage = Some(storage);
    b.pool(web, database, 10, Duration::from_secs(5));
    b.link(LinkEnd::Service(web), database, 0.0);
    let instants = Arrivals::Replay { at: instants.iter().map(|&instant| at(instant)).collect() };
    b.source("clients", web, instants, none);
    b
}

fn run(blueprint: Blueprint) -> (Keep, Statistics, World) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    world.watch_blame();
    let mut keep = Keep::default();
    let mut now = Time::ZERO;
    while now < end {
        now += ms(100);
        world.run_until(now, &mut keep).unwrap();
        assert_eq!(world.audit(), Vec::<String>::new(), "at {now}");
    }
    let statistics = world.statistics();
    (keep, statistics, world)
}

/// Milliseconds and errors of requests at the web service, in the order of arrival.
fn requests(keep: &Keep) -> Vec<(u64, Option<ErrorType>)> {
    let mut servers: Vec<_> = keep.spans.iter().filter(|span| span.peer.is_none()).collect();
    servers.sort_by_key(|span| (span.start, span.end));
    servers.iter().map(|span| ((span.end - span.start).as_nanos() / 1_000_000, span.error)).collect()
}

#[test]
fn what_is_not_in_memory_waits_for_the_disk_one_after_the_other_and_blames_who_has_it() {
    let b = shop(&[1000, 1000, 1000, 2000], READ, |_| {});
    let (keep, statistics, mut world) = run(b.0);
    let mut times: Vec<u64> = requests(&keep).into_iter().map(|(took, _)| took).collect();
    times.sort_unstable();
    assert_eq!(times, [11, 11, 21, 31]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!((database.buffer_hits, database.buffer_misses), (0, 4));
    let blame = world.take_blame();
    let of_disk: u64 =
        blame.iter().filter(|record| record.resource.kind == ResourceKind::Disk).map(|record| record.ns).sum();
    assert_eq!(of_disk, ms(30).as_nanos(), "10 ms and 20 ms");
}

#[test]
fn what_is_in_memory_costs_no_io_and_a_restart_forgets_it() {
    let mut b = shop(&[1000, 1001, 30_000], READ, |storage| (storage.buffers, storage.tables) = (2_000, vec![1_000]));
    b.0.services[WEB.index()].pools[0].validate_after_idle = Some(ms(500));
    b.0.patches.push(Patch {
        fault: Some(FaultId(0)),
        at: at(5000),
        until: Some(at(6000)),
        action: Action::Restart { service: DATABASE },
    });
    let (keep, statistics, _) = run(b.0);
    // Two of the last are for a connection in place of those that broke.
    assert_eq!(requests(&keep), [(1, None), (1, None), (13, None)]);
    assert_eq!(statistics.services[DATABASE.index()].buffer_misses, 1);
}

#[test]
fn a_commit_waits_until_its_log_is_on_the_disk() {
    let b = shop(&[1000, 1001], WRITE, |storage| storage.disk.bandwidth = SEGMENT * 25);
    // A quarter of a segment at 25 segments a second: 10 ms more.
    let (keep, ..) = run(b.0);
    assert_eq!(requests(&keep), [(21, None), (40, None)]);
}

#[test]
fn on_a_full_disk_writes_fail_and_reads_go_on() {
    let full = |storage: &mut Storage| storage.disk.used = 18 * SEGMENT;
    let (keep, statistics, _) = run(shop(&[1000, 2000], WRITE, full).0);
    assert_eq!(requests(&keep), [(1, Some(ErrorType::DiskFull)), (1, Some(ErrorType::DiskFull))]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!((database.disk_full, database.panics, database.restarts), (2, 0, 0));
    let lines = keep.logs.iter().filter(|log| matches!(log.event, LogEvent::DiskFullHint));
    assert_eq!(lines.count(), 2);
    let (keep, ..) = run(shop(&[1000], READ, full).0);
    assert_eq!(requests(&keep), [(11, None)]);
}

#[test]
fn a_log_without_room_ends_the_server_and_it_comes_back_only_with_room() {
    // Two segments of the log are there and one more fits: the thirteenth write of a quarter of one is too much.
    let instants: Vec<u64> = (0..14).map(|n| 1000 + 100 * n).chain([50_000]).collect();
    let mut b = shop(&instants, WRITE, |storage| storage.disk.used = 18 * SEGMENT - SEGMENT - 20 * 8192);
    b.0.services[WEB.index()].pools[0].acquire_timeout = ms(300);
    b.0.services[WEB.index()].pools[0].validate_after_idle = Some(ms(500));
    b.0.services[DATABASE.index()].restart = RestartPolicy::Kubernetes {
        initial: Duration::from_secs(5),
        maximum: Duration::from_secs(5),
        reset: Duration::from_secs(600),
    };
    b.0.patches.push(Patch {
        fault: Some(FaultId(0)),
        at: at(30_000),
        until: None,
        action: Action::Set(vec![(Target::Service(DATABASE, ServiceField::DiskCapacity), Value::Bytes(40 * SEGMENT))]),
    });
    let (keep, statistics, _) = run(b.0);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!(database.panics, 1);
    assert!(database.restarts >= 3, "{} restarts", database.restarts);
    let failed: Vec<_> = requests(&keep).into_iter().map(|(_, error)| error).collect();
    assert_eq!(&failed[..12], &[None; 12], "{failed:?}");
    assert_eq!(failed[12], Some(ErrorType::ConnectionLost));
    assert_eq!(failed[14], None, "it serves again");
    let refused = keep.logs.iter().filter(|log| matches!(log.event, LogEvent::LogFull { starting: true }));
    assert!(refused.count() >= 2);
}

#[test]
fn a_disk_that_nobody_describes_costs_nothing() {
    let mut b = shop(&[1000, 1001], READ, |_| {});
    b.0.services[DATABASE.index()].storage = None;
    let (keep, ..) = run(b.0);
    assert_eq!(requests(&keep), [(1, None), (1, None)]);
}
