//! What callers hold while a call is under way (permits, trials of a breaker, retries of a budget, places on hosts) comes back however
//! the call ends: answered, timed out, interrupted, cancelled, too late.

use knockon_kernel::{Duration, Time};
use knockon_model::statistics::{LinkStatistics, SourceStatistics, Statistics};
use knockon_model::{Null, World};
use knockon_scenario::{Options, Scenario};

fn world(text: &str) -> World {
    // A hundred reads a second, of five keys in turn.
    let rows = (0..1_000).map(|n| format!("{},{}\n", n * 10_000, 100 * (n % 5)));
    let reads = |_: &str, _: u64| Ok(format!("arrival_us,key\n{}", rows.clone().collect::<String>()).into_bytes());
    let loaded = Scenario::from_text_and_files("guards", text, &Options::default(), &reads)
        .unwrap_or_else(|errors| panic!("{errors}"));
    World::new(loaded.blueprint)
}

/// Runs a second at a time, with stocktaking after each.
fn run(text: &str, seconds: u64) -> Statistics {
    let mut world = world(text);
    for second in 1..=seconds {
        world.run_until(Time::ZERO + Duration::from_secs(second), &mut Null).expect("no limit is hit");
        assert_eq!(world.audit(), [] as [String; 0], "in second {second}");
    }
    let statistics = world.statistics();
    assert_eq!(knockon_lab::conservation::breaches(&statistics), []);
    statistics
}

fn link<'a>(statistics: &'a Statistics, name: &str) -> &'a LinkStatistics {
    statistics.links.iter().find(|link| link.name == name).expect("a guarded link")
}

fn service<'a>(statistics: &'a Statistics, name: &str) -> &'a knockon_model::statistics::ServiceStatistics {
    statistics.services.iter().find(|service| service.name == name).expect("a service")
}

fn clients(statistics: &Statistics) -> &SourceStatistics {
    &statistics.sources[0]
}

/// Ten requests a second for 50 s, each of which loads a value of its own through one call; a tenth of the calls takes a second, and
/// callers wait 100 ms.
fn loading(step: &str, guard: &str, replicas: u32, back: &str) -> String {
    format!(
        r#"(
    duration: "60s",
    services: {{
        "app": (workers: Unlimited, cores: Unlimited, caches: {{"local": (keys: {{"items": (count: 10000000)}})}},
            endpoints: {{"GET /": (steps: [CacheAside(keys: "items", load: [{step}], load_timeout: "100ms", abandoned: Interrupt)])}}),
        "back": (replicas: {replicas}, workers: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [{back}])}}),
    }},
    links: {{"clients -> app": (latency: "0ms"), "app -> back": (latency: "1ms", keep_alive: Always, {guard})}},
    load: {{"clients": (target: "app", arrivals: Constant("10/s"), requests: 500, mix: {{"GET /": 1}}, timeout: None)}},
)"#
    )
}

const SOMETIMES_SLOW: &str = r#"Choose([(weight: 1, steps: [Sleep("1s")]), (weight: 9, steps: [Sleep("1ms")])])"#;

#[test]
fn an_interrupted_load_gives_its_permit_back() {
    let step = r#"Call(to: "back/GET /", timeout: None)"#;
    let statistics = run(&loading(step, "bulkhead: (maximum: 5)", 1, SOMETIMES_SLOW), 60);
    let link = link(&statistics, "app -> back");
    assert_eq!((link.in_flight(), link.bulkhead_full, link.sent), (0, 0, 500));
    assert_eq!(link.cancelled, clients(&statistics).failed, "the slow ones are interrupted, and nothing else fails");
    assert!((30..=70).contains(&link.cancelled), "{}", link.cancelled);
}

#[test]
fn an_interrupted_load_leaves_its_host_and_its_place_in_the_budget() {
    // Fails at once, then answers after a second: the retry is what is interrupted.
    let step = r#"Call(to: "back/GET /", timeout: None, retries: 1, backoff: (base: "0ms", jitter: Off))"#;
    let back = r#"Choose([(weight: 1, steps: [Fail(500)]), (weight: 1, steps: [Sleep("1s")])])"#;
    let guard = r#"balance: LeastRequest(choices: 2), retry_budget: Envoy(share: "20 %", minimum: 3)"#;
    let statistics = run(&loading(step, guard, 3, back), 60);
    let link = link(&statistics, "app -> back");
    assert_eq!((link.in_flight(), link.retries_refused), (0, 0));
    assert!(link.retries > 200 && link.cancelled > 300, "{link:?}");
}

