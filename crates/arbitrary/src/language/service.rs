//! Applications: runtime, memory, pools.

use super::admission::{OVERFLOW, QUEUE};
use super::law::{gap, law};
use super::leaf;
use super::limit::{CONCURRENCY, rate_limit};
use super::step::ENDPOINT;
use super::store::CONTENTION;
use super::store::local_caches;
use crate::draft::{Draft, map, quote};
use crate::plan::Runtime;
use crate::table::{Choice, Record, may, must, rare, variant};

pub(super) static SERVICE: Record = Record {
    what: "service",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.service().name)))),
        must("runtime", |d| Some(d.choice(&RUNTIME))),
        rare("replicas", |d| d.number(1, 3)),
        must("prefork", |d| (may_prefork(d) && d.choices.chance(100)).then(|| d.choice(&PREFORK))),
        may("workers", |d| if preforks(d) { d.number(1, 4) } else { leaf::limit_from_1(d) }),
        // A process has a place for whatever its consumers are given.
        must("places", |d| match d.service().consumers.is_empty() {
            false => Some("Unlimited".into()),
            true => d.choices.chance(85).then(|| leaf::limit(d))?,
        }),
        may("queue", |d| Some(d.record(&QUEUE))),
        may("overflow", |d| Some(d.choice(&OVERFLOW))),
        may("rate_limit", rate_limit),
        may("concurrency", |d| (!preforks(d)).then(|| d.choice(&CONCURRENCY))),
        must("caches", local_caches),
        may("cores", |d| {
            let bounded = !d.choices.chance(60);
            if !bounded {
                let name = d.service().name.clone();
                d.bounded.remove(&name);
            }
            if bounded { leaf::cores(d) } else { Some("Unlimited".into()) }
        }),
        may("quota", leaf::quota),
        may("contention", |d| Some(d.record(&CONTENTION))),
        may("discipline", |d| Some(d.choice(&DISCIPLINE))),
        may("memory", |d| Some(d.record(&MEMORY))),
        may("start_up", law),
        may("warm_up", |d| Some(d.record(&WARM_UP))),
        rare("certificate_expires", |d| d.quoted(&["1s", "0s", "100ms", "3s"])),
        rare("vacation", |d| Some(d.choice(&VACATION))),
        must("restart", |d| Some(d.choice(&RESTART))),
        may("health", |d| d.asked.then(|| d.record(&HEALTH))),
        may("stop_grace", leaf::while_),
        may("cancels_abandoned", leaf::flag),
        must("pools", pools),
        must("executors", executors),
        must("endpoints", endpoints),
        must("consumers", super::broker::consumers),
    ],
};

fn pools(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.service().pools.iter().map(|(name, _)| name.clone()).collect();
    let mut entries = Vec::new();
    for (pool, name) in names.into_iter().enumerate() {
        d.here.pool = pool;
        let link = format!("{} -> {}", d.service().name, d.pooled().name);
        d.links.insert(link);
        entries.push((name, d.choice(&POOL)));
    }
    Some(map(entries))
}

/// Executors that a service can have.
const EXECUTORS: [&str; 2] = ["one-by-one", "provider"];

fn executors(d: &mut Draft<'_>) -> Option<String> {
    let managed = d.service().runtime.is_managed();
    let count = if managed && !preforks(d) && d.choices.chance(130) { 1 + d.choices.below(2) } else { 0 };
    let names = &EXECUTORS[..count];
    let service = d.service().name.clone();
    let mut entries = Vec::new();
    for name in names {
        d.limits.push(format!("{service}/{name}.threads"));
        d.here.executor = name;
        entries.push(((*name).to_owned(), d.record(&EXECUTOR)));
    }
    d.executors.insert(service, names.to_vec());
    (count > 0).then(|| map(entries))
}

fn is_java(d: &Draft<'_>) -> bool {
    d.service().runtime == Runtime::Jvm
}

pub(super) static EXECUTOR: Record = Record {
    what: "executor",
    fields: &[
        must("threads", |d| d.number(1, 3)),
        may("maximum", |d| {
            let path = format!("{}/{}.maximum", d.service().name, d.here.executor);
            is_java(d).then(|| {
                d.limits.push(path);
                d.number(3, 6)
            })?
        }),
        must("queue", |d| {
            d.here.synchronous = false;
            if !is_java(d) || d.choices.chance(60) {
                return None;
            }
            let places = d.number(0, 3);
            d.here.synchronous = places.as_deref() == Some("0");
            if !d.here.synchronous {
                let path = format!("{}/{}.queue", d.service().name, d.here.executor);
                d.limits.push(path);
            }
            places
        }),
        // What comes by default would be as long in a world that is made longer.
        must("keep_alive", |d| is_java(d).then(|| d.quoted(&["60s", "1s", "20ms", "300ms"]))?),
        may("core_timeout", |d| is_java(d).then(|| leaf::flag(d))?),
        may("rejection", |d| {
            let path = format!("{}/{}.rejection", d.service().name, d.here.executor);
            is_java(d).then(|| {
                d.limits.push(path);
                d.choice(&HANDLER)
            })
        }),
    ],
};

