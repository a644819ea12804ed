//! The records of a run in the order in which they are sent: spans by when they end, lines by their time, samples a scrape at a time.
//!
//! Spans lie in the order of their starts, and none ends before it starts: those that ended before the start of the next row have no other before them. The others
//! wait here, as many as are under way at once.

use super::account::{Counts, Signal};
use super::courier::Protocol;
use super::remote_write::Writer;
use crate::error::{Error, Result};
use crate::scrapes::Scrapes;
use knockon_export::SemanticConventions;
use knockon_export::otlp::protobuf::{Change, LINE_COLUMNS, Points, SPAN_COLUMNS, SeriesList, Told};
use knockon_telemetry::{Batch, Batches, RunReader};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The body of a request.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) body: Vec<u8>,
    /// Spans, lines or scrapes: how far its stream has come with it.
    pub(super) items: u64,
    /// Spans, lines or points.
    pub(super) records: u64,
}

/// Rows of a table in their order, and the time of the next.
#[derive(Debug)]
struct Rows {
    batches: Batches,
    batch: Option<Batch>,
    row: usize,
}

impl Rows {
    fn open(run: &RunReader, table: &str, columns: &[&str]) -> Result<Self> {
        Ok(Self { batches: run.read(table, columns)?, batch: None, row: 0 })
    }

    /// The next row, which stays.
    fn coming(&mut self) -> Result<Option<(&Batch, usize)>> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.rows()) {
            self.batch = self.batches.next().transpose()?;
            self.row = 0;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
        Ok(self.batch.as_ref().map(|batch| (batch, self.row)))
    }
}

/// A span that waits for those that end before it: its end, its row in the table, and where its row is.
#[derive(Debug)]
struct Waiting {
    end: i64,
    number: u64,
    batch: Batch,
    row: usize,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.end, self.number).cmp(&(other.end, other.number))
    }
}

/// All of them.
pub(super) struct Streams<'a> {
    spans: Rows,
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
    lines: Rows,
    scrapes: Option<Scrapes>,
    points: Points<'a>,
    writer: Option<Writer>,
    series: usize,
    semconv: SemanticConventions,
    change: Change,
}

const START: usize = 7;
const END: usize = 8;
const TIME: usize = 1;

impl<'a> Streams<'a> {
    pub(super) fn open(
        run: &RunReader,
        series: &'a SeriesList,
        protocol: Protocol,
        semconv: SemanticConventions,
        change: Change,
    ) -> Result<Self> {
        let writer = (protocol == Protocol::RemoteWrite).then(|| Writer::open(run)).transpose()?;
        // Remote write has metrics alone.
        let table = |name: &'static str| if writer.is_some() { "observed/none" } else { name };
        let scrapes = match Scrapes::open(run, series.count()) {
            Err(Error::Empty) => None,
            opened => Some(opened?),
        };
        Ok(Self {
            spans: Rows::open(run, table("observed/spans"), SPAN_COLUMNS)?,
            waiting: BinaryHeap::new(),
            number: 0,
            lines: Rows::open(run, table("observed/logs"), LINE_COLUMNS)?,
            scrapes,
            points: Points::begin(series, run.manifest().start_unix_ns),
            writer,
            series: series.count(),
            semconv,
            change,
        })
    }

    /// Passes over what was sent before.
    pub(super) fn skip(&mut self, sent: &Counts) -> Result<()> {
        for (&signal, &count) in sent {
            for _ in 0..count {
                match signal {
                    Signal::Traces => drop(self.pop_span()?),
                    Signal::Logs => self.lines.row += usize::from(self.lines.coming()?.is_some()),
                    Signal::Metrics => {
                        self.take_scrape();
                        self.next_scrape()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What is due next, and when.
    pub(super) fn next(&mut self) -> Result<Option<(Signal, i64)>> {
        let due = [
            (self.next_span()?, Signal::Traces),
            (self.next_line()?, Signal::Logs),
            (self.scrapes.as_ref().map(Scrapes::time_ns), Signal::Metrics),
        ];
        Ok(due
            .into_iter()
            .filter_map(|(time, signal)| Some((time?, signal)))
            .min()
            .map(|(time, signal)| (signal, time)))
    }

    /// A request of those of a signal that are due by an instant: the next one, and so many at most.
    pub(super) fn take(&mut self, signal: Signal, until: i64, most: usize) -> Result<Ready> {
        let (semconv, change) = (self.semconv, self.change);
        match signal {
            Signal::Traces => {
                let mut told = Vec::new();
                while told.len() < most && (told.is_empty() || self.next_span()?.is_some_and(|time| time <= until)) {
                    let Some(span) = self.pop_span()? else { break };
                    told.push(Told::span(&span.batch, span.row, semconv, change));
                }
                let records = told.len() as u64;
                let body = ExportTraceServiceRequest { resource_spans: Told::spans(told) }.encode_to_vec();
                Ok(Ready { body, items: records, records })
            }
            Signal::Logs => {
                let mut told = Vec::new();
                while told.len() < most && (told.is_empty() || self.next_line()?.is_some_and(|time| time <= until)) {
                    let Some((batch, row)) = self.lines.coming()? else { break };
                    told.push(Told::line(batch, row, semconv, change));
                    self.lines.row += 1;
                }
                let records = told.len() as u64;
                let body = ExportLogsServiceRequest { resource_logs: Told::lines(told) }.encode_to_vec();
                Ok(Ready { body, items: records, records })
            }
            Signal::Metrics => {
                self.take_scrape();
                let (body, records) = match (&mut self.writer, &self.scrapes) {
                    (Some(writer), Some(scrapes)) => writer.request(scrapes, change),
                    (_, scrapes) => {
                        let time = scrapes.as_ref().map_or(0, Scrapes::time_ns);
                        let (resource_metrics, points) = self.points.message(time, change);
                        (ExportMetricsServiceRequest { resource_metrics }.encode_to_vec(), points)
                    }
                };
                self.next_scrape()?;
                Ok(Ready { body, items: 1, records: records as u64 })
            }
        }
    }

    /// When the next span ends.
    fn next_span(&mut self) -> Result<Option<i64>> {
        loop {
            let ended = self.waiting.peek().map(|Reverse(first)| first.end);
            let Some((batch, row)) = self.spans.coming()? else { return Ok(ended) };
            let start = batch.integer(START, row).unwrap_or_default();
            if ended.is_some_and(|end| end < start) {
                return Ok(ended);
            }
            let end = batch.integer(END, row).unwrap_or(start);
            let batch = batch.clone();
            self.waiting.push(Reverse(Waiting { end, number: self.number, batch, row }));
            self.number += 1;
            self.spans.row += 1;
        }
    }

    fn pop_span(&mut self) -> Result<Option<Waiting>> {
        self.next_span()?;
        Ok(self.waiting.pop().map(|Reverse(first)| first))
    }

    fn next_line(&mut self) -> Result<Option<i64>> {
        Ok(self.lines.coming()?.and_then(|(batch, row)| batch.integer(TIME, row)))
    }

    fn take_scrape(&mut self) {
        if let Some(scrapes) = &self.scrapes {
            for series in 0..self.series {
                if let Some(value) = scrapes.value(series) {
                    self.points.take(series, scrapes.time_ns(), value);
                }
            }
        }
    }

    fn next_scrape(&mut self) -> Result<()> {
        let Some(scrapes) = &mut self.scrapes else { return Ok(()) };
        if let Some(writer) = &mut self.writer {
            writer.seen(scrapes);
        }
        if !scrapes.step()? {
            self.scrapes = None;
        }
        Ok(())
    }
}
