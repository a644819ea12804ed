//! Why requests and calls failed, in a world with the fault and in the one without: what tells which mechanism was at work.

use super::failed;
use super::system::System;
use knockon_model::record::{ErrorType, RequestRecord, SpanKind, SpanRecord, Status};
use std::collections::BTreeMap;

/// Failures in both worlds: with the fault, and without.
type Both = [u64; 2];

/// By component, and where calls failed by the component that was called as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    requests: BTreeMap<(usize, ErrorType), Both>,
    calls: BTreeMap<(usize, usize, ErrorType), Both>,
    /// Attempts that were not the first, by caller and callee.
    resent: BTreeMap<(usize, usize), Both>,
}

impl Failures {
    /// Takes in what ended in the world with the fault (0) or without (1).
    pub(super) fn take(&mut self, system: &System, world: usize, requests: &[RequestRecord], spans: &[SpanRecord]) {
        let components = &system.components;
        for request in requests.iter().filter(|request| failed(request)) {
            let Some(component) = components.of_process(request.client) else { continue };
            let why = of_answer(request.status, request.error);
            self.requests.entry((component, why)).or_default()[world] += 1;
        }
        for span in spans {
            let Some(component) = components.of_process(span.process) else { continue };
            let kind = system.catalogue.operations[span.operation.index()].kind;
            let peer = span.peer.and_then(|peer| components.of_process(peer));
            if let (SpanKind::Client, Some(peer)) = (kind, peer) {
                if span.resend > 0 {
                    self.resent.entry((component, peer)).or_default()[world] += 1;
                }
                if span.status == Status::Error {
                    let why = of_answer(span.http_status, span.error);
                    self.calls.entry((component, peer, why)).or_default()[world] += 1;
                }
            } else if kind == SpanKind::Server && span.status == Status::Error {
                let why = span.error.unwrap_or(ErrorType::Application);
                self.requests.entry((component, why)).or_default()[world] += 1;
            }
        }
    }

    /// Whether so many hundredths of the requests of a component that fail because of the fault, and at least one, do so for one of these reasons.
    /// Unknown, and so possible, where none is known to fail.
    pub(super) fn has(&self, component: usize, reasons: &[ErrorType], percent: u64) -> bool {
        let own = self.requests.iter().filter(|((one, _), _)| *one == component);
        has(own.map(|((_, why), both)| (*why, *both)), reasons, percent)
    }

    /// The same of calls from a component, those of them that go to another one. Where its calls are not told, its requests are asked.
    pub(super) fn has_called(&self, caller: usize, callee: usize, reasons: &[ErrorType], percent: u64) -> bool {
        if !self.calls.keys().any(|&(one, ..)| one == caller) {
            return self.has(caller, reasons, percent);
        }
        let own = self.calls.iter().filter(|((one, ..), _)| *one == caller);
        let of_callee = own.map(|((_, other, why), both)| ((*other == callee).then_some(*why), *both));
        let told: Vec<_> = of_callee.collect();
        let all: u64 = told.iter().map(|(_, both)| more(*both)).sum();
        let here = told.iter().filter(|(why, _)| why.is_some_and(|why| reasons.contains(&why)));
        let here: u64 = here.map(|(_, both)| more(*both)).sum();
        here > 0 && here * 100 >= all * percent
    }

    /// Whether more attempts are sent again from a component to another.
    pub(super) fn has_resent(&self, caller: usize, callee: usize) -> bool {
        self.resent.get(&(caller, callee)).is_some_and(|both| more(*both) > 0)
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

fn has(failures: impl Iterator<Item = (ErrorType, Both)>, reasons: &[ErrorType], percent: u64) -> bool {
    let told: Vec<_> = failures.collect();
    let all: u64 = told.iter().map(|(_, both)| more(*both)).sum();
    let here = told.iter().filter(|(why, _)| reasons.contains(why)).map(|(_, both)| more(*both)).sum::<u64>();
    told.is_empty() || here > 0 && here * 100 >= all * percent
}
