//! What one state can do to another: it follows from the machines and from who may call whom, never from the data.

use super::known::Known;
use super::node::Node;
use super::state::State::{
    self, Backlog, Blocked, DeadLetters, Death, Disk, Errors, Evictions, Expiry, Guards, Held, Kills, Lag, Latency,
    Leak, Load, Locks, Memory, Misses, Pauses, PoolTimeouts, PoolWait, Probes, Processor, Queue, Redeliveries,
    Refusals, Rejections, Retries, StaleReads, Storage, Threads, Throttling,
};

/// What one state does to another of the same component.
const WITHIN: &[(State, State, &str)] = &[
    (Load, Memory, "more requests keep bytes at once"),
    (Load, Processor, "more requests want cores"),
    (Load, Held, "more requests hold connections"),
    (Load, Queue, "more requests want workers"),
    (Load, Pauses, "more requests allocate more"),
    (Load, Misses, "more requests ask for more keys"),
    (Misses, Load, "what was not found is put there"),
    (Death, Misses, "what it knew is gone"),
    (Queue, Pauses, "who has queued allocates at once"),
    (Memory, Pauses, "collections have more to move, and run more often"),
    (Pauses, Processor, "after a standstill all want cores at once"),
    (Pauses, Held, "connections are held while it stands still"),
    (Pauses, Queue, "nobody is served while it stands still"),
    (Pauses, Latency, "requests stand still"),
    (Throttling, Held, "connections are held while the quota is burnt"),
    (Throttling, Queue, "workers are held while the quota is burnt"),
    (Throttling, Latency, "requests wait for the next period"),
    (Processor, Held, "requests hold connections while they wait for a core"),
    (Processor, Queue, "requests hold workers while they wait for a core"),
    (Processor, Latency, "requests wait for a core"),
    (Locks, Latency, "statements wait for locks"),
    (Locks, Errors, "lock timeouts and deadlocks"),
    (Misses, Latency, "values are loaded"),
    (Load, Storage, "more rows are written"),
    (Load, Disk, "more pages are read and written"),
    (Load, Locks, "more transactions want the same rows"),
    (Storage, Errors, "writes find no room on the disk"),
    (Storage, Death, "the write-ahead log finds no room on the disk"),
    (Disk, Latency, "statements wait for the disk"),
    (Disk, Queue, "statements hold workers while they wait for the disk"),
    (Death, Disk, "no page is in memory after a start"),
    (Leak, PoolWait, "fewer connections are left"),
    (Held, PoolWait, "no connection is free"),
    (PoolWait, PoolTimeouts, "waits exceed the acquire timeout"),
    (PoolWait, Queue, "requests hold workers while they wait for a connection"),
    (PoolWait, Latency, "requests wait for a connection"),
    (PoolTimeouts, Errors, "requests fail without a connection"),
    (Queue, Latency, "requests wait for a worker"),
    (Queue, Refusals, "no place is left in the queue"),
    (Load, Refusals, "more connections are wanted than it takes"),
    (Latency, Refusals, "connections are held for longer than it can take others"),
    (Pauses, Refusals, "connections are held while it stands still"),
    (Latency, Queue, "requests hold workers for longer"),
    (Latency, Memory, "requests keep their bytes for longer"),
    (Memory, Death, "memory runs out"),
    (Death, Refusals, "nobody listens while it is down"),
    (Death, Errors, "requests end with the process"),
    (Death, Latency, "a cold process is slow"),
    (Latency, Retries, "attempts time out"),
    (Errors, Retries, "failed attempts are sent again"),
    (Latency, Load, "attempts that time out are sent again"),
    (Latency, Errors, "requests time out"),
    (Errors, Guards, "failures are counted"),
    (Guards, Errors, "calls are not permitted"),
    (Load, Evictions, "more keys are put there than there is room for"),
    (Evictions, Misses, "keys went to make room for others"),
    (Load, Expiry, "more keys were put there that expire"),
    (Expiry, Pauses, "nothing else runs on its thread while it deletes expired keys"),
    (Death, Lag, "nothing is replayed while it is down"),
    (Lag, StaleReads, "reads come before what was written is replayed"),
    (Load, StaleReads, "more reads come while it is behind"),
    (Load, Backlog, "more messages come"),
    (Backlog, Memory, "messages wait in its memory"),
    (Backlog, Blocked, "messages fill its memory"),
    (Backlog, Refusals, "no room is left for messages"),
    (Backlog, DeadLetters, "too many messages wait, or for too long"),
    (Blocked, Latency, "publications are not read"),
    (Redeliveries, Backlog, "messages come again"),
    (Redeliveries, DeadLetters, "messages come back too often"),
    (Death, Redeliveries, "what consumers had is given to them again"),
    (Pauses, Probes, "probes time out while it stands still"),
    (Throttling, Probes, "probes wait for the next period"),
    (Processor, Probes, "probes wait for a core"),
    (Queue, Probes, "probes wait for a worker"),
    (Latency, Probes, "probes time out"),
    (Refusals, Probes, "probes are turned away"),
    (Errors, Probes, "probes are answered with errors"),
    (Death, Probes, "probes find nobody"),
    (Latency, Kills, "workers serve a request for longer than they may"),
    (Processor, Kills, "workers wait for cores for longer than they may serve a request"),
    (PoolWait, Kills, "workers wait for a connection for longer than they may serve a request"),
    (Pauses, Kills, "workers serve a request for longer than they may"),
    (Throttling, Kills, "workers serve a request for longer than they may"),
    (Death, Kills, "its workers end with it"),
    (Kills, Errors, "requests end with their worker"),
    (Kills, Queue, "nobody takes requests up while new workers boot"),
    (Kills, Latency, "requests wait until new workers have booted"),
    (Kills, Refusals, "no place is left in the queue while new workers boot"),
    (Kills, PoolWait, "connections went with workers"),
    (Load, Threads, "more requests hand tasks over"),
    (Processor, Threads, "tasks hold threads while they wait for a core"),
    (Pauses, Threads, "tasks hold threads while it stands still"),
    (Throttling, Threads, "tasks hold threads while the quota is burnt"),
    (PoolWait, Threads, "tasks hold threads while they wait for a connection"),
    (Threads, Rejections, "neither a thread nor a place is left"),
    (Threads, Latency, "requests wait for their tasks"),
    (Threads, Queue, "requests hold workers while they wait for their tasks"),
    (Threads, Held, "requests hold connections while they wait for their tasks"),
    (Threads, Errors, "tasks do not end in time"),
    (Threads, Memory, "requests keep their bytes while they wait for their tasks"),
    (Rejections, Errors, "requests fail of tasks that are rejected"),
    (Rejections, Latency, "requests do rejected tasks themselves, or wait for those that nobody does"),
    (Rejections, Queue, "requests hold workers for tasks that were rejected"),
    (Probes, Death, "the platform ends what fails its probes"),
    (Probes, Refusals, "nobody is ready to be called"),
    (Probes, Queue, "fewer processes are called"),
    (Probes, Processor, "fewer processes are called"),
    (Probes, Latency, "fewer processes are called"),
];

