//! Loads apart from requests: who waits for whom, what becomes of one that nobody waits for, and what is seen of it.

use crate::support::Records;
use knockon_kernel::{Duration, Time};
use knockon_model::record::{Part, SpanKind};
use knockon_model::statistics::KeyspaceStatistics;
use knockon_model::{Null, Sink, World};
use knockon_scenario::{Options, Scenario, check};
use std::collections::BTreeMap;

/// A Python service whose loads sleep for 100 ms on one of `pool` connections; keys are as many as requests, or one.
fn text(step: &str, count: u32, keys: &str, rate: &str, faults: &str) -> String {
    format!(
        r#"(
    duration: "60s",
    services: {{"api": (
        runtime: CPython(), workers: Unlimited, cores: Unlimited, places: Unlimited,
        pools: {{"pool": QueuePool(database: "db", maximum: 1, overflow: 0, acquire_timeout: "1h")}},
        endpoints: {{"GET /": (steps: [{step}])}},
    )}},
    databases: {{"db": (queries: {{"read": (demand: "100ms")}})}},
    caches: {{"redis": (keys: {{"users": (count: {count}, {keys})}})}},
    links: {{"api -> db": (latency: "0ms"), "api -> redis": (latency: "0ms")}},
    load: {{"clients": (target: "api", arrivals: Constant("{rate}"), mix: {{"GET /": 1}}, timeout: None)}},
    faults: {{{faults}}},
)"#
    )
}

fn world(text: &str) -> World {
    let none = |system: &str| Err(format!("is not part of this test: {system}"));
    let loaded =
        Scenario::from_text("loading", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!check(&loaded).is_empty());
    World::new(loaded.blueprint)
}

/// Runs a second at a time, with stocktaking after each.
fn run<S: Sink>(world: &mut World, seconds: u64, sink: &mut S) -> KeyspaceStatistics {
    for second in 1..=seconds {
        world.run_until(Time::ZERO + Duration::from_secs(second), sink).expect("no limit is hit");
        assert_eq!(world.audit(), [] as [String; 0]);
    }
    assert_eq!(knockon_lab::conservation::breaches(&world.statistics()), []);
    world.statistics().keyspaces.swap_remove(0)
}

fn sixty_seconds(text: &str) -> (KeyspaceStatistics, World) {
    let mut world = world(text);
    let statistics = run(&mut world, 60, &mut Null);
    (statistics, world)
}

