//! How requests and calls ended and how long they took, in a world with the fault and in the one without: what tells which mechanism was at
//! work, and how much is due to it.

use super::failed;
use super::system::System;
use super::tally::Tally;
use knockon_kernel::{Duration, Time};
use knockon_model::record::{ErrorType, RequestRecord, SpanKind, SpanRecord, Status};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// In both worlds: with the fault, and without.
type Both = [u64; 2];

/// Windows of which the first failure is kept, for each reason.
const KEPT: usize = 1_024;

/// Calls of one component to another.
#[derive(Clone, Copy, Debug, Default)]
struct Called {
    count: Both,
    ns: Both,
}

/// By component, and of calls by the component that was called as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes {
    /// Requests that failed.
    failed: BTreeMap<(usize, ErrorType), Both>,
    /// Calls that did.
    failed_calls: BTreeMap<(usize, usize, ErrorType), Both>,
    /// When requests of a component failed so with the fault, and calls to it: the first of each window, as far as [`KEPT`].
    times: Times,
    times_of_calls: Times,
    /// Attempts that were not the first, by caller and callee.
    resent: BTreeMap<(usize, usize), Both>,
    /// Time that requests were in a component, in nanoseconds.
    served_ns: BTreeMap<usize, Both>,
    /// Calls, and the time that they took their caller.
    called: BTreeMap<(usize, usize), Called>,
}

impl Outcomes {
    /// Takes in what ended in the world with the fault and in the one without.
    pub(super) fn take<const O: bool>(&mut self, system: &System, worlds: [&Tally<O>; 2]) {
        for (world, tally) in worlds.into_iter().enumerate() {
            self.take_world(system, world, &tally.requests, &tally.spans);
        }
    }

    fn take_world(&mut self, system: &System, world: usize, requests: &[RequestRecord], spans: &[SpanRecord]) {
        let (components, window) = (&system.components, system.blueprint.scrape_interval);
        for request in requests.iter().filter(|request| failed(request)) {
            let Some(component) = components.of_process(request.client) else { continue };
            let why = of_answer(request.status, request.error);
            self.failed.entry((component, why)).or_default()[world] += 1;
            if world == 0 {
                note(&mut self.times, (component, why), request.ended, window);
                let blueprint = &system.blueprint;
                let source = system.metrics.source_of(request.client).map(|source| blueprint.sources[source].target);
                if let Some(target) = source.and_then(|target| components.find(&blueprint[target].name)) {
                    note(&mut self.times_of_calls, (target, why), request.ended, window);
                }
            }
        }
        let count = components.names.len();
        let mut served = vec![0; count];
        // Nobody calls so many others that looking through them would take long.
        let mut called: Vec<Vec<(usize, u64, u64)>> = vec![Vec::new(); count];
        for span in spans {
            let Some(component) = components.of_process(span.process) else { continue };
            let kind = system.catalogue.operations[span.operation.index()].kind;
            let peer = span.peer.and_then(|peer| components.of_process(peer));
            let took = (span.end - span.start).as_nanos();
            if let (SpanKind::Client | SpanKind::Producer, Some(peer)) = (kind, peer) {
                let callees = &mut called[component];
                match callees.iter_mut().find(|(callee, ..)| *callee == peer) {
                    Some((_, count, ns)) => (*count, *ns) = (*count + 1, *ns + took),
                    None => callees.push((peer, 1, took)),
                }
                if span.resend > 0 {
                    self.resent.entry((component, peer)).or_default()[world] += 1;
                }
                if span.status == Status::Error {
                    let why = of_answer(span.http_status, span.error);
                    self.failed_calls.entry((component, peer, why)).or_default()[world] += 1;
                    if world == 0 {
                        note(&mut self.times_of_calls, (peer, why), span.end, window);
                    }
                }
            } else if matches!(kind, SpanKind::Server | SpanKind::Consumer) {
                served[component] += took;
                if span.status == Status::Error {
                    let why = span.error.unwrap_or(ErrorType::Application);
                    self.failed.entry((component, why)).or_default()[world] += 1;
                    if world == 0 {
                        note(&mut self.times, (component, why), span.end, window);
                    }
                }
            }
        }
        for (component, ns) in served.into_iter().enumerate().filter(|&(_, ns)| ns > 0) {
            self.served_ns.entry(component).or_default()[world] += ns;
        }
        for (caller, callees) in called.into_iter().enumerate() {
            for (callee, count, ns) in callees {
                let called = self.called.entry((caller, callee)).or_default();
                called.count[world] += count;
                called.ns[world] += ns;
            }
        }
    }