pub(super) static HANDLER: Choice = Choice {
    what: "handler of rejected tasks",
    variants: &[
        variant("Abort", &[]),
        variant("CallerRuns", &[]),
        variant("Discard", &[]),
        variant("DiscardOldest", &[]).fitting(|d| !d.here.synchronous),
    ],
};

fn endpoints(d: &mut Draft<'_>) -> Option<String> {
    let names: Vec<String> = d.service().endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
    let mut entries = Vec::new();
    for (endpoint, name) in names.into_iter().enumerate() {
        d.here.endpoint = endpoint;
        entries.push((name, d.record(&ENDPOINT)));
    }
    Some(map(entries))
}

/// What probes ask: that needs nothing but the process itself, fails always, or is slow.
const HEALTH_STEPS: [&str; 5] = [
    "Compute(\"1ms\")",
    "Compute(\"1ns\"), Sleep(\"30ms\")",
    "Fail(503)",
    "Fail(404)",
    "Choose([(weight: 3, steps: []), (weight: 1, steps: [Fail(500)])])",
];

pub(super) static HEALTH: Record = Record {
    what: "health",
    fields: &[
        must("endpoints", |d| {
            let steps = d.choices.pick(&HEALTH_STEPS);
            Some(map([(HEALTHZ.to_owned(), format!("(steps: [{steps}])"))]))
        }),
        must("liveness", |d| probe(d, "liveness")),
        may("readiness", |d| probe(d, "readiness")),
        may("startup", |d| probe(d, "startup")),
        may("propagation", leaf::while_),
    ],
};

const HEALTHZ: &str = "GET /healthz";

fn probe(d: &mut Draft<'_>, kind: &'static str) -> Option<String> {
    d.here.of_readiness = kind == "readiness";
    for field in ["timeout", "period", "failures"] {
        let path = format!("{}/{kind}.{field}", d.service().name);
        d.limits.push(path);
    }
    Some(d.record(&PROBE))
}

pub(super) static PROBE: Record = Record {
    what: "probe",
    fields: &[
        may("endpoint", |d| {
            let own =
                d.choices.chance(100).then(|| d.service().endpoints.first().map(|endpoint| endpoint.name.clone()));
            Some(quote(own.flatten().as_deref().unwrap_or(HEALTHZ)))
        }),
        must("period", |d| d.quoted(&["100ms", "1s", "10ms", "300ms", "7s"])),
        may("timeout", leaf::patience),
        may("failures", leaf::count_from_1),
        may("successes", |d| if d.here.of_readiness { d.number(1, 3) } else { None }),
        may("initial_delay", leaf::while_),
    ],
};

pub(super) static RUNTIME: Choice = Choice {
    what: "runtime",
    variants: &[
        variant("Native", &[]).fitting(|d| d.service().runtime == Runtime::Native),
        variant("Node", &[]).fitting(|d| d.service().runtime == Runtime::Node),
        variant("Jvm", &[must("heap", |d| Some(d.record(&HEAP)))]).fitting(|d| d.service().runtime == Runtime::Jvm),
        variant(
            "CPython",
            &[
                must("base", |d| d.quoted(&["1MiB", "4MiB", "8MiB"])),
                may("object_bytes", |d| d.quoted(&["120B", "50B", "1KiB"])),
                may("threshold_0", |d| d.one_of(&["700", "300", "100000"])),
                may("threshold_1", |d| d.one_of(&["10", "1"])),
                may("threshold_2", |d| d.one_of(&["10", "1"])),
                may("per_object", |d| d.quoted(&["30ns", "0s", "1us"])),
            ],
        )
        .fitting(|d| d.service().runtime == Runtime::CPython),
    ],
};

pub(super) static HEAP: Record = Record {
    what: "heap",
    fields: &[
        must("maximum", |d| d.quoted(&["64MiB", "16MiB", "8MiB", "32MiB", "100000007B"])),
        must("base", |d| d.quoted(&["4MiB", "1MiB", "7MiB"])),
        must("collector", |d| Some(d.choice(&COLLECTOR))),
        may("new_ratio", |d| d.number(1, 5)),
        may("survivor_ratio", |d| d.number(1, 12)),
        may("initiating_occupancy_percent", |d| d.one_of(&["45", "1", "10", "100"])),
        may("minor_pause", |d| Some(d.record(&PAUSE))),
        may("major_pause", |d| Some(d.record(&PAUSE))),
        may("concurrent_cores", |d| if d.choices.chance(40) { Some("Unlimited".into()) } else { leaf::cores(d) }),
        may("mark_rate", |d| d.quoted(&["500MiB", "1MiB", "1B"])),
        may("pause_target", |d| d.quoted(&["200ms", "1ms", "1ns"])),
        may("overhead_limit", leaf::flag),
        rare("pause_scale", |d| d.one_of(&["0", "1", "0.1", "20"])),
        may("on_out_of_memory", |d| Some(d.choice(&OUT_OF_MEMORY))),
    ],
};

