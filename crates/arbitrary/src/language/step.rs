//! Endpoints and their steps.

use super::admission::CLASS;
use super::law::law;
use super::leaf;
use super::limit::RATE_LIMIT;
use super::policy::{ANSWERS, BACKOFF, retry_on};
use crate::draft::{Again, Draft, quote};
use crate::plan::{Keys, Runtime};
use crate::table::{Choice, Record, Variant, may, must, rare, variant};

pub(super) static ENDPOINT: Record = Record {
    what: "endpoint",
    fields: &[
        may("allocate", |d| managed(d).then(|| leaf::small_bytes(d))?),
        may("churn", |d| managed(d).then(|| leaf::large_bytes(d))?),
        rare("retain", |d| managed(d).then(|| leaf::small_bytes(d))?),
        may("class", |d| Some(d.choice(&CLASS))),
        rare("rate_limit", |d| Some(d.choice(&RATE_LIMIT))),
        must("steps", |d| Some(steps_of(d))),
    ],
};

/// The steps of a program.
pub(super) fn steps_of(d: &mut Draft<'_>) -> String {
    d.here.steps = 12;
    steps(d)
}

/// Whether the service has managed memory.
pub(super) fn managed(d: &Draft<'_>) -> bool {
    d.service().runtime.is_managed()
}

/// Steps may nest so deep.
const DEPTH: u32 = 3;

fn steps(d: &mut Draft<'_>) -> String {
    let count = d.choices.below(4).min(d.here.steps);
    d.here.depth += 1;
    let text = d.list(count, |d| {
        d.here.steps = d.here.steps.saturating_sub(1);
        d.choice(&STEP)
    });
    d.here.depth -= 1;
    text
}

/// The endpoint being written, as paths begin.
fn endpoint(d: &Draft<'_>) -> String {
    let service = d.service();
    let name = match d.here.task {
        Some(task) => &service.consumers[task].name,
        None => &service.endpoints[d.here.endpoint].name,
    };
    format!("{}/{name}", service.name)
}

/// Notes that the step has fields that can be set later; steps are numbered in the order in which they begin.
fn carries(d: &mut Draft<'_>, fields: &[&'static str]) {
    let endpoint = endpoint(d);
    for field in fields {
        d.settable.entry((endpoint.clone(), field)).or_default().push(true);
    }
}

/// Whether steps within steps are possible here.
fn shallow(d: &Draft<'_>) -> bool {
    d.here.depth < DEPTH && d.here.steps > 0
}

/// Pools that a query can use here, and those that a transaction can take.
fn usable(d: &Draft<'_>, held_already: bool) -> Vec<usize> {
    let (held, awaited) = (&d.here.held, &d.here.awaited);
    let free = |pool: &usize| !held.contains(pool) && !awaited.contains(pool) && held.len() < 2;
    (0..d.service().pools.len()).filter(|pool| free(pool) || held_already && held.contains(pool)).collect()
}

fn choose_pool(d: &mut Draft<'_>, held_already: bool) {
    let pools = usable(d, held_already);
    d.here.pool = d.choices.pick(&pools);
}

pub(super) static STEP: Choice = Choice {
    what: "step",
    variants: &[
        Variant::entering(variant("Compute", &[must("demand", law)]).weighing(4), |d| carries(d, &["demand"])),
        CALL,
        QUERY,
        TRANSACTION,
        CACHE_ASIDE,
        READ_THROUGH,
        COMMAND,
        variant("Allocate", &[must("bytes", leaf::small_bytes)]).fitting(managed).entering(|d| carries(d, &["bytes"])),
        variant("Retain", &[must("bytes", leaf::small_bytes)]).fitting(managed).entering(|d| carries(d, &["bytes"])),
        variant("Sleep", &[must("time", law)]).entering(|d| carries(d, &["time"])),
        variant("Block", &[must("block", law)])
            .fitting(|d| d.service().runtime == Runtime::Node)
            .weighing(3)
            .entering(|d| carries(d, &["block"])),
        variant("Choose", &[must("branches", branches)]).fitting(shallow),
        LOOP,
        REPEAT,
        variant("Again", &[])
            .fitting(|d| d.here.again.is_some_and(|around| around.may && around.held == d.here.held.len()))
            .weighing(6),
        PARALLEL,
        RUN,
        variant("Log", &[must("severity", |d| Some(d.choice(&SEVERITY))), must("message", message)]),
        PUBLISH,
        variant("Fail", &[may("status", |d| d.one_of(&["500", "400", "404", "429", "503", "599"]))]),
    ],
};

