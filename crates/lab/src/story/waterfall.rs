//! One request: its spans as a tree, where their time went, what was logged, how its client saw it end, and how it would have ended
//! without the faults.

use super::blame::{BlameRow, Holder, Holders};
use knockon_model::record::Part;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Resources that blame is told of, and holders of each.
const RESOURCES: usize = 4;
const HOLDERS: usize = 3;

/// Nanoseconds by part of the ledger, by name; parts without any are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Parts(BTreeMap<&'static str, i64>);

impl Parts {
    /// Of the columns of a table, in the order of [`Part::ALL`].
    #[must_use]
    pub fn of(columns: [Option<i64>; Part::COUNT]) -> Self {
        let some = |(part, ns): (Part, Option<i64>)| Some((name(part), ns.filter(|&ns| ns != 0)?));
        Self(Part::ALL.into_iter().zip(columns).filter_map(some).collect())
    }

    /// Nanoseconds in a part.
    #[must_use]
    pub fn get(&self, part: Part) -> i64 {
        self.0.get(name(part)).copied().unwrap_or(0)
    }

    /// Parts, the largest first.
    #[must_use]
    pub fn largest_first(&self) -> Vec<(&'static str, i64)> {
        let mut parts: Vec<_> = self.0.iter().map(|(&part, &ns)| (part, ns)).collect();
        parts.sort_by_key(|&(_, ns)| std::cmp::Reverse(ns));
        parts
    }

    /// What is left without the other.
    fn less(&self, other: &Self) -> Self {
        Self::of(Part::ALL.map(|part| Some(self.get(part) - other.get(part))))
    }
}

fn name(part: Part) -> &'static str {
    part.column().trim_end_matches("_ns")
}

/// A request as its client saw it: a row of `truth/requests`.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// The source that sent it.
    pub source: String,
    /// Number within the source.
    pub number: u64,
    /// Its trace, in hexadecimal.
    pub trace_id: String,
    /// What was asked for.
    pub name: String,
    /// When it was sent, since the run began, in nanoseconds.
    pub sent_ns: u64,
    /// From sending to end.
    pub latency_ns: i64,
    /// Attempts that were sent.
    pub attempts: u64,
    /// `answered` or `failed`.
    pub outcome: String,
    /// Status of the answer.
    pub status: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where its time went, along its critical path over all services.
    pub parts: Parts,
}

/// A row of `observed/spans` with its row of `truth/ledger`.
#[derive(Clone, Debug, Serialize)]
pub struct Span {
    /// Its id, in hexadecimal.
    pub span_id: String,
    /// The span that caused it.
    pub parent_span_id: Option<String>,
    /// Service that reports it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// SERVER, CLIENT …
    pub kind: String,
    /// Service that it calls.
    pub peer: Option<String>,
    /// Its first instant, since the run began, in nanoseconds.
    pub start_ns: u64,
    /// From there to its end.
    pub duration_ns: i64,
    /// Whether it is an error.
    pub failed: bool,
    /// Which.
    pub error: Option<String>,
    /// How often the call was tried before.
    pub resends: Option<i64>,
    /// Where its time went.
    pub parts: Parts,
}

/// A row of `observed/logs`.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// When it was written, since the run began, in nanoseconds.
    pub time_ns: u64,
    /// Service that wrote it.
    pub service: String,
    /// DEBUG, INFO, WARN, ERROR or FATAL.
    pub severity: String,
    /// The message.
    pub body: String,
    /// The span that it belongs to, in hexadecimal.
    pub span_id: Option<String>,
}

/// A span in its place, and what was logged in it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// How many spans it lies within.
    pub depth: usize,
    /// The span.
    #[serde(flatten)]
    pub span: Span,
    /// What was logged.
    pub logs: Vec<Log>,
}

/// A request in the world with the faults of an incident and in that without: a row of `truth/effects`.
#[derive(Clone, Debug, Serialize)]
pub struct Twin {
    /// Number of the contrast.
    pub contrast: u32,
    /// The faults.
    pub faults: Vec<String>,
    /// Outcome without the faults.
    pub without_outcome: String,
    /// Status without them.
    pub without_status: Option<i64>,
    /// Why it failed without them.
    pub without_error: Option<String>,
    /// From sending to end without them.
    pub without_latency_ns: Option<i64>,
    /// What it took longer with them.
    pub difference_ns: Option<i64>,
    /// The same by part.
    pub differences: Parts,
    /// What chance alone explains.
    pub band_ns: Option<i64>,
    /// Whether it is further off.
    pub outside: bool,
    /// Whether the faults hurt it.
    pub hurt: bool,
}

/// A request, all told.
#[derive(Clone, Debug, Serialize)]
pub struct Waterfall {
    /// Its trace, in hexadecimal.
    pub trace_id: String,
    /// What its client saw; `None` if it had not ended with the run.
    pub client: Option<Client>,
    /// Its spans, each after the one that caused it.
    pub spans: Vec<Line>,
    /// What was logged of it in spans that were never written.
    pub logs: Vec<Log>,
    /// The worlds that it was compared in and was not the same.
    pub twins: Vec<Twin>,
    /// Whether it was sent while worlds were compared, so that without a twin it was the same in all.
    pub compared: bool,
    /// Who held what it may have waited for, in those windows.
    pub holders: Vec<Holder>,
    #[serde(skip)]
    held: Holders,
}

