//! `truth/effects`: the requests that a fault changed, each as it ended with the fault and without it.

use super::arrays::{NULL, Words, answers, nanoseconds_or_null, small_or_null, times, wide_ids};
use super::asked::{Asked, failed};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::truth::{EffectRow, End};
use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{Catalogue, Part};
use std::sync::Arc;

/// The table. A test holds the parts against [`Part::ALL`].
pub(super) static EFFECTS: Table = Table {
    path: "truth/effects",
    meaning: "One row for each contrast of a fault and each request that is not the same with the fault and without it, by chance \
              or not (`outside`, `labelled`): what became of it in both worlds. Requests that are the same in both have no row. \
              Rows are in the order of sending within a block of windows, and blocks follow each other.",
    columns: &[
        required(
            "contrast",
            Kind::U32,
            "",
            "Number of the contrast: one comparison of a world with a fault and without it.",
        ),
        required("source", Kind::Word, "", "Load source that sent it."),
        required("number", Kind::U64, "", "Number within its source, from 1."),
        required("trace_id", Kind::Id(16), "", "The trace of the request, the same in all worlds."),
        required("name", Kind::Word, "", "What was asked for, as the server would name it: `GET /users/{id}`."),
        required("sent_time", Kind::Time, "ns", "When the first attempt was sent, with the fault or else without."),
        optional(
            "with_latency_ns",
            Kind::Nanoseconds,
            "ns",
            "From sending to end, with the fault; null if it was not sent or had not ended there.",
        ),
        optional("without_latency_ns", Kind::Nanoseconds, "ns", "The same without the fault."),
        required(
            "with_outcome",
            Kind::Word,
            "",
            "With the fault: answered or failed, as in truth/requests; none if it was not sent or had not ended there.",
        ),
        required("without_outcome", Kind::Word, "", "The same without the fault."),
        optional("with_status", Kind::U16, "", "Status of the answer with the fault; null if no answer came."),
        optional("without_status", Kind::U16, "", "The same without the fault."),
        optional("with_error_type", Kind::Word, "", "error.type with the fault; null unless it failed there."),
        optional("without_error_type", Kind::Word, "", "The same without the fault."),
        optional(
            "difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Duration with the fault less that without; null where it did not end in both worlds.",
        ),
        optional(
            "queued_difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Of difference_ns, what came of waiting in accept queues or for workers, over all services along the request's \
             critical path. The ten columns from here on sum to difference_ns exactly.",
        ),
        optional(
            "pool_difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Of difference_ns: waiting for connections or permits.",
        ),
        optional("computing_difference_ns", Kind::Nanoseconds, "ns", "Of difference_ns: demands, at full speed."),
        optional("cpu_wait_difference_ns", Kind::Nanoseconds, "ns", "Of difference_ns: runnable without a core."),
        optional(
            "throttled_difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Of difference_ns: runnable while a processor quota was burnt.",
        ),
        optional("paused_difference_ns", Kind::Nanoseconds, "ns", "Of difference_ns: while a process stood still."),
        optional("network_difference_ns", Kind::Nanoseconds, "ns", "Of difference_ns: on the wire."),
        optional(
            "backing_off_difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Of difference_ns: backing off between attempts, or sleeping.",
        ),
        optional("lock_difference_ns", Kind::Nanoseconds, "ns", "Of difference_ns: waiting for locks."),
        optional(
            "child_difference_ns",
            Kind::Nanoseconds,
            "ns",
            "Of difference_ns: waiting for what was not followed.",
        ),
        optional(
            "band_ns",
            Kind::Nanoseconds,
            "ns",
            "How far chance alone may move a request of this endpoint, either way, rounded down, which decides the same; null where \
             no number is beyond chance: nothing was known yet, or failures come and go by chance.",
        ),
        required(
            "outside",
            Kind::Bool,
            "",
            "Whether it is further off than the band, where to fail otherwise than without the fault is further than any latency, or is \
             in one of both worlds only.",
        ),
        required(
            "labelled",
            Kind::Bool,
            "",
            "Whether it is outside at a time when its source was affected: whether the fault did that.",
        ),
        required(
            "hurt",
            Kind::Bool,
            "",
            "Whether it is labelled, and took longer, failed or was never answered with the fault.",
        ),
    ],
};

/// Both worlds of a row: with the fault and without it.
const SIDES: [fn(&EffectRow) -> Option<&End>; 2] = [|row| row.with.as_ref(), |row| row.without.as_ref()];

/// What a request can come to, by number.
const OUTCOMES: [&str; 3] = ["answered", "failed", "none"];

fn outcome(end: Option<&End>) -> i32 {
    end.map_or(2, |end| i32::from(failed(end.status, end.error)))
}

/// The first less the second; beyond 292 years it reads as that.
fn difference(with: u64, without: u64) -> i64 {
    let limit = i128::from(i64::MAX);
    (i128::from(with) - i128::from(without)).clamp(-limit, limit) as i64
}

/// Makes effect rows.
#[derive(Debug)]
pub(crate) struct Effects {
    epoch: Epoch,
    asked: Asked,
    outcomes: Words,
}

impl Effects {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let asked = Asked::new(catalogue, blueprint);
        Self { epoch: Epoch(blueprint.epoch_unix_ns), asked, outcomes: Words::of(OUTCOMES) }
    }
}

impl Encoder for Effects {
    type Record = EffectRow;
    const TABLE: &'static Table = &EFFECTS;

    fn encode(&mut self, rows: &[EffectRow]) -> Vec<ArrayRef> {
        let Self { epoch, asked, outcomes } = self;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.contrast))),
            asked.sources(rows.iter().map(|r| r.client)),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.number))),
            wide_ids(rows.iter().map(|r| r.trace.0), None),
            asked.names(rows.iter().map(|r| r.operation)),
            times(rows.iter().map(|r| epoch.unix_ns(r.sent))),
        ];
        let latency = |end: &End| difference(end.latency_ns, 0);
        columns.extend(SIDES.map(|side| nanoseconds_or_null(rows.iter().map(|r| side(r).map(latency)))));
        columns.extend(SIDES.map(|side| outcomes.column(rows.iter().map(|r| outcome(side(r))).collect())));
        let status = |r: &EffectRow, end: Option<&End>| end.map_or(0, |end| asked.status(r.operation, end.status));
        columns.extend(SIDES.map(|side| small_or_null(rows.iter().map(|r| status(r, side(r))))));
        columns.extend(SIDES.map(|side| {
            let error =
                |r: &EffectRow| side(r).map_or(NULL, |end| asked.error(r.client, r.operation, end.status, end.error));
            let keys = rows.iter().map(error).collect();
            asked.errors(keys)
        }));
        let of_both = |value: &dyn Fn(&End) -> u64| {
            let differ = |r: &EffectRow| Some(difference(value(r.with.as_ref()?), value(r.without.as_ref()?)));
            nanoseconds_or_null(rows.iter().map(differ))
        };
        columns.push(of_both(&|end| end.latency_ns));
        columns.extend(Part::ALL.map(|part| of_both(&|end| end.parts[part as usize])));
        let band = |r: &EffectRow| r.band_ns.is_finite().then_some(r.band_ns as i64);
        columns.push(nanoseconds_or_null(rows.iter().map(band)));
        columns.extend([
            answers(rows.iter().map(|r| r.outside)),
            answers(rows.iter().map(|r| r.labelled)),
            answers(rows.iter().map(|r| r.hurt)),
        ]);
        columns
    }
}