/// What one state does to another of the same component, where nothing else did: it explains, and stands for no other way.
pub(super) const WITHIN_FAINTLY: &[(State, State, &str)] = &[
    (PoolWait, Processor, "who has waited for a connection goes on at once"),
    (Load, Latency, "more requests come, or dearer ones"),
    (Load, Misses, "more requests ask for keys that are not there"),
    (Queue, Processor, "who has queued goes on at once"),
    (Latency, Processor, "who has waited goes on at once"),
];

/// What a state of a callee does to one of its caller.
const UPWARD: &[(State, State, &str)] = &[
    (Latency, Held, "requests hold connections while they wait for it"),
    (Latency, Queue, "requests hold workers while they wait for it"),
    (Latency, Latency, "callers wait for it"),
    (Latency, Threads, "tasks hold threads while they wait for it"),
    (Pauses, Threads, "tasks hold threads while it stands still"),
    (Queue, Threads, "tasks hold threads while they wait in its queue"),
    (Locks, Threads, "tasks hold threads while their statements wait for a lock"),
    (Pauses, Held, "requests hold connections while it stands still"),
    (Pauses, Queue, "requests hold workers while it stands still"),
    (Pauses, Latency, "callers wait while it stands still"),
    (Queue, Latency, "callers wait in its queue"),
    (Pauses, Errors, "calls time out"),
    (Queue, Errors, "calls time out"),
    (Latency, Retries, "attempts time out"),
    (Latency, Errors, "calls time out"),
    (Errors, Errors, "its errors are passed on"),
    (Errors, Retries, "failed attempts are sent again"),
    (Errors, Guards, "its failures are counted"),
    (Refusals, Errors, "it refuses calls"),
    (Refusals, Retries, "refused attempts are sent again"),
    (Death, Errors, "connections to it break, or nobody answers"),
    (Death, PoolWait, "there are no connections to it, or they are opened anew"),
    (Errors, PoolWait, "connections that broke are opened anew"),
    (Locks, Held, "requests hold connections while their statements wait for a lock"),
    (Locks, Queue, "requests hold workers while their statements wait for a lock"),
    (Locks, Latency, "callers wait while their statements wait for a lock"),
    (Locks, Errors, "calls time out"),
    (Misses, Held, "what is not found there is loaded over a connection"),
    (Misses, Latency, "what is not found there is loaded"),
    (Death, Latency, "callers connect to it again"),
    (Blocked, Held, "requests hold connections while publications are not read"),
    (Blocked, Queue, "requests hold workers while publications are not read"),
    (Blocked, Latency, "publishers wait until they are read"),
    (Blocked, Errors, "publications time out"),
    (Redeliveries, Load, "messages are handled again"),
    (Backlog, Load, "what has waited comes at once"),
    (Backlog, Queue, "more messages wait at consumers"),
    (Latency, Probes, "its callers' probes wait for it"),
    (Errors, Probes, "its callers' probes fail with it"),
    (Refusals, Probes, "its callers' probes fail with it"),
    (Death, Probes, "its callers' probes fail with it"),
    (Probes, Errors, "nobody of it is ready to be called"),
    (Latency, Kills, "workers wait for it for longer than they may"),
    (Pauses, Kills, "workers wait for it for longer than they may"),
    (Queue, Kills, "workers wait in its queue for longer than they may"),
    (Locks, Kills, "workers wait for longer than they may"),
    (Kills, Errors, "connections end with its workers"),
    (Kills, Retries, "attempts that ended with its workers are sent again"),
];

