//! Retry storms: attempts of clients, and what their server did with them.

use super::Observables;
use super::numbers::{S, count, mean, seconds, share};
use super::seen::{Seen, nanos};
use knockon_model::record::{Part, Transition};
use knockon_scenario::original::SurgeExperiment;
use std::collections::BTreeMap;

/// What the server did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Served,
    Refused,
    /// Taken out of the queue without work.
    Dropped,
    /// It still lay in the queue at the end.
    Unfinished,
}

/// One attempt. Instants in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Request that it belongs to, from 0.
    pub(super) request: usize,
    pub(super) sent: i64,
    /// Whether its client had the answer in time.
    pub(super) ok: bool,
    /// Jobs that it found in the server.
    pub(super) depth: Option<i64>,
    /// When it got there.
    pub(super) arrived: Option<i64>,
    pub(super) fate: Fate,
}

/// The last part of a run, in which it has recovered or not.
const LAST: i64 = 20 * S;
/// A share of answered requests that counts as recovered.
const RECOVERED: f64 = 0.9;
/// A server is drained when nobody finds more jobs than these.
const DRAINED_DEPTH: i64 = 2;

pub(super) fn observe(attempts: &[Attempt], experiment: SurgeExperiment) -> Observables {
    let [from, to, end] =
        [experiment.from_s, experiment.to_s, experiment.end_s].map(|second| (second * S as f64).round() as i64);
    // When a request was first sent, and whether it was ever answered.
    let mut requests: BTreeMap<usize, (i64, bool)> = BTreeMap::new();
    for attempt in attempts {
        let (sent, ok) = requests.entry(attempt.request).or_insert((attempt.sent, false));
        *sent = attempt.sent.min(*sent);
        *ok |= attempt.ok;
    }
    let sent_within = |from: i64, to: i64| requests.values().filter(move |(sent, _)| (from..to).contains(sent));
    let goodput =
        |from: i64, to: i64| share(sent_within(from, to).filter(|(_, ok)| *ok).count(), sent_within(from, to).count());
    let ok = requests.values().filter(|(_, ok)| *ok).count();
    let first_failure = requests.values().filter(|(_, ok)| !ok).map(|(sent, _)| *sent).min();
    let last = |attempt: &&Attempt| (end - LAST..end).contains(&attempt.sent);
    let depths = |attempts: &mut dyn Iterator<Item = &Attempt>| -> Vec<f64> {
        attempts.filter_map(|attempt| attempt.depth).map(|depth| depth as f64).collect()
    };
    let of = |fate: Fate| attempts.iter().filter(move |attempt| attempt.fate == fate);
    let drained = (0..(end - to) / S).find(|second| {
        let (from, to) = (to + second * S, to + (second + 1) * S);
        let here = |attempt: &&Attempt| attempt.arrived.is_some_and(|arrived| (from..to).contains(&arrived));
        attempts.iter().filter(here).all(|attempt| attempt.depth.is_none_or(|depth| depth <= DRAINED_DEPTH))
            && sent_within(from, to).all(|(_, ok)| *ok)
    });
    let goodput_last = goodput(end - LAST, end);
    Observables::from([
        ("attempts".into(), count(attempts.len())),
        ("ok".into(), count(ok)),
        ("gave_up".into(), count(requests.len() - ok)),
        ("goodput_share_before".into(), goodput(0, from)),
        ("goodput_share_surge".into(), goodput(from, to)),
        ("goodput_share_last20s".into(), goodput_last),
        ("recovered".into(), goodput_last.map(|share| f64::from(u8::from(share > RECOVERED)))),
        (
            "attempts_per_request_last20s".into(),
            share(attempts.iter().filter(last).count(), sent_within(end - LAST, end).count()),
        ),
        ("first_failure_after_surge_start_s".into(), first_failure.map(|sent| seconds(sent - from))),
        ("peak_depth".into(), depths(&mut attempts.iter()).into_iter().reduce(f64::max)),
        ("depth_mean_last20s".into(), mean(&depths(&mut attempts.iter().filter(last)))),
        ("queue_drained_after_surge_end_s".into(), drained.map(|second| second as f64)),
        (
            "wasted_service_share".into(),
            share(of(Fate::Served).filter(|attempt| !attempt.ok).count(), of(Fate::Served).count()),
        ),
        ("refused".into(), count(of(Fate::Refused).count())),
        ("dropped".into(), count(of(Fate::Dropped).count())),
    ])
}

/// The attempts of a simulated run: calls of the server by clients that report spans.
pub(super) fn attempts(seen: &Seen, server: &str) -> Vec<Attempt> {
    let mut served: BTreeMap<_, _> = BTreeMap::new();
    let mut stays: Vec<(i64, i64)> = Vec::new();
    for (span, ledger) in seen.served(server) {
        let idle = span.error.is_some() && ledger.parts[Part::Computing as usize] == 0;
        let fate = match idle {
            // It found no place.
            true if span.start == span.end => Fate::Refused,
            true => Fate::Dropped,
            false => Fate::Served,
        };
        served.insert((span.trace, span.parent), (nanos(span.start), fate));
        if fate != Fate::Refused {
            stays.push((nanos(span.start), nanos(span.end)));
        }
    }
    // Others are refused, or dropped without a word, and leave no span.
    let mut refusals: Vec<i64> =
        seen.states(server).filter(|(_, state)| *state == Transition::Refused).map(|(at, _)| at).collect();
    refusals.sort_unstable();
    let jobs = Jobs::of(&stays);
    let mut requests = BTreeMap::new();
    let mut calls: Vec<_> = seen.calls(server).collect();
    calls.sort_by_key(|span| (span.start, span.trace));
    // Refusals come in the order of sending, since every attempt is as long on its way.
    let mut refusals = refusals.into_iter();
    calls
        .into_iter()
        .map(|span| {
            let next = requests.len();
            let request = *requests.entry(span.trace).or_insert(next);
            let known = served.get(&(span.trace, span.span)).copied();
            let met = known.or_else(|| refusals.next().map(|at| (at, Fate::Refused)));
            let (arrived, fate) = met.map_or((None, Fate::Unfinished), |(at, fate)| (Some(at), fate));
            let depth = arrived.map(|at| jobs.at(at));
            Attempt { request, sent: nanos(span.start), ok: span.error.is_none(), depth, arrived, fate }
        })
        .collect()
}

/// How many jobs are in a server.
struct Jobs {
    starts: Vec<i64>,
    ends: Vec<i64>,
}

impl Jobs {
    fn of(stays: &[(i64, i64)]) -> Self {
        let (mut starts, mut ends): (Vec<i64>, Vec<i64>) = stays.iter().copied().unzip();
        starts.sort_unstable();
        ends.sort_unstable();
        Self { starts, ends }
    }

    /// Those that came before an instant and were still there.
    fn at(&self, instant: i64) -> i64 {
        let came = self.starts.partition_point(|&start| start < instant);
        let left = self.ends.partition_point(|&end| end <= instant);
        came as i64 - left as i64
    }
}