pub(super) static COLLECTOR: Choice =
    Choice { what: "collector", variants: &[variant("Parallel", &[]), variant("Serial", &[]), variant("G1", &[])] };

pub(super) static OUT_OF_MEMORY: Choice =
    Choice { what: "reaction to an OutOfMemoryError", variants: &[variant("Exit", &[]), variant("Continue", &[])] };

pub(super) static PAUSE: Record =
    Record { what: "pause", fields: &[must("base", leaf::short), must("per_mib", leaf::short)] };

pub(super) static DISCIPLINE: Choice =
    Choice { what: "discipline", variants: &[variant("Shared", &[]), variant("FirstCome", &[])] };

pub(super) static MEMORY: Record = Record {
    what: "memory",
    fields: &[
        must("baseline", |d| d.quoted(&["10MiB", "0B", "16MiB"])),
        may("limit", |d| d.quoted(&["64MiB", "25MiB", "32MiB", "512MiB"])),
    ],
};

pub(super) static WARM_UP: Record = Record {
    what: "warm-up",
    fields: &[may("factor", |d| d.one_of(&["3", "1", "1.5", "40"])), may("requests", |d| d.one_of(&["200", "1", "7"]))],
};

/// Whether the service's workers can be processes.
fn may_prefork(d: &Draft<'_>) -> bool {
    d.service().runtime == Runtime::CPython && d.service().consumers.is_empty()
}

fn preforks(d: &Draft<'_>) -> bool {
    d.preforked.contains(&d.service().name)
}

pub(super) static PREFORK: Choice = Choice {
    what: "prefork",
    variants: &[variant(
        "Gunicorn",
        &[
            may("timeout", leaf::patience_or_none),
            may("graceful_timeout", leaf::patience),
            may("max_requests", leaf::count),
            may("max_requests_jitter", leaf::count),
            may("boot", law),
        ],
    )
    .entering(|d| {
        let name = d.service().name.clone();
        d.limits.push(format!("{name}/prefork.timeout"));
        d.limits.push(format!("{name}/prefork.max_requests"));
        d.preforked.insert(name);
    })],
};

/// A law of a vacation, which can be set later.
fn settable(d: &mut Draft<'_>, path: &str) -> Option<String> {
    let path = format!("{}/{path}", d.service().name);
    d.limits.push(path);
    gap(d)
}

pub(super) static VACATION: Choice = Choice {
    what: "vacation",
    variants: &[
        variant(
            "Periodic",
            &[must("every", |d| settable(d, "vacation.every")), must("length", |d| settable(d, "vacation.length"))],
        ),
        variant("WhenIdle", &[must("length", |d| settable(d, "vacation.length")), may("repeats", leaf::flag)]),
    ],
};

pub(super) static RESTART: Choice = Choice {
    what: "restart policy",
    variants: &[
        variant("Never", &[]).entering(|d| d.asked = false),
        variant("Kubernetes", &[may("initial", leaf::age), may("maximum", leaf::age), may("reset", leaf::age)])
            .weighing(2)
            .entering(|d| d.asked = true),
        variant("Compose", &[may("initial", leaf::brief), may("maximum", leaf::age), may("reset", leaf::age)])
            .entering(|d| d.asked = false),
    ],
};

pub(super) static POOL: Choice = Choice {
    what: "pool",
    variants: &[
        variant(
            "HikariCp",
            &[
                must("database", |d| Some(quote(&d.pooled().name))),
                must("maximum", |d| d.number(2, 6)),
                may("minimum_idle", |d| d.number(0, 2)),
                may("acquire_timeout", leaf::acquire_timeout),
                may("idle_timeout", leaf::age_or_none),
                may("maximum_lifetime", leaf::age_or_none),
                may("lifetime_variance_permille", |d| d.one_of(&["25", "0", "1000"])),
                may("keepalive", leaf::age_or_none),
                may("validate_after_idle", |d| if d.choices.chance(60) { Some("None".into()) } else { leaf::brief(d) }),
                may("leak_detection", leaf::brief),
                may("barging", leaf::flag),
            ],
        ),
        variant(
            "QueuePool",
            &[
                must("database", |d| Some(quote(&d.pooled().name))),
                may("maximum", leaf::count_from_1),
                may("overflow", leaf::count),
                may("acquire_timeout", leaf::patience),
                may("maximum_lifetime", leaf::age_or_none),
                may("pre_ping", leaf::flag),
            ],
        ),
    ],
};