/// What a state of a caller does to one of its callee.
const DOWNWARD: &[(State, State, &str)] = &[
    (Load, Load, "more requests, more calls"),
    (Retries, Load, "each attempt is one more call"),
    (Errors, Load, "failed attempts are sent again"),
    (PoolWait, Load, "who has waited goes on at once"),
    (Queue, Load, "who has queued goes on at once"),
    (Pauses, Load, "after a standstill all call at once"),
    (Pauses, Misses, "keys expire while nobody asks for them"),
    (Pauses, Processor, "after a standstill all call at once"),
    (Pauses, Queue, "after a standstill all call at once"),
    (Pauses, Latency, "after a standstill all call at once"),
    (Death, Load, "who comes back calls at once"),
    (Death, Queue, "who comes back calls at once"),
    (Death, Latency, "who comes back calls at once, and for other things"),
    (Death, Misses, "who comes back asks for other keys"),
    (Errors, Misses, "what could not be loaded is not put there"),
    (Latency, Backlog, "consumers take longer over a message"),
    (Queue, Backlog, "consumers take no more messages"),
    (Processor, Backlog, "consumers take longer over a message"),
    (Pauses, Backlog, "consumers stand still"),
    (Death, Backlog, "consumers are gone"),
    (Load, Backlog, "more messages are published"),
    (Latency, Redeliveries, "messages are taken back before they are done with"),
    (Queue, Redeliveries, "messages are taken back while they wait for a worker"),
    (Pauses, Redeliveries, "messages are taken back from consumers that stand still"),
    (Death, Redeliveries, "what consumers had goes to others"),
    (Errors, Redeliveries, "messages that failed come again"),
    (Errors, DeadLetters, "messages that failed are given up"),
];

