//! What amplifies incidents, what sustains them, when it is too late, and what would have prevented them.

use crate::support::{load, set};
use knockon_kernel::{Duration, Time};
use knockon_lab::proof::{Afterwards, Described, Effect, FromStart, Kind, KnockOut, Repeated, Withdrawal};
use knockon_lab::truth::{Harm, Recovery};
use knockon_scenario::{Loaded, Options, Scenario};
use std::path::PathBuf;

fn load_text(text: &str, options: &Options) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let systems = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    match Scenario::from_text("proof", text, options, &systems) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// R0 of "Analyzing Metastable Failures" (HotOS 2025) with a spike of so many requests a second as a fault.
fn collapse(spike: &str, more: &[(&str, &str)]) -> Repeated {
    collapse_until(spike, "900s", more)
}

fn collapse_until(spike: &str, until: &str, more: &[(&str, &str)]) -> Repeated {
    collapse_of(&[(spike, "300s", until)], more)
}

/// The same with several spikes: requests a second, begin and end of each.
fn collapse_of(spikes: &[(&str, &str, &str)], more: &[(&str, &str)]) -> Repeated {
    let load = |rate: &str| {
        format!(
            r#"target: "server", arrivals: Poisson("{rate}"), mix: {{"GET /": 1}}, timeout: "5s", retries: 5,
            backoff: (base: "0s", jitter: Off)"#
        )
    };
    let link = |n: usize| format!(r#""spike-{n} -> server": (latency: "0ms"),"#);
    let links: String = (0..spikes.len()).map(link).collect();
    let fault = |(n, (rate, at, until)): (usize, &(&str, &str, &str))| {
        format!(r#""rush-{n}": Surge(source: "spike-{n}", at: "{at}", until: "{until}", load: ({})),"#, load(rate))
    };
    let faults: String = spikes.iter().enumerate().map(fault).collect();
    let text = format!(
        r#"(
            duration: "2100s",
            services: {{"server": (
                workers: 1, places: 150, overflow: Silent, cores: Unlimited,
                endpoints: {{"GET /": (steps: [Compute(Exponential("100ms"))])}},
            )}},
            links: {{"clients -> server": (latency: "0ms"), {links}}},
            load: {{"clients": ({})}},
            faults: {{{faults}}},
        )"#,
        load("5/s"),
    );
    repeat(&load_text(&text, &set(more)))
}

/// A spike that leaves a collapse behind, into which the server is stopped: one incident of two faults.
fn collapse_and_stop(more: &[(&str, &str)]) -> Repeated {
    let load = |rate: &str| {
        format!(
            r#"target: "server", arrivals: Poisson("{rate}"), mix: {{"GET /": 1}}, timeout: "5s", retries: 5,
            backoff: (base: "0s", jitter: Off)"#
        )
    };
    let text = format!(
        r#"(
            duration: "2400s",
            services: {{"server": (
                workers: 1, places: 150, overflow: Silent, cores: Unlimited,
                endpoints: {{"GET /": (steps: [Compute(Exponential("100ms"))])}},
            )}},
            links: {{"clients -> server": (latency: "0ms"), "spike -> server": (latency: "0ms")}},
            load: {{"clients": ({})}},
            faults: {{
                "rush": Surge(source: "spike", at: "300s", until: "900s", load: ({})),
                "stop": Pause(service: "server", at: "1800s", until: "2100s"),
            }},
        )"#,
        load("5/s"),
        load("10/s"),
    );
    let loaded = load_text(&text, &set(more));
    Repeated::run(&loaded.blueprint, 2).expect("no limit is hit")
}

fn repeat(loaded: &Loaded) -> Repeated {
    let repeated = Repeated::run(&loaded.blueprint, 2).expect("no limit is hit");
    assert_eq!(repeated.incidents.len(), 1);
    repeated
}

/// A shop that leaks soon and fast.
fn leak(more: &[(&str, &str)]) -> Repeated {
    let text = r#"(system: "systems/webshop.ron", duration: "35min", faults: {
        "leak": Deploy(service: "web-api", at: "5min", set: {"web-api/POST /api/checkout.retain": "500KiB"})})"#;
    repeat(&load_text(text, &set(more)))
}

