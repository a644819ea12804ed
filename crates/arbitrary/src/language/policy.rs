//! Timeouts, retries and back-off of callers.

use super::leaf;
use crate::draft::Draft;
use crate::table::{Choice, Record, may, variant};

pub(super) static BACKOFF: Record = Record {
    what: "back-off",
    fields: &[
        may("base", leaf::while_),
        may("factor", |d| d.one_of(&["1", "0.5", "2", "10"])),
        may("maximum", leaf::while_),
        may("jitter", |d| Some(d.choice(&JITTER))),
    ],
};

pub(super) static JITTER: Choice = Choice {
    what: "jitter",
    variants: &[variant("Off", &[]), variant("Full", &[]), variant("Equal", &[]), variant("Decorrelated", &[])],
};

pub(super) static OUTCOME: Choice = Choice {
    what: "outcome",
    variants: &[
        variant("Timeout", &[]),
        variant("Refused", &[]),
        variant("Reset", &[]),
        variant("ServerError", &[]),
        variant("RateLimited", &[]),
        variant("Rejected", &[]),
    ],
};

pub(super) static ANSWERS: Choice = Choice {
    what: "set of answers",
    variants: &[variant("Current", &[]), variant("Outstanding", &[]), variant("Any", &[])],
};

pub(super) fn retry_on(d: &mut Draft<'_>) -> Option<String> {
    let count = d.choices.below(4);
    Some(d.list(count, |d| d.choice(&OUTCOME)))
}