impl Waterfall {
    /// Of what the tables have of a trace, in the order of their rows.
    #[must_use]
    pub fn new(trace_id: String, client: Option<Client>, spans: Vec<Span>, logs: Vec<Log>) -> Self {
        let mut logs_of: BTreeMap<String, Vec<Log>> = BTreeMap::new();
        let mut loose = Vec::new();
        let known: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
        for log in logs {
            match log.span_id.as_deref().filter(|id| known.contains(id)) {
                Some(id) => logs_of.entry(id.to_owned()).or_default().push(log),
                None => loose.push(log),
            }
        }
        let mut children: BTreeMap<Option<String>, Vec<Span>> = BTreeMap::new();
        for span in &spans {
            // A parent whose process died has no row.
            let parent = span.parent_span_id.clone().filter(|parent| known.contains(parent.as_str()));
            children.entry(parent).or_default().push(span.clone());
        }
        let mut lines = Vec::new();
        let mut open: Vec<(usize, Span)> = roots(&mut children, 0, None);
        while let Some((depth, span)) = open.pop() {
            open.extend(roots(&mut children, depth + 1, Some(span.span_id.clone())));
            let logs = logs_of.remove(&span.span_id).unwrap_or_default();
            lines.push(Line { depth, span, logs });
        }
        Self {
            trace_id,
            client,
            spans: lines,
            logs: loose,
            twins: Vec::new(),
            compared: false,
            holders: Vec::new(),
            held: Holders::default(),
        }
    }

    /// First instant, and the last one.
    #[must_use]
    pub fn extent_ns(&self) -> (u64, u64) {
        let spans = self.spans.iter().map(|line| (line.span.start_ns, line.span.duration_ns));
        let all = spans.chain(self.client.iter().map(|client| (client.sent_ns, client.latency_ns)));
        all.fold((u64::MAX, 0), |(from, until), (start, length)| {
            (from.min(start), until.max(start.saturating_add_signed(length)))
        })
    }

    /// Looks at a row of `truth/blame`: who waited for what this request may have waited for, while it was under way.
    pub fn blame(&mut self, row: &BlameRow<'_>) {
        let (from, until) = self.extent_ns();
        if row.end_ns <= from || row.start_ns >= until || !self.waited(row.kind) {
            return;
        }
        let service = row.waiting.split('/').next().unwrap_or(row.waiting);
        let own = |line: &Line| match line.span.kind.as_str() {
            "SERVER" => row.waiting == format!("{}/{}", line.span.service, line.span.name),
            _ if self.is_served(service) => false,
            // A process that died has left calls, and no span of what it was asked for itself; a database never leaves one.
            _ if line.span.service == service => self.asked_for(row.waiting),
            _ => line.span.peer.as_deref() == Some(service),
        };
        if self.spans.iter().any(own) {
            self.held.add(row);
        }
    }

    /// Whether spans of a service itself tell what it was asked for.
    fn is_served(&self, service: &str) -> bool {
        self.spans.iter().any(|line| line.span.kind == "SERVER" && line.span.service == service)
    }

    /// Whether this is the service and the endpoint that the client asked for.
    fn asked_for(&self, waiting: &str) -> bool {
        let endpoint = waiting.split_once('/').map(|(_, endpoint)| endpoint);
        self.client.as_ref().is_some_and(|client| endpoint == Some(client.name.as_str()))
    }

    /// Whether the request waited for resources of a kind, by its own account.
    fn waited(&self, kind: &str) -> bool {
        let Some(client) = &self.client else { return true };
        let parts: &[Part] = match kind {
            "workers" | "places" | "tokens" | "threads" => &[Part::Queued],
            "pool" | "permits" => &[Part::Pool],
            "processor" => &[Part::CpuWait, Part::Throttled],
            "locks" => &[Part::Lock],
            "running" => &[Part::Paused],
            _ => return false,
        };
        parts.iter().any(|&part| client.parts.get(part) > 0)
    }

    /// Sums up what was seen of blame.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.holders = std::mem::take(&mut self.held).finish(RESOURCES, HOLDERS);
        self
    }
}

impl Twin {
    /// Where the request's time would have gone.
    #[must_use]
    pub fn parts_without(&self, with: &Parts) -> Parts {
        with.less(&self.differences)
    }
}

/// The spans within another, the last first.
fn roots(
    children: &mut BTreeMap<Option<String>, Vec<Span>>,
    depth: usize,
    within: Option<String>,
) -> Vec<(usize, Span)> {
    let mut found = children.remove(&within).unwrap_or_default();
    found.sort_by_key(|span| span.start_ns);
    found.into_iter().rev().map(|span| (depth, span)).collect()
}
