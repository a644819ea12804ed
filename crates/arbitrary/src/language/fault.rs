//! Faults, and the paths that they set.

use super::leaf;
use super::load::LOAD;
use super::path;
use super::store::LOCK_MODE;
use crate::draft::{Draft, map, quote};
use crate::table::{Choice, may, must, variant};

pub(super) static FAULT: Choice = Choice {
    what: "fault",
    variants: &[
        variant("Kill", &[must("service", component), must("at", moment)]),
        variant(
            "Deploy",
            &[
                must("service", |d| {
                    let name = d.any_component();
                    d.here.deployed.clone_from(&name);
                    Some(quote(&name))
                }),
                must("at", moment),
                must("set", |d| {
                    let deployed = d.here.deployed.clone();
                    let application = d.plan.services.iter().any(|service| service.name == deployed);
                    Some(path::settings(d, application, Some(&deployed)))
                }),
                may("contrast", |d| Some(d.choice(&CONTRAST))),
            ],
        )
        .weighing(2),
        variant(
            "Set",
            &[must("at", moment), must("set", |d| Some(path::settings(d, true, None))), may("until", until)],
        )
        .weighing(4),
        variant(
            "Surge",
            &[
                must("source", |d| Some(quote(&d.here.source))),
                must("at", moment),
                may("until", until),
                must("load", |d| Some(d.record(&LOAD))),
            ],
        ),
        variant(
            "Pause",
            &[must("service", component), must("at", moment), must("until", until), may("finishes_work", leaf::flag)],
        )
        .weighing(2),
        variant(
            "HoldLock",
            &[
                must("database", |d| {
                    d.here.row = d.choices.below(d.rows.len());
                    Some(quote(&d.rows[d.here.row].0))
                }),
                must("row", |d| Some(quote(d.rows[d.here.row].1))),
                may("number", |d| d.number(1, d.rows[d.here.row].2)),
                must("at", moment),
                must("until", until),
            ],
        )
        .fitting(|d| !d.rows.is_empty()),
        variant(
            "HoldTable",
            &[
                must("database", |d| {
                    d.here.row = d.choices.below(d.tables.len());
                    Some(quote(&d.tables[d.here.row].0))
                }),
                must("table", |d| Some(quote(d.tables[d.here.row].1))),
                may("mode", |d| Some(d.choice(&LOCK_MODE))),
                must("at", moment),
                must("until", until),
            ],
        )
        .fitting(|d| !d.tables.is_empty()),
        variant(
            "Terminate",
            &[must("database", database), must("at", moment), may("share", |d| d.one_of(&["1", "0.3", "0"]))],
        )
        .fitting(|d| !d.plan.databases.is_empty()),
        variant("Restart", &[must("service", component), must("at", moment), must("until", until)]),
        variant(
            "Renew",
            &[
                must("service", application),
                must("at", moment),
                must("expires", |d| d.quoted(&["3s", "0s", "500ms", "1min"])),
            ],
        ),
        variant("Reload", &[must("service", application), must("at", moment)]),
        variant("Flush", &[must("cache", cache), must("at", moment)]).fitting(|d| !d.plan.caches.is_empty()),
        variant(
            "DropRequest",
            &[
                must("source", |d| {
                    let source = d.choices.below(d.plan.sources.len());
                    Some(quote(&d.plan.sources[source]))
                }),
                must("number", |d| d.number(1, 200)),
            ],
        ),
    ],
};

pub(super) static CONTRAST: Choice =
    Choice { what: "contrast", variants: &[variant("SameDeploy", &[]), variant("Nothing", &[])] };

pub(super) fn component(d: &mut Draft<'_>) -> Option<String> {
    Some(quote(&d.any_component()))
}

fn application(d: &mut Draft<'_>) -> Option<String> {
    let service = d.choices.below(d.plan.services.len());
    Some(quote(&d.plan.services[service].name))
}

fn database(d: &mut Draft<'_>) -> Option<String> {
    let database = d.choices.below(d.plan.databases.len());
    Some(quote(&d.plan.databases[database].name))
}

fn cache(d: &mut Draft<'_>) -> Option<String> {
    let cache = d.choices.below(d.plan.caches.len());
    Some(quote(&d.plan.caches[cache].name))
}

/// When a fault acts. Often the same instant as another.
fn moment(d: &mut Draft<'_>) -> Option<String> {
    let ms = d.choices.pick(&[1_000_u64, 0, 1, 100, 500, 1_000, 1_500, 2_000, 3_000, 5_000]);
    d.here.moment_ns = ms * 1_000_000;
    Some(leaf::nanos(d.here.moment_ns))
}

fn until(d: &mut Draft<'_>) -> Option<String> {
    let after_ns = d.choices.pick(&[500_000_000_u64, 1, 1_000_000, 20_000_000, 1_000_000_000, 3_000_000_000]);
    Some(leaf::nanos(d.here.moment_ns + after_ns))
}

/// Writes some faults.
pub(super) fn faults(d: &mut Draft<'_>) -> Option<String> {
    let count = d.choices.below(7);
    let mut entries = Vec::new();
    for n in 0..count {
        d.here.source = format!("surge-{n}");
        entries.push((format!("fault-{n}"), d.choice(&FAULT)));
    }
    Some(map(entries))
}