#[test]
fn a_load_that_is_cancelled_while_it_backs_off_leaves_the_budget() {
    let step = r#"Call(to: "back/GET /", retries: 1, backoff: (base: "1s", jitter: Off))"#;
    let guard = r#"retry_budget: Envoy(share: "20 %", minimum: 3)"#;
    let statistics = run(&loading(step, guard, 1, "Fail(500)"), 60);
    let link = link(&statistics, "app -> back");
    assert_eq!((link.retries, link.retries_refused, link.sent), (500, 0, 500), "none is ever sent again");
}

/// `front` gives `mid` a deadline, and `mid` calls `back` over a guarded link.
fn chain(deadline: &str, call: &str, back: &str, guard: &str, load: &str, faults: &str, duration: &str) -> String {
    format!(
        r#"(
    duration: "{duration}",
    services: {{
        "front": (workers: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [Call(to: "mid/GET /", {deadline})])}}),
        "mid": (workers: Unlimited, cores: Unlimited, cancels_abandoned: true, endpoints: {{"GET /": (steps: [Call(to: "back/GET /", {call})])}}),
        "back": (workers: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [{back}])}}),
    }},
    links: {{"clients -> front": (latency: "0ms"), "front -> mid": (latency: "0ms", keep_alive: Always),
        "mid -> back": (latency: "0ms", keep_alive: Always, {guard})}},
    load: {{"clients": (target: "front", mix: {{"GET /": 1}}, timeout: None, {load})}},
    faults: {{{faults}}},
)"#
    )
}

#[test]
fn any_number_of_callers_may_come_too_late_for_a_permit() {
    // A call at a time would need a stack as deep as the queue is long.
    let text = chain(
        r#"timeout: "2s", propagates_deadline: true"#,
        "timeout: None",
        r#"Sleep("5s")"#,
        r#"bulkhead: (maximum: 1, wait: "9s")"#,
        r#"arrivals: Replay(at: ["1s"]), batch: Fixed(50000)"#,
        "",
        "10s",
    )
    .replace("cancels_abandoned: true, ", "");
    let mut world = world(&text);
    world.run_until(Time::ZERO + Duration::from_secs(10), &mut Null).expect("no limit is hit");
    let statistics = world.statistics();
    assert_eq!(knockon_lab::conservation::breaches(&statistics), []);
    let link = link(&statistics, "mid -> back");
    assert_eq!((link.sent, link.bulkhead_full, link.waiting.present(), link.waiting.left()), (1, 0, 0, 49_999));
    assert_eq!(clients(&statistics).failed, 50_000);
    assert_eq!(service(&statistics, "mid").in_flight(), 0);
}

