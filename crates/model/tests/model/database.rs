//! What happens to transactions: rows that others hold, back ends that are ended, a server that is away, statements on their way.

use crate::support::{self, Builder, Keep, MS};
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::*;
use knockon_model::id::*;
use knockon_model::lock::RowId;
use knockon_model::record::*;
use knockon_model::statistics::Statistics;

const HOT: RowId = RowId { table: 77, number: 0 };
const LOCKING: EndpointId = EndpointId(3);
const QUERY: EndpointId = EndpointId(0);
const COMMIT: EndpointId = EndpointId(1);
const WEB: ServiceId = ServiceId(0);
const DATABASE: ServiceId = ServiceId(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(milliseconds: u64) -> Time {
    Time::ZERO + ms(milliseconds)
}

fn patch(at_ms: u64, until_ms: Option<u64>, action: Action) -> Patch {
    Patch { fault: Some(FaultId(0)), at: at(at_ms), until: until_ms.map(at), action }
}

fn arrivals(milliseconds: &[u64]) -> Arrivals {
    Arrivals::Replay { at: milliseconds.iter().map(|&instant| at(instant)).collect() }
}

/// Every request locks the hot row (1 ms), computes 18 ms and commits (1 ms): 20 ms, over a link without latency.
fn shop(instants: &[u64]) -> Builder {
    let mut b = Builder::new(Duration::from_secs(10));
    let work = b.constant(18.0 * MS);
    let one = b.constant(MS);
    let none = b.policy(None, 0);
    let query = |site, endpoint, transaction| Step::Query {
        site: Site(site),
        pool: PoolId(0),
        endpoint,
        policy: none,
        transaction,
    };
    let program = vec![
        Step::Acquire { pool: PoolId(0) },
        query(1, LOCKING, true),
        Step::Compute { site: Site(2), demand: work },
        query(3, COMMIT, true),
        Step::Release { pool: PoolId(0) },
    ];
    let web = b.service("web", None, program);
    let database = b.database("zdb", 4, one);
    let sql = |name: &str, program| Endpoint {
        name: name.into(),
        operation: Operation::Sql { operation: name.into(), table: "t".into(), text: name.into() },
        program,
        choices: Vec::new(),
        messages: Vec::new(),
    };
    let steps = vec![
        Step::Lock { table: Site(HOT.table), rows: 1, popularity: one, draw: 0 },
        Step::Compute { site: Site(1), demand: one },
    ];
    let endpoints = &mut b.0.services[database.index()].endpoints;
    endpoints[COMMIT.index()].program = vec![Step::Compute { site: Site(1), demand: one }];
    endpoints.push(sql("UPDATE", steps));
    b.pool(web, database, 10, Duration::from_secs(5));
    b.link(LinkEnd::Service(web), database, 0.0);
    let policy = b.policy(None, 0);
    b.source("clients", web, arrivals(instants), policy);
    b
}

fn postgres(b: &mut Builder) -> &mut Postgres {
    match &mut b.0.services[DATABASE.index()].runtime {
        Runtime::Postgres(postgres) => postgres,
        _ => unreachable!("it is a database"),
    }
}

fn run(blueprint: Blueprint) -> (Keep, Statistics, World) {
    let end = Time::ZERO + blueprint.duration;
    let mut world = World::new(blueprint);
    let mut keep = Keep::default();
    for tenth in 1..=(end - Time::ZERO).as_nanos() / 100_000_000 {
        world.run_until(Time::ZERO + ms(100 * tenth), &mut keep).unwrap();
        assert_eq!(world.audit(), Vec::<String>::new(), "after {tenth} tenths of a second");
    }
    let statistics = world.statistics();
    for service in &statistics.services {
        let ended = service.answered + service.failed + service.refused + service.lost;
        assert_eq!(service.arrived, ended + service.in_flight(), "{}", service.name);
    }
    for (span, ledger) in keep.spans.iter().zip(&keep.ledgers) {
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    (keep, statistics, world)
}

/// Milliseconds from the start to the end of each request at the web service, by order of arrival, with its error.
fn requests(keep: &Keep) -> Vec<(u64, Option<ErrorType>)> {
    let mut servers: Vec<_> = keep.spans.iter().filter(|span| span.peer.is_none()).collect();
    servers.sort_by_key(|span| (span.start, span.end));
    servers.iter().map(|span| ((span.end - span.start).as_nanos() / 1_000_000, span.error)).collect()
}

fn ended(request: (u64, Option<ErrorType>)) -> u64 {
    assert_eq!(request.1, None);
    request.0
}

#[test]
fn transactions_take_a_hot_row_one_after_the_other_and_waiting_keeps_no_worker() {
    // Ten at once for four workers; one that locks nothing comes between them.
    let mut b = shop(&[1000; 10]);
    let cold = vec![
        Step::Acquire { pool: PoolId(0) },
        Step::Query { site: Site(1), pool: PoolId(0), endpoint: QUERY, policy: PolicyId(0), transaction: false },
        Step::Release { pool: PoolId(0) },
    ];
    b.0.services[WEB.index()].endpoints.push(support::endpoint("GET /cold", cold));
    b.pool_size(WEB, 20);
    let cold = b.source("cold", WEB, arrivals(&[1010]), PolicyId(1));
    b.0.sources[cold.index()].mix[0].endpoint = EndpointId(1);
    b.0.links.pop();
    b.link(LinkEnd::Source(cold), WEB, 0.0);
    let (keep, statistics, _) = run(b.0);
    let mut times: Vec<u64> = requests(&keep).into_iter().map(ended).collect();
    times.sort_unstable();
    let expected: Vec<u64> = [1].into_iter().chain((1..=10).map(|n| 20 * n)).collect();
    assert_eq!(times, expected, "the row is held for 20 ms, from the statement that locks it to the end of COMMIT");
    let database = &statistics.services[DATABASE.index()];
    assert_eq!(database.lock_wait.count(), 9);
    assert_eq!(database.lock_wait.maximum(), ms(180));
}

#[test]
fn a_row_that_another_session_holds_stops_those_who_want_it_until_it_commits() {
    let mut b = shop(&[500, 1500, 1600, 4000]);
    b.0.patches.push(patch(1000, Some(3000), Action::Hold { service: DATABASE, row: HOT }));
    let (keep, statistics, _) = run(b.0);
    let times: Vec<u64> = requests(&keep).into_iter().map(ended).collect();
    assert_eq!(times, [20, 1520, 1440, 20]);
    assert_eq!(statistics.services[DATABASE.index()].lock_wait.count(), 2);
}

#[test]
fn a_session_from_outside_waits_for_the_row_like_everybody() {
    let mut b = shop(&[1000, 1002, 1010]);
    b.0.patches.push(patch(1005, Some(1500), Action::Hold { service: DATABASE, row: HOT }));
    let (keep, ..) = run(b.0);
    // Two were there before; the third comes after.
    let times: Vec<u64> = requests(&keep).into_iter().map(ended).collect();
    assert_eq!(times, [20, 38, 510]);
}

#[test]
fn lock_timeout_fails_the_statement_and_frees_the_transactions_rows() {
    let mut b = shop(&[1000, 1100, 1150, 1200, 2000]);
    postgres(&mut b).lock_timeout = Some(ms(300));
    b.0.patches.push(patch(900, Some(1800), Action::Hold { service: DATABASE, row: HOT }));
    let (keep, statistics, _) = run(b.0);
    let failed = |milliseconds| (milliseconds, Some(ErrorType::LockTimeout));
    // The second is queued until 1300, when the first gives up, and then waits for the holder for 300 ms more; the third and
    // the fourth give up in the queue.
    assert_eq!(requests(&keep), [failed(300), failed(500), failed(300), failed(300), (20, None)]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!(database.lock_timeouts, 4);
    let web = &statistics.services[WEB.index()];
    assert_eq!((web.failed, web.answered), (4, 1));
    let lines: Vec<_> = keep.logs.iter().filter(|log| log.process == ProcessId(1)).map(|log| log.event).collect();
    let failed = |event: &&LogEvent| matches!(event, LogEvent::RequestFailed { error: ErrorType::LockTimeout, .. });
    assert_eq!(lines.iter().filter(failed).count(), 4);
    // Each was rolled back, over a connection that lives on.
    let rollbacks = keep.spans.iter().filter(|span| span.peer.is_some() && span.error.is_none());
    assert_eq!(rollbacks.count(), 4 + 2);
}

#[test]
fn only_of_complete_statements_it_is_logged_how_long_they_took() {
    let mut b = shop(&[1000]);
    postgres(&mut b).slow_query = Some(ms(250));
    b.0.patches.push(patch(900, Some(1500), Action::Hold { service: DATABASE, row: HOT }));
    let mut cancelled = b.0.clone();
    let Runtime::Postgres(postgres) = &mut cancelled.services[DATABASE.index()].runtime else { unreachable!() };
    postgres.lock_timeout = Some(ms(300));
    let lines = |blueprint| {
        let (keep, ..) = run(blueprint);
        keep.logs.iter().filter(|log| log.process == ProcessId(1)).map(|log| log.event).collect::<Vec<_>>()
    };
    let (endpoint, client) = (LOCKING, LinkEnd::Service(WEB));
    let slow = LogEvent::SlowQuery { endpoint, duration: ms(501), client };
    assert_eq!(lines(b.0), [slow]);
    let failed = lines(cancelled);
    assert!(matches!(failed[..], [LogEvent::RequestFailed { error: ErrorType::LockTimeout, .. }]), "{failed:?}");
}

#[test]
fn long_waits_are_logged_on_demand() {
    for on in [false, true] {
        let mut b = shop(&[1000, 1100]);
        postgres(&mut b).log_lock_waits = on;
        b.0.patches.push(patch(900, Some(3000), Action::Hold { service: DATABASE, row: HOT }));
        let (keep, ..) = run(b.0);
        let waits = keep.logs.iter().filter_map(|log| match log.event {
            LogEvent::LockWait { next, waited, acquired, .. } => {
                Some((log.time.as_nanos() / 1_000_000, next, waited.as_nanos() / 1_000_000, acquired))
            }
            _ => None,
        });
        let waits: Vec<_> = waits.collect();
        let expected = [
            (2000, true, 1000, false),
            (2100, false, 1000, false),
            (3000, true, 2000, true),
            (3000, false, 1900, true),
        ];
        assert_eq!(waits, if on { &expected[..] } else { &[] });
    }
}

#[test]
fn rows_of_a_client_that_dies_are_free_when_the_news_is_there() {
    let mut b = shop(&[1000, 2000]);
    // It locks, and computes for ever.
    let endless = b.constant(1e6 * MS);
    b.0.services[WEB.index()].endpoints[0].program[2] = Step::Compute { site: Site(2), demand: endless };
    let latency = b.constant(5.0 * MS);
    let other = b.0.services[WEB.index()].clone();
    b.0.services.push(Service { name: "zother".into(), draw_name: "zother".into(), ..other });
    let work = b.constant(18.0 * MS);
    b.0.services[2].endpoints[0].program[2] = Step::Compute { site: Site(2), demand: work };
    b.link(LinkEnd::Service(ServiceId(2)), DATABASE, 0.0);
    b.0.links[0].latency = latency;
    b.source("others", ServiceId(2), arrivals(&[1500]), PolicyId(1));
    b.0.patches.push(patch(1700, None, Action::Kill { service: WEB }));
    let (keep, ..) = run(b.0);
    let others: Vec<_> = keep.spans.iter().filter(|span| span.process == ProcessId(2) && span.peer.is_none()).collect();
    // Held until 1700 + 5 ms, then its own 20 ms.
    assert_eq!(others[0].end, at(1725));
}

#[test]
fn terminated_back_ends_cost_their_statements_and_are_found_dead_when_borrowed() {
    let mut b = shop(&[1000, 1001, 3000, 3500]);
    b.0.services[WEB.index()].pools[0].validate_after_idle = Some(ms(500));
    b.0.scrape_interval = Duration::from_secs(1);
    b.0.patches.push(patch(1010, None, Action::Terminate { service: DATABASE, share: 1.0 }));
    let (keep, statistics, world) = run(b.0);
    // The first is in its transaction and finds out at COMMIT; the second waits for the row.
    let gone = Some(ErrorType::Terminated);
    assert_eq!(requests(&keep), [(19, gone), (9, gone), (20, None), (20, None)]);
    assert_eq!(statistics.services[WEB.index()].pools[0].timeouts, 0);
    let ended = keep.logs.iter().filter(|log| matches!(log.event, LogEvent::Terminated { .. })).count();
    assert_eq!(ended, 10);
    assert_eq!(connections(&keep, &world, 2), 2.0, "in place of the two that have failed; of the others nobody knows");
}

#[test]
fn a_share_of_the_back_ends_is_drawn_one_by_one() {
    let mut b = shop(&[]);
    b.pool_size(WEB, 80);
    b.0.scrape_interval = Duration::from_secs(1);
    b.0.patches.push(patch(2500, None, Action::Terminate { service: DATABASE, share: 0.25 }));
    let (keep, _, world) = run(b.0);
    let (before, after) = (connections(&keep, &world, 2), connections(&keep, &world, 3));
    assert_eq!(before, 80.0);
    // 60 ± 4σ of a binomial distribution with σ = 3.9.
    assert!((44.0..=76.0).contains(&after) && after < 80.0, "{after}");
}

/// Back ends at a scrape.
fn connections(keep: &Keep, world: &World, scrape: usize) -> f64 {
    let backends = world.catalogue().series.iter().position(|series| series.name == "pg_stat_database_numbackends");
    let backends = SeriesId(backends.expect("a database has back ends") as u32);
    keep.samples.iter().filter(|sample| sample.series == backends).nth(scrape).expect("a sample").value
}

#[test]
fn a_server_that_is_shut_down_refuses_until_it_is_started() {
    let mut b = shop(&[1000, 1100, 5500]);
    b.0.services[WEB.index()].pools[0].acquire_timeout = ms(1000);
    b.0.services[WEB.index()].pools[0].validate_after_idle = Some(ms(500));
    let start_up = b.constant(200.0 * MS);
    b.0.services[DATABASE.index()].start_up = start_up;
    b.0.patches.push(patch(1010, Some(4000), Action::Restart { service: DATABASE }));
    let (keep, statistics, _) = run(b.0);
    let (lost, timeout) = (Some(ErrorType::ConnectionLost), Some(ErrorType::PoolTimeout));
    assert_eq!(requests(&keep), [(19, lost), (1000, timeout), (20, None)]);
    assert_eq!(statistics.services[DATABASE.index()].restarts, 1);
    let started = keep.states.iter().find(|state| matches!(state.transition, Transition::Running { .. }));
    assert_eq!(started.expect("it started").time, at(4200));
}

#[test]
fn a_statement_that_takes_too_long_is_cancelled_wherever_it_is() {
    // One computes for a second, the second waits for a worker, the third for its row.
    let mut b = shop(&[1000]);
    let slow = b.constant(1000.0 * MS);
    let one = |endpoint| {
        vec![
            Step::Acquire { pool: PoolId(0) },
            Step::Query { site: Site(1), pool: PoolId(0), endpoint, policy: PolicyId(0), transaction: false },
            Step::Release { pool: PoolId(0) },
        ]
    };
    b.0.services[DATABASE.index()].endpoints[0].program = vec![Step::Compute { site: Site(1), demand: slow }];
    b.0.services[DATABASE.index()].workers = Some(1);
    b.0.services[WEB.index()].endpoints[0].program = one(LOCKING);
    b.0.services[WEB.index()].endpoints.push(support::endpoint("GET /slow", one(QUERY)));
    let slow = b.source("slow", WEB, arrivals(&[1100, 1150]), PolicyId(1));
    b.0.sources[slow.index()].mix[0].endpoint = EndpointId(1);
    postgres(&mut b).statement_timeout = Some(ms(400));
    b.0.patches.push(patch(900, Some(8000), Action::Hold { service: DATABASE, row: HOT }));
    for cores in [Cores::Unlimited, Cores::Milli(500)] {
        b.0.services[DATABASE.index()].cores = cores;
        let (keep, statistics, _) = run(b.0.clone());
        let late = Some(ErrorType::StatementTimeout);
        assert_eq!(requests(&keep), [(400, late), (400, late), (400, late)]);
        let database = &statistics.services[DATABASE.index()];
        assert_eq!((database.statement_timeouts, database.failed, database.in_flight()), (3, 3, 0));
        // 400 ms of the one, 50 ms of the other, at half the speed on half a core.
        let computed = if cores == Cores::Unlimited { 450 } else { 225 };
        assert_eq!(database.computed, ms(computed));
    }
}

#[test]
fn a_statement_that_is_dropped_while_it_waits_for_a_worker_again_lets_its_row_go() {
    let mut b = shop(&[1000]);
    let update = vec![
        Step::Acquire { pool: PoolId(0) },
        Step::Query { site: Site(1), pool: PoolId(0), endpoint: LOCKING, policy: PolicyId(0), transaction: false },
        Step::Release { pool: PoolId(0) },
    ];
    b.0.services[WEB.index()].endpoints.push(support::endpoint("GET /update", update));
    let database = &mut b.0.services[DATABASE.index()];
    database.workers = Some(1);
    database.admission.queue.maximum_age = Some(ms(10));
    // The second has its row as the first commits, in the instant in which the only worker is still busy with that: it queues,
    // at the age of 18 ms. The third finds the row free.
    let updates = b.source("updates", WEB, arrivals(&[1002, 3000]), PolicyId(1));
    b.0.sources[updates.index()].mix[0].endpoint = EndpointId(1);
    postgres(&mut b).statement_timeout = Some(ms(5000));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(requests(&keep), [(20, None), (18, Some(ErrorType::Upstream)), (1, None)]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!((database.expired, database.in_flight(), database.statement_timeouts), (1, 0, 0));
}

#[test]
fn a_patch_that_waits_for_a_stopped_database_acts_on_each_process_once() {
    let mut b = shop(&[]);
    b.0.services[DATABASE.index()].replicas = 2;
    b.0.scrape_interval = ms(1000);
    b.0.patches.push(patch(1000, Some(2000), Action::Pause { service: DATABASE }));
    b.0.patches.push(patch(1500, Some(8000), Action::Hold { service: DATABASE, row: HOT }));
    let (keep, _, world) = run(b.0);
    // The pool's ten connections, and the session that holds the row and commits.
    assert_eq!([4, 9].map(|scrape| connections(&keep, &world, scrape)), [11.0, 10.0]);
}

#[test]
fn a_statement_on_its_way_over_a_connection_that_broke_does_not_run_on_the_server_that_came_after() {
    let mut b = shop(&[1000]);
    let latency = b.constant(50.0 * MS);
    b.0.links[0].latency = latency;
    let start_up = b.constant(MS);
    b.0.services[DATABASE.index()].start_up = start_up;
    // The lock is asked for at 1000 and arrives at 1050; the server dies at 1010 and is back at 1011.
    b.0.patches.push(patch(1010, None, Action::Kill { service: DATABASE }));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(requests(&keep), [(100, Some(ErrorType::ConnectionLost))]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!((database.answered, database.refused), (0, 1));
}

#[test]
fn no_rollback_is_sent_over_a_connection_that_broke() {
    let mut b = shop(&[1000]);
    b.0.services[WEB.index()].endpoints[0].program[3] = Step::Fail { status: 500 };
    let start_up = b.constant(MS);
    b.0.services[DATABASE.index()].start_up = start_up;
    b.0.patches.push(patch(1010, None, Action::Kill { service: DATABASE }));
    let (_, statistics, _) = run(b.0);
    assert_eq!(statistics.services[DATABASE.index()].arrived, 1, "the statement that locked the row");
}

#[test]
fn a_deploy_outlives_what_was_set_for_a_while() {
    // Maximum 10; 3 for a while; a deploy brings 5 meanwhile.
    for (set_at, order) in [(1000, "before"), (2500, "between stopping and starting")] {
        let mut b = shop(&[]);
        let start_up = b.constant(1000.0 * MS);
        b.0.services[WEB.index()].start_up = start_up;
        let maximum = Target::Pool(WEB, PoolId(0), PoolField::Maximum);
        b.0.patches.push(patch(set_at, Some(5000), Action::Set(vec![(maximum, Value::Count(3))])));
        b.0.patches.push(patch(2000, None, Action::Deploy { service: WEB, set: vec![(maximum, Value::Count(5))] }));
        b.0.patches.sort_by_key(|patch| patch.at);
        let (.., world) = run(b.0);
        assert_eq!(world.blueprint().services[0].pools[0].maximum, 5, "set {order}");
    }
}

#[test]
fn a_pause_ends_its_own_stop_and_no_other() {
    // The process that the first pause stopped is killed; the second stops its successor, beyond the end of the first.
    let mut b = shop(&[4500]);
    let start_up = b.constant(MS);
    b.0.services[WEB.index()].start_up = start_up;
    b.0.patches.push(patch(1000, Some(4000), Action::Pause { service: WEB }));
    b.0.patches.push(patch(2000, None, Action::Kill { service: WEB }));
    b.0.patches.push(patch(3000, Some(6000), Action::Pause { service: WEB }));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(requests(&keep), [(1520, None)]);
    assert_eq!(statistics.services[0].paused, Duration::from_secs(4));
}

#[test]
fn a_process_that_is_killed_while_a_deploy_waits_for_it_has_died() {
    let mut b = shop(&[1000]);
    let slow = b.constant(5000.0 * MS);
    b.0.services[WEB.index()].endpoints[0].program[2] = Step::Compute { site: Site(2), demand: slow };
    b.0.patches.push(patch(1500, None, Action::Deploy { service: WEB, set: Vec::new() }));
    b.0.patches.push(patch(2000, None, Action::Kill { service: WEB }));
    let (keep, statistics, _) = run(b.0);
    let kinds: Vec<ChangeKind> = keep.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Deployment { from: 0, to: 1 }, ChangeKind::Exited { code: 137, oom_killed: false }]);
    let exited = keep.states.iter().filter(|state| matches!(state.transition, Transition::Exited { code: 137 }));
    assert_eq!(exited.count(), 1);
    // The next version starts at once: it is the deploy's.
    let started = keep.states.iter().find(|state| matches!(state.transition, Transition::Running { .. }));
    assert_eq!((started.expect("it started").time, statistics.services[0].restarts), (at(3000), 0));
}

#[test]
fn a_replica_that_dies_takes_its_own_kept_connections_along_and_no_others() {
    let mut b = Builder::new(Duration::from_secs(40));
    let steps = vec![Step::Retain { bytes: 10 << 20 }];
    let service = b.service("web", None, steps);
    let web = &mut b.0.services[service.index()];
    web.replicas = 2;
    web.runtime = Runtime::CPython(CPython {
        base: 1 << 20,
        object_bytes: 1 << 20,
        thresholds: [700, 10, 10],
        per_object: Duration::ZERO,
    });
    web.memory = Memory { baseline: 1 << 20, limit: Some(75 << 20) };
    let policy = b.policy(None, 0);
    b.source("clients", service, Arrivals::Constant { rate: 10.0 }, policy);
    let latency = b.constant(10.0 * MS);
    b.0.links[0] = Link { latency, keep_alive: Some(10), ..b.0.links[0] };
    let (keep, ..) = run(b.0);
    let mut spans: Vec<_> = keep.spans.iter().filter(|span| span.peer.is_none()).collect();
    spans.sort_by_key(|span| span.start);
    let exits = |process| {
        let of = move |state: &&StateRecord| {
            state.process == process && matches!(state.transition, Transition::Exited { .. })
        };
        keep.states.iter().filter(of).map(|state| state.time)
    };
    let mut connected: [Option<Time>; 2] = [None; 2];
    let (mut kept, mut fresh) = (0, 0);
    for span in spans {
        let way = span.start.as_nanos() / 1_000_000 % 100;
        let since = connected[span.process.index()].replace(span.start);
        let lives_on = since.is_some_and(|since| !exits(span.process).any(|exit| exit >= since && exit <= span.start));
        assert_eq!(way, if lives_on { 10 } else { 30 }, "{span:?}");
        kept += u32::from(lives_on);
        fresh += u32::from(!lives_on);
    }
    assert!(kept > 30 && fresh > 4, "{kept} over kept connections, {fresh} over new ones");
}

#[test]
fn a_leaked_connection_never_comes_back() {
    // One request in two forgets its connection; a pool of three is soon exhausted.
    let mut b = shop(&[1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900]);
    b.pool_size(WEB, 3);
    let pool = &mut b.0.services[WEB.index()].pools[0];
    (pool.acquire_timeout, pool.leak_detection) = (ms(500), Some(ms(2000)));
    b.0.services[WEB.index()].endpoints[0].program.insert(4, Step::Leak { site: Site(9), pool: PoolId(0), share: 0.5 });
    let (keep, statistics, _) = run(b.0.clone());
    let web = &statistics.services[WEB.index()];
    assert_eq!(web.pools[0].leaked, 3);
    assert!(web.pools[0].timeouts > 0 && web.answered + web.pools[0].timeouts == 10);
    assert_eq!(web.pools[0].acquired, web.answered, "nobody waits for what was leaked and gets it");
    let suspected = keep.logs.iter().filter(|log| matches!(log.event, LogEvent::PoolLeakSuspected { .. }));
    assert_eq!(suspected.count(), 3);
    // A new process has all of its connections, until it has leaked them too.
    let mut killed = Builder(b.0.clone());
    let start_up = killed.constant(50.0 * MS);
    killed.0.services[WEB.index()].start_up = start_up;
    killed.0.patches.push(patch(1650, None, Action::Kill { service: WEB }));
    let after = run(killed.0).1.services.swap_remove(WEB.index());
    assert!(after.answered > web.answered && after.pools[0].acquired > 3, "{after:?}");
    // Without the defect nothing is lost.
    let share = Target::Step(WEB, EndpointId(0), 4, StepField::Share);
    b.0.patches.push(patch(500, None, Action::Set(vec![(share, Value::Number(0.0))])));
    assert_eq!(run(b.0).1.services[WEB.index()].answered, 10);
}

#[test]
fn connections_that_come_at_once_queue_for_the_postmaster() {
    // Sixty clients with a pool of one each: 11 ms, of which the postmaster is busy for 4.
    let mut b = shop(&[]);
    b.0.services[WEB.index()].replicas = 60;
    b.pool_size(WEB, 1);
    let connect = b.constant(11.0 * MS);
    (postgres(&mut b).connect, postgres(&mut b).serial_share) = (connect, 4.0 / 11.0);
    postgres(&mut b).max_connections = 20;
    let mut world = World::new(b.0);
    let mut keep = Keep::default();
    world.run_until(at(249), &mut keep).unwrap();
    let refused: Vec<u64> = keep
        .logs
        .iter()
        .filter(|log| matches!(log.event, LogEvent::PoolConnectFailed { error: ErrorType::TooManyConnections, .. }))
        .map(|log| log.time.as_nanos() / 1_000_000)
        .collect();
    // 17 have a slot; the last of 43 others hears of it 59 turns later.
    assert_eq!(refused.len(), 43);
    assert_eq!((refused[0], refused[42]), (17 * 4 + 11, 59 * 4 + 11));
}

/// Two endpoints whose transactions lock two rows in opposite orders, 100 ms apart, and commit.
fn crosswise(instants: &[u64], others: &[u64]) -> Builder {
    let mut b = shop(instants);
    let one = b.constant(MS);
    let cold = Endpoint {
        name: "UPDATE cold".into(),
        operation: Operation::Sql { operation: "UPDATE".into(), table: "t".into(), text: "UPDATE".into() },
        program: vec![
            Step::Lock { table: Site(HOT.table + 1), rows: 1, popularity: one, draw: 0 },
            Step::Compute { site: Site(1), demand: one },
        ],
        choices: Vec::new(),
        messages: Vec::new(),
    };
    b.0.services[DATABASE.index()].endpoints.push(cold);
    let think = b.constant(100.0 * MS);
    let none = b.policy(None, 0);
    let query =
        |site, endpoint| Step::Query { site: Site(site), pool: PoolId(0), endpoint, policy: none, transaction: true };
    let program = |first, second| {
        vec![
            Step::Acquire { pool: PoolId(0) },
            query(1, first),
            Step::Compute { site: Site(2), demand: think },
            query(4, second),
            query(3, COMMIT),
            Step::Release { pool: PoolId(0) },
        ]
    };
    let cold = EndpointId(4);
    b.0.services[WEB.index()].endpoints[0].program = program(LOCKING, cold);
    b.0.services[WEB.index()].endpoints.push(support::endpoint("GET /other", program(cold, LOCKING)));
    let source = b.source("others", WEB, arrivals(others), none);
    b.0.sources[source.index()].mix[0].endpoint = EndpointId(1);
    b.0.links.pop();
    b.link(LinkEnd::Source(source), WEB, 0.0);
    b
}

#[test]
fn of_two_transactions_that_wait_for_each_other_the_first_that_looks_gives_way() {
    let b = crosswise(&[1000], &[1010]);
    let (keep, statistics, _) = run(b.0);
    // The first waits for the second row from 1101 on and looks after a second, when the other has waited for its own for 990 ms.
    assert_eq!(requests(&keep), [(1101, Some(ErrorType::Deadlock)), (1093, None)]);
    let database = &statistics.services[DATABASE.index()];
    assert_eq!((database.deadlocks, database.lock_timeouts), (1, 0));
    let lines: Vec<LogEvent> =
        keep.logs.iter().filter(|log| log.process == ProcessId(1)).map(|log| log.event).collect();
    let [LogEvent::RequestFailed { error: ErrorType::Deadlock, .. }, edges @ .., LogEvent::DeadlockHint] = &lines[..]
    else {
        panic!("{lines:?}");
    };
    let pairs = edges.iter().map(|event| match event {
        LogEvent::DeadlockEdge { backend, blocker, next: true, transaction, .. } => (*backend, *blocker, *transaction),
        other => panic!("{other:?}"),
    });
    let pairs: Vec<_> = pairs.collect();
    assert_eq!(pairs.len(), 2);
    assert_eq!((pairs[0].0, pairs[0].1, pairs[0].2), (pairs[1].1, pairs[1].0, 2));
}

#[test]
fn a_deadlock_is_looked_for_after_its_timeout_and_not_where_lock_timeout_ends_it_before() {
    let mut b = crosswise(&[1000], &[1010]);
    postgres(&mut b).deadlock_timeout = ms(300);
    let (keep, ..) = run(b.0);
    assert_eq!(requests(&keep)[0], (401, Some(ErrorType::Deadlock)));
    let mut b = crosswise(&[1000], &[1010]);
    postgres(&mut b).lock_timeout = Some(ms(500));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(requests(&keep)[0], (601, Some(ErrorType::LockTimeout)));
    assert_eq!(statistics.services[DATABASE.index()].deadlocks, 0);
}

/// Every request reads a table that somebody alters.
fn read_table(instants: &[u64]) -> Builder {
    let mut b = shop(instants);
    let table = Site(900);
    let mode = knockon_model::lock::LockMode::AccessShare;
    b.0.services[DATABASE.index()].endpoints[LOCKING.index()].program[0] = Step::LockTable { table, mode };
    b
}

#[test]
fn statements_wait_for_a_table_that_somebody_alters_and_then_read_it_together() {
    use knockon_model::lock::LockMode;
    let hold = |mode| Action::HoldTable { service: DATABASE, table: 900, mode };
    let mut b = read_table(&[500, 1100, 1200, 4000]);
    postgres(&mut b).log_lock_waits = true;
    b.0.patches.push(patch(1000, Some(3000), hold(LockMode::AccessExclusive)));
    let (keep, statistics, _) = run(b.0);
    assert_eq!(requests(&keep).into_iter().map(ended).collect::<Vec<_>>(), [20, 1920, 1820, 20]);
    assert_eq!(statistics.services[DATABASE.index()].lock_wait.count(), 2);
    let lines = keep.logs.iter().filter_map(|log| match log.event {
        LogEvent::TableWait { waited, acquired, .. } => {
            Some((log.time.as_nanos() / 1_000_000, waited.as_nanos() / 1_000_000, acquired))
        }
        _ => None,
    });
    let expected = [(2100, 1000, false), (2200, 1000, false), (3000, 1900, true), (3000, 1800, true)];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    // A weaker lock keeps nobody out.
    let mut b = read_table(&[1100]);
    b.0.patches.push(patch(1000, Some(3000), hold(LockMode::Exclusive)));
    let (keep, ..) = run(b.0);
    assert_eq!(requests(&keep), [(20, None)]);
}

#[test]
fn one_that_waits_to_alter_a_table_keeps_readers_out_before_it_has_it() {
    use knockon_model::lock::LockMode;
    // A report reads from 1000 to 3000; an ALTER TABLE comes at 1500 and is given up at 2000.
    let mut b = read_table(&[1400, 1600, 2100]);
    let hold = |mode| Action::HoldTable { service: DATABASE, table: 900, mode };
    b.0.patches.push(patch(1000, Some(3000), hold(LockMode::AccessShare)));
    b.0.patches.push(patch(1500, Some(2000), hold(LockMode::AccessExclusive)));
    let (keep, ..) = run(b.0);
    assert_eq!(requests(&keep).into_iter().map(ended).collect::<Vec<_>>(), [20, 420, 20]);
}
