//! The observer: what becomes of records between the world and the tables of what was observed.
//!
//! ```text
//! span ──► head sampling ──► clock, fields ──► tail sampling ──► lost? twice? late? ──► observed/spans
//! line ──────────────────────► clock, fields ──────────────────► lost? twice? late? ──► observed/logs
//! scrape ──► failed? ──► observed/metrics
//!            whatever was done to a record: a row of truth/observer
//! ```
//!
//! Each decision is a draw at the address of the record (a span's ids, a line's uid, a process and an instant), so it is the same
//! whatever else is observed, and in every run in which the record exists. Nothing of it reaches the world, its digest or what is true.
//! Deliberately not here: changes (a platform's audit log loses nothing), and errors in values.

mod alteration;
mod tail;

pub(crate) use alteration::{Alteration, Altered, What};

use crate::dialect::Dialect;
use crate::writer::{Batch, Received};
use knockon_kernel::{Duration, Key, Purpose, Time};
use knockon_model::blueprint::{Blueprint, Operation};
use knockon_model::observing::{Observing, Transport};
use knockon_model::record::{Catalogue, LogRecord, SampleRecord, SpanId, SpanKind, SpanRecord};
use std::collections::BTreeMap;
use std::sync::Arc;
use tail::{Span, Tail};

const LOST: Purpose = Purpose(1);
const DUPLICATED: Purpose = Purpose(2);
const DELAYED: Purpose = Purpose(3);
const DELAY: Purpose = Purpose(4);
const WITHOUT_PARENT: Purpose = Purpose(5);
const WITHOUT_PEER: Purpose = Purpose(6);
const WITHOUT_STATUS_CODE: Purpose = Purpose(7);
const WITHOUT_TRACE: Purpose = Purpose(8);
const SCRAPE: Purpose = Purpose(9);
const CLOCK: Purpose = Purpose(10);
const SHARE: Purpose = Purpose(11);

/// Does to records what is asked for, and says what it did.
#[derive(Debug)]
pub(crate) struct Observer {
    plan: Observing,
    key: Key,
    tail: Option<Tail>,
    /// By process: how far its clock is ahead, in nanoseconds.
    ahead: Vec<i64>,
    /// The most that any is behind.
    behind: u64,
    /// By operation: whether its spans say whom they call, and whether answers to it have a status code.
    operations: Vec<(bool, bool)>,
    /// By series: the process that is scraped for it.
    scraped: Vec<u32>,
    /// The last scrape that was asked about, and whether it failed: its series come one after the other.
    scrape: Option<(u32, Time, bool)>,
    /// Which events a runtime writes no line about, so that nothing was done to one.
    dialect: Dialect,
    body: String,
}

impl Observer {
    pub(crate) fn new(plan: &Observing, catalogue: &Catalogue, blueprint: &Arc<Blueprint>) -> Self {
        let key = Key::new(blueprint.seed).name("observer");
        let instances: BTreeMap<&str, u32> =
            catalogue.processes.iter().map(|process| process.instance.as_str()).zip(0..).collect();
        let ahead: Vec<i64> = catalogue
            .processes
            .iter()
            .map(|process| {
                let clock = plan.clocks.iter().find(|clock| Some(clock.service) == process.service);
                clock.map_or(0, |clock| {
                    let part = 2.0 * key.name(&process.instance).purpose(CLOCK).unit() - 1.0;
                    let spread = (part * clock.spread.as_nanos() as f64).round() as i64;
                    clock.ahead_ns.saturating_add(spread)
                })
            })
            .collect();
        Self {
            tail: plan.spans.tail.clone().map(|tail| Tail::new(tail, key)),
            behind: ahead.iter().map(|&ahead| ahead.min(0).unsigned_abs()).max().unwrap_or(0),
            scraped: catalogue
                .series
                .iter()
                .map(|series| instances.get(series.instance.as_str()).copied().unwrap_or(u32::MAX))
                .collect(),
            operations: catalogue
                .operations
                .iter()
                .map(|info| {
                    let calls = matches!(info.kind, SpanKind::Client | SpanKind::Producer);
                    (calls, matches!(info.operation, Operation::Http { .. }))
                })
                .collect(),
            plan: plan.clone(),
            key,
            ahead,
            scrape: None,
            dialect: Dialect::new(catalogue, blueprint),
            body: String::new(),
        }
    }

    /// Says which clocks go wrong, once and before anything else.
    pub(crate) fn begin(&self, batch: &mut Batch) {
        for (&ahead, process) in self.ahead.iter().zip(0..).filter(|&(&ahead, _)| ahead != 0) {
            batch.alterations.push(Alteration {
                time: Time::ZERO,
                altered: Altered::Clock { process },
                what: What::Skewed,
                amount_ns: Some(ahead),
            });
        }
    }