/// Three calls a second, of which one is too late for the only permit whenever the callee is slow.
fn half_open(breaker: &str) -> Statistics {
    let text = chain(
        r#"timeout: "350ms", propagates_deadline: true"#,
        "timeout: None",
        r#"Sleep("200ms")"#,
        &format!(r#"breaker: {breaker}, bulkhead: (maximum: 1, wait: "2s")"#),
        r#"arrivals: Constant("1/s"), batch: Fixed(3)"#,
        r#""slow": Set(at: "20s", until: "60s", set: {"back/GET /.time[1]": "5s"})"#,
        "120s",
    )
    .replace("cancels_abandoned: true, ", "");
    run(&text, 120)
}

#[test]
fn a_trial_that_comes_too_late_for_its_permit_lets_another_one_through() {
    for breaker in [
        r#"Resilience4j(window: 10, minimum_calls: 10, wait: "5s", failure_rate: "80 %", half_open_calls: 10)"#,
        r#"Hystrix(volume: 5, sleep: "5s", error_share: "80 %")"#,
    ] {
        let statistics = half_open(breaker);
        let link = link(&statistics, "mid -> back");
        assert!(link.opened > 0 && link.not_permitted > 0, "{link:?}");
        // Before and after the fault one call of three is answered, and the others come too late for the permit.
        assert!(link.succeeded > 60, "the breaker closes again: {link:?}");
    }
}

#[test]
fn no_retry_goes_out_after_the_deadline_nor_is_paid_for() {
    let text = chain(
        r#"timeout: "100ms", propagates_deadline: true"#,
        r#"timeout: "1s", retries: 3, backoff: (base: "10s", factor: 1, jitter: Off)"#,
        r#"Sleep("1s")"#,
        r#"retry_budget: Finagle(share: "20 %", minimum_per_second: 10)"#,
        r#"arrivals: Constant("1/s"), requests: 10"#,
        "",
        "60s",
    );
    for text in [text.clone(), text.replace("cancels_abandoned: true, ", "")] {
        let statistics = run(&text, 60);
        let link = link(&statistics, "mid -> back");
        assert_eq!((link.retries, link.sent), (0, 10));
        assert_eq!(service(&statistics, "mid").latency.maximum(), Duration::from_millis(100), "no worker is held on");
    }
    // What fits before the deadline goes out: a failure after 1 ms, retries 10 ms apart, 100 ms in all.
    let text = text.replace(r#"base: "10s""#, r#"base: "10ms""#).replace("retries: 3", "retries: 100");
    let statistics = run(&text.replace(r#"Sleep("1s")"#, r#"Sleep("1ms"), Fail(500)"#), 60);
    // Attempts at 0, 11, 22 … 99 ms; the next would go at 110 ms.
    assert_eq!(link(&statistics, "mid -> back").sent, 100);
}

#[test]
fn a_cancelled_request_sends_nothing_any_more() {
    let deadline = r#"timeout: "100ms""#;
    let load = r#"arrivals: Constant("1/s"), requests: 10"#;
    let call = r#"timeout: None, retries: 1, backoff: (base: "1s", jitter: Off)"#;
    let guard = r#"retry_budget: Envoy(share: "20 %", minimum: 3)"#;
    let statistics = run(&chain(deadline, call, "Fail(500)", guard, load, "", "60s"), 60);
    assert_eq!(service(&statistics, "back").arrived, 10);
    assert_eq!(link(&statistics, "mid -> back").retries, 10, "its caller leaves while it backs off");

    // The same for those that wait for a permit: one call goes, the other four find that nobody wants them.
    let load = r#"arrivals: Constant("1/s"), requests: 10, batch: Fixed(5)"#;
    let guard = r#"bulkhead: (maximum: 1, wait: "2s"), breaker: Hystrix()"#;
    let statistics = run(&chain(deadline, "timeout: None", r#"Sleep("300ms")"#, guard, load, "", "60s"), 60);
    let link = link(&statistics, "mid -> back");
    let sent = clients(&statistics).sent / 5;
    assert_eq!((link.sent, link.bulkhead_full, service(&statistics, "back").arrived), (sent, 0, sent));
    assert_eq!(link.waiting.left(), sent * 4);
}

#[test]
fn a_rate_limit_says_nothing_against_a_host() {
    let text = |status: &str| {
        format!(
            r#"(
    duration: "60s",
    services: {{"back": (replicas: 10, workers: Unlimited, cores: Unlimited, rate_limit: TokenBucket(rate: "1/s", burst: 1{status}),
        endpoints: {{"GET /": (steps: [Compute("1ms")])}})}},
    links: {{"clients -> back": (latency: "1ms", outlier: ())}},
    load: {{"clients": (target: "back", arrivals: Poisson("100/s"), mix: {{"GET /": 1}})}},
)"#
        )
    };
    let ejections = |status: &str| link(&run(&text(status), 60), "clients -> back").ejections;
    assert_eq!(ejections(""), 0, "429 is no failure of the host");
    assert!(ejections(", status: 503") > 0, "503 is");
}

#[test]
fn no_worker_is_busy_that_is_not_there() {
    let text = |limit: &str| {
        format!(
            r#"(
    duration: "100s",
    services: {{"back": (replicas: 2, {limit}, places: Unlimited, cores: Unlimited, endpoints: {{"GET /": (steps: [Sleep("100ms")])}})}},
    links: {{"clients -> back": (latency: "0ms")}},
    load: {{"clients": (target: "back", arrivals: Constant("200/s"), until: "90s", mix: {{"GET /": 1}}, timeout: None)}},
    faults: {{"kill": Kill(service: "back", at: "50s")}},
)"#
        )
    };
    for limit in [
        "workers: Unlimited, concurrency: Aimd(minimum: 1, initial: 1, maximum: 100, excess: Queue)",
        // Times that are never good enough: the limit falls, while those over it are still busy.
        r#"workers: Unlimited, concurrency: Aimd(minimum: 1, initial: 60, maximum: 100, timeout: "50ms", excess: Queue)"#,
        "workers: 60, concurrency: Aimd(minimum: 1, initial: 1, maximum: 100, excess: Queue)",
    ] {
        let statistics = run(&text(limit), 100);
        let back = service(&statistics, "back");
        assert!(!back.unlimited && back.answered > 1_000, "{limit}");
        let share = back.busy_ns(statistics.at) as f64 / back.workers.integral_ns(statistics.at) as f64;
        assert!((0.1..=1.0).contains(&share), "{limit}: {share}");
    }
}

#[test]
fn a_syn_is_given_up_behind_a_rate_limit_too() {
    let text = r#"(
    duration: "7200s",
    services: {"back": (workers: 1, places: 0, overflow: DropSyn(), cores: Unlimited,
        rate_limit: LimitReq(rate: "10/s", burst: 100000, delay: 0), endpoints: {"GET /": (steps: [Sleep("7100s")])})},
    links: {"clients -> back": (latency: "0ms")},
    load: {"clients": (target: "back", arrivals: Constant("20/s"), requests: 100, mix: {"GET /": 1}, timeout: None)},
)"#;
    let mut world = world(text);
    for minute in 1..=120 {
        world.run_until(Time::ZERO + Duration::from_secs(60 * minute), &mut Null).expect("no limit is hit");
        assert_eq!(world.audit(), [] as [String; 0], "in minute {minute}");
    }
    let statistics = world.statistics();
    let back = service(&statistics, "back");
    assert_eq!((back.syn_dropped, back.arrived), (99 * 11, 1), "each SYN is sent eleven times");
    assert_eq!(back.delayed, 99, "the limiter is asked once");
    assert_eq!((clients(&statistics).failed, clients(&statistics).in_flight()), (99, 0));
}

#[test]
fn whoever_gets_no_permit_waits_as_long_as_it_may() {
    let text = chain(
        "timeout: None",
        "timeout: None",
        r#"Sleep("100s")"#,
        r#"bulkhead: (maximum: 1, wait: "5s")"#,
        r#"arrivals: Constant("100/s"), requests: 501"#,
        "",
        "30s",
    );
    let statistics = run(&text, 30);
    let link = link(&statistics, "mid -> back");
    assert_eq!((link.bulkhead_full, link.waiting.left(), link.sent), (500, 500, 1));
    assert_eq!(link.waiting.sojourns_ns(), 500 * 5_000_000_000);
}

#[test]
fn a_recorded_key_meets_the_process_that_its_hash_says() {
    let text = r#"(
    duration: "20s",
    data: {"reads": "reads.csv"},
    services: {
        "front": (workers: Unlimited, cores: Unlimited, endpoints: {"GET /": (steps: [Call(to: "app/GET /", timeout: None)])}),
        "app": (replicas: 8, workers: Unlimited, cores: Unlimited,
            caches: {"local": (keys: {"mine": (count: 1000, popularity: Recorded("key"))})},
            endpoints: {"GET /": (steps: [CacheAside(keys: "mine", load: []), CacheAside(keys: "values", load: [])])}),
    },
    caches: {"redis": (keys: {"values": (count: 1000, popularity: Recorded("key"))})},
    links: {"clients -> front": (latency: "0ms"), "front -> app": (latency: "0ms", keep_alive: Always, balance: ConsistentHash(keys: "values"))},
    load: {"clients": (target: "front", arrivals: Replay(data: "reads", column: "arrival_us"), mix: {"GET /": 1}, timeout: None)},
)"#;
    // The keys may also be those of a cache within the callee's processes.
    for keys in ["values", "local/mine", "app/local/mine"] {
        let statistics =
            run(&text.replace(r#"ConsistentHash(keys: "values")"#, &format!(r#"ConsistentHash(keys: "{keys}")"#)), 20);
        let misses = |name: &str| {
            let keys = statistics.keyspaces.iter().find(|keys| keys.name == name).expect("a key space");
            (keys.keys.misses, keys.keys.hits)
        };
        assert_eq!(misses("local/mine"), (5, 995), "every read of a key comes to the same process");
        assert_eq!(misses("values"), (5, 995));
    }
}