/// What a state of a primary does to one of its replicas.
const REPLICATED: &[(State, State, &str)] = &[
    (Load, Lag, "more is written than it replays in time"),
    (Storage, Lag, "more is written than it replays in time"),
];

/// Where a cause is, as seen from what it leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// In the same component.
    Within,
    /// In a component that it calls.
    Up,
    /// In one that calls it, or that is called by the same.
    Down,
}

/// How one state can lead to another, if it can, and which way.
pub(super) fn mechanism(known: &Known<'_>, a: &Node, b: &Node) -> Option<(&'static str, Way)> {
    let (from, to) = (a.state?, b.state?);
    let find = |rules: &[(State, State, &'static str)]| {
        rules.iter().find(|(cause, effect, _)| (*cause, *effect) == (from, to)).map(|&(_, _, mechanism)| mechanism)
    };
    if a.component == b.component {
        // What a task waits for is a pool's, what for it is an executor's: their names tell nothing.
        let differ = (from == Threads) != (to == Threads || to == Rejections);
        let same_pool = differ || a.part.is_none() || b.part.is_none() || a.part == b.part;
        let is_resent = || known.callers(&b.component).any(|caller| known.has_resent(caller, &b.component));
        let may_be = same_pool
            && match (from, to) {
                (Latency, Load) => is_resent(),
                (Load, Misses) => !known.finds_less.contains(&b.component),
                (Load | Latency | Pauses, Refusals) => known.counts_clients(&b.component),
                (Misses, Load) => known.finds_less.contains(&b.component),
                (Pauses, Processor) => known.stands_still(&b.component),
                (Rejections, Latency | Queue) => known.takes_rejected_on(&a.component, a.part.as_deref()),
                _ => true,
            };
        return find(WITHIN).filter(|_| may_be).map(|mechanism| (mechanism, Way::Within));
    }
    if known.replicates(&b.component, &a.component)
        && let Some(mechanism) = find(REPLICATED)
    {
        return Some((mechanism, Way::Down));
    }
    if known.calls(&b.component, &a.component) {
        let may_be = match (from, to) {
            // Who only handles messages publishes none that could be refused.
            (Refusals | Blocked, _) => !known.only_consumes(&b.component, &a.component),
            (Locks, Held) => known.pool_leads_to(&b.component, b.part.as_deref(), &a.component),
            _ => true,
        };
        return find(UPWARD).filter(|_| may_be).map(|mechanism| (mechanism, Way::Up));
    }
    if known.calls(&a.component, &b.component) {
        let may_be = match (from, to) {
            (Errors, Load) => known.has_resent(&a.component, &b.component),
            (Load, Backlog) => known.publishes(&a.component, &b.component),
            (_, Backlog | Redeliveries | DeadLetters) => known.consumes(&a.component, &b.component),
            _ => true,
        };
        return find(DOWNWARD).filter(|_| may_be).map(|mechanism| (mechanism, Way::Down));
    }
    // What is not found in a cache is asked of whatever else its callers call.
    let siblings =
        (from, to) == (Misses, Load) && known.callers(&a.component).any(|caller| known.calls(caller, &b.component));
    siblings.then_some(("what is not found there is loaded from here", Way::Down))
}

pub(super) fn is_faint(mechanism: &str) -> bool {
    WITHIN_FAINTLY.iter().any(|(_, _, faint)| *faint == mechanism)
}
