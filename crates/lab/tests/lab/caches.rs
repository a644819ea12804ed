//! Caches in whole systems: what they answer, where their bytes lie, and when they are lost.

use knockon_kernel::Time;
use knockon_lab::truth::State;
use knockon_model::record::{
    ChangeRecord, LedgerRecord, LogRecord, RequestRecord, SampleRecord, SpanRecord, StateRecord,
};
use knockon_model::statistics::{KeyspaceStatistics, Statistics};
use knockon_model::{Null, Sink, World};
use knockon_scenario::{Loaded, Options, Scenario};
use std::collections::BTreeMap;

fn load(text: &str) -> Loaded {
    let none = |system: &str| Err(format!("is not part of this test: {system}"));
    Scenario::from_text("caches", text, &Options::default(), &none).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Runs a text to its end and keeps books.
fn run(text: &str) -> Statistics {
    let loaded = load(text);
    let mut world = World::new(loaded.blueprint.clone());
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
    let statistics = world.statistics();
    assert_eq!(knockon_lab::conservation::breaches(&statistics), []);
    statistics
}

fn keys<'s>(statistics: &'s Statistics, cache: &str, name: &str) -> &'s KeyspaceStatistics {
    let mut all = statistics.keyspaces.iter();
    all.find(|keys| keys.cache == cache && keys.name == name).expect("the scenario has this key space")
}

fn hit_share(statistics: &Statistics, cache: &str, name: &str) -> f64 {
    let tally = keys(statistics, cache, name).keys;
    tally.hits as f64 / (tally.hits + tally.misses) as f64
}

/// A service that looks keys up in a cache of its own; what a load takes is no time.
fn local(cache: &str, keys: &str, rate: u32, seconds: u32) -> String {
    format!(
        r#"(
    duration: "{seconds}s",
    services: {{"api": (
        workers: Unlimited, cores: Unlimited,
        caches: {{"front": ({cache} keys: {{"users": ({keys})}})}},
        endpoints: {{"GET /": (steps: [CacheAside(keys: "users", load: [])])}},
    )}},
    load: {{"clients": (target: "api", arrivals: Poisson("{rate}/s"), mix: {{"GET /": 1}})}},
)"#
    )
}

