//! `truth/observer`: what became of records on their way to the tables of what was observed.

use super::arrays::{NULL, Words, ids, present, times, wide_ids};
use super::declaration::{optional, required};
use super::{Encoder, Epoch, Kind, Table};
use crate::observer::{Alteration, Altered, What};
use arrow::array::{ArrayRef, Int64Array};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::Catalogue;
use std::sync::Arc;

/// The table.
pub(super) static OBSERVER: Table = Table {
    path: "truth/observer",
    meaning: "One row for each thing that the scenario's `observer` did to a record, in the order in which it was done. There only where a \
              scenario has one. Truth, labels and ledger are of what happened, whether or not its record is left.",
    columns: &[
        required("record", Kind::Word, "", "span, line, scrape or clock: what it was done to."),
        required(
            "what",
            Kind::Word,
            "",
            "sampled_out_at_head, sampled_out_at_tail, dropped_too_early (tail sampling had no place left), lost, duplicated, delayed, \
             without_parent, without_peer, without_status_code, without_trace, or skewed (a clock).",
        ),
        required("time", Kind::Time, "ns", "True time of the record: a span's start, a line's or scrape's instant."),
        optional("trace_id", Kind::Id(16), "", "The span's trace."),
        optional("span_id", Kind::Id(8), "", "The span."),
        optional("uid", Kind::Id(16), "", "The line's log.record.uid."),
        optional("instance", Kind::Word, "", "The process that was scraped, or whose clock it is."),
        optional(
            "amount_ns",
            Kind::Nanoseconds,
            "ns",
            "How late it came; how far the clock is ahead of the true time, negative where it is behind.",
        ),
    ],
};

/// Makes rows of what was done.
#[derive(Debug)]
pub(crate) struct Alterations {
    epoch: Epoch,
    records: Words,
    whats: Words,
    instances: Words,
}

impl Alterations {
    pub(crate) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        Self {
            epoch: Epoch(blueprint.epoch_unix_ns),
            records: Words::of(["span", "line", "scrape", "clock"]),
            whats: Words::of(What::ALL.map(What::word)),
            instances: Words::of(catalogue.processes.iter().map(|process| process.instance.as_str())),
        }
    }
}

impl Encoder for Alterations {
    type Record = Alteration;
    const TABLE: &'static Table = &OBSERVER;

    fn encode(&mut self, records: &[Alteration]) -> Vec<ArrayRef> {
        let span = |r: &Alteration| match r.altered {
            Altered::Span { trace, span } => Some((trace.0, span.0)),
            _ => None,
        };
        let uid = |r: &Alteration| if let Altered::Line { uid } = r.altered { Some(uid) } else { None };
        let spans = || Some(present(records.len(), |row| span(&records[row]).is_some()));
        vec![
            self.records.column(
                records
                    .iter()
                    .map(|r| match r.altered {
                        Altered::Span { .. } => 0,
                        Altered::Line { .. } => 1,
                        Altered::Scrape { .. } => 2,
                        Altered::Clock { .. } => 3,
                    })
                    .collect(),
            ),
            self.whats.column(records.iter().map(|r| r.what as i32).collect()),
            times(records.iter().map(|r| self.epoch.unix_ns(r.time))),
            wide_ids(records.iter().map(|r| span(r).map_or(0, |(trace, _)| trace)), spans()),
            ids(records.iter().map(|r| span(r).map_or(0, |(_, span)| span)), spans()),
            wide_ids(
                records.iter().map(|r| uid(r).unwrap_or(0)),
                Some(present(records.len(), |row| uid(&records[row]).is_some())),
            ),
            self.instances.column(
                records
                    .iter()
                    .map(|r| match r.altered {
                        Altered::Scrape { process } | Altered::Clock { process } => process as i32,
                        _ => NULL,
                    })
                    .collect(),
            ),
            Arc::new(Int64Array::from(records.iter().map(|r| r.amount_ns).collect::<Vec<_>>())),
        ]
    }
}