const CALL: Variant = variant(
    "Call",
    &[
        must("to", |d| Some(quote(&callee(d)))),
        may("timeout", leaf::patience_or_none),
        may("retries", leaf::count),
        may("backoff", |d| Some(d.record(&BACKOFF))),
        may("retry_on", retry_on),
        may("answers", |d| Some(d.choice(&ANSWERS))),
        may("propagates_deadline", leaf::flag),
        may("honours_retry_after", leaf::flag),
        may("optional", leaf::flag),
    ],
)
.weighing(4)
.fitting(|d| !d.plan.callable(level(d)).is_empty())
.entering(|d| carries(d, &["timeout", "retries"]));

const PUBLISH: Variant = variant(
    "Publish",
    &[
        must("to", super::broker::queue),
        may("bytes", leaf::small_bytes),
        may("confirm", leaf::flag),
        may("timeout", leaf::patience_or_none),
        may("retries", leaf::count),
        may("backoff", |d| Some(d.record(&BACKOFF))),
        may("retry_on", retry_on),
        may("optional", leaf::flag),
    ],
)
.weighing(4)
// What handles messages sends no more of them: they would never end.
.fitting(|d| !d.plan.brokers.is_empty() && d.here.task.is_none())
.entering(|d| carries(d, &["bytes", "timeout", "retries"]));

fn level(d: &Draft<'_>) -> usize {
    if d.here.task.is_some() {
        return 0;
    }
    d.service().endpoints[d.here.endpoint].level
}

fn callee(d: &mut Draft<'_>) -> String {
    let callable = d.plan.callable(level(d));
    let (service, endpoint) = d.choices.pick(&callable);
    let callee = &d.plan.services[service];
    let link = format!("{} -> {}", d.service().name, callee.name);
    let to = format!("{}/{}", callee.name, callee.endpoints[endpoint].name);
    d.links.insert(link);
    to
}

const QUERY: Variant = variant(
    "Query",
    &[
        must("query", |d| {
            let queries = d.pooled().queries.clone();
            Some(quote(&queries[d.choices.below(queries.len())]))
        }),
        must("pool", |d| Some(quote(&d.service().pools[d.here.pool].0))),
        may("timeout", leaf::patience),
    ],
)
.weighing(4)
.fitting(|d| !usable(d, true).is_empty())
.entering(|d| {
    choose_pool(d, true);
    carries(d, &["timeout"]);
});

const TRANSACTION: Variant = variant(
    "Transaction",
    &[
        may("leaks", |d| {
            let endpoint = endpoint(d);
            let last = d.settable.get_mut(&(endpoint, "leaks")).and_then(|steps| steps.last_mut());
            last.into_iter().for_each(|settable| *settable = true);
            d.one_of(&["0.01", "0", "0.001", "\"20 %\"", "1"])
        }),
        must("steps", |d| {
            let pool = d.here.pool;
            d.here.held.push(pool);
            let text = steps(d);
            d.here.held.pop();
            d.here.pool = pool;
            Some(text)
        }),
        must("pool", |d| Some(quote(&d.service().pools[d.here.pool].0))),
    ],
)
.weighing(2)
.fitting(|d| shallow(d) && !usable(d, false).is_empty())
.entering(|d| {
    choose_pool(d, false);
    carries(d, &["leaks"]);
    // Only one that leaks can leak more.
    let endpoint = endpoint(d);
    let last = d.settable.get_mut(&(endpoint, "leaks")).and_then(|steps| steps.last_mut());
    last.into_iter().for_each(|settable| *settable = false);
});