    /// Requests of a component that fail because of the fault, by reason.
    pub(super) fn failed(&self, component: usize) -> impl Iterator<Item = (ErrorType, u64)> {
        let own = self.failed.iter().filter(move |((one, _), _)| *one == component);
        own.map(|(&(_, why), &both)| (why, more(both)))
    }

    /// Calls of a component that fail because of the fault, by callee and reason.
    pub(super) fn failed_calls(&self, caller: usize) -> impl Iterator<Item = (usize, ErrorType, u64)> {
        let own = self.failed_calls.iter().filter(move |((one, ..), _)| *one == caller);
        own.map(|(&(_, callee, why), &both)| (callee, why, more(both)))
    }

    /// When the first request of a component failed for one of these reasons in a stretch of time.
    pub(super) fn first_failed(
        &self,
        component: usize,
        within: &RangeInclusive<Time>,
        why: impl Fn(ErrorType) -> bool,
    ) -> Option<Time> {
        first(&self.times, component, within, why)
    }

    /// The same of calls to a component.
    pub(super) fn first_failed_call(
        &self,
        callee: usize,
        within: &RangeInclusive<Time>,
        why: impl Fn(ErrorType) -> bool,
    ) -> Option<Time> {
        first(&self.times_of_calls, callee, within, why)
    }

    /// How much longer requests were in a component because of the fault, all together, in nanoseconds. Of one that tells of no requests of
    /// its own, as databases, its callers do.
    pub(super) fn served_longer(&self, component: usize) -> u64 {
        let of_callers = || {
            let calls = self.called.iter().filter(|((_, callee), _)| *callee == component);
            calls.fold([0, 0], |[a, b], (_, Called { ns: [with, without], .. })| [a + with, b + without])
        };
        more(self.served_ns.get(&component).copied().unwrap_or_else(of_callers))
    }

    /// How much longer calls took a caller because of the fault; `None` where its calls are not told.
    pub(super) fn called_longer(&self, caller: usize, callee: usize) -> Option<u64> {
        let is_told = self.called.keys().any(|&(one, _)| one == caller);
        is_told.then(|| self.called.get(&(caller, callee)).map_or(0, |called| more(called.ns)))
    }

    /// How many more calls there are from a component to another, and how many more of them are attempts that are not the first.
    pub(super) fn called_more(&self, caller: usize, callee: usize) -> (u64, u64) {
        let calls = self.called.get(&(caller, callee)).map_or(0, |called| more(called.count));
        (calls, self.resent.get(&(caller, callee)).copied().map_or(0, more).min(calls))
    }

    /// Whether more attempts are sent again from a component to another.
    pub(super) fn has_resent(&self, caller: usize, callee: usize) -> bool {
        self.resent.get(&(caller, callee)).copied().map_or(0, more) > 0
    }
}

/// Why a call failed, to its caller: an error that was answered is one that the callee passes on, unless that turned it away.
fn of_answer(status: u16, error: Option<ErrorType>) -> ErrorType {
    match error {
        Some(turned_away @ (ErrorType::Overloaded | ErrorType::RateLimited)) => turned_away,
        Some(error) if status < 500 => error,
        _ => ErrorType::Upstream,
    }
}

type Times = BTreeMap<(usize, ErrorType), Vec<Time>>;

fn note(times: &mut Times, key: (usize, ErrorType), at: Time, window: Duration) {
    let of = |at: Time| at.as_nanos() / window.as_nanos().max(1);
    let times = times.entry(key).or_default();
    if let Some(last) = times.last_mut().filter(|last| of(**last) == of(at)) {
        *last = at.min(*last);
    } else if times.len() < KEPT {
        times.push(at);
    }
}

fn first(
    times: &Times,
    component: usize,
    within: &RangeInclusive<Time>,
    why: impl Fn(ErrorType) -> bool,
) -> Option<Time> {
    let of_it = times.iter().filter(|((one, of), _)| *one == component && why(*of));
    of_it.flat_map(|(_, times)| times).filter(|at| within.contains(at)).min().copied()
}

fn more([with, without]: Both) -> u64 {
    with.saturating_sub(without)
}
