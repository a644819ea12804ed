//! How requests and calls ended and how long they took, in a world with the fault and in the one without: what tells which mechanism was at
//! work, and how much is due to it.

use super::failed;
use super::system::System;
use knockon_model::record::{ErrorType, RequestRecord, SpanKind, SpanRecord, Status};
use std::collections::BTreeMap;

/// In both worlds: with the fault, and without.
type Both = [u64; 2];

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
    /// Attempts that were not the first, by caller and callee.
    resent: BTreeMap<(usize, usize), Both>,
    /// Time that requests were in a component, in nanoseconds.
    served_ns: BTreeMap<usize, Both>,
    /// Calls, and the time that they took their caller.
    called: BTreeMap<(usize, usize), Called>,
}

impl Outcomes {
    /// Takes in what ended in the world with the fault (0) or without (1).
    pub(super) fn take(&mut self, system: &System, world: usize, requests: &[RequestRecord], spans: &[SpanRecord]) {
        let components = &system.components;
        for request in requests.iter().filter(|request| failed(request)) {
            let Some(component) = components.of_process(request.client) else { continue };
            let why = of_answer(request.status, request.error);
            self.failed.entry((component, why)).or_default()[world] += 1;
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
            if let (SpanKind::Client, Some(peer)) = (kind, peer) {
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
                }
            } else if kind == SpanKind::Server {
                served[component] += took;
                if span.status == Status::Error {
                    let why = span.error.unwrap_or(ErrorType::Application);
                    self.failed.entry((component, why)).or_default()[world] += 1;
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

fn more([with, without]: Both) -> u64 {
    with.saturating_sub(without)
}
