//! Accept queues: order, drops, overflow, classes.

use super::leaf;
use crate::table::{Choice, Record, may, must, rare, variant};

pub(super) static QUEUE: Record = Record {
    what: "queue",
    fields: &[
        may("order", |d| Some(d.choice(&ORDER))),
        may("by_class", leaf::flag),
        may("delay", |d| Some(d.choice(&DELAY))),
        may("maximum_age", leaf::patience_or_none),
        may("drops_expired", leaf::flag),
        may("drops_abandoned", leaf::flag),
        may("victim", |d| Some(d.choice(&VICTIM))),
        may("dropped", |d| Some(d.choice(&REJECTION))),
    ],
};

pub(super) static ORDER: Choice = Choice {
    what: "order",
    variants: &[
        variant("Fifo", &[]),
        variant("Lifo", &[]),
        variant("AdaptiveLifo", &[must("threshold", |d| d.number(0, 4))]),
    ],
};

pub(super) static DELAY: Choice = Choice {
    what: "delay control",
    variants: &[
        variant("CoDel", &[may("target", leaf::brief), may("interval", leaf::longer)]),
        variant("Standing", &[may("target", leaf::brief), may("interval", leaf::longer)]),
    ],
};

pub(super) static VICTIM: Choice =
    Choice { what: "victim", variants: &[variant("Arrival", &[]), variant("Oldest", &[])] };

pub(super) static REJECTION: Choice = Choice {
    what: "rejection",
    variants: &[
        variant("Refuse", &[]),
        variant("Status", &[rare("status", |d| d.one_of(&["503", "429", "404", "599"]))]),
        variant("Silent", &[]),
    ],
};

pub(super) static OVERFLOW: Choice = Choice {
    what: "overflow",
    variants: &[
        variant("Refuse", &[]),
        variant("Status", &[rare("status", |d| d.one_of(&["503", "429", "404", "599"]))]),
        variant("Silent", &[]),
        variant("DropSyn", &[may("schedule", |d| Some(d.choice(&SCHEDULE)))]),
    ],
};

pub(super) static SCHEDULE: Choice =
    Choice { what: "SYN schedule", variants: &[variant("Linear", &[]), variant("Exponential", &[])] };

pub(super) static CLASS: Choice = Choice {
    what: "class",
    variants: &[
        variant("Critical", &[]),
        variant("CriticalPlus", &[]),
        variant("SheddablePlus", &[]),
        variant("Sheddable", &[]),
    ],
};
