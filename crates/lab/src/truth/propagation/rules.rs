//! What one state can do to another: it follows from the machines and from who may call whom, never from the data.

use super::node::Node;
use super::state::State::{
    self, Death, Errors, Guards, Held, Latency, Leak, Load, Locks, Memory, Misses, Pauses, PoolTimeouts, PoolWait,
    Processor, Queue, Refusals, Retries, Throttling,
};
use crate::truth::components::Components;
use crate::truth::failures::Failures;
use knockon_model::blueprint::{Blueprint, LinkEnd};
use knockon_model::record::ErrorType;

/// What one state does to another of the same component.
const WITHIN: &[(State, State, &str)] = &[
    (Load, Memory, "more requests keep bytes at once"),
    (Load, Processor, "more requests want cores"),
    (Load, Held, "more requests hold connections"),
    (Load, Queue, "more requests want workers"),
    (Load, Pauses, "more requests allocate more"),
    (Load, Misses, "more requests ask for more keys"),
    (Queue, Pauses, "who has queued allocates at once"),
    (Memory, Pauses, "collections have more to move, and run more often"),
    (Pauses, Processor, "what stood still wants cores at once"),
    (Pauses, Held, "connections are held over pauses"),
    (Pauses, Queue, "workers are held over pauses"),
    (Pauses, Latency, "requests stand still"),
    (Throttling, Held, "connections are held while the quota is burnt"),
    (Throttling, Queue, "workers are held while the quota is burnt"),
    (Throttling, Latency, "requests wait for the next period"),
    (Processor, Held, "connections are held by who waits for a core"),
    (Processor, Queue, "workers are held by who waits for a core"),
    (Processor, Latency, "requests wait for a core"),
    (Locks, Latency, "statements wait for rows"),
    (Locks, Errors, "lock timeouts"),
    (Misses, Latency, "values are loaded"),
    (Leak, PoolWait, "fewer connections are left"),
    (Held, PoolWait, "no connection is free"),
    (PoolWait, PoolTimeouts, "waits exceed the acquire timeout"),
    (PoolWait, Queue, "workers are held by who waits for a connection"),
    (PoolWait, Latency, "requests wait for a connection"),
    (PoolTimeouts, Errors, "requests fail without a connection"),
    (Queue, Latency, "requests wait for a worker"),
    (Queue, Refusals, "no place is left in the queue"),
    (Latency, Queue, "workers are held for longer"),
    (Latency, Memory, "requests keep their bytes for longer"),
    (Memory, Death, "no room is left"),
    (Death, Refusals, "nobody listens"),
    (Death, Errors, "requests end with the process"),
    (Death, Latency, "a cold process is slow"),
    (Latency, Retries, "attempts time out"),
    (Errors, Retries, "failed attempts are sent again"),
    (Latency, Load, "attempts that time out are sent again"),
    (Latency, Errors, "requests time out"),
    (Errors, Guards, "failures are counted"),
    (Guards, Errors, "calls are not permitted"),
];

/// What one state does to another of the same component, where nothing else did: it explains, and stands for no other way.
pub(super) const WITHIN_FAINTLY: &[(State, State, &str)] =
    &[(PoolWait, Processor, "who has waited for a connection goes on at once")];

/// What a state of a callee does to one of its caller.
const UPWARD: &[(State, State, &str)] = &[
    (Latency, Held, "connections are held by who waits for it"),
    (Latency, Queue, "workers are held by who waits for it"),
    (Latency, Latency, "callers wait for it"),
    (Pauses, Latency, "callers wait while it stands still"),
    (Queue, Latency, "callers wait in its queue"),
    (Pauses, Errors, "calls time out"),
    (Queue, Errors, "calls time out"),
    (Latency, Retries, "attempts time out"),
    (Latency, Errors, "calls time out"),
    (Errors, Errors, "its errors are passed on"),
    (Errors, Retries, "failed attempts are sent again"),
    (Errors, Guards, "its failures are counted"),
    (Refusals, Errors, "it turns calls away"),
    (Refusals, Retries, "refused attempts are sent again"),
    (Death, Errors, "connections to it break"),
    (Death, PoolWait, "connections to it are opened anew"),
    (Errors, PoolWait, "connections that broke are opened anew"),
    (Misses, Held, "what is not found there is loaded over a connection"),
    (Misses, Latency, "what is not found there is loaded"),
    (Death, Latency, "callers connect to it again"),
];

/// What a state of a caller does to one of its callee.
const DOWNWARD: &[(State, State, &str)] = &[
    (Load, Load, "more requests, more calls"),
    (Retries, Load, "each attempt is one more call"),
    (Errors, Load, "failed attempts are sent again"),
    (PoolWait, Load, "who has waited goes on at once"),
    (Queue, Load, "who has queued goes on at once"),
    (Pauses, Load, "what stood still calls at once"),
    (Pauses, Misses, "keys expire while nobody asks for them"),
    (Pauses, Processor, "what stood still calls at once"),
    (Pauses, Queue, "what stood still calls at once"),
    (Pauses, Latency, "what stood still calls at once"),
    (Death, Load, "who comes back calls at once"),
    (Death, Queue, "who comes back calls at once"),
    (Death, Latency, "who comes back calls at once, and for other things"),
    (Death, Misses, "who comes back asks for other keys"),
];

