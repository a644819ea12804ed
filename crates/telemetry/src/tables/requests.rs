//! `truth/requests`: what became of each source's requests, as their clients saw it.

use super::arrays::{Words, nanoseconds, small_or_null, times, wide_ids};
use super::asked::{Asked, failed};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use arrow::array::{ArrayRef, UInt16Array, UInt64Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{Catalogue, Part, RequestRecord};
use std::sync::Arc;

/// The table.
pub(super) static REQUESTS: Table = Table {
    path: "truth/requests",
    meaning: "One row for each request of a load source, in the order of their sending: what its client saw of it. Requests that were \
              refused, or lost with a process that died, have no server span, but a row here. Those that had not ended with the \
              run have none.",
    columns: &[
        required("source", Kind::Word, "", "Load source that sent it."),
        required(
            "number",
            Kind::U64,
            "",
            "Number within its source, from 1; those that a profile thins out are missing.",
        ),
        required(
            "trace_id",
            Kind::Id(16),
            "",
            "The trace of the request: what servers did for it is in observed/spans.",
        ),
        required("name", Kind::Word, "", "What was asked for, as the server would name it: `GET /users/{id}`."),
        required("sent_time", Kind::Time, "ns", "When the first attempt was sent."),
        required("ended_time", Kind::Time, "ns", "When the client had its answer, or gave up."),
        required("latency_ns", Kind::Nanoseconds, "ns", "ended_time − sent_time."),
        required("attempts", Kind::U16, "", "Attempts that were sent."),
        required("outcome", Kind::Word, "", "answered (with a status below 500) or failed."),
        optional("http_response_status_code", Kind::U16, "", "http.response.status_code; null if no answer came."),
        optional("error_type", Kind::Word, "", "error.type of a failed request, as the client would report it."),
        required(
            Part::Queued.column(),
            Kind::Nanoseconds,
            "ns",
            "Of latency_ns, along the request's critical path over all services: in accept queues, or waiting for a worker or a thread of an executor. The \
             ten columns from here on sum to latency_ns exactly. Of an attempt that was given up counts what was spent on it \
             until then.",
        ),
        required(
            Part::Pool.column(),
            Kind::Nanoseconds,
            "ns",
            "Waiting for connections from pools, or for permits of bulkheads.",
        ),
        required(Part::Computing.column(), Kind::Nanoseconds, "ns", "Demands, at full speed."),
        required(Part::CpuWait.column(), Kind::Nanoseconds, "ns", "Runnable without a core."),
        required(Part::Throttled.column(), Kind::Nanoseconds, "ns", "Runnable while a processor quota was burnt."),
        required(
            Part::Paused.column(),
            Kind::Nanoseconds,
            "ns",
            "While the process that was to go on stood still: for a collection, a vacation, a cycle that deletes expired keys, a kept event loop, or a stop from outside.",
        ),
        required(
            Part::Network.column(),
            Kind::Nanoseconds,
            "ns",
            "On the wire: connecting, requests and answers, and what never arrived anywhere.",
        ),
        required(
            Part::BackingOff.column(),
            Kind::Nanoseconds,
            "ns",
            "Backing off between attempts, sleeping, or keeping the event loop without computing.",
        ),
        required(Part::Lock.column(), Kind::Nanoseconds, "ns", "Waiting for locks."),
        required(
            Part::Child.column(),
            Kind::Nanoseconds,
            "ns",
            "Waiting for what was not followed: nothing, but where the run was recorded only from some instant on.",
        ),
    ],
};

/// Makes request rows.
#[derive(Debug)]
pub(crate) struct Requests {
    epoch: Epoch,
    asked: Asked,
    outcomes: Words,
}

impl Requests {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            asked: Asked::new(catalogue, blueprint),
            outcomes: Words::of(["answered", "failed"]),
        }
    }
}

impl Encoder for Requests {
    type Record = RequestRecord;
    const TABLE: &'static Table = &REQUESTS;

    fn encode(&mut self, records: &[RequestRecord]) -> Vec<ArrayRef> {
        let Self { epoch, asked, outcomes } = self;
        let outcome_keys = records.iter().map(|r| i32::from(failed(r.status, r.error))).collect();
        let error_keys = records.iter().map(|r| asked.error(r.client, r.operation, r.status, r.error)).collect();
        let mut columns: Vec<ArrayRef> = vec![
            asked.sources(records.iter().map(|r| r.client)),
            Arc::new(UInt64Array::from_iter_values(records.iter().map(|r| r.number))),
            wide_ids(records.iter().map(|r| r.trace.0), None),
            asked.names(records.iter().map(|r| r.operation)),
            times(records.iter().map(|r| epoch.unix_ns(r.sent))),
            times(records.iter().map(|r| epoch.unix_ns(r.ended))),
            nanoseconds(records.iter().map(|r| r.ended.saturating_sub(r.sent).as_nanos()), None),
            Arc::new(UInt16Array::from_iter_values(records.iter().map(|r| r.attempts))),
            outcomes.column(outcome_keys),
            small_or_null(records.iter().map(|r| asked.status(r.operation, r.status))),
            asked.errors(error_keys),
        ];
        columns.extend(Part::ALL.map(|part| nanoseconds(records.iter().map(|r| r.parts[part as usize]), None)));
        columns
    }
}
