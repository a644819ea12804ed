//! How callers treat links: every mechanism with small numbers, so that short runs see it act.

use super::leaf;
use crate::draft::Draft;
use crate::table::{Choice, Field, Make, Record, may, variant};

/// A field that is written in one of five records: with six of them, most links have one.
const fn now_and_then(name: &'static str, make: Make) -> Field {
    Field { name, often: Some(50), make }
}

/// Fields of a link.
pub(super) const FIELDS: [Field; 6] = [
    now_and_then("balance", |d| guarded(d).then(|| d.choice(&BALANCE))),
    now_and_then("outlier", |d| guarded(d).then(|| d.record(&OUTLIER))),
    now_and_then("breaker", |d| guarded(d).then(|| d.choice(&BREAKER))),
    now_and_then("retry_budget", |d| guarded(d).then(|| d.choice(&BUDGET))),
    now_and_then("bulkhead", |d| {
        guarded(d).then(|| {
            let link = d.described_links.last().cloned().unwrap_or_default();
            d.bulkheads.push(link);
            d.record(&BULKHEAD)
        })
    }),
    now_and_then("throttle", |d| {
        guarded(d).then(|| {
            let link = d.described_links.last().cloned().unwrap_or_default();
            d.throttles.push(link);
            d.record(&THROTTLE)
        })
    }),
];

/// Databases are reached over pools: their links have none of it.
fn guarded(d: &Draft<'_>) -> bool {
    let link = d.described_links.last().map_or("", String::as_str);
    let callee = link.split_once(" -> ").map_or("", |(_, callee)| callee);
    !d.plan.databases.iter().any(|database| database.name == callee)
}

pub(super) static BALANCE: Choice = Choice {
    what: "balancing",
    variants: &[
        variant("Random", &[]),
        variant("RoundRobin", &[]),
        variant("LeastRequest", &[may("choices", |d| d.number(2, 5))]),
        variant("PeakEwma", &[may("decay", leaf::patience)]),
        variant("ConsistentHash", &[may("keys", keys), may("points", leaf::count_from_1)]),
    ],
};

fn keys(d: &mut Draft<'_>) -> Option<String> {
    let caches = d.plan.caches.iter();
    let all: Vec<String> =
        caches.flat_map(|cache| cache.keys.iter().map(|keys| format!("{}/{}", cache.name, keys.name))).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    if all.is_empty() { None } else { d.quoted(&all) }
}

fn portion(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["0.5", "1", "0.1", "\"20 %\"", "0.001"])
}

fn portion_from_0(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["0", "1", "0.5", "\"70 %\"", "0.3"])
}

pub(super) static OUTLIER: Record = Record {
    what: "outlier ejection",
    fields: &[
        may("consecutive_5xx", leaf::count_from_1),
        may("interval", leaf::patience),
        may("base_ejection", leaf::patience),
        // Never below the first ejection, whichever that is.
        may("maximum_ejection", |d| d.quoted(&["300s", "1h"])),
        may("maximum_share", portion_from_0),
        may("always_one", leaf::flag),
        may("panic_share", portion_from_0),
    ],
};

pub(super) static BREAKER: Choice = Choice {
    what: "circuit breaker",
    variants: &[
        variant(
            "Resilience4j",
            &[
                may("window", leaf::count_from_1),
                may("minimum_calls", leaf::count_from_1),
                may("failure_rate", portion),
                may("slow_call", leaf::patience_or_none),
                may("slow_call_rate", portion),
                may("wait", leaf::patience),
                may("half_open_calls", leaf::count_from_1),
            ],
        ),
        variant(
            "Hystrix",
            &[
                may("volume", leaf::count_from_1),
                may("error_share", portion),
                may("sleep", leaf::patience),
                may("window", |d| d.quoted(&["10s", "500ms", "1s"])),
                may("snapshot", |d| d.quoted(&["500ms", "50ms", "1ms"])),
            ],
        ),
    ],
};

pub(super) static BUDGET: Choice = Choice {
    what: "retry budget",
    variants: &[
        variant("Grpc", &[may("maximum_tokens", leaf::count_from_1), may("token_ratio", portion_from_0)]),
        variant(
            "Finagle",
            &[may("share", portion_from_0), may("minimum_per_second", leaf::count), may("ttl", leaf::patience)],
        ),
        variant("Envoy", &[may("share", portion_from_0), may("minimum", leaf::count)]),
    ],
};

pub(super) static BULKHEAD: Record =
    Record { what: "bulkhead", fields: &[may("maximum", leaf::count_from_1), may("wait", leaf::while_)] };

pub(super) static THROTTLE: Record = Record {
    what: "throttling",
    fields: &[may("k", |d| d.one_of(&["2", "1", "0.5", "10"])), may("window", |d| d.quoted(&["2min", "1s", "100ms"]))],
};