#[test]
fn a_cache_within_a_process_is_as_theory_has_it() {
    for (keys, expected) in [(r#"count: 1, ttl: "1s""#, 0.5), (r#"count: 1, ttl: "1s", renewed: true"#, 0.632_121)] {
        let statistics = run(&local("", keys, 1, 200_000));
        let share = hit_share(&statistics, "api", "front/users");
        assert!((share - expected).abs() < 4.0 * (0.25 / 2e5_f64).sqrt(), "{keys}: {share}, expected {expected}");
    }
    let statistics = run(&local("maximum_entries: 100,", "count: 10_000, popularity: Zipf(0.8)", 1_000, 600));
    let share = hit_share(&statistics, "api", "front/users");
    assert!((share - 0.156_625).abs() < 3e-3, "{share}");
    let tally = keys(&statistics, "api", "front/users").keys;
    assert_eq!(tally.stored, tally.misses, "every miss is stored, at once");
    assert_eq!(tally.stored - tally.evicted, 100);
}

#[test]
fn what_a_cache_within_a_process_holds_lies_on_its_heap() {
    // 1000 values of 1 MiB do not fit into 512 MiB; the same in a cache of a hundred do.
    let text = |limit: &str| {
        format!(
            r#"(
    duration: "60s",
    services: {{"api": (
        runtime: Jvm(heap: (maximum: "512MiB")),
        restart: Never,
        caches: {{"front": ({limit} keys: {{"users": (count: 1000, value: "1MiB")}})}},
        endpoints: {{"GET /": (steps: [CacheAside(keys: "users", load: [Compute("1ms")])])}},
    )}},
    load: {{"clients": (target: "api", arrivals: Constant("100/s"), mix: {{"GET /": 1}})}},
)"#
        )
    };
    let api = |statistics: &Statistics| (statistics.services[0].out_of_memory, statistics.services[0].refused > 0);
    assert_eq!(api(&run(&text(""))), (1, true));
    let bounded = run(&text("maximum_entries: 100,"));
    assert_eq!(api(&bounded), (0, false));
    assert!(bounded.services[0].collections > 0, "what was evicted is garbage");
    assert_eq!(api(&run(&text(r#"maximum_bytes: "100MiB","#))), (0, false));
}

#[test]
fn a_cache_within_a_process_is_lost_with_it_and_can_be_flushed() {
    let text = |fault: &str| {
        local("", "count: 50, warm: true", 100, 60)
            .replace("    load:", &format!("    faults: {{\"fault\": {fault}}},\n    load:"))
    };
    let misses = |fault: &str| keys(&run(&text(fault)), "api", "front/users").keys.misses;
    assert_eq!(misses(r#"Flush(cache: "api", at: "90s")"#), 0);
    assert_eq!(misses(r#"Flush(cache: "api", at: "30s")"#), 50);
    assert_eq!(misses(r#"Kill(service: "api", at: "30s")"#), 50);
    assert_eq!(misses(r#"Deploy(service: "api", at: "30s", set: {})"#), 50);
    // From ever to 100 ms: every key is read twice a second.
    let short = misses(r#"Deploy(service: "api", at: "30s", set: {"api/front/users.ttl": "100ms"})"#);
    assert!(short > 1_500, "{short}");
}

#[test]
fn a_cache_in_front_of_another_asks_for_the_same_keys() {
    let statistics = run(r#"(
    duration: "100s",
    services: {"api": (
        workers: Unlimited, cores: Unlimited,
        caches: {"front": (maximum_entries: 100, keys: {"users": (count: 1000, same_as: "redis/people")})},
        endpoints: {"GET /": (steps: [
            CacheAside(keys: "front/users", load: [CacheAside(keys: "people", load: [Sleep("1ms")])]),
        ])},
    )},
    caches: {"redis": (keys: {"people": (count: 1000, popularity: Zipf(0.8))})},
    load: {"clients": (target: "api", arrivals: Poisson("1000/s"), mix: {"GET /": 1})},
)"#);
    let (front, behind) = (keys(&statistics, "api", "front/users").keys, keys(&statistics, "redis", "people").keys);
    assert!((hit_share(&statistics, "api", "front/users") - 0.378).abs() < 0.02);
    assert_eq!(front.misses, behind.hits + behind.misses);
    let distinct = behind.stored;
    assert!((900..1_100).contains(&distinct), "nearly each key misses behind only once: {distinct}");
}

/// The last sample of each series, by its number.
#[derive(Default)]
struct Samples(BTreeMap<usize, f64>);

impl Sink for Samples {
    const OBSERVES: bool = true;
    const LEDGER: bool = false;
    const REQUESTS: bool = false;
    const PARTS: bool = false;
    fn span(&mut self, _: SpanRecord) {}
    fn log(&mut self, _: LogRecord) {}
    fn sample(&mut self, record: SampleRecord) {
        self.0.insert(record.series.index(), record.value);
    }
    fn change(&mut self, _: ChangeRecord) {}
    fn ledger(&mut self, _: LedgerRecord) {}
    fn request(&mut self, _: RequestRecord) {}
    fn state(&mut self, _: StateRecord) {}
    fn watermark(&mut self, _: Time) {}
}

#[test]
fn a_cache_within_a_jvm_is_measured_as_caffeine_is() {
    let text = local(r#"maximum_entries: 30,"#, r#"count: 100, ttl: "2s""#, 100, 65)
        .replace("workers: Unlimited,", "runtime: Jvm(heap: (maximum: \"256MiB\")), workers: Unlimited,")
        .replace("cores: Unlimited,", "cores: \"4 cpu\",")
        .replace("mix:", "until: \"50s\", mix:");
    let loaded = load(&text);
    let mut world = World::new(loaded.blueprint.clone());
    let mut samples = Samples::default();
    world.run_until(Time::ZERO + loaded.blueprint.duration, &mut samples).expect("no limit is hit");
    let measured: BTreeMap<String, f64> = (0..)
        .zip(&world.catalogue().series)
        .filter(|(_, series)| series.name.starts_with("cache_"))
        .map(|(number, series)| {
            let labels: Vec<_> = series.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (format!("{}{{{}}}", series.name, labels.join(",")), samples.0[&number])
        })
        .collect();
    let statistics = world.statistics();
    let tally = keys(&statistics, "api", "front/users").keys;
    let cache = "cache=front,cache_manager=cacheManager,name=front";
    let expected = [
        // Nothing is left at the end: what was not evicted has expired, which Caffeine counts too.
        (format!("cache_evictions_total{{{cache}}}"), tally.stored),
        (format!("cache_gets_total{{{cache},result=hit}}"), tally.hits),
        (format!("cache_gets_total{{{cache},result=miss}}"), tally.misses),
        (format!("cache_puts_total{{{cache}}}"), tally.stored),
        (format!("cache_size{{{cache}}}"), 0),
    ];
    assert_eq!(measured, expected.map(|(name, value)| (name, value as f64)).into_iter().collect());
    assert!(tally.evicted > 1_000 && tally.evicted < tally.stored && tally.hits > 500, "{tally:?}");
}

#[test]
fn a_restarted_cache_evicts_by_draws_of_its_own() {
    // The same 2 000 reads of 40 keys in the same order, before the cache dies and after.
    let keys = (0..2_000).map(|n: u64| (n * n + 7 * n) % 41 % 40);
    let lives = [0, 60_000_000].map(|start| keys.clone().enumerate().map(move |(n, key)| (start + n * 10_000, key)));
    let rows: String = lives.into_iter().flatten().map(|(at, key)| format!("{at},{key}\n")).collect();
    let file = |_: &str, _: u64| Ok(format!("arrival_us,key\n{rows}").into_bytes());
    let text = r#"(
    duration: "90s",
    data: {"reads": "reads.csv"},
    services: {"api": (workers: Unlimited, cores: Unlimited, endpoints: {"GET /": (steps: [CacheAside(keys: "users", load: [])])})},
    caches: {"redis": (maxmemory: "20KiB", eviction: AllKeysRandom, keys: {"users": (count: 40, value: "1KiB", popularity: Recorded("key"))})},
    links: {"clients -> api": (latency: "0ms"), "api -> redis": (latency: "0ms")},
    load: {"clients": (target: "api", arrivals: Replay(data: "reads", column: "arrival_us"), mix: {"GET /": 1})},
    faults: {"crash": Kill(service: "redis", at: "30s")},
)"#;
    let loaded = Scenario::from_text_and_files("caches", text, &Options::default(), &file);
    let mut world = World::new(loaded.unwrap_or_else(|errors| panic!("{errors}")).blueprint);
    let mut hits_until = |second: u64| {
        world.run_until(Time::from_nanos(second * 1_000_000_000), &mut Null).expect("no limit is hit");
        world.statistics().keyspaces[0].keys
    };
    let (first, both) = (hits_until(30), hits_until(90));
    assert_eq!((first.hits + first.misses, both.hits + both.misses), (2_000, 4_000));
    assert!(first.evicted > 200, "{first:?}");
    assert_ne!(first.hits, both.hits - first.hits, "each life draws for itself");
}

/// Clients of a Redis that takes so many connections.
fn clients(services: &str, cache: &str, links: &str, arrivals: &str, faults: &str) -> Loaded {
    load(&format!(
        r#"(
    duration: "5min", scrape: "5s",
    services: {{{services}}},
    caches: {{"redis": ({cache})}},
    links: {{{links}}},
    load: {{"clients": (target: "api", {arrivals} mix: {{"GET /": 1}})}},
    faults: {{{faults}}},
)"#
    ))
}

fn service<'s>(statistics: &'s Statistics, name: &str) -> &'s knockon_model::statistics::ServiceStatistics {
    statistics.services.iter().find(|service| service.name == name).expect("the scenario has this service")
}

#[test]
fn a_server_goes_on_when_the_cycle_that_was_cut_short_has_left_nothing_to_delete() {
    // A cycle looks at the clock after every sixteenth sample of twenty keys: with so many its last look is at an empty table.
    for count in 316..=320 {
        let text = format!(
            r#"(
    duration: "2min",
    services: {{"api": (
        workers: Unlimited, cores: Unlimited,
        endpoints: {{"GET /": (steps: [CacheAside(keys: "users", load: [])])}},
    )}},
    caches: {{"redis": (
        expiry: (delete: "100us"),
        keys: {{"sessions": (count: {count}, expire_at: "1min", warm: true), "users": (count: 1, ttl: "1h", warm: true)}},
    )}},
    load: {{"clients": (target: "api", arrivals: Constant("1/s"), mix: {{"GET /": 1}}, timeout: "1s")}},
)"#
        );
        let statistics = run(&text);
        assert!(service(&statistics, "redis").expire_cycles > knockon_kernel::Duration::from_millis(30), "{count}");
        assert_eq!(statistics.sources[0].failed, 0, "{count}: whoever asks afterwards is answered");
    }
}

#[test]
fn processes_that_multiplex_have_a_connection_each_and_the_last_ones_get_none() {
    let api = r#""api": (
        replicas: 5, workers: Unlimited, cores: Unlimited, restart: Never,
        endpoints: {"GET /": (steps: [CacheAside(keys: "users", load: [Sleep("5ms")])])},
    )"#;
    let of = |maxclients: u32| {
        let cache = format!(r#"maxclients: {maxclients}, keys: {{"users": (count: 1)}}"#);
        let loaded = clients(api, &cache, "", r#"arrivals: Constant("100/s"),"#, "");
        let mut world = World::new(loaded.blueprint.clone());
        world.run_until(Time::ZERO + loaded.blueprint.duration, &mut Null).expect("no limit is hit");
        assert_eq!(world.audit(), [] as [String; 0]);
        world.statistics()
    };
    let (enough, short) = (of(5), of(3));
    assert_eq!(service(&enough, "redis").rejected_connections, 0);
    // Two of five processes never get one: each of their requests asks in vain, loads, and stores in vain.
    let rejected = service(&short, "redis").rejected_connections as f64;
    assert!((rejected / (2.0 * 30_000.0 * 0.4) - 1.0).abs() < 0.05, "{rejected}");
    assert_eq!(short.sources[0].failed, 0, "who finds no cache loads");
}

#[test]
fn a_slow_command_makes_callers_open_more_connections_than_redis_takes() {
    let services = r#""api": (
        workers: Unlimited, cores: Unlimited,
        endpoints: {"GET /": (steps: [Command(command: "redis/cart")])},
    ),
    "reports": (
        workers: 5, cores: Unlimited,
        endpoints: {"POST /report": (steps: [Command(command: "redis/report")])},
    )"#;
    let cache = r#"maxclients: 6, commands: {
        "cart": (name: "HGETALL", demand: "0.2ms"),
        "report": (name: "KEYS", demand: "400ms"),
    }"#;
    let links = r#""api -> redis": (keep_alive: Idle(2))"#;
    let arrivals = r#"arrivals: Constant("20/s"),"#;
    let faults = r#""report": Surge(source: "analysts", at: "2min", until: "3min", load: (
        target: "reports", arrivals: Closed(users: 3, think: "400ms"), mix: {"POST /report": 1},
    ))"#;
    let loaded = clients(services, cache, links, arrivals, faults);
    let run = crate::support::run(&loaded);
    let rejected = run.metric("redis", "redis_rejected_connections_total");
    let at = |second: u64| {
        let found = rejected.iter().find(|(time, _)| time.as_nanos() >= second * 1_000_000_000);
        found.expect("a sample").1
    };
    // Reports have one connection, and five carry the commands of others, which wait for a report or two.
    assert_eq!(at(119), 0.0);
    assert!((300.0..1_200.0).contains(&at(200)), "{}", at(200));
    assert_eq!(at(200), at(299), "what was opened is closed again");
    let connected = run.metric("redis", "redis_connected_clients");
    assert!(connected.iter().all(|&(_, clients)| clients <= 6.0));
    assert_eq!(service(&run.statistics, "redis").rejected_connections as f64, at(299));
    let concluded = crate::truth::conclude(&loaded, 2);
    concluded.assert_way(&[
        ("report", None),
        ("redis", Some(State::Load)),
        ("redis", Some(State::Latency)),
        ("redis", Some(State::Refusals)),
        ("api", Some(State::Errors)),
        ("clients", Some(State::Errors)),
    ]);
}

#[test]
fn a_server_that_starts_again_has_forgotten_its_clients() {
    let services = r#""api": (
        replicas: 2, workers: Unlimited, cores: Unlimited, restart: Compose(initial: "1s"),
        endpoints: {"GET /": (steps: [CacheAside(keys: "users", load: [])])},
    )"#;
    for links in ["", r#""api -> redis": (keep_alive: Idle(3))"#] {
        let faults = r#""server": Kill(service: "redis", at: "1min"), "callers": Kill(service: "api", at: "2min")"#;
        let cache = r#"maxclients: 30, keys: {"users": (count: 10)}"#;
        let loaded = clients(services, cache, links, r#"arrivals: Poisson("50/s"),"#, faults);
        let mut world = World::new(loaded.blueprint.clone());
        for second in 1..=300u64 {
            world.run_until(Time::from_nanos(second * 1_000_000_000), &mut Null).expect("no limit is hit");
            assert_eq!(world.audit(), [] as [String; 0], "after {second} s");
        }
        assert_eq!(service(&world.statistics(), "redis").rejected_connections, 0);
    }
}