fn named<'a>(knock_outs: &'a [KnockOut], name: &str) -> &'a KnockOut {
    knock_outs.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name} is not among {knock_outs:?}"))
}

fn pairs(settings: &[Described]) -> Vec<(&str, &str)> {
    settings.iter().map(|one| (one.path.as_str(), one.to.as_str())).collect()
}

#[test]
fn retries_and_the_long_queue_sustain_the_collapse() {
    let repeated = collapse("10/s", &[]);
    assert_eq!(repeated.incidents[0].recovery, Recovery::Metastable);
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    assert_eq!(knock_outs.len(), 2, "the spike's own retries are no part of the system");
    // Without any queue requests are turned away at rest too, and wait for their timeout: that is not compared.
    assert_ne!(named(&knock_outs, "queue server").settings[0].to, "0");
    for name in ["retries clients -> server", "queue server"] {
        let one = named(&knock_outs, name);
        assert!(matches!(one.from_start, FromStart::Compared(Effect::Amplifies, _)), "{one:?}");
        let Afterwards::Sustains(Some(at)) = one.afterwards else { panic!("{one:?}") };
        let undone = Time::ZERO + Duration::from_secs(900);
        assert!(at >= undone && at < undone + Duration::from_secs(180), "soon after all is undone, not at {at}");
    }
}

#[test]
fn a_spike_that_passes_is_sustained_by_nothing() {
    let repeated = collapse("4/s", &[]);
    assert!(matches!(repeated.incidents[0].recovery, Recovery::At(_)));
    for one in repeated.knock_outs(0, 2).unwrap() {
        assert!(matches!(one.afterwards, Afterwards::RecoversAnyway | Afterwards::NotComparable), "{one:?}");
    }
    assert_eq!(repeated.point_of_no_return(0, 2).unwrap().withdrawal, Withdrawal::Always);
}

#[test]
fn the_point_of_no_return_lies_within_the_spike_and_separates_what_recovers_from_what_does_not() {
    let point = collapse("10/s", &[]).point_of_no_return(0, 2).unwrap();
    let Withdrawal::Between(last, first) = point.withdrawal else { panic!("{point:?}") };
    let second = |n| Time::ZERO + Duration::from_secs(n);
    assert!(second(300) < last && last < first && first < second(900), "{point:?}");
    assert!(first - last <= Duration::from_secs(1));
    // Spikes that end there of themselves, in scenarios of their own.
    for (until, recovers) in [(last, true), (first, false)] {
        let until = format!("{}ns", until.as_nanos());
        let repeated = collapse_until("10/s", &until, &[]);
        let found = repeated.incidents[0].recovery;
        assert_eq!(matches!(found, Recovery::At(_)), recovers, "until {until}: {found:?}");
    }
}

#[test]
fn of_several_faults_all_are_withdrawn() {
    let spikes = |until: &str| collapse_of(&[("5/s", "300s", until), ("5/s", "301s", until)], &[]);
    let point = spikes("900s").point_of_no_return(0, 2).unwrap();
    let Withdrawal::Between(last, first) = point.withdrawal else { panic!("{point:?}") };
    assert!(last > Time::ZERO + Duration::from_secs(301), "{point:?}");
    for (until, recovers) in [(last, true), (first, false)] {
        let until = format!("{}ns", until.as_nanos());
        let found = spikes(&until).incidents[0].recovery;
        assert_eq!(matches!(found, Recovery::At(_)), recovers, "until {until}: {found:?}");
    }
}

#[test]
fn what_is_done_in_an_instant_cannot_be_withdrawn() {
    // Nor does it help to withdraw, beside it, what does nothing.
    for beside in ["", r#", "idle": Set(at: "5min", set: {"web-api/pool.maximum": 10})"#] {
        let text = format!(
            r#"(system: "systems/webshop.ron", duration: "20min", faults: {{
                "kill": Kill(service: "web-api", at: "5min"){beside}}})"#
        );
        let repeated = repeat(&load_text(&text, &Options::default()));
        assert!(repeated.incidents[0].harm.failed > 0);
        assert_eq!(repeated.point_of_no_return(0, 2).unwrap().withdrawal, Withdrawal::Nothing, "{beside}");
    }
}

