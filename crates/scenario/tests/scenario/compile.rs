//! What text becomes: programs, sites, patches, and what must not change when something else does.

use knockon_kernel::{Duration, Sampler, Time};
use knockon_model::blueprint::{
    Action, Blueprint, Contrast, HeapField, LinkField, Operation, PolicyField, PoolField, ServiceField, Step,
    StepField, Target, Value,
};
use knockon_model::id::EndpointId;
use knockon_scenario::{Loaded, Options, Scenario, check, idle_faults, name_of, schema};
use std::path::Path;

fn load_with(text: &str, options: &Options) -> Loaded {
    let none = |system: &str| Err(format!("is not part of this test: {system}"));
    Scenario::from_text("test", text, options, &none).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn load(text: &str) -> Loaded {
    load_with(text, &Options::default())
}

/// A shop with one endpoint of these steps and these faults.
fn shop(steps: &str, faults: &str) -> String {
    format!(
        r#"(
    services: {{
        "api": (
            runtime: Jvm(),
            pools: {{"pool": HikariCp(database: "db")}},
            endpoints: {{"GET /": (steps: [{steps}])}},
        ),
        "auth": (endpoints: {{"POST /verify": (steps: [Compute("1ms")])}}),
    }},
    databases: {{"db": (queries: {{"read": (table: "t", demand: "1ms"), "write": (operation: "UPDATE", table: "t", demand: "2ms")}})}},
    caches: {{"cache": (keys: {{"users": (count: 100)}})}},
    load: {{"clients": (target: "api", arrivals: Poisson("1/s"), mix: {{"GET /": 1}})}},
    faults: {{{faults}}},
)"#
    )
}

fn program(steps: &str) -> Vec<Step> {
    let loaded = load(&shop(steps, ""));
    let program = &loaded.blueprint.services[0].endpoints[0].program;
    assert!(matches!(program[..3], [Step::Allocate { .. }, Step::Retain { .. }, Step::Churn { .. }]));
    program[3..].to_vec()
}