    pub(crate) fn span(&mut self, record: SpanRecord, batch: &mut Batch) {
        // Whoever receives it has a clock that is right.
        let (true_start, arrived) = (record.start, record.end);
        let span = (record.trace, record.span);
        let mut told = |what| batch.alterations.push(Alteration::of_span(true_start, span, what));
        let spans = &self.plan.spans;
        if spans.head.is_some_and(|share| !keeps_by_ratio(record.trace.0, share)) {
            return told(What::SampledAtHead);
        }
        let key = self.key_of(&record);
        let mut record = record;
        let ahead = self.ahead[record.process.index()];
        if ahead != 0 {
            let duration = record.end - record.start;
            record.start = shifted(record.start, ahead);
            record.end = record.start + duration;
        }
        if record.parent.0 != 0 && hits(key, WITHOUT_PARENT, spans.without_parent) {
            record.parent = SpanId(0);
            told(What::WithoutParent);
        }
        let (calls, answers) = self.operations[record.operation.index()];
        let peerless = calls && hits(key, WITHOUT_PEER, spans.without_peer);
        if peerless {
            record.peer = None;
            told(What::WithoutPeer);
        }
        if answers && record.http_status != 0 && hits(key, WITHOUT_STATUS_CODE, spans.without_status_code) {
            record.http_status = 0;
            told(What::WithoutStatusCode);
        }
        match &mut self.tail {
            None => self.deliver_span(Span { record, true_start, arrived, peerless }, batch),
            Some(tail) => {
                let decided = tail.take(Span { record, true_start, arrived, peerless }, &mut batch.alterations);
                decided.into_iter().for_each(|span| self.deliver_span(span, batch));
            }
        }
    }

    /// The address of what is drawn for a span.
    fn key_of(&self, span: &SpanRecord) -> Key {
        self.key.with(span.trace.0 as u64).with((span.trace.0 >> 64) as u64).with(span.span.0)
    }

    fn deliver_span(&self, Span { record, true_start, arrived, peerless }: Span, batch: &mut Batch) {
        let key = self.key_of(&record);
        let Batch { spans, alterations, .. } = batch;
        let span = (record.trace, record.span);
        let record = Received { peerless, ..Received::at_once(record) };
        deliver(&self.plan.spans.transport, key, record, arrived, spans, |what, amount_ns| {
            alterations.push(Alteration { amount_ns, ..Alteration::of_span(true_start, span, what) });
        });
    }

    pub(crate) fn log(&mut self, record: LogRecord, batch: &mut Batch) {
        let Batch { logs, alterations, .. } = batch;
        let (time, uid, before) = (record.time, record.uid, alterations.len());
        let mut told = |what, amount_ns| {
            alterations.push(Alteration { time, altered: Altered::Line { uid }, what, amount_ns });
        };
        let key = self.key.with(uid as u64).with((uid >> 64) as u64);
        let mut record = record;
        record.time = shifted(record.time, self.ahead[record.process.index()]);
        if record.context.is_some() && hits(key, WITHOUT_TRACE, self.plan.logs.without_trace) {
            record.context = None;
            told(What::WithoutTrace, None);
        }
        deliver(&self.plan.logs.transport, key, Received::at_once(record), time, logs, told);
        if alterations.len() > before {
            self.body.clear();
            if self.dialect.word(&record, &mut self.body).is_none() {
                alterations.truncate(before);
            }
        }
    }

    pub(crate) fn sample(&mut self, record: SampleRecord, batch: &mut Batch) {
        let process = self.scraped[record.series.index()];
        let failed = match self.scrape {
            Some((last, time, failed)) if (last, time) == (process, record.time) => failed,
            _ => {
                let key = self.key.with(u64::from(process)).with(record.time.as_nanos());
                let failed = hits(key, SCRAPE, self.plan.failed_scrapes);
                if failed {
                    batch.alterations.push(Alteration {
                        time: record.time,
                        altered: Altered::Scrape { process },
                        what: What::Lost,
                        amount_ns: None,
                    });
                }
                self.scrape = Some((process, record.time, failed));
                failed
            }
        };
        if !failed {
            batch.samples.push(record);
        }
    }

    /// No span to come starts before this, as its process tells the time, given that none does in truth before `before`.
    pub(crate) fn watermark(&self, before: Time) -> Time {
        let before = Time::from_nanos(before.as_nanos().saturating_sub(self.behind));
        self.tail.as_ref().and_then(Tail::earliest).map_or(before, |waiting| waiting.min(before))
    }

    /// The run has ended: what waits is decided on.
    pub(crate) fn finish(&mut self, batch: &mut Batch) {
        if let Some(tail) = &mut self.tail {
            let decided = tail.finish(&mut batch.alterations);
            decided.into_iter().for_each(|span| self.deliver_span(span, batch));
        }
    }
}

/// Whether `TraceIdRatioBased` keeps a trace: by the low 56 bits of its id, against the share of all numbers of 56 bits.
fn keeps_by_ratio(trace: u128, share: f64) -> bool {
    const BITS: u64 = (1 << 56) - 1;
    ((trace as u64 & BITS) as f64) < share * (1u64 << 56) as f64
}

fn hits(key: Key, purpose: Purpose, share: f64) -> bool {
    share > 0.0 && key.purpose(purpose).unit() < share
}

/// The time that a clock shows; the calendar begins with the run.
fn shifted(time: Time, ahead_ns: i64) -> Time {
    Time::from_nanos(time.as_nanos().saturating_add_signed(ahead_ns))
}

/// Hands a record on: not at all, once or twice, at once or late.
fn deliver<R: Copy>(
    transport: &Transport,
    key: Key,
    record: Received<R>,
    arrived: Time,
    out: &mut Vec<Received<R>>,
    mut told: impl FnMut(What, Option<i64>),
) {
    if hits(key, LOST, transport.lost) {
        return told(What::Lost, None);
    }
    let late = transport.delay.as_ref().filter(|_| hits(key, DELAYED, transport.delayed));
    let received = late.map(|delay| {
        let delay: Duration = delay.duration(key.purpose(DELAY));
        told(What::Delayed, Some(i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX)));
        arrived + delay
    });
    let received = Received { late: received.unwrap_or(Time::ZERO), ..record };
    out.push(received);
    if hits(key, DUPLICATED, transport.duplicated) {
        told(What::Duplicated, None);
        out.push(received);
    }
}
