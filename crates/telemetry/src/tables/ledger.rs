//! `truth/ledger`: where each span's time went, one wide row a span.

use super::arrays::{ids, nanoseconds, present, wide_ids};
use super::declaration::{optional, required};
use super::{Encoder, Kind, Table};
use arrow::array::ArrayRef;
use knockon_model::record::{LedgerRecord, Part};

/// The table. A test holds the parts against [`Part::ALL`].
pub(super) static LEDGER: Table = Table {
    path: "truth/ledger",
    meaning: "One row for each span, in the order of their start: where its time went. The parts add up to the span's duration_ns, \
              exactly. A part that cannot occur in a span of that kind is null.",
    columns: &[
        required("trace_id", Kind::Id(16), "", "The request that the span belongs to."),
        required("span_id", Kind::Id(8), "", "The span, unique within its trace."),
        optional("queued_ns", Kind::Nanoseconds, "ns", "In the accept queue, or waiting for a worker."),
        optional("pool_ns", Kind::Nanoseconds, "ns", "Waiting for a connection from a pool."),
        optional("computing_ns", Kind::Nanoseconds, "ns", "Its own demand, at full speed."),
        optional("cpu_wait_ns", Kind::Nanoseconds, "ns", "Runnable without a core."),
        optional("throttled_ns", Kind::Nanoseconds, "ns", "Runnable while the processor quota is burnt."),
        required(
            "paused_ns",
            Kind::Nanoseconds,
            "ns",
            "The process stood still: a collection, a kept event loop, or stopped from outside.",
        ),
        optional("network_ns", Kind::Nanoseconds, "ns", "On the wire: connecting, request and answer; client spans."),
        optional(
            "backing_off_ns",
            Kind::Nanoseconds,
            "ns",
            "Backing off between attempts, sleeping, or keeping the event loop without computing.",
        ),
        optional("lock_ns", Kind::Nanoseconds, "ns", "Waiting for a lock."),
        required("child_ns", Kind::Nanoseconds, "ns", "Waiting for a child; in a client span, for the server."),
    ],
};

/// Makes ledger rows.
#[derive(Debug, Default)]
pub(crate) struct Ledger;

impl Encoder for Ledger {
    type Record = LedgerRecord;
    const TABLE: &'static Table = &LEDGER;

    fn encode(&mut self, records: &[LedgerRecord]) -> Vec<ArrayRef> {
        let mut columns =
            vec![wide_ids(records.iter().map(|r| r.trace.0), None), ids(records.iter().map(|r| r.span.0), None)];
        for part in Part::ALL {
            let occurs = [part.occurs(false), part.occurs(true)];
            let nulls = (!occurs[0] || !occurs[1])
                .then(|| present(records.len(), |row| occurs[usize::from(records[row].server)]));
            let ns = |r: &LedgerRecord| if occurs[usize::from(r.server)] { r.parts[part as usize] } else { 0 };
            columns.push(nanoseconds(records.iter().map(ns), nulls));
        }
        columns
    }
}
