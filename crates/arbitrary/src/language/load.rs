//! Sources and links.

use super::admission::CLASS;
use super::law::{gap, law};
use super::leaf;
use super::policy::{ANSWERS, BACKOFF, retry_on};
use super::traffic;
use crate::draft::{Draft, map, quote};
use crate::table::{Choice, Record, may, must, rare, variant};

pub(super) static LOAD: Record = Record {
    what: "load source",
    fields: &[
        rare("was", |d| Some(quote(&format!("old-{}", d.here.source)))),
        must("target", |d| {
            d.here.service = d.choices.below(d.plan.services.len());
            let target = d.service().name.clone();
            d.links.insert(format!("{} -> {target}", d.here.source));
            Some(quote(&target))
        }),
        must("arrivals", |d| {
            d.here.closed = false;
            Some(d.choice(&ARRIVALS))
        }),
        may("batch", |d| (!d.here.closed).then(|| d.choice(&BATCH))),
        must("mix", |d| {
            let mut endpoints: Vec<String> = d.service().endpoints.iter().map(|e| e.name.clone()).collect();
            endpoints.truncate(1 + d.choices.below(endpoints.len()));
            Some(map(endpoints.into_iter().map(|name| (name, leaf::weight(d).unwrap_or_default()))))
        }),
        may("profile", |d| (!d.here.closed).then(|| d.record(&PROFILE))),
        may("from", |d| d.quoted(&["0s", "1ns", "100ms", "1s"])),
        may("until", |d| d.quoted(&["30s", "1001ms", "2s", "5s"])),
        may("requests", |d| d.one_of(&["100", "1", "1000"])),
        may("timeout", leaf::patience_or_none),
        rare("patience", |d| {
            let source = d.here.source.clone();
            d.patient.push(source);
            law(d)
        }),
        may("retries", leaf::count),
        may("backoff", |d| Some(d.record(&BACKOFF))),
        may("retry_on", retry_on),
        may("answers", |d| Some(d.choice(&ANSWERS))),
        may("honours_retry_after", leaf::flag),
        may("class", |d| Some(d.choice(&CLASS))),
    ],
};

pub(super) static ARRIVALS: Choice = Choice {
    what: "arrival process",
    variants: &[
        variant("Poisson", &[must("rate", leaf::rate)]).weighing(3),
        variant("Constant", &[must("rate", leaf::rate)]).weighing(2),
        variant("Replay", &[must("at", instants)]),
        variant("Renewal", &[must("gap", gap)]),
        variant("Closed", &[must("users", |d| d.number(1, 6)), must("think", law)]).entering(|d| d.here.closed = true),
    ],
};

pub(super) static BATCH: Choice = Choice {
    what: "batch",
    variants: &[
        variant("Fixed", &[must("size", leaf::count_from_1)]),
        variant("Geometric", &[must("mean", |d| d.one_of(&["2", "1", "1.5", "7.25"]))]),
        variant("Between", &[must("low", |d| d.number(1, 3)), must("high", |d| d.number(3, 6))]),
        variant(
            "OneOf",
            &[must("sizes", |d| {
                let count = 1 + d.choices.below(3);
                Some(d.list(count, |d| leaf::count_from_1(d).unwrap_or_default()))
            })],
        ),
    ],
};

fn instants(d: &mut Draft<'_>) -> Option<String> {
    let count = 1 + d.choices.below(40);
    let mut at_ns = 0;
    let instants: Vec<String> = (0..count)
        .map(|_| {
            at_ns += d.choices.pick(&[1_000_000_u64, 0, 0, 1, 10_000_000, 100_000_000]);
            leaf::nanos(at_ns)
        })
        .collect();
    Some(format!("[{}]", instants.join(", ")))
}

pub(super) static PROFILE: Record = Record {
    what: "profile",
    fields: &[
        must("period", |d| d.quoted(&["10s", "5001ms", "1d"])),
        must("points", |d| {
            let count = d.choices.below(4);
            let points = (0..count).map(|n| {
                let factor = d.choices.pick(&["0", "1", "0.5", "3"]);
                format!("(at: \"{}s\", factor: {factor})", n + 1)
            });
            let points: Vec<String> = std::iter::once("(at: \"0s\", factor: 1)".to_owned()).chain(points).collect();
            d.used.extend([("point", "at"), ("point", "factor")]);
            Some(format!("[{}]", points.join(", ")))
        }),
    ],
};

/// What a point of a profile has; written above, since its moments depend on each other.
pub(super) static POINT: Record = Record { what: "point", fields: &[must("at", |_| None), must("factor", |_| None)] };

pub(super) static LINK: Record = Record {
    what: "link",
    fields: &{
        let [balance, outlier, breaker, retry_budget, bulkhead, throttle] = traffic::FIELDS;
        [
            may("latency", law),
            may("tls", leaf::flag),
            may("keep_alive", |d| Some(d.choice(&PERSISTENCE))),
            balance,
            outlier,
            breaker,
            retry_budget,
            bulkhead,
            throttle,
        ]
    },
};

pub(super) static PERSISTENCE: Choice = Choice {
    what: "persistence",
    variants: &[variant("Always", &[]), variant("Idle", &[must("connections", leaf::limit)])],
};

/// Writes every source.
pub(super) fn sources(d: &mut Draft<'_>) -> Option<String> {
    let mut entries = Vec::new();
    for name in d.plan.sources.clone() {
        d.here.source.clone_from(&name);
        entries.push((name, d.record(&LOAD)));
    }
    Some(map(entries))
}

/// Writes some of the links.
pub(super) fn links(d: &mut Draft<'_>) -> Option<String> {
    let mut entries = Vec::new();
    for link in d.links.clone() {
        if d.choices.chance(128) {
            d.described_links.push(link.clone());
            entries.push((link, d.record(&LINK)));
        }
    }
    Some(map(entries))
}