const CACHE_ASIDE: Variant = variant(
    "CacheAside",
    &[
        must("keys", |d| {
            let all = key_spaces(d);
            keys(d, &all)
        }),
        may("coalesce", |d| {
            let coalesce = d.choices.chance(128) && !d.here.loading.contains(&d.here.keys.name);
            d.here.apart |= coalesce;
            d.here.shared |= coalesce;
            Some(coalesce.to_string())
        }),
        may("load_timeout", |d| {
            let timeout = leaf::patience_or_none(d)?;
            d.here.apart |= timeout != "None";
            Some(timeout)
        }),
        may("abandoned", |d| Some(d.choice(&ABANDONED))),
        must("load", load),
        may("timeout", leaf::patience_or_none),
    ],
)
.weighing(3)
.fitting(|d| shallow(d) && !key_spaces(d).is_empty())
.entering(|d| carries(d, &["timeout", "load_timeout"]));

const READ_THROUGH: Variant = variant(
    "ReadThrough",
    &[
        must("keys", |d| {
            let free = free_key_spaces(d);
            let keys = keys(d, &free);
            (d.here.apart, d.here.shared) = (true, true);
            keys
        }),
        may("load_timeout", leaf::patience_or_none),
        must("load", load),
        may("timeout", leaf::patience_or_none),
    ],
)
.fitting(|d| shallow(d) && !free_key_spaces(d).is_empty())
.entering(|d| carries(d, &["timeout", "load_timeout"]));

const COMMAND: Variant = variant(
    "Command",
    &[
        must("command", |d| {
            let all = commands(d);
            let (cache, command) = all[d.choices.below(all.len())].clone();
            let link = format!("{} -> {cache}", d.service().name);
            d.links.insert(link);
            Some(quote(&format!("{cache}/{command}")))
        }),
        may("timeout", leaf::patience_or_none),
        may("optional", leaf::flag),
    ],
)
.fitting(|d| !commands(d).is_empty())
.entering(|d| carries(d, &["timeout"]));

/// Commands of servers, by their cache.
pub(super) fn commands(d: &Draft<'_>) -> Vec<(String, String)> {
    let all = d.plan.caches.iter().flat_map(|cache| cache.commands.iter().map(move |command| (cache, command)));
    all.map(|(cache, command)| (cache.name.clone(), command.clone())).collect()
}

/// Key spaces that the service can read: of servers, by their cache, and of its own processes.
fn key_spaces(d: &Draft<'_>) -> Vec<(String, bool, Keys)> {
    let servers = d.plan.caches.iter().map(|cache| (cache, true));
    let all = servers.chain(d.service().caches.iter().map(|cache| (cache, false)));
    all.flat_map(|(cache, server)| cache.keys.iter().map(move |keys| (cache.name.clone(), server, keys.clone())))
        .collect()
}

/// Those that are not being loaded around here.
fn free_key_spaces(d: &Draft<'_>) -> Vec<(String, bool, Keys)> {
    let mut all = key_spaces(d);
    all.retain(|(.., keys)| !d.here.loading.contains(&keys.name));
    all
}

/// The key space that a step reads, one of some.
fn keys(d: &mut Draft<'_>, from: &[(String, bool, Keys)]) -> Option<String> {
    let (cache, server, keys) = &from[d.choices.below(from.len())];
    if *server {
        let link = format!("{} -> {cache}", d.service().name);
        d.links.insert(link);
    }
    (d.here.apart, d.here.shared, d.here.keys) = (false, keys.fresh, keys.clone());
    let long = d.choices.chance(128);
    Some(quote(&if long { format!("{cache}/{}", keys.name) } else { keys.name.clone() }))
}

/// What loads a value.
fn load(d: &mut Draft<'_>) -> Option<String> {
    let endpoint = endpoint(d);
    // A request that loads for itself waits for no load; and one that does not because values get stale would where they do not.
    if !d.here.apart
        && let Some(last) = d.settable.get_mut(&(endpoint, "load_timeout")).and_then(|steps| steps.last_mut())
    {
        *last = false;
    }
    if d.here.apart || d.here.keys.fresh {
        let around = d.here.loading.len();
        let shared = d.here.shared.then(|| d.here.keys.name.clone());
        d.here.loading.extend(shared);
        let text = beside(d, steps);
        d.here.loading.truncate(around);
        return Some(text);
    }
    Some(steps(d))
}

