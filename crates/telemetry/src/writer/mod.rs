//! Writing: batches of records become tables on disk, in bounded memory.
//!
//! `order` puts rows into the order of their start, `table` gathers and encodes them, `part` is one Parquet file,
//! `digest` says what was written. All of it is sequential code; whether it runs on a thread of its own is the recorder's affair.

mod batch;
pub(crate) mod digest;
mod order;
mod part;
mod table;
mod truth;

pub(crate) use batch::{Batch, Received};
pub(crate) use table::Written;
pub use truth::TruthTables;

use crate::error::Result;
use crate::folder::FileSystem;
use crate::tables::{Alterations, Changes, Ledger, Logs, Metrics, Requests, SERIES, Spans, series};
use knockon_model::blueprint::Blueprint;
use knockon_model::record::{Catalogue, LedgerRecord, RequestRecord, SpanRecord};
use order::Order;
use std::path::Path;
use std::sync::Arc;
use table::{Parts, Stream};

/// All tables of a run.
pub(crate) struct Tables {
    span_order: Order<Received<SpanRecord>>,
    ledger_order: Order<LedgerRecord>,
    request_order: Order<RequestRecord>,
    spans: Stream<Spans>,
    logs: Stream<Logs>,
    metrics: Stream<Metrics>,
    series: Parts,
    changes: Stream<Changes>,
    ledger: Stream<Ledger>,
    requests: Stream<Requests>,
    /// Only where there is an observer.
    alterations: Option<Stream<Alterations>>,
}

/// What became of all tables.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) tables: Vec<Written>,
    /// How often rows were written out of order because too many waited.
    pub(crate) order_overflows: u64,
}

impl Tables {
    /// Opens the tables in a run folder whose folders exist. At most `waiting_rows` spans wait for their turn.
    pub(crate) fn create(
        files: &Arc<dyn FileSystem>,
        run: &Path,
        catalogue: &Catalogue,
        blueprint: &Arc<Blueprint>,
        waiting_rows: usize,
        observed: bool,
    ) -> Result<Self> {
        let mut tables = Self {
            span_order: Order::new(waiting_rows),
            ledger_order: Order::new(waiting_rows),
            request_order: Order::new(waiting_rows),
            spans: Stream::create(files, run, Spans::new(catalogue, blueprint))?,
            logs: Stream::create(files, run, Logs::new(catalogue, blueprint))?,
            metrics: Stream::create(files, run, Metrics::new(blueprint))?,
            series: Parts::create(files, run, &SERIES)?,
            changes: Stream::create(files, run, Changes::new(catalogue, blueprint))?,
            ledger: Stream::create(files, run, Ledger)?,
            requests: Stream::create(files, run, Requests::new(catalogue, blueprint))?,
            alterations: observed
                .then(|| Stream::create(files, run, Alterations::new(catalogue, blueprint)))
                .transpose()?,
        };
        tables.series.write(series(&catalogue.series))?;
        Ok(tables)
    }

    /// Takes a batch in.
    pub(crate) fn take(&mut self, batch: &Batch) -> Result<()> {
        self.span_order.push(&batch.spans, batch.watermark, |row| self.spans.push(row))?;
        self.ledger_order.push(&batch.ledgers, batch.watermark, |row| self.ledger.push(row))?;
        self.request_order.push(&batch.requests, batch.watermark, |row| self.requests.push(row))?;
        self.logs.extend(&batch.logs)?;
        self.metrics.extend(&batch.samples)?;
        if let Some(alterations) = &mut self.alterations {
            alterations.extend(&batch.alterations)?;
        }
        self.changes.extend(&batch.changes)
    }

    /// Writes what still waits, and the footers.
    pub(crate) fn finish(mut self) -> Result<Summary> {
        self.span_order.finish(|row| self.spans.push(row))?;
        self.ledger_order.finish(|row| self.ledger.push(row))?;
        self.request_order.finish(|row| self.requests.push(row))?;
        let alterations = self.alterations.map(Stream::close).transpose()?;
        Ok(Summary {
            order_overflows: self.span_order.overflows + self.ledger_order.overflows + self.request_order.overflows,
            tables: [
                self.spans.close()?,
                self.logs.close()?,
                self.metrics.close()?,
                self.series.close()?,
                self.changes.close()?,
                self.ledger.close()?,
                self.requests.close()?,
            ]
            .into_iter()
            .chain(alterations)
            .collect(),
        })
    }
}
