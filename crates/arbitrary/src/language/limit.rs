//! Limits of rates and of requests in work.

use super::admission::REJECTION;
use super::leaf;
use crate::draft::Draft;
use crate::table::{Choice, may, must, rare, variant};

fn status(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["429", "503", "404", "599"])
}

/// Notes that a limit of the service can be set later.
fn settable(d: &mut Draft<'_>, paths: &[&str]) {
    let name = d.service().name.clone();
    d.limits.extend(paths.iter().map(|path| format!("{name}/{path}")));
}

/// A limit of a service, whose parameters can be set later.
pub(super) fn rate_limit(d: &mut Draft<'_>) -> Option<String> {
    settable(d, &["rate_limit.rate", "rate_limit.burst"]);
    Some(d.choice(&RATE_LIMIT))
}

pub(super) static RATE_LIMIT: Choice = Choice {
    what: "rate limit",
    variants: &[
        variant("TokenBucket", &[must("rate", leaf::rate), may("burst", leaf::count_from_1), rare("status", status)]),
        variant(
            "LimitReq",
            &[
                must("rate", leaf::rate),
                must("burst", |d| d.number(2, 9)),
                may("nodelay", |d| {
                    d.here.warm = d.choices.chance(128);
                    Some(d.here.warm.to_string())
                }),
                may("delay", |d| if d.here.warm { Some("0".into()) } else { d.number(0, 2) }),
                rare("status", status),
            ],
        )
        .entering(|d| d.here.warm = false),
    ],
};

fn smoothing(d: &mut Draft<'_>) -> Option<String> {
    d.one_of(&["0.2", "1", "0.01"])
}

fn excess(d: &mut Draft<'_>) -> Option<String> {
    Some(d.choice(&EXCESS))
}

fn initial(d: &mut Draft<'_>) -> Option<String> {
    d.number(3, 5)
}

fn minimum(d: &mut Draft<'_>) -> Option<String> {
    d.number(1, 3)
}

fn maximum(d: &mut Draft<'_>) -> Option<String> {
    d.number(5, 9)
}

pub(super) static CONCURRENCY: Choice = Choice {
    what: "concurrency limit",
    variants: &[
        variant("Fixed", &[must("limit", leaf::count_from_1), may("excess", excess)])
            .entering(|d| settable(d, &["concurrency.limit"])),
        variant(
            "Aimd",
            &[
                must("initial", initial),
                must("minimum", minimum),
                must("maximum", maximum),
                may("backoff", |d| d.one_of(&["0.9", "0.5", "0.99"])),
                may("timeout", leaf::patience),
                may("window", leaf::age_or_none),
                may("excess", excess),
            ],
        )
        .entering(|d| settable(d, &["concurrency.minimum", "concurrency.maximum"])),
        variant(
            "Vegas",
            &[
                must("initial", initial),
                must("minimum", minimum),
                must("maximum", maximum),
                may("smoothing", smoothing),
                may("probe_multiplier", leaf::count_from_1),
                may("window", leaf::age_or_none),
                may("excess", excess),
            ],
        )
        .entering(|d| settable(d, &["concurrency.minimum", "concurrency.maximum"])),
        variant(
            "Gradient2",
            &[
                must("initial", initial),
                must("minimum", minimum),
                must("maximum", maximum),
                may("smoothing", smoothing),
                may("queue", leaf::count),
                may("long_window", leaf::count_from_1),
                may("tolerance", |d| d.one_of(&["1.5", "1", "2"])),
                may("window", leaf::age_or_none),
                may("excess", excess),
            ],
        )
        .entering(|d| settable(d, &["concurrency.minimum", "concurrency.maximum"])),
    ],
};

pub(super) static EXCESS: Choice = Choice {
    what: "excess",
    variants: &[variant("Reject", &[may("told", |d| Some(d.choice(&REJECTION)))]), variant("Queue", &[])],
};