/// The names of a program's steps.
fn shape(steps: &str) -> String {
    let names = program(steps).into_iter().map(|step| match step {
        Step::Query { transaction: true, .. } => "Query*".to_owned(),
        step => format!("{step:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn steps_become_programs() {
    for (steps, expected) in [
        (r#"Compute("1ms"), Sleep("1ms")"#, "Compute Sleep"),
        (r#"Query("read")"#, "Acquire Query Release"),
        (r#"Transaction([Query("read"), Compute("1ms")])"#, "Acquire Query* Compute Query* Release"),
        (r#"CacheAside(keys: "users", load: [Query("read")])"#, "CacheGet Acquire Query Release CacheSet"),
        (
            r#"CacheAside(keys: "users", load: [Query("read")], coalesce: true)"#,
            "CacheGet Load Acquire Query Release CacheSet LoadEnd",
        ),
        (
            r#"CacheAside(keys: "users", load: [Query("read")], load_timeout: "1s")"#,
            "CacheGet Load Acquire Query Release CacheSet LoadEnd",
        ),
        (r#"ReadThrough(keys: "users", load: [Compute("1ms")])"#, "CacheGet Load Compute CacheSet LoadEnd"),
        (r#"Choose([(1, [Compute("1ms")]), (2, [Fail()])])"#, "Choose Compute Jump Fail Jump"),
        (r#"Loop(3, [Compute("1ms")])"#, "LoopStart Compute LoopEnd"),
        (r#"Call("auth/POST /verify"), Log(Info, "done"), Fail(503)"#, "Call Log Fail"),
        (r#"Allocate("1KiB"), Retain("1KiB")"#, "Allocate Retain"),
    ] {
        assert_eq!(shape(steps), expected, "{steps}");
    }
}

#[test]
fn jumps_are_positions_in_the_whole_program() {
    let Step::CacheGet { hit, .. } = program(r#"CacheAside(keys: "users", load: [Query("read")]), Compute("1ms")"#)[0]
    else {
        panic!("a cache is asked first");
    };
    assert_eq!(hit, 3 + 5, "a hit goes on behind the steps that load and store");
    let shared = program(r#"ReadThrough(keys: "users", load: [CacheAside(keys: "users", load: [])])"#);
    let (Step::CacheGet { hit, .. }, Step::Load { after, .. }, Step::CacheGet { hit: inner, .. }) =
        (shared[0], shared[1], shared[2])
    else {
        panic!("a cache is asked within a load");
    };
    assert_eq!([hit, after, inner], [3 + 6; 2].into_iter().chain([3 + 4]).collect::<Vec<_>>()[..]);
    let loaded = load(&shop(r#"Choose([(1, [Compute("1ms")]), (3, [])]), Compute("2ms")"#, ""));
    let endpoint = &loaded.blueprint.services[0].endpoints[0];
    assert_eq!(endpoint.choices[0].branches, [(1.0, 4), (3.0, 6)]);
    assert_eq!(endpoint.program[5], Step::Jump { to: 7 });
    assert_eq!(endpoint.program[6], Step::Jump { to: 7 });
    let program = program(r#"Loop(3, [Compute("1ms")])"#);
    assert_eq!(program[2], Step::LoopEnd { body: 4 });
}

/// The sites of the steps that draw, by kind.
fn sites(steps: &str) -> Vec<u32> {
    let site = |step: &Step| match *step {
        Step::Call { site, .. } | Step::Query { site, .. } | Step::CacheGet { site, .. } | Step::Sleep { site, .. } => {
            Some(site.0)
        }
        _ => None,
    };
    program(steps).iter().filter_map(site).collect()
}

#[test]
fn inserting_a_step_leaves_the_sites_of_others() {
    let before = sites(r#"Call("auth/POST /verify"), Query("read"), Query("write"), Query("read")"#);
    let after = sites(
        r#"Compute("9ms"), Call("auth/POST /verify"), Sleep("1ms"), Query("read"), Log(Info, "x"), Query("write"), CacheAside(keys: "users", load: []), Query("read")"#,
    );
    assert_eq!(before.len(), 4);
    assert!(before.iter().all(|site| after.contains(site)), "{before:?} {after:?}");
    let mut distinct = after.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), after.len(), "no two steps share their draws");
}

#[test]
fn databases_and_caches_have_the_endpoints_that_everyone_knows() {
    let blueprint = load(&shop(r#"Query("write")"#, "")).blueprint;
    let names =
        |service: usize| blueprint.services[service].endpoints.iter().map(|e| e.name.as_str()).collect::<Vec<_>>();
    let services: Vec<&str> = blueprint.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(services, ["api", "auth", "cache", "db"]);
    assert_eq!(names(2), ["FLUSHALL", "GET", "SET"]);
    assert_eq!(names(3), ["COMMIT", "ROLLBACK", "read", "write"]);
    assert_eq!(
        blueprint.services[3].endpoints[3].operation,
        Operation::Sql {
            operation: "UPDATE".into(),
            table: "t".into(),
            text: "UPDATE t SET value = $2 WHERE id = $1".into()
        }
    );
    let asked = program(r#"Query("write")"#);
    assert!(matches!(asked[1], Step::Query { endpoint: EndpointId(3), transaction: false, .. }), "{asked:?}");
    assert_eq!(blueprint.links.len(), 2, "clients to api, api to its database; nothing else is used");
}

fn same(a: &Blueprint, b: &Blueprint) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn the_order_of_declaration_does_not_matter() {
    let a = r#"(services: {"a": (endpoints: {"GET /x": (steps: []), "GET /y": (steps: [Compute("1ms")])}), "b": (workers: 3, endpoints: {"GET /": (steps: [])})},
        load: {"one": (target: "a", arrivals: Poisson("1/s"), mix: {"GET /x": 1, "GET /y": 2}), "two": (target: "b", arrivals: Poisson("2/s"), mix: {"GET /": 1})})"#;
    let b = r#"(load: {"two": (mix: {"GET /": 1}, arrivals: Poisson("2/s"), target: "b"), "one": (target: "a", arrivals: Poisson("1/s"), mix: {"GET /y": 2, "GET /x": 1})},
        services: {"b": (endpoints: {"GET /": (steps: [])}, workers: 3), "a": (endpoints: {"GET /y": (steps: [Compute("1ms")]), "GET /x": (steps: [])})})"#;
    assert!(same(&load(a).blueprint, &load(b).blueprint));
}

const LEAK: &str = r#""leak": Deploy(service: "api", at: "10min", set: {"api/GET /.retain": "1KiB"})"#;

#[test]
fn a_fault_is_taken_away_or_gives_way_to_its_contrast() {
    let without = |fault: &str, name: &str| {
        let options = Options { without: vec![name.into()], ..Options::default() };
        load_with(&shop(r#"Compute("1ms")"#, fault), &options)
    };
    let leak = without(LEAK, "leak");
    assert_eq!(leak.blueprint.faults[0].contrast, Contrast::SameDeploy);
    assert!(
        matches!(&leak.blueprint.patches[..], [patch] if matches!(&patch.action, Action::Deploy { set, .. } if set.is_empty()))
    );
    let nothing = LEAK.replace("})", "}, contrast: Nothing)");
    for (fault, name) in [(nothing.as_str(), "leak"), (r#""stop": Kill(service: "api", at: "1min")"#, "stop")] {
        let quiet = load(&shop(r#"Compute("1ms")"#, ""));
        let taken = without(fault, name);
        assert!(same(&quiet.blueprint, &taken.blueprint), "{fault}");
        assert_eq!(quiet.resolved_text, taken.resolved_text);
    }
}

#[test]
fn the_name_of_a_fault_changes_nothing_but_itself() {
    let text = |name: &str| shop(r#"Compute("1ms")"#, &LEAK.replace("leak", name));
    let (mut a, mut b) = (load(&text("leak")).blueprint, load(&text("zebra")).blueprint);
    assert_eq!((a.faults[0].name.as_str(), b.faults[0].name.as_str()), ("leak", "zebra"));
    a.faults.clear();
    b.faults.clear();
    assert!(same(&a, &b));
}

#[test]
fn settings_from_the_start_are_worked_into_the_system() {
    let options = Options {
        seed: 7,
        duration: Some(Duration::from_secs(60)),
        overrides: vec![
            ("api/heap.maximum".into(), "1GiB".into()),
            ("api/pool.maximum".into(), "20".into()),
            ("api/heap.collector".into(), "G1".into()),
            ("api/GET /.demand".into(), "LogNormal(\"2ms\", \"9ms\")".into()),
            ("clients.rate".into(), "600/min".into()),
            ("clients->api.latency".into(), "3ms".into()),
            ("api/memory.limit".into(), "2GiB".into()),
            ("api/memory.limit".into(), "None".into()),
        ],
        ..Options::default()
    };
    let loaded = load_with(&shop(r#"Compute("1ms")"#, LEAK), &options);
    assert_eq!((loaded.blueprint.seed, loaded.blueprint.duration), (7, Duration::from_secs(60)));
    let written = shop(r#"Compute(LogNormal("2ms", "9ms"))"#, LEAK)
        .replace("Jvm()", r#"Jvm(heap: (maximum: "1GiB", collector: G1))"#)
        .replace(r#"(database: "db")"#, r#"(database: "db", maximum: 20)"#)
        .replace("1/s", "10/s")
        .replace("    faults:", r#"    links: {"clients -> api": (latency: "3ms")}, faults:"#);
    let plain = Options { seed: 7, duration: options.duration, ..Options::default() };
    assert!(same(&loaded.blueprint, &load_with(&written, &plain).blueprint));
    assert!(loaded.resolved_text.contains(r#"maximum: "1GiB""#), "{}", loaded.resolved_text);
}

/// What a setting of a fault becomes; samplers are compared by their mean in nanoseconds.
fn change(path: &str, value: &str) -> (Target, Value, Option<f64>) {
    let steps = r#"Compute("1ms"), Call("auth/POST /verify"), Transaction([Query(query: "read", timeout: "9s"), Compute("2ms")]), Sleep("1ms"), CacheAside(keys: "users", load: [Retain("0B")])"#;
    let loaded = load(&shop(steps, &format!(r#""f": Set(at: "1min", until: "2min", set: {{"{path}": {value}}})"#)));
    let patch = &loaded.blueprint.patches[0];
    assert_eq!((patch.at, patch.until), (Time::from_nanos(60_000_000_000), Some(Time::from_nanos(120_000_000_000))));
    let Action::Set(changes) = &patch.action else { panic!("{patch:?}") };
    let [(target, value)] = changes[..] else { panic!("{changes:?}") };
    let mean = if let Value::Sampler(sampler) = value { Some(loaded.blueprint[sampler].mean()) } else { None };
    let shown = &loaded.blueprint.faults[0].settings[0];
    assert_eq!(shown.0, path);
    assert_ne!(shown.1, shown.2, "{path}");
    (target, value, mean)
}

#[test]
fn paths_become_parameters() {
    use knockon_model::id::{LinkId, PoolId, ServiceId};
    let (api, cache, db) = (ServiceId(0), ServiceId(2), ServiceId(3));
    let end = EndpointId(0);
    let seconds = |n| Value::Duration(Duration::from_secs(n));
    for (path, value, target, expected) in [
        ("api.workers", "Unlimited", Target::Service(api, ServiceField::Workers), Value::Limit(None)),
        ("api.places", "7", Target::Service(api, ServiceField::Places), Value::Limit(Some(7))),
        ("api.cores", "\"250m\"", Target::Service(api, ServiceField::Cores), Value::Limit(Some(250))),
        ("api/memory.limit", "\"1GiB\"", Target::Service(api, ServiceField::MemoryLimit), Value::Limit(Some(1 << 30))),
        ("api/heap.maximum", "\"1GiB\"", Target::Heap(api, HeapField::Maximum), Value::Bytes(1 << 30)),
        ("api/heap.base", "\"1MiB\"", Target::Heap(api, HeapField::Base), Value::Bytes(1 << 20)),
        ("api/heap.pause_scale", "0", Target::Heap(api, HeapField::PauseScale), Value::Number(0.0)),
        ("api/pool.maximum", "3", Target::Pool(api, PoolId(0), PoolField::Maximum), Value::Count(3)),
        ("api/pool.acquire_timeout", "\"3s\"", Target::Pool(api, PoolId(0), PoolField::AcquireTimeout), seconds(3)),
        ("api/GET /.allocate", "\"1KiB\"", Target::Step(api, end, 0, StepField::Bytes), Value::Bytes(1024)),
        ("api/GET /.retain", "\"1KiB\"", Target::Step(api, end, 1, StepField::Bytes), Value::Bytes(1024)),
        ("api/GET /.churn", "\"1KiB\"", Target::Step(api, end, 2, StepField::Bytes), Value::Bytes(1024)),
        ("api/GET /.bytes", "\"2KiB\"", Target::Step(api, end, 12, StepField::Bytes), Value::Bytes(2048)),
        ("db.workers", "2", Target::Service(db, ServiceField::Workers), Value::Limit(Some(2))),
        ("db.max_connections", "9", Target::Service(db, ServiceField::MaxConnections), Value::Count(9)),
        ("db.slow_query", "\"9s\"", Target::Service(db, ServiceField::SlowQuery), seconds(9)),
        ("cache.maxmemory", "\"1MiB\"", Target::Service(cache, ServiceField::Maxmemory), Value::Limit(Some(1 << 20))),
    ] {
        let found = change(path, value);
        assert_eq!((found.0, found.1), (target, expected), "{path}");
    }
    for (path, position) in [("api/GET /.demand[1]", 3), ("api/GET /.demand[2]", 7), ("api/GET /.time", 10)] {
        let (target, _, mean) = change(path, "\"9ms\"");
        assert_eq!((target, mean), (Target::Step(api, end, position, StepField::Demand), Some(9e6)), "{path}");
    }
    let (target, _, mean) = change("db/write.demand", "Exponential(\"1s\")");
    assert_eq!((target, mean), (Target::Step(db, EndpointId(3), 0, StepField::Demand), Some(1e9)));
    let (target, _, mean) = change("api->db.latency", "\"7ms\"");
    assert_eq!((target, mean), (Target::Link(LinkId(2), LinkField::Latency), Some(7e6)));
    // Policies are numbered as they come; each path must find its own.
    let policy = |path: &str, field: PolicyField, value: &str| match change(path, value).0 {
        Target::Policy(id, found) if found == field => id,
        other => panic!("{path}: {other:?}"),
    };
    let found = [
        policy("api/GET /.timeout[1]", PolicyField::Timeout, "\"7s\""),
        policy("api/GET /.timeout[2]", PolicyField::Timeout, "\"7s\""),
        policy("api/GET /.timeout[3]", PolicyField::Timeout, "\"7s\""),
        policy("clients.timeout", PolicyField::Timeout, "\"7s\""),
    ];
    assert_eq!(found[0], policy("api/GET /.retries", PolicyField::Retries, "7"));
    assert_eq!(found[3], policy("clients.retries", PolicyField::Retries, "7"));
    assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]), "{found:?}");
}

#[test]
fn distributions_are_what_they_say() {
    let law = |text: &str| {
        let loaded = load(&shop(&format!("Sleep({text})"), ""));
        let Step::Sleep { time, .. } = loaded.blueprint.services[0].endpoints[0].program[3] else { panic!("{text}") };
        loaded.blueprint[time].clone()
    };
    let good = |sampler: Result<Sampler, _>| -> Sampler {
        sampler.unwrap_or_else(|error: knockon_kernel::SamplerError| panic!("{error}"))
    };
    for (text, sampler) in [
        ("\"4ms\"", Sampler::constant(4e6)),
        ("Exponential(\"4ms\")", Sampler::exponential(4e6)),
        ("LogNormal(median: \"2ms\", p99: \"12ms\")", Sampler::log_normal_median_p99(2e6, 12e6)),
        ("Normal(\"5ms\", \"1ms\")", Sampler::normal(5e6, 1e6)),
        ("Uniform(low: \"1ms\", high: \"3ms\")", Sampler::uniform(1e6, 3e6)),
        ("Gamma(mean: \"3ms\", shape: 2)", Sampler::gamma(2.0, 3e6)),
        ("Pareto(\"1ms\", 1.5)", Sampler::pareto(1e6, 1.5)),
        ("Weibull(scale: \"1ms\", shape: 0.5)", Sampler::weibull(1e6, 0.5)),
        ("Empirical([\"1ms\", \"3ms\"])", Sampler::empirical(vec![1e6, 3e6])),
    ] {
        assert_eq!(law(text), good(sampler), "{text}");
    }
    let mixed =
        good(Sampler::mixture(vec![(1.0, good(Sampler::constant(1e6))), (3.0, good(Sampler::exponential(2e6)))]));
    assert_eq!(law("Mixture([(1, \"1ms\"), (weight: 3, law: Exponential(\"2ms\"))])"), mixed);
}

#[test]
fn the_check_warns_where_the_healthy_state_is_not() {
    let warned = |set: &[(&str, &str)]| -> Vec<String> {
        let overrides = set.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
        let steps = r#"Compute("10ms"), Call(to: "auth/POST /verify", retries: 3), Transaction([Query("read")])"#;
        let loaded = load_with(&shop(steps, ""), &Options { overrides, ..Options::default() });
        check(&loaded).into_iter().filter(|line| !line.healthy).map(|line| line.text).collect()
    };
    assert_eq!(warned(&[]), [] as [&str; 0]);
    for (path, value, part) in [
        ("clients.rate", "90/s", "cores 90 % used"),
        ("db/read.demand", "7s", "of 10 connections in use, a caller waits with probability"),
        ("db/read.demand", "8s", "db: 8.00 of 8 workers busy"),
        ("api/GET /.retain", "1MiB", "api: 1.00 MiB/s are retained: the heap is full after 7 min"),
        ("api/GET /.churn", "8GiB", "GC share at most"),
        (
            "auth/POST /verify.demand",
            "300ms",
            "4 tries a call, so overload feeds itself from 25 % utilisation on; it is 30 %",
        ),
        ("auth/POST /verify.demand", "900ms", "P(T > 5.0 s)"),
        ("api/memory.limit", "300MiB", "a full heap ends in a kill for memory"),
        ("api.replicas", "11", "pools may open 110 of 97 connections"),
    ] {
        let lines = warned(&[(path, value)]);
        assert!(lines.iter().any(|line| line.contains(part)), "{path} = {value}: {lines:#?}");
    }
}

/// A fault that sets the demand of a query.
fn slower(name: &str, at: &str, until: &str, demand: &str) -> String {
    let until = if until.is_empty() { String::new() } else { format!(r#", until: "{until}""#) };
    format!(r#""{name}": Set(at: "{at}"{until}, set: {{"db/read.demand": {demand}}})"#)
}

#[test]
fn a_fault_is_told_with_the_value_that_held_when_it_came() {
    let told = |faults: &[String]| {
        let loaded = load(&shop(r#"Query("read")"#, &faults.join(", ")));
        let of = |name: &str| {
            let fault = loaded.blueprint.faults.iter().find(|fault| fault.name == name).unwrap();
            let (_, from, to) = &fault.settings[0];
            format!("{} → {}", from.trim_matches('"'), to.trim_matches('"'))
        };
        of("b")
    };
    let b = slower("b", "3min", "9min", r#""200ms""#);
    let a = |until| slower("a", "1min", until, r#""500ms""#);
    assert_eq!(told(std::slice::from_ref(&b)), "1ms → 200ms");
    assert_eq!(told(&[a("5min"), b.clone()]), "500ms → 200ms");
    assert_eq!(told(&[a(""), b.clone()]), "500ms → 200ms");
    // It ends before the other one acts, be it at the same instant.
    assert_eq!(told(&[a("3min"), b.clone()]), "1ms → 200ms");
    assert_eq!(told(&[a("2min"), b.clone()]), "1ms → 200ms");
    // The last one to set it has it, as long as it lasts; then it is the one before.
    let c = |until| slower("c", "2min", until, r#""30ms""#);
    assert_eq!(told(&[a("5min"), c("4min"), b.clone()]), "30ms → 200ms");
    assert_eq!(told(&[a("5min"), c("150s"), b.clone()]), "500ms → 200ms");
    // Another parameter is nobody's business.
    let other = r#""o": Set(at: "1min", set: {"db/write.demand": "7ms"})"#.to_owned();
    assert_eq!(told(&[other, b]), "1ms → 200ms");
}

#[test]
fn a_fault_that_does_nothing_is_named() {
    let warned = |faults: &[String]| {
        let loaded = load(&shop(r#"Query("read")"#, &faults.join(", ")));
        let warned = idle_faults(&loaded.blueprint);
        let checked = check(&loaded).into_iter().filter(|line| !line.healthy).map(|line| line.text);
        let checked: Vec<_> = checked.filter(|text| warned.contains(text)).collect();
        assert_eq!(checked, warned, "`sim check` tells it too");
        warned
    };
    let nothing: [&str; 0] = [];
    assert_eq!(warned(&[slower("s", "1min", "", r#""1ms""#)]), ["s changes nothing: db/read.demand is 1ms already"]);
    assert_eq!(warned(&[slower("s", "1min", "", r#""0.001s""#)]), ["s changes nothing: db/read.demand is 1ms already"]);
    assert_eq!(warned(&[slower("s", "1min", "", r#""1.1ms""#)]), nothing);
    // One of two settings is enough.
    let both = r#""s": Set(at: "1min", set: {"db/read.demand": "1ms", "db/write.demand": "3ms"})"#.to_owned();
    assert_eq!(warned(&[both]), nothing);
    // To set it back is a change, and to set it to what another fault has set makes that last.
    let a = slower("a", "1min", "5min", r#""500ms""#);
    assert_eq!(warned(&[a.clone(), slower("b", "3min", "", r#""1ms""#)]), nothing);
    assert_eq!(warned(&[a, slower("b", "3min", "", r#""500ms""#)]), nothing);
    let late = r#""late": Kill(service: "auth", at: "20h")"#.to_owned();
    assert!(warned(&[late])[0].starts_with("late at 20 h never happens: the run ends after"));
}

#[test]
fn a_run_of_a_run_has_the_name_of_its_folder() {
    for (path, name) in [
        ("scenarios/memory_leak.ron", "memory_leak"),
        ("out/leak-s1/truth/scenario.ron", "leak-s1"),
        ("/tmp/out/zero/truth/scenario.ron", "zero"),
        ("truth/scenario.ron", "scenario"),
        ("mine/scenario.ron", "scenario"),
        ("out/leak-s1/truth/other.ron", "other"),
    ] {
        assert_eq!(name_of(Path::new(path)), name, "{path}");
    }
}

#[test]
fn a_source_needs_a_mix_and_the_schema_says_so() {
    let page = schema();
    let mix = page.lines().find(|line| line.trim_start().starts_with("mix ")).unwrap();
    assert!(mix.ends_with("; required."), "{mix}");
    let text = shop("", "").replace(r#", mix: {"GET /": 1}"#, "");
    let none = |_: &str| Err(String::new());
    let errors = Scenario::from_text("test", &text, &Options::default(), &none).unwrap_err().to_string();
    assert!(errors.contains("mix"), "{errors}");
}

#[test]
fn a_resolved_scenario_is_the_one_that_ran() {
    let faults = format!(r#"{LEAK}, "late": Kill(service: "auth", at: "50min")"#);
    let text = shop(r#"Compute("1ms"), Query("read")"#, &faults);
    for options in [
        Options::default(),
        Options { duration: Some(Duration::from_millis(1_500)), ..Options::default() },
        Options { without: vec!["leak".into(), "late".into()], ..Options::default() },
        Options { overrides: vec![("clients.rate".into(), "0.3/s".into())], seed: 3, ..Options::default() },
    ] {
        let ran = load_with(&text, &options);
        let again = load_with(&ran.resolved_text, &Options { seed: options.seed, ..Options::default() });
        assert!(same(&ran.blueprint, &again.blueprint), "{options:?}");
        let unreached = check(&ran).iter().filter(|line| line.text.contains("never happens")).count();
        assert_eq!(unreached, if options.duration.is_some() { 2 } else { 0 });
    }
}

#[test]
fn a_command_is_a_call_of_the_cache_and_its_demand_can_change() {
    let text = shop(
        r#"Command("cache/report"), Command(command: "cache/scan", timeout: "2s", optional: true)"#,
        r#""slower": Set(at: "1min", set: {"cache/scan.demand": "9ms", "api/GET /.timeout[2]": "3s"})"#,
    );
    let commands =
        r#"(commands: {"report": (name: "KEYS", demand: "400ms"), "scan": (name: "SCAN", demand: "1ms")}, keys:"#;
    let loaded = load(&text.replace(r#""cache": (keys:"#, &format!(r#""cache": {commands}"#)));
    let blueprint = &loaded.blueprint;
    let cache = blueprint.services.iter().position(|service| service.name == "cache").expect("it is there");
    let names: Vec<_> = blueprint.services[cache].endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(names, ["FLUSHALL", "GET", "SET", "KEYS report", "SCAN scan"]);
    assert_eq!(blueprint.services[cache].endpoints[3].operation, Operation::Cache { command: "KEYS".into() });
    let called = |step: &Step| match *step {
        Step::Call { service, endpoint, optional, .. } => Some((service.index(), endpoint, optional)),
        _ => None,
    };
    let calls: Vec<_> = blueprint.services[0].endpoints[0].program.iter().filter_map(called).collect();
    assert_eq!(calls, [(cache, EndpointId(3), false), (cache, EndpointId(4), true)]);
    let Action::Set(changes) = &blueprint.patches[0].action else { panic!("a fault sets") };
    assert!(changes.iter().any(|(target, _)| matches!(*target, Target::Step(service, EndpointId(4), 0, StepField::Demand) if service.index() == cache)));
    assert!(changes.iter().any(|(target, value)| {
        matches!(target, Target::Policy(_, PolicyField::Timeout)) && *value == Value::Duration(Duration::from_secs(3))
    }));
    // With 0.4 s for each of one request a second, two of five others come meanwhile.
    let lines = check(&loaded);
    let line = lines.iter().find(|line| line.text.contains("KEYS report")).expect("a line about it");
    assert!(!line.healthy && line.text.contains("40 % of all commands") && line.text.contains("200.0 ms"), "{line:?}");
    assert!(lines.iter().any(|line| line.healthy && line.text.contains("SCAN scan")), "{lines:?}");
}