#[test]
fn callers_that_miss_one_key_share_one_load() {
    let step = |more: &str| format!(r#"CacheAside(keys: "users", load: [Query("read")]{more})"#);
    // Every 10 ms a request for the one key; it is loaded once in 100 ms, and flushed at 30 s.
    let flush = r#""flush": Flush(cache: "redis", at: "30s")"#;
    let (shared, world) = sixty_seconds(&text(&step(", coalesce: true"), 1, "", "100/s", flush));
    assert_eq!((shared.loads, shared.loaded), (2, 2));
    assert_eq!(shared.coalesced + 2, shared.keys.misses, "all others waited along");
    assert!((18..=24).contains(&shared.coalesced), "{}", shared.coalesced);
    let latency = &world.statistics().sources[0].latency;
    // The first load opens the connection too.
    assert!(latency.maximum() < Duration::from_millis(160), "nobody waits longer than one load takes");
    // Each for itself they queue for the connection.
    let (alone, world) = sixty_seconds(&text(&step(""), 1, "", "100/s", flush));
    assert_eq!((alone.loads, alone.coalesced), (0, 0), "requests that load for themselves are no loads");
    assert!(world.statistics().sources[0].latency.maximum() > Duration::from_millis(900));
}

#[test]
fn a_load_that_fails_fails_everyone_who_waits_for_it() {
    let step = r#"CacheAside(keys: "users", load: [Sleep("100ms"), Fail(503)], coalesce: true)"#;
    let (statistics, world) = sixty_seconds(&text(step, 1, "", "100/s", ""));
    assert_eq!((statistics.loaded, statistics.keys.stored), (0, 0));
    assert_eq!(statistics.load_failures + statistics.loading, statistics.loads);
    assert!((540..=600).contains(&statistics.loads), "one after the other: {}", statistics.loads);
    assert_eq!(world.statistics().sources[0].answered, 0);
    assert!(world.statistics().sources[0].failed > 5_900);
}

/// 20 loads a second of keys of their own for a connection that serves 10, whose callers leave after 300 ms.
fn overloaded(abandoned: &str) -> (KeyspaceStatistics, World) {
    let step =
        format!(r#"CacheAside(keys: "users", load: [Query("read")], load_timeout: "300ms", abandoned: {abandoned})"#);
    sixty_seconds(&text(&step, 10_000_000, "", "20/s", ""))
}

#[test]
fn what_becomes_of_abandoned_loads_is_said() {
    let (zombies, world) = overloaded("Drop");
    // The queue grows by 10 a second. All but the first few are served in vain.
    assert!((585..=600).contains(&zombies.loading), "{}", zombies.loading);
    assert!(zombies.keys.stored < 12, "{}", zombies.keys.stored);
    assert!((580..=600).contains(&zombies.dropped), "{}", zombies.dropped);
    assert_eq!(zombies.loaded, zombies.keys.stored + zombies.dropped, "a load ends whether or not its value is wanted");
    assert!(world.statistics().sources[0].failed > 1_170);

    let (filling, _) = overloaded("Fill");
    assert!((585..=600).contains(&filling.loading));
    assert_eq!((filling.dropped, filling.keys.stored), (0, filling.loaded), "for the next who asks");
    assert!(filling.left.abs_diff(zombies.left) < 5, "callers see no difference but a key that comes twice");

    let (cancelled, _) = overloaded("Cancel");
    assert!(cancelled.loading <= 7, "whoever leaves makes room in the queue: {}", cancelled.loading);
    assert!(cancelled.load_failures > 590);
    // A query whose caller leaves meanwhile runs to its end; its value is dropped.
    assert!(cancelled.keys.stored < 300, "{}", cancelled.keys.stored);

    let (interrupted, world) = overloaded("Interrupt");
    assert!(interrupted.loading <= 7);
    let services = world.statistics().services;
    let pool = &services.iter().find(|service| service.name == "api").unwrap().pools[0];
    assert!(pool.acquired > cancelled.loaded + 500, "an interrupted query gives its place to the next at once");
}

#[test]
fn the_last_to_leave_abandons_a_shared_load() {
    // Three callers, 100 ms apart, of a load of one second; each stays for 950 ms. One that comes at 0.9 s keeps it alive.
    let step = r#"CacheAside(keys: "users", load: [Sleep("1s")], coalesce: true, load_timeout: "950ms")"#;
    let text = |requests: u32| text(step, 1, "", "10/s", "").replace("mix:", &format!("requests: {requests}, mix:"));
    let (few, _) = sixty_seconds(&text(1));
    assert_eq!((few.left, few.load_failures, few.keys.stored), (1, 1, 0), "alone it is cancelled with its caller");
    let (few, _) = sixty_seconds(&text(3));
    assert_eq!((few.left, few.load_failures, few.keys.stored), (1, 0, 1), "others waited on");
}

#[test]
fn stale_values_are_answered_at_once_and_refreshed_once() {
    let step = r#"CacheAside(keys: "users", load: [Query("read")])"#;
    let keys = r#"ttl: "20s", fresh: "5s""#;
    let (statistics, world) = sixty_seconds(&text(step, 1, keys, "100/s", ""));
    // Loaded once while nothing was there (for each of those who came meanwhile, none of whom shares), then every 5.1 s.
    let refreshes = statistics.refreshes;
    assert!((11..=12).contains(&refreshes), "{refreshes}");
    assert!(statistics.keys.stale > 100, "ten come while one refresh is under way: {}", statistics.keys.stale);
    assert_eq!(statistics.loads, statistics.keys.misses + refreshes);
    let sources = world.statistics().sources;
    assert!(sources[0].latency.quantile(950) < Duration::from_millis(1), "nobody waits for a refresh");
}

#[test]
fn a_failed_refresh_is_told_by_the_executor_and_the_stale_value_stays() {
    let step = r#"CacheAside(keys: "users", load: [Choose([(1, [Fail(503)]), (1, [])])])"#;
    let mut world = world(&text(step, 1, r#"warm: true, ttl: "1h", fresh: "1ms""#, "10/s", ""));
    let mut records = Records::default();
    let statistics = run(&mut world, 60, &mut records);
    assert_eq!(statistics.keys.misses, 0);
    assert!(statistics.load_failures > 10 && statistics.loaded > 10);
    let failed = |event| matches!(event, knockon_model::record::LogEvent::LoadFailed { refresh: true, .. });
    let lines = records.logs.iter().filter(|line| failed(line.event)).count() as u64;
    assert_eq!(lines, statistics.load_failures);
    assert_eq!(world.statistics().sources[0].failed, 0, "no request fails with it");
}

#[test]
fn a_load_has_an_internal_span_below_its_request_and_its_calls_below_that() {
    let step = r#"CacheAside(keys: "users", load: [Query("read")], load_timeout: "150ms", abandoned: Fill)"#;
    let mut world = world(&text(step, 10_000_000, "", "15/s", ""));
    let mut records = Records::default();
    run(&mut world, 60, &mut records);
    let operations = &world.catalogue().operations;
    let spans: BTreeMap<_, _> = records.spans.iter().map(|span| ((span.trace, span.span), span)).collect();
    assert_eq!(spans.len(), records.spans.len(), "span ids are unique");
    let loads: Vec<_> =
        records.spans.iter().filter(|span| operations[span.operation.index()].kind == SpanKind::Internal).collect();
    assert!(loads.len() > 500);
    let mut outlived = 0;
    for load in loads {
        let request = spans[&(load.trace, load.parent)];
        assert_eq!(operations[request.operation.index()].kind, SpanKind::Server);
        assert!(request.start <= load.start && load.start <= request.end);
        outlived += u32::from(load.end > request.end);
    }
    assert!(outlived > 400, "most requests leave after 150 ms");
    let queries = records.spans.iter().filter(|span| operations[span.operation.index()].db_system == "postgresql");
    for query in queries {
        let parent = spans.get(&(query.trace, query.parent)).expect("the load's span is there");
        assert_eq!(operations[parent.operation.index()].kind, SpanKind::Internal);
        assert!(parent.start <= query.start && query.end <= parent.end);
    }
    for (span, ledger) in records.spans.iter().zip(&records.ledgers) {
        assert_eq!((span.trace, span.span), (ledger.trace, ledger.span));
        assert_eq!(ledger.parts.iter().sum::<u64>(), (span.end - span.start).as_nanos());
    }
    let waited = |ledger: &&knockon_model::record::LedgerRecord| ledger.parts[Part::Pool as usize] > 0;
    assert!(records.ledgers.iter().filter(waited).count() > 400, "loads wait for connections, requests for loads");
}

#[test]
fn loads_hold_no_worker_and_die_with_their_process() {
    let step = r#"CacheAside(keys: "users", load: [Query("read")], load_timeout: "100ms", abandoned: Drop)"#;
    let kill = r#""kill": Kill(service: "api", at: "30s")"#;
    let text = text(step, 10_000_000, "", "20/s", kill).replace("workers: Unlimited", "workers: 4");
    let (statistics, world) = sixty_seconds(&text);
    assert!((290..=310).contains(&statistics.lost), "ten more a second for half a minute: {}", statistics.lost);
    let api = world.statistics().services.into_iter().find(|service| service.name == "api").unwrap();
    assert!(api.lost <= 4, "requests that waited for them");
    assert!(api.failed > 900, "four workers are enough for 20 requests of 100 ms a second");
}

#[test]
fn a_cancelled_request_leaves_its_load() {
    let step = r#"CacheAside(keys: "users", load: [Query("read")], coalesce: true)"#;
    let text = text(step, 10_000_000, "", "20/s", "")
        .replace("places: Unlimited,", "places: Unlimited, cancels_abandoned: true,")
        .replace("timeout: None", r#"timeout: "300ms""#);
    let (statistics, _) = sixty_seconds(&text);
    assert!(statistics.left > 500 && statistics.loading <= 8, "{} {}", statistics.left, statistics.loading);
}

#[test]
fn a_cache_that_loads_by_itself_shares_and_fills_whoever_leaves() {
    let step = r#"ReadThrough(keys: "front/users", load: [Query("read")], load_timeout: "50ms")"#;
    let text = text(step, 1, "", "100/s", "")
        .replace("endpoints:", r#"caches: {"front": (keys: {"users": (count: 1)})}, endpoints:"#)
        .replace(r#", "api -> redis": (latency: "0ms")"#, "");
    let mut world = world(&text);
    let _ = run(&mut world, 60, &mut Null);
    let statistics = world.statistics().keyspaces;
    let front = statistics.iter().find(|keys| keys.name == "front/users").unwrap();
    assert_eq!((front.loads, front.keys.stored), (1, 1));
    assert!((4..=6).contains(&front.left), "those of the first 50 ms: {}", front.left);
}

#[test]
fn a_caller_that_needs_a_second_connection_through_a_load_is_refused() {
    let step = r#"Transaction([CacheAside(keys: "users", load: [Query("read")], coalesce: true)])"#;
    let none = |system: &str| Err(format!("is not part of this test: {system}"));
    let errors = Scenario::from_text("twice", &text(step, 1, "", "1/s", ""), &Options::default(), &none).unwrap_err();
    assert!(errors.to_string().contains("a connection of this pool is held already"), "{errors}");
    let inline = r#"Transaction([CacheAside(keys: "users", load: [Query("read")])])"#;
    world(&text(inline, 1, "", "1/s", ""));
}
