//! Paths that can be set, from the start and while a world runs: one row for each line of the schema's list.

use super::law::{gap, law};
use super::leaf;
use crate::draft::{Draft, map};
use crate::plan::Runtime;

/// A form of paths as the schema lists it, those that there are in this world, and a value.
pub(crate) struct Form {
    pub(crate) form: &'static str,
    paths: fn(&Draft<'_>) -> Vec<String>,
    value: fn(&mut Draft<'_>) -> Option<String>,
}

const fn form(
    form: &'static str,
    paths: fn(&Draft<'_>) -> Vec<String>,
    value: fn(&mut Draft<'_>) -> Option<String>,
) -> Form {
    Form { form, paths, value }
}

/// Every form.
pub(crate) static FORMS: &[Form] = &[
    form(
        "SERVICE.workers",
        |d| [fields(of_threads(d), "workers"), fields(databases(d), "workers")].concat(),
        leaf::limit_from_1,
    ),
    form(
        "SERVICE.places",
        |d| [fields(services(d, |_| true), "places"), fields(caches(d), "places")].concat(),
        leaf::limit,
    ),
    form("SERVICE/queue.maximum_age", |d| fields(services(d, |_| true), "queue.maximum_age"), leaf::patience_or_none),
    form("SERVICE.quota", |d| fields(d.bounded.iter().cloned().collect(), "quota"), leaf::quota),
    form("SERVICE/rate_limit.rate", |d| limits(d, "rate_limit.rate"), leaf::rate),
    form("SERVICE/rate_limit.burst", |d| limits(d, "rate_limit.burst"), leaf::count_from_1),
    form("SERVICE/concurrency.minimum", |d| limits(d, "concurrency.minimum"), leaf::count_from_1),
    form("SERVICE/concurrency.limit", |d| limits(d, "concurrency.limit"), leaf::count_from_1),
    form("SERVICE/concurrency.maximum", |d| limits(d, "concurrency.maximum"), leaf::count_from_1),
    form("SERVICE/PROBE.timeout", |d| probes(d, "timeout"), leaf::patience),
    form("SERVICE/PROBE.period", |d| probes(d, "period"), |d| d.quoted(&["100ms", "1s", "33ms"])),
    form("SERVICE/PROBE.failures", |d| probes(d, "failures"), leaf::count_from_1),
    form("SERVICE/prefork.timeout", |d| limits(d, "prefork.timeout"), leaf::patience_or_none),
    form("SERVICE/prefork.max_requests", |d| limits(d, "prefork.max_requests"), leaf::count),
    form("SERVICE/EXECUTOR.threads", |d| limits(d, ".threads"), |d| d.number(1, 3)),
    form("SERVICE/EXECUTOR.maximum", |d| executors(d, ".maximum"), |d| d.number(3, 6)),
    form(
        "SERVICE/EXECUTOR.rejection",
        |d| executors(d, ".rejection"),
        |d| d.one_of(&["Abort", "CallerRuns", "Discard"]),
    ),
    form("SERVICE/EXECUTOR.queue", |d| executors(d, ".queue"), |d| d.one_of(&["Unlimited", "1", "4"])),
    form("SERVICE/vacation.every", |d| limits(d, "vacation.every"), gap),
    form("SERVICE/vacation.length", |d| limits(d, "vacation.length"), gap),
    form("SERVICE.cores", |d| fields(d.bounded.iter().cloned().collect(), "cores"), leaf::cores),
    form(
        "SERVICE/memory.limit",
        |d| fields([services(d, |_| true), databases(d), caches(d)].concat(), "memory.limit"),
        |d| d.one_of(&["None", "\"20MiB\"", "\"1B\"", "\"64MiB\""]),
    ),
    form(
        "SERVICE/heap.maximum",
        |d| fields(services(d, jvm), "heap.maximum"),
        |d| d.quoted(&["16MiB", "8MiB", "1GiB"]),
    ),
    form("SERVICE/heap.base", |d| fields(services(d, jvm), "heap.base"), |d| d.quoted(&["4MiB", "0B", "60MiB"])),
    form(
        "SERVICE/heap.pause_scale",
        |d| fields(services(d, jvm), "heap.pause_scale"),
        |d| d.one_of(&["1", "0", "0.5", "30"]),
    ),
    form("SERVICE/POOL.maximum", |d| pools(d, "maximum"), leaf::count_from_1),
    form("SERVICE/POOL.acquire_timeout", |d| pools(d, "acquire_timeout"), leaf::acquire_timeout),
    form("SERVICE/ENDPOINT.allocate", |d| endpoints(d, "allocate"), leaf::large_bytes),
    form("SERVICE/ENDPOINT.churn", |d| endpoints(d, "churn"), leaf::large_bytes),
    form("SERVICE/ENDPOINT.retain", |d| endpoints(d, "retain"), leaf::small_bytes),
    form("SERVICE/ENDPOINT.demand[n]", |d| steps(d, "demand"), law),
    form("SERVICE/ENDPOINT.time[n]", |d| steps(d, "time"), law),
    form("SERVICE/ENDPOINT.block[n]", |d| steps(d, "block"), law),
    form("SERVICE/ENDPOINT.bytes[n]", |d| steps(d, "bytes"), leaf::large_bytes),
    form("SERVICE/ENDPOINT.timeout[n]", |d| steps(d, "timeout"), leaf::patience),
    form("SERVICE/ENDPOINT.load_timeout[n]", |d| steps(d, "load_timeout"), leaf::patience),
    form("SERVICE/ENDPOINT.leaks[n]", |d| steps(d, "leaks"), |d| d.one_of(&["0", "0.01", "1"])),
    form("SERVICE/ENDPOINT.retries[n]", |d| steps(d, "retries"), leaf::count),
    form("DATABASE.max_connections", |d| fields(databases(d), "max_connections"), |d| d.number(1, 8)),
    form("DATABASE.replay", |d| fields(d.replicas.clone(), "replay"), |d| d.quoted(&["1MiB", "50KiB"])),
    form(
        "DATABASE/disk.capacity",
        |d| fields(d.disks.clone(), "disk.capacity"),
        |d| d.quoted(&["1GiB", "100MiB", "120MiB"]),
    ),
    form("DATABASE/disk.growth", |d| fields(d.disks.clone(), "disk.growth"), |d| d.quoted(&["2GiB", "0B"])),
    form("DATABASE/disk.log_growth", |d| fields(d.disks.clone(), "disk.log_growth"), |d| d.quoted(&["2GiB", "0B"])),
    form(
        "DATABASE/disk.log_rotation",
        |d| fields(d.disks.clone(), "disk.log_rotation"),
        |d| d.one_of(&["\"1MiB\"", "None"]),
    ),
    form("DATABASE.lock_timeout", |d| fields(databases(d), "lock_timeout"), leaf::patience),
    form("DATABASE.statement_timeout", |d| fields(databases(d), "statement_timeout"), leaf::patience_or_none),
    form("DATABASE.slow_query", |d| fields(databases(d), "slow_query"), leaf::patience),
    form("DATABASE/QUERY.demand", queries, law),
    form("CACHE.maxmemory", |d| fields(caches(d), "maxmemory"), |d| d.one_of(&["None", "\"1B\"", "\"20KiB\""])),
    form("CACHE/expiry.hz", |d| fields(d.expiries.clone(), "expiry.hz"), |d| d.one_of(&["10", "100"])),
    form("CACHE/expiry.effort", |d| fields(d.expiries.clone(), "expiry.effort"), |d| d.one_of(&["1", "10"])),
    form("CACHE/expiry.delete", |d| fields(d.expiries.clone(), "expiry.delete"), |d| d.quoted(&["1ns", "5ms"])),
    form("CACHE.maxclients", |d| fields(d.counting.clone(), "maxclients"), |d| d.one_of(&["1", "2", "50"])),
    form("CACHE.maxkeys", |d| fields(caches(d), "maxkeys"), |d| d.one_of(&["None", "1", "7"])),
    form("CACHE/COMMAND.demand", commands, law),
    form("CACHE/KEYS.ttl", keys, leaf::age_or_none),
    form("SERVICE/CACHE.maximum_entries", |d| local(d, "maximum_entries"), |d| d.one_of(&["None", "1", "7"])),
    form("SERVICE/CACHE.maximum_bytes", |d| local(d, "maximum_bytes"), |d| d.one_of(&["None", "\"1B\"", "\"20KiB\""])),
    form("SERVICE/CACHE/KEYS.ttl", local_keys, leaf::age_or_none),
    form("BROKER/transport.memory", |d| limits(d, "transport.memory"), |d| d.quoted(&["1GiB", "41MiB", "1B"])),
    form(
        "BROKER/transport.high_watermark",
        |d| limits(d, "transport.high_watermark"),
        |d| d.one_of(&["0.4", "1", "0"]),
    ),
    form(
        "BROKER/transport.maxmemory",
        |d| limits(d, "transport.maxmemory"),
        |d| d.one_of(&["None", "\"1B\"", "\"20KiB\""]),
    ),
    form("BROKER/transport.consumer_timeout", |d| limits(d, "transport.consumer_timeout"), leaf::age_or_none),
    form("BROKER/transport.visibility_timeout", |d| limits(d, "transport.visibility_timeout"), leaf::age),
    form("BROKER/QUEUE.max_length", |d| limits(d, ".max_length"), |d| d.one_of(&["None", "1", "7"])),
    form("BROKER/QUEUE.delivery_limit", |d| limits(d, ".delivery_limit"), |d| d.one_of(&["None", "0", "2"])),
    form("BROKER/QUEUE.ttl", |d| limits(d, ".ttl"), leaf::age_or_none),
    form("SERVICE/CONSUMER.prefetch", |d| limits(d, ".prefetch"), leaf::count),
    form("SOURCE.timeout", |d| fields(d.plan.sources.clone(), "timeout"), leaf::patience),
    form("SOURCE.retries", |d| fields(d.plan.sources.clone(), "retries"), leaf::count),
    form("SOURCE.patience", patient, law),
    form("CALLER->CALLEE.latency", |d| fields(described_links(d), "latency"), law),
    form("CALLER->CALLEE/bulkhead.maximum", |d| fields(d.bulkheads.clone(), "bulkhead.maximum"), leaf::count_from_1),
    form("CALLER->CALLEE/throttle.k", |d| fields(d.throttles.clone(), "throttle.k"), |d| d.one_of(&["2", "0.5", "10"])),
];

fn jvm(runtime: Runtime) -> bool {
    runtime == Runtime::Jvm
}

fn services(d: &Draft<'_>, is: fn(Runtime) -> bool) -> Vec<String> {
    d.plan.services.iter().filter(|service| is(service.runtime)).map(|service| service.name.clone()).collect()
}

/// Services whose workers may be without number.
fn of_threads(d: &Draft<'_>) -> Vec<String> {
    services(d, |_| true).into_iter().filter(|name| !d.preforked.contains(name)).collect()
}

fn databases(d: &Draft<'_>) -> Vec<String> {
    d.plan.databases.iter().map(|database| database.name.clone()).collect()
}

fn caches(d: &Draft<'_>) -> Vec<String> {
    d.plan.caches.iter().map(|cache| cache.name.clone()).collect()
}

fn limits(d: &Draft<'_>, field: &str) -> Vec<String> {
    d.limits.iter().filter(|path| path.ends_with(field)).cloned().collect()
}

/// Fields of executors: others are called so too.
fn executors(d: &Draft<'_>, field: &str) -> Vec<String> {
    let is_it = |path: &String| {
        let (service, part) = path.split_once('/')?;
        let name = part.strip_suffix(field)?;
        d.executors.get(service)?.contains(&name).then_some(())
    };
    d.limits.iter().filter(|path| is_it(path).is_some()).cloned().collect()
}

fn probes(d: &Draft<'_>, field: &str) -> Vec<String> {
    let kinds = ["liveness", "readiness", "startup"].map(|kind| format!("/{kind}.{field}"));
    d.limits.iter().filter(|path| kinds.iter().any(|kind| path.ends_with(kind.as_str()))).cloned().collect()
}

/// `field` is a field, or a part and a field.
fn fields(components: Vec<String>, field: &str) -> Vec<String> {
    let joint = if field.contains('.') { "/" } else { "." };
    components.into_iter().map(|component| format!("{component}{joint}{field}")).collect()
}

fn pools(d: &Draft<'_>, field: &str) -> Vec<String> {
    let pools = d.plan.services.iter().flat_map(|service| service.pools.iter().map(move |pool| (service, pool)));
    pools.map(|(service, (pool, _))| format!("{}/{pool}.{field}", service.name)).collect()
}

fn endpoints(d: &Draft<'_>, field: &str) -> Vec<String> {
    let managed = d.plan.services.iter().filter(|service| service.runtime.is_managed());
    let endpoints = managed.flat_map(|service| service.endpoints.iter().map(move |endpoint| (service, endpoint)));
    endpoints.map(|(service, endpoint)| format!("{}/{}.{field}", service.name, endpoint.name)).collect()
}

fn steps(d: &Draft<'_>, field: &str) -> Vec<String> {
    let having = d.settable.iter().filter(|((_, known), _)| *known == field);
    let numbered = having.flat_map(|((endpoint, _), steps)| (1..).zip(steps).map(move |step| (endpoint, step)));
    numbered.filter(|(_, (_, can))| **can).map(|(endpoint, (n, _))| format!("{endpoint}.{field}[{n}]")).collect()
}

fn queries(d: &Draft<'_>) -> Vec<String> {
    let queries =
        d.plan.databases.iter().flat_map(|database| database.queries.iter().map(move |query| (database, query)));
    queries.map(|(database, query)| format!("{}/{query}.demand", database.name)).collect()
}

fn keys(d: &Draft<'_>) -> Vec<String> {
    let keys = d.plan.caches.iter().flat_map(|cache| cache.keys.iter().map(move |keys| (cache, keys)));
    keys.map(|(cache, keys)| format!("{}/{}.ttl", cache.name, keys.name)).collect()
}

fn commands(d: &Draft<'_>) -> Vec<String> {
    let all = super::step::commands(d).into_iter();
    all.map(|(cache, command)| format!("{cache}/{command}.demand")).collect()
}

fn local(d: &Draft<'_>, field: &str) -> Vec<String> {
    let caches = d.plan.services.iter().flat_map(|service| service.caches.iter().map(move |cache| (service, cache)));
    caches.map(|(service, cache)| format!("{}/{}.{field}", service.name, cache.name)).collect()
}

fn local_keys(d: &Draft<'_>) -> Vec<String> {
    let caches = d.plan.services.iter().flat_map(|service| service.caches.iter().map(move |cache| (service, cache)));
    let keys = caches.flat_map(|(service, cache)| cache.keys.iter().map(move |keys| (service, cache, keys)));
    keys.map(|(service, cache, keys)| format!("{}/{}/{}.ttl", service.name, cache.name, keys.name)).collect()
}

/// Sources whose clients have a patience; surges are none of the load's.
fn patient(d: &Draft<'_>) -> Vec<String> {
    fields(d.plan.sources.iter().filter(|source| d.patient.contains(source)).cloned().collect(), "patience")
}

/// Links that the scenario says something about.
fn described_links(d: &Draft<'_>) -> Vec<String> {
    d.described_links.clone()
}

/// Forms whose values are bound to others when a world begins, and free later.
const BOUND: &[&str] = &[
    "SERVICE.places",
    "BROKER/transport.memory",
    "BROKER/transport.high_watermark",
    "SERVICE/memory.limit",
    "SERVICE/heap.maximum",
    "SERVICE/heap.base",
    "SERVICE/rate_limit.burst",
    "SERVICE/concurrency.minimum",
    "SERVICE/concurrency.maximum",
    "SERVICE/POOL.maximum",
    "DATABASE.max_connections",
    "CACHE/KEYS.ttl",
    "SERVICE/CACHE/KEYS.ttl",
];

/// A map of some paths and values that hold from the start.
pub(super) fn settings_from_the_start(d: &mut Draft<'_>) -> String {
    let forms: Vec<&Form> = FORMS.iter().filter(|form| !BOUND.contains(&form.form)).collect();
    settings_of(d, &forms, 2, None)
}

/// A map of some paths and values; `only` those of one component.
pub(super) fn settings(d: &mut Draft<'_>, some: bool, only: Option<&str>) -> String {
    let count = if some { 1 + d.choices.below(3) } else { 0 };
    settings_of(d, &FORMS.iter().collect::<Vec<_>>(), count, only)
}

fn settings_of(d: &mut Draft<'_>, forms: &[&'static Form], count: usize, only: Option<&str>) -> String {
    let mut entries: Vec<(String, String)> = Vec::new();
    for _ in 0..count {
        let form = d.choices.pick(forms);
        let mut paths = (form.paths)(d);
        let belongs = |path: &str| {
            only.is_none_or(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '/'])))
        };
        paths.retain(|path| belongs(path) && entries.iter().all(|(other, _)| other != path));
        if paths.is_empty() {
            continue;
        }
        let path = paths.swap_remove(d.choices.below(paths.len()));
        if let Some(value) = (form.value)(d) {
            d.used.insert(("paths", form.form));
            entries.push((path, value));
        }
    }
    map(entries)
}