/// How one state can lead to another, if it can, and if what failed because of the fault does not say that it did not.
pub(super) fn mechanism(known: &Known<'_>, a: &Node, b: &Node) -> Option<&'static str> {
    let (from, to) = (a.state?, b.state?);
    let find = |rules: &[(State, State, &'static str)]| {
        rules.iter().find(|(cause, effect, _)| (*cause, *effect) == (from, to)).map(|&(_, _, mechanism)| mechanism)
    };
    let blueprint = known.blueprint;
    if a.component == b.component {
        let same_pool = a.part.is_none() || b.part.is_none() || a.part == b.part;
        return find(WITHIN).filter(|_| same_pool && known.allows_within(from, to, b));
    }
    if calls(blueprint, &b.component, &a.component) {
        return find(UPWARD).filter(|_| to != Errors || known.allows_upward(from, a, b));
    }
    if calls(blueprint, &a.component, &b.component) {
        return find(DOWNWARD).filter(|_| (from, to) != (Errors, Load) || known.has_resent(a, b));
    }
    // What is not found in a cache is asked of whatever else its callers call.
    let siblings = (from, to) == (Misses, Load)
        && callers(blueprint, &a.component).any(|caller| calls(blueprint, caller, &b.component));
    siblings.then_some("what is not found there is loaded from here")
}

/// What is known of an incident beside its states.
pub(super) struct Known<'a> {
    pub(super) blueprint: &'a Blueprint,
    pub(super) components: &'a Components,
    pub(super) failures: &'a Failures,
    /// The least share of failures, in hundredths, that a reason must have.
    pub(super) share_percent: u64,
}

impl Known<'_> {
    fn index(&self, node: &Node) -> Option<usize> {
        self.components.names.iter().position(|name| *name == node.component)
    }

    fn allows_within(&self, from: State, to: State, node: &Node) -> bool {
        let Some(index) = self.index(node) else { return true };
        if (from, to) == (Latency, Load) {
            let mut callers = callers(self.blueprint, &node.component);
            let position = |name: &str| self.components.names.iter().position(|known| known == name);
            return callers
                .any(|caller| position(caller).is_some_and(|caller| self.failures.has_resent(caller, index)));
        }
        let reasons: &[ErrorType] = match (from, to) {
            (Latency, Errors) => &[ErrorType::Timeout],
            (PoolTimeouts, Errors) => &[ErrorType::PoolTimeout, ErrorType::TooManyConnections],
            (Locks, Errors) => &[ErrorType::LockTimeout, ErrorType::StatementTimeout],
            (Guards, Errors) => &[ErrorType::CallNotPermitted, ErrorType::BulkheadFull, ErrorType::ClientThrottled],
            _ => return true,
        };
        self.failures.has(index, reasons, self.share_percent)
    }

    /// Whether the calls of `b` to `a` fail as what `a` is in makes them fail.
    fn allows_upward(&self, from: State, a: &Node, b: &Node) -> bool {
        let (Some(callee), Some(caller)) = (self.index(a), self.index(b)) else { return true };
        let reasons: &[ErrorType] = match from {
            Latency | Pauses | Queue => &[ErrorType::Timeout, ErrorType::StatementTimeout],
            Refusals => &[
                ErrorType::ConnectionRefused,
                ErrorType::Overloaded,
                ErrorType::RateLimited,
                ErrorType::TooManyConnections,
            ],
            Death => &[
                ErrorType::ConnectionReset,
                ErrorType::ConnectionRefused,
                ErrorType::ConnectionLost,
                ErrorType::Terminated,
            ],
            Errors => &[
                ErrorType::Upstream,
                ErrorType::LockTimeout,
                ErrorType::StatementTimeout,
                ErrorType::CacheFull,
                ErrorType::Application,
                ErrorType::Terminated,
                ErrorType::ConnectionLost,
            ],
            _ => return true,
        };
        self.failures.has_called(caller, callee, reasons, self.share_percent)
    }

    fn has_resent(&self, a: &Node, b: &Node) -> bool {
        self.index(a).zip(self.index(b)).is_some_and(|(caller, callee)| self.failures.has_resent(caller, callee))
    }
}

fn name_of(blueprint: &Blueprint, end: LinkEnd) -> &str {
    match end {
        LinkEnd::Source(source) => &blueprint[source].name,
        LinkEnd::Service(service) => &blueprint[service].name,
    }
}

fn calls(blueprint: &Blueprint, caller: &str, callee: &str) -> bool {
    blueprint.links.iter().any(|link| name_of(blueprint, link.from) == caller && blueprint[link.to].name == callee)
}

fn callers<'a>(blueprint: &'a Blueprint, callee: &'a str) -> impl Iterator<Item = &'a str> {
    let links = blueprint.links.iter().filter(move |link| blueprint[link.to].name == callee);
    links.map(|link| name_of(blueprint, link.from))
}

pub(super) fn is_faint(mechanism: &str) -> bool {
    WITHIN_FAINTLY.iter().any(|(_, _, faint)| *faint == mechanism)
}