#[test]
fn what_a_fault_sets_is_no_part_of_the_system() {
    let text = r#"(system: "systems/webshop.ron", duration: "25min", faults: {
        "small": Set(at: "5min", until: "10min", set: {"web-api/pool.maximum": 1})})"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    assert!(!knock_outs.is_empty() && knock_outs.iter().all(|one| one.kind != Kind::Pool), "{knock_outs:?}");
    let preventions = repeated.preventions(0, 2).unwrap();
    let tried = preventions.found.iter().map(|found| found.path()).chain(preventions.in_vain.iter().map(|one| &*one.0));
    assert!(tried.into_iter().all(|path| path != "web-api/pool.maximum"), "{preventions:?}");
}

#[test]
fn what_would_have_prevented_it_does_when_it_is_set() {
    let repeated = collapse("10/s", &[]);
    let preventions = repeated.preventions(0, 2).unwrap();
    let before = repeated.incidents[0].harm;
    let found = preventions.found.iter().find(|one| one.path() == "server.workers").expect("a second worker helps");
    assert_eq!(pairs(&found.settings), [("server.workers", "2")]);
    assert_eq!(found.factor, 2.0);
    for found in &preventions.found {
        let again = collapse("10/s", &pairs(&found.settings)).incidents[0].clone();
        assert_eq!(again.harm, found.harm, "{found:?}");
        assert!((again.harm.failed + again.harm.lost) * 100 <= before.failed + before.lost, "{found:?}");
    }
    assert!(preventions.in_vain.iter().any(|(path, _)| path == "clients.retries"), "{:?}", preventions.in_vain);
}

#[test]
fn an_incident_is_compared_with_all_that_becomes_of_it() {
    let repeated = collapse_and_stop(&[]);
    assert_eq!(repeated.incidents.len(), 1);
    let both = |harm: &Harm| (harm.hurt, harm.failed + harm.lost);
    let mut parted = 0;
    // In the changed system it may be two.
    let mut expect = |settings: &[Described], harm: &Harm| {
        let changed = collapse_and_stop(&pairs(settings)).incidents;
        let of_all = changed.iter().map(|one| both(&one.harm)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(both(harm), of_all, "with {settings:?}");
        parted += u32::from(changed.len() > 1);
    };
    for one in repeated.knock_outs(0, 2).unwrap() {
        let FromStart::Compared(_, harm) = &one.from_start else { continue };
        expect(&one.settings, harm);
    }
    let preventions = repeated.preventions(0, 2).unwrap();
    for one in &preventions.found {
        expect(&one.settings, &one.harm);
    }
    assert!(parted > 0, "a system that recovers from the spike has two incidents");
    // The server stands still for five minutes, however many workers it has.
    assert!(preventions.found.iter().all(|one| one.path() != "server.workers"), "{preventions:?}");
}

#[test]
fn what_the_run_did_not_reach_is_no_part_of_its_proofs() {
    let text = r#"(
        duration: "905s",
        services: {"server": (
            workers: 1, places: 150, cores: Unlimited, endpoints: {"GET /": (steps: [Compute(Exponential("100ms"))])},
        )},
        load: {"clients": (target: "server", arrivals: Poisson("5/s"), mix: {"GET /": 1}, timeout: "5s")},
        faults: {
            "rush": Surge(source: "spike", at: "600s", until: "900s", load: (
                target: "server", arrivals: Poisson("10/s"), mix: {"GET /": 1},
            )),
            "stop": Pause(service: "server", at: "1000s", until: "5000s"),
        },
    )"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    assert_eq!(repeated.incidents[0].recovery, Recovery::NotYet);
    for one in repeated.knock_outs(0, 2).unwrap() {
        assert!(matches!(one.afterwards, Afterwards::RecoversAnyway | Afterwards::NotComparable), "{one:?}");
    }
    assert_eq!(repeated.point_of_no_return(0, 2).unwrap().withdrawal, Withdrawal::Always);
}