/// Writes what runs in a frame of its own, which the one that is being written waits for.
fn beside(d: &mut Draft<'_>, write: impl FnOnce(&mut Draft<'_>) -> String) -> String {
    let held = std::mem::take(&mut d.here.held);
    let (again, loops) = (d.here.again.take(), std::mem::take(&mut d.here.loops));
    let awaited = d.here.awaited.len();
    d.here.awaited.extend(&held);
    let text = write(d);
    d.here.awaited.truncate(awaited);
    (d.here.held, d.here.again, d.here.loops) = (held, again, loops);
    text
}

pub(super) static ABANDONED: Choice = Choice {
    what: "end of an abandoned load",
    variants: &[variant("Cancel", &[]), variant("Interrupt", &[]), variant("Drop", &[]), variant("Fill", &[])],
};

const PARALLEL: Variant = variant(
    "Parallel",
    &[
        must("branches", |d| {
            let count = 1 + d.choices.below(3);
            Some(d.list(count, |d| beside(d, steps)))
        }),
        may("join", |d| Some(d.choice(&JOIN))),
        may("timeout", leaf::patience_or_none),
    ],
)
.weighing(2)
.fitting(shallow)
.entering(|d| carries(d, &["timeout"]));

const RUN: Variant = variant(
    "Run",
    &[
        must("executor", |d| {
            let names = executors(d);
            Some(quote(names[d.choices.below(names.len())]))
        }),
        must("wait", |d| {
            d.here.waits = d.choices.chance(190);
            // Nobody waits for as long as is set.
            if !d.here.waits {
                let endpoint = endpoint(d);
                let last = d.settable.get_mut(&(endpoint, "timeout")).and_then(|steps| steps.last_mut());
                last.into_iter().for_each(|settable| *settable = false);
            }
            Some(d.here.waits.to_string())
        }),
        may("timeout", |d| d.here.waits.then(|| leaf::patience_or_none(d))?),
        may("cancel", |d| d.here.waits.then(|| leaf::flag(d))?),
        must("steps", |d| Some(beside(d, steps))),
    ],
)
.weighing(4)
.fitting(|d| shallow(d) && !executors(d).is_empty())
.entering(|d| carries(d, &["timeout"]));

/// Executors of the service.
fn executors(d: &Draft<'_>) -> Vec<&'static str> {
    d.executors.get(&d.service().name).cloned().unwrap_or_default()
}

pub(super) static JOIN: Choice = Choice { what: "join", variants: &[variant("All", &[]), variant("First", &[])] };

const REPEAT: Variant = variant(
    "Repeat",
    &[
        must("steps", |d| {
            let outer = d.here.again.replace(Again { held: d.here.held.len(), may: false });
            d.here.loops += 1;
            let text = steps(d);
            d.here.loops -= 1;
            d.here.again = outer;
            Some(text)
        }),
        must("most", |d| d.number(1, 4)),
    ],
)
.weighing(2)
.fitting(|d| shallow(d) && d.here.loops < 2);

const LOOP: Variant = variant(
    "Loop",
    &[
        must("times", |d| d.number(1, 3)),
        must("steps", |d| {
            d.here.loops += 1;
            let text = steps(d);
            d.here.loops -= 1;
            Some(text)
        }),
    ],
)
.fitting(|d| shallow(d) && d.here.loops < 2);

fn branches(d: &mut Draft<'_>) -> Option<String> {
    let count = 1 + d.choices.below(3);
    let around = d.here.again;
    // One way leads on.
    let first = d.record(&BRANCH);
    d.here.again = around.map(|around| Again { may: true, ..around });
    let others = (1..count).map(|_| d.record(&BRANCH));
    let all: Vec<String> = std::iter::once(first).chain(others).collect();
    d.here.again = around;
    Some(format!("[{}]", all.join(", ")))
}

pub(super) static BRANCH: Record =
    Record { what: "branch", fields: &[must("weight", leaf::weight), must("steps", |d| Some(steps(d)))] };

fn message(d: &mut Draft<'_>) -> Option<String> {
    d.quoted(&["done", "", "quote \" and \\", "ünïcode", "a, b: (c)"])
}

pub(super) static SEVERITY: Choice = Choice {
    what: "severity",
    variants: &[
        variant("Debug", &[]),
        variant("Info", &[]),
        variant("Warn", &[]),
        variant("Error", &[]),
        variant("Fatal", &[]),
    ],
};