#[test]
fn a_roll_back_sets_back_what_a_deploy_set_whatever_it_is() {
    let text = r#"(
        duration: "20min", scrape: "10s",
        services: {"api": (
            workers: 50, places: 100, start_up: "1s", cores: Unlimited, rate_limit: TokenBucket(rate: "20/s", burst: 50),
            endpoints: {"GET /a": (steps: [Compute(Exponential(mean: "20ms"))])},
        )},
        load: {"users": (target: "api", arrivals: Poisson("8/s"), mix: {"GET /a": 1}, timeout: "10s")},
        faults: {"bad": Deploy(service: "api", at: "5min", set: {"api/rate_limit.burst": 1})},
    )"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    assert!(repeated.incidents[0].harm.failed > 100);
    assert_eq!(repeated.point_of_no_return(0, 2).unwrap().withdrawal, Withdrawal::Always);
}

#[test]
fn the_pool_keeps_a_slow_query_from_the_rest() {
    let repeated = repeat(&load("pool_exhaustion", &Options::default()));
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    let pool = named(&knock_outs, "pool web-api/pool");
    let FromStart::Compared(Effect::Dampens, harm) = &pool.from_start else { panic!("{pool:?}") };
    assert!(harm.failed > 2 * repeated.incidents[0].harm.failed, "more connections wait for the same few workers");
    assert_eq!(pool.afterwards, Afterwards::RecoversAnyway);
    // What is said of it is what a user sees who sets the same.
    for one in &knock_outs {
        let FromStart::Compared(_, harm) = &one.from_start else { continue };
        let again = repeat(&load("pool_exhaustion", &set(&pairs(&one.settings))));
        assert_eq!(again.incidents[0].harm, *harm, "{one:?}");
    }
}

#[test]
fn paths_are_those_that_can_be_set() {
    let loaded = load("pool_exhaustion", &Options::default());
    let preventions = repeat(&loaded).preventions(0, 2).unwrap();
    let tried = preventions.in_vain.iter().flat_map(|(path, values)| values.iter().map(move |value| (path, value)));
    let unchanged = format!("{:?}", loaded.blueprint);
    let mut count = 0;
    for (path, value) in tried {
        // Loading it fails where there is no such path, or where the value is none of its kind.
        let changed = load("pool_exhaustion", &set(&[(path, value)]));
        assert_ne!(format!("{:?}", changed.blueprint), unchanged, "{path} {value}");
        count += 1;
    }
    assert!(count >= 15, "{count} values of {} parameters", preventions.in_vain.len());
}

#[test]
fn what_the_system_cannot_do_without_is_not_compared() {
    // One worker of the database can do half of what is asked for; the cache answers nearly all of it.
    let text = r#"(
        duration: "15min",
        services: {"api": (
            workers: 50,
            pools: {"pool": HikariCp(database: "db", maximum: 10, acquire_timeout: "1s")},
            endpoints: {"GET /": (steps: [CacheAside(keys: "users", load: [Query("read")])])},
        )},
        databases: {"db": (workers: 1, queries: {"read": (table: "users", text: "SELECT 1", demand: Exponential("50ms"))})},
        caches: {"redis": (keys: {"users": (count: 200, popularity: Zipf(1.1), ttl: "300s", value: "1KiB", warm: true)})},
        load: {"clients": (target: "api", arrivals: Poisson("40/s"), mix: {"GET /": 1}, timeout: "10s")},
        faults: {"flush": Flush(cache: "redis", at: "5min")},
    )"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    assert!(repeated.incidents[0].harm.hurt > 10);
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    let cache = named(&knock_outs, "cache redis/users");
    assert!(
        matches!(&cache.from_start, FromStart::NotComparable(why) if why.contains("without any fault")),
        "{cache:?}"
    );
}

#[test]
fn without_pauses_a_leak_hurts_nobody_but_by_its_crashes() {
    let repeated = leak(&[]);
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    let pauses = named(&knock_outs, "collections web-api");
    let FromStart::Compared(Effect::Amplifies, harm) = &pauses.from_start else { panic!("{pauses:?}") };
    assert!(harm.hurt * 2 < repeated.incidents[0].harm.hurt, "{pauses:?}");
    assert!(harm.failed > 0, "the kill remains");
    assert_eq!(pauses.afterwards, Afterwards::InForce);
}

#[test]
fn a_rollback_ends_a_leak_and_a_larger_heap_prevents_it() {
    let repeated = leak(&[]);
    assert_eq!(repeated.point_of_no_return(0, 2).unwrap().withdrawal, Withdrawal::Always);
    let preventions = repeated.preventions(0, 2).unwrap();
    let heap = preventions.found.iter().find(|one| one.path() == "web-api/heap.maximum").expect("room for the leak");
    assert_eq!(leak(&pairs(&heap.settings)).incidents[0].harm, heap.harm);
}

#[test]
fn threads_change_no_proof() {
    let repeated = collapse("10/s", &[]);
    let told = |threads| format!("{:?}", repeated.prove(0, threads).unwrap());
    let alone = told(1);
    assert!(told(2) == alone && told(5) == alone);
}

#[test]
fn killed_workers_fail_requests_that_they_would_have_answered() {
    // Four workers, half of them busy with calls that take eight seconds for a while; who serves for five is killed.
    let text = r#"(
        duration: "15min",
        services: {
            "api": (
                runtime: CPython(), workers: 20, prefork: Gunicorn(timeout: "5s", boot: "1s"),
                endpoints: {"GET /": (steps: [Call(to: "back/GET /", timeout: None)])},
            ),
            "back": (workers: Unlimited, endpoints: {"GET /": (steps: [Sleep("200ms")])}),
        },
        load: {"clients": (target: "api", arrivals: Poisson("1/s"), mix: {"GET /": 1}, timeout: "30s")},
        faults: {"slow": Set(at: "3min", until: "6min", set: {"back/GET /.time": "8s"})},
    )"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    assert!(repeated.incidents[0].harm.failed > 100, "{:?}", repeated.incidents[0].harm);
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    let kills = named(&knock_outs, "worker time-outs api");
    let FromStart::Compared(effect, harm) = &kills.from_start else { panic!("{kills:?}") };
    assert_eq!((kills.kind, *effect, harm.failed), (Kind::Workers, Effect::Amplifies, 0), "all are answered, late");
    assert_eq!(pairs(&kills.settings), [("api/prefork.timeout", "None")]);
}

#[test]
fn an_executor_fails_tasks_that_more_threads_would_have_done() {
    let text = r#"(
        duration: "10min",
        services: {
            "api": (
                runtime: Jvm(), workers: 60, cores: Unlimited, executors: {"calls": (threads: 5, queue: 5)},
                endpoints: {"GET /": (steps: [Run(executor: "calls", timeout: "20s", steps: [Call(to: "back/GET /", timeout: None)])])},
            ),
            "back": (workers: Unlimited, cores: Unlimited, endpoints: {"GET /": (steps: [Sleep("200ms")])}),
        },
        load: {"clients": (target: "api", arrivals: Poisson("5/s"), mix: {"GET /": 1}, timeout: "30s")},
        faults: {"slow": Set(at: "3min", until: "5min", set: {"back/GET /.time": "4s"})},
    )"#;
    let repeated = repeat(&load_text(text, &Options::default()));
    assert!(repeated.incidents[0].harm.failed > 100, "{:?}", repeated.incidents[0].harm);
    let knock_outs = repeated.knock_outs(0, 2).unwrap();
    let executor = named(&knock_outs, "executor api/calls");
    let FromStart::Compared(effect, harm) = &executor.from_start else { panic!("{executor:?}") };
    assert_eq!((executor.kind, *effect, harm.failed), (Kind::Executor, Effect::Amplifies, 0), "all are answered, late");
    assert_eq!(pairs(&executor.settings), [("api/calls.maximum", "100000"), ("api/calls.threads", "100000")]);
}
