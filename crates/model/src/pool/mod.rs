//! A connection pool of one process, as a pure state machine: the process calls it and carries out the [`Effect`]s that it
//! returns.
//!
//! **HikariCP** (2.7.9, measured): one background thread opens connections, one at a time (`creator.rs`). A caller takes the
//! earliest opened connection that is idle (the bag's list is scanned from its start; the affinity of threads to the connection
//! they used last is left out), else waits its turn, first come first served. A connection that is given back, opened or
//! pinged goes straight to the first waiter. Lifetimes close it when it is idle. That the far side has closed a connection shows only
//! when it is borrowed after some idle time, and so is validated, or used.
//!
//! **QueuePool** (SQLAlchemy 2): callers open connections themselves, idle ones are taken first in first out, and what comes
//! back beyond the queue's size is closed (`queue.rs`). A lifetime (`recycle`) is looked at when borrowing.
//!
//! `in use + idle + connecting ≤ maximum + overflow` (after the maximum was lowered: as soon as the excess is given back), a
//! connection has at most one user, and nobody waits while a connection is idle. The pool keeps no timers: the process gives
//! up for a waiter, and says when a retirement, ping or leak check falls due.

mod connection;
mod creator;
mod effect;
mod lending;
mod queue;

pub use effect::{Acquisition, Effect, Readings};

use crate::blueprint::{self, PoolKind};
use crate::id::{ConnectionId, FrameRef};
use crate::record::ErrorType;
use connection::{Connections, State};
use creator::Creator;
use knockon_kernel::{Duration, Key, Time};
use queue::Queue;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How often HikariCP's housekeeper looks for connections that were idle too long.
pub const HOUSEKEEPING: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiter {
    frame: FrameRef,
    since: Time,
}

/// A connection that nobody will give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leak {
    /// What whoever leaked it said of itself.
    pub(crate) by: u32,
    /// The far side's back end that it has.
    pub(crate) backend: u32,
}

/// A connection pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool {
    config: blueprint::Pool,
    key: Key,
    /// HikariCP's fixed-size pool: `minimum_idle` follows `maximum`.
    fixed_size: bool,
    connections: Connections,
    waiters: VecDeque<Waiter>,
    creator: Creator,
    queue: Queue,
}

impl Pool {
    /// An empty pool. Its draws (lifetimes, ping intervals) lie below `key`, by the number of the connection.
    #[must_use]
    pub fn new(config: &blueprint::Pool, key: Key) -> Self {
        Self {
            fixed_size: config.minimum_idle >= config.maximum,
            config: config.clone(),
            key,
            connections: Connections::default(),
            waiters: VecDeque::new(),
            creator: Creator::default(),
            queue: Queue::default(),
        }
    }

    /// The process came up. HikariCP begins to fill the pool.
    pub fn start(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.config.kind == PoolKind::HikariCp {
            self.fill(now, out);
        }
    }

    /// The process died: everything is forgotten but the numbers given so far.
    pub fn stop(&mut self) {
        self.connections.clear();
        self.waiters.clear();
        self.creator = Creator::default();
        self.queue = Queue::default();
    }

    /// `frame` asks for a connection. The process holds the acquire timeout and calls [`Pool::give_up`] when it has passed.
    pub fn acquire(&mut self, now: Time, frame: FrameRef, out: &mut Vec<Effect>) -> Acquisition {
        let acquisition = match self.config.kind {
            PoolKind::HikariCp => match self.connections.first_idle() {
                Some(at) => self.lend(now, at, frame, out),
                None => Acquisition::Waiting,
            },
            PoolKind::QueuePool => self.acquire_from_queue(now, frame, out),
        };
        if acquisition == Acquisition::Waiting {
            self.waiters.push_back(Waiter { frame, since: now });
            if self.config.kind == PoolKind::HikariCp {
                self.ask_for_connection(now, out);
            }
        }
        self.check();
        acquisition
    }

    /// A caller gives up: its acquire timeout has passed, or it was cancelled. Returns how long it waited since it last joined the
    /// queue; `None` if it is not in the queue. One that validates a connection keeps it and gives it back when the answer is
    /// there; one that is opening a connection (QueuePool) leaves it to the next caller.
    ///
    /// SQLAlchemy's waiter would look once more, and open a connection if a place had become free meanwhile; left out.
    pub fn give_up(&mut self, now: Time, frame: FrameRef) -> Option<Duration> {
        // Timeouts expire in the order of arrival, so it is nearly always the first.
        if let Some(at) = self.waiters.iter().position(|waiter| waiter.frame == frame) {
            return self.waiters.remove(at).map(|waiter| now - waiter.since);
        }
        for connection in self.connections.iter_mut() {
            if connection.state == State::Connecting && connection.user == frame {
                connection.user = FrameRef::NONE;
            }
        }
        None
    }

    /// A user gives its connection back. `broken`: it failed in use, or its user left in the middle of something. Nothing
    /// happens for a connection that is gone.
    pub fn release(&mut self, now: Time, connection: ConnectionId, broken: bool, out: &mut Vec<Effect>) {
        let Some(at) = self.connections.find(connection) else { return };
        debug_assert!(
            matches!(self.connections[at].state, State::InUse)
                || self.config.kind == PoolKind::QueuePool && self.connections[at].state == State::Connecting,
            "only a connection in use is given back"
        );
        match self.config.kind {
            PoolKind::HikariCp if broken || self.connections[at].evicted => self.close_and_fill(now, at, out),
            PoolKind::HikariCp => {
                self.connections[at].used = now;
                self.offer(now, at, out);
            }
            PoolKind::QueuePool => self.release_to_queue(now, at, broken, out),
        }
        self.check();
    }

    /// A user, who had a connection `since` then, goes away without giving it back: it stays in use for as long as the process lives.
    /// What `by` means is the caller's.
    pub fn leak(&mut self, connection: ConnectionId, since: Time, by: u32) {
        if let Some(at) = self.connections.find(connection) {
            debug_assert_eq!(self.connections[at].state, State::InUse, "only a connection in use is leaked");
            self.connections[at].leaked = Some(since);
            self.connections[at].leaked_by = by;
        }
    }

    /// A connection that was being opened is open, or could not be opened. HikariCP tries again after a pause that grows from
    /// attempt to attempt, while waiters go on waiting; with QueuePool the caller that opened it fails.
    pub fn connected(
        &mut self,
        now: Time,
        connection: ConnectionId,
        result: Result<(), ErrorType>,
        out: &mut Vec<Effect>,
    ) {
        let awaited = |at: &usize| self.connections[*at].state == State::Connecting;
        let Some(at) = self.connections.find(connection).filter(awaited) else {
            // Opened for a process that has died meanwhile, or for a caller that has left.
            if result.is_ok() {
                out.push(Effect::Close { connection, backend: 0, severed: false });
            }
            return;
        };
        match (self.config.kind, result) {
            (PoolKind::HikariCp, Ok(())) => self.created(now, at, out),
            (PoolKind::HikariCp, Err(_)) => self.creation_failed(at, out),
            (PoolKind::QueuePool, Ok(())) if self.connections[at].user == FrameRef::NONE => {
                self.connections[at].used = now;
                self.check_in(now, at, out);
            }
            (PoolKind::QueuePool, Ok(())) => {
                self.connections.enter(at, State::InUse);
                self.connections[at].taken = now;
                self.watch(now, at, out);
            }
            (PoolKind::QueuePool, Err(_)) => self.discard_record(now, at, out),
        }
        self.check();
    }

    /// The round trip that [`Acquisition::Validate`] or [`Effect::Validate`] asked for is over. A live connection is now its
    /// user's; for a dead one the user asks anew (HikariCP), or opens another (QueuePool).
    pub fn validated(
        &mut self,
        now: Time,
        connection: ConnectionId,
        alive: bool,
        frame: FrameRef,
        out: &mut Vec<Effect>,
    ) -> Acquisition {
        let Some(at) = self.connections.find(connection) else { return self.acquire(now, frame, out) };
        debug_assert_eq!(self.connections[at].user, frame, "a connection is validated by its user");
        if alive {
            self.connections[at].taken = now;
            self.watch(now, at, out);
            return Acquisition::Granted(connection);
        }
        match self.config.kind {
            PoolKind::HikariCp => {
                self.close_and_fill(now, at, out);
                self.acquire(now, frame, out)
            }
            PoolKind::QueuePool => {
                self.invalidate(now, at);
                self.reopen(now, at, frame, out)
            }
        }
    }

    /// A connection's lifetime is over: closed now if it is idle, else as soon as it is given back.
    pub fn retire(&mut self, now: Time, connection: ConnectionId, out: &mut Vec<Effect>) {
        let Some(at) = self.connections.find(connection) else { return };
        if self.connections[at].state == State::Idle {
            self.close_and_fill(now, at, out);
        } else {
            self.connections[at].evicted = true;
        }
        self.check();
    }

    /// A connection's ping is due: made if it is idle, else left out until next time.
    pub fn keep_alive(&mut self, now: Time, connection: ConnectionId, out: &mut Vec<Effect>) {
        let Some(at) = self.connections.find(connection) else { return };
        if self.connections[at].state == State::Idle {
            self.connections.enter(at, State::Pinged);
            out.push(Effect::Ping(connection));
        } else {
            self.schedule_keep_alive(now, connection, out);
        }
    }

    /// A ping is over. A dead connection is closed and replaced.
    pub fn pinged(&mut self, now: Time, connection: ConnectionId, alive: bool, out: &mut Vec<Effect>) {
        let Some(at) = self.connections.find(connection) else { return };
        if alive && !self.connections[at].evicted {
            self.offer(now, at, out);
            self.schedule_keep_alive(now, connection, out);
        } else {
            self.close_and_fill(now, at, out);
        }
        self.check();
    }

    /// The far side has closed a connection, which its next user learns as `error`. Nobody here notices before it is validated
    /// or used.
    pub fn sever(&mut self, connection: ConnectionId, error: ErrorType) {
        if let Some(at) = self.connections.find(connection) {
            self.connections[at].severed = Some(error);
        }
    }

    /// The far side has closed all connections, those included that it has accepted but that are not open here yet.
    pub fn sever_all(&mut self, error: ErrorType) {
        for connection in self.connections.iter_mut().filter(|connection| connection.has_slot()) {
            connection.severed = Some(error);
        }
    }

    /// The far side has accepted a connection and given it to a back end: from now on it occupies a slot there.
    pub fn accepted(&mut self, connection: ConnectionId, backend: u32) {
        if let Some(at) = self.connections.find(connection) {
            self.connections[at].accepted = true;
            self.connections[at].backend = backend;
        }
    }

    /// The far side's back end that a connection has; 0 for one that has none.
    #[inline]
    #[must_use]
    pub fn backend(&self, connection: ConnectionId) -> u32 {
        self.connections.find(connection).map_or(0, |at| self.connections[at].backend)
    }

    /// The number of the next validation or ping of a connection, from 0.
    pub fn next_round_trip(&mut self, connection: ConnectionId) -> u32 {
        let Some(at) = self.connections.find(connection) else { return 0 };
        let number = self.connections[at].round_trips;
        self.connections[at].round_trips += 1;
        number
    }

    /// The user of a connection has left a statement that still runs. The far side ends the connection with the statement.
    pub fn abandoned(&mut self, connection: ConnectionId) {
        if let Some(at) = self.connections.find(connection) {
            self.connections[at].abandoned = true;
        }
    }

    /// Connections whose slot at the far side is given back by closing them, and the back end of each.
    pub fn slots(&self) -> impl Iterator<Item = (ConnectionId, u32)> + '_ {
        let takes = |connection: &&connection::Connection| {
            connection.has_slot() && connection.severed.is_none() && !connection.abandoned
        };
        self.connections.iter().filter(takes).map(|connection| (connection.id, connection.backend))
    }

    /// How the far side has closed a connection that the pool still has, if it has.
    #[inline]
    #[must_use]
    pub fn severed(&self, connection: ConnectionId) -> Option<ErrorType> {
        self.connections[self.connections.find(connection)?].severed
    }

    /// Whether the far side has closed a connection that the pool still has.
    #[must_use]
    pub fn is_severed(&self, connection: ConnectionId) -> bool {
        self.severed(connection).is_some()
    }

    /// The frame that uses, validates or opens a connection.
    #[must_use]
    pub fn user(&self, connection: ConnectionId) -> Option<FrameRef> {
        let at = self.connections.find(connection)?;
        Some(self.connections[at].user).filter(|&user| user != FrameRef::NONE)
    }

    /// HikariCP's housekeeper, every [`HOUSEKEEPING`]: closes connections above `minimum_idle` that were idle for longer than the
    /// idle timeout, the latest opened first, and tops the pool up to `minimum_idle`.
    pub fn idle_check(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.config.kind == PoolKind::QueuePool {
            return;
        }
        if let Some(timeout) = self.config.idle_timeout.filter(|_| self.config.minimum_idle < self.config.maximum) {
            let mut excess = self.connections.count(State::Idle).saturating_sub(self.config.minimum_idle);
            let mut at = self.connections.len() as usize;
            while excess > 0 && at > 0 {
                at -= 1;
                let connection = &self.connections[at];
                if connection.state == State::Idle && now - connection.used > timeout {
                    self.close(at, out);
                    excess -= 1;
                }
            }
        }
        self.fill(now, out);
        self.check();
    }

    /// Whether [`Pool::idle_check`] can do anything: a pool of fixed size needs no housekeeper.
    #[must_use]
    pub fn needs_housekeeping(&self) -> bool {
        self.config.kind == PoolKind::HikariCp && !self.fixed_size
    }

    /// A leak check is due. Returns how long the connection has been held if that is too long, once for each use.
    pub fn leak_check(&mut self, now: Time, connection: ConnectionId, out: &mut Vec<Effect>) -> Option<Duration> {
        let threshold = self.config.leak_detection?;
        let at = self.connections.find(connection)?;
        let entry = &mut self.connections[at];
        entry.leak_check = false;
        if entry.state != State::InUse || entry.leak_reported {
            return None;
        }
        let due = entry.taken + threshold;
        if due <= now {
            entry.leak_reported = true;
            return Some(now - entry.taken);
        }
        // Another use than the one that it was meant for.
        entry.leak_check = true;
        out.push(Effect::LeakCheckAt { connection, at: due });
        None
    }

    /// Sets the maximum. What is in excess is closed, at once if idle, else when it is given back (HikariCP: as
    /// `setMaximumPoolSize` followed by `softEvictConnections`); what is free now goes to waiters.
    pub fn set_maximum(&mut self, now: Time, maximum: u32, out: &mut Vec<Effect>) {
        self.config.maximum = maximum;
        match self.config.kind {
            PoolKind::HikariCp => {
                if self.fixed_size {
                    self.config.minimum_idle = maximum;
                }
                self.shrink(out);
                self.fill(now, out);
                for _ in 0..self.waiters.len() {
                    self.ask_for_connection(now, out);
                }
            }
            PoolKind::QueuePool => self.resize_queue(now, out),
        }
        self.check();
    }

    /// Sets the acquire timeout, for those who ask from now on.
    pub fn set_acquire_timeout(&mut self, timeout: Duration) {
        self.config.acquire_timeout = timeout;
    }

    /// How long a caller may wait.
    #[inline]
    #[must_use]
    pub fn acquire_timeout(&self) -> Duration {
        self.config.acquire_timeout
    }

    /// Connections at most, overflow included.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.config.maximum + self.config.overflow
    }

    /// Callers that wait.
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiters.len() as u32
    }

    /// What metrics report.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let count = |state| self.connections.count(state);
        let (own, background) = match self.config.kind {
            PoolKind::HikariCp => (0, count(State::Connecting)),
            PoolKind::QueuePool => (count(State::Connecting), 0),
        };
        Readings {
            total: self.connections.len() - background,
            active: count(State::InUse) + own,
            idle: count(State::Idle) + count(State::Hollow),
            connecting: background,
            waiting: self.waiters.len() as u32,
        }
    }

    /// Whether every connection that there may be is in use, and a caller waits.
    #[inline]
    #[must_use]
    pub fn is_full_with_waiters(&self) -> bool {
        let opening = match self.config.kind {
            PoolKind::HikariCp => 0,
            PoolKind::QueuePool => self.connections.count(State::Connecting),
        };
        !self.waiters.is_empty() && self.connections.count(State::InUse) + opening >= self.capacity()
    }

    /// Numbers of the connections that are open, in the order in which they were begun.
    pub fn open_connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        let open = |state| !matches!(state, State::Connecting | State::Hollow);
        self.connections.iter().filter(move |connection| open(connection.state)).map(|connection| connection.id)
    }

    /// Frames that wait for their turn, the first in first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.waiters.iter().map(|waiter| waiter.frame)
    }

    /// Connections in use, or being opened by their future users, and whose they are.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (ConnectionId, FrameRef)> + '_ {
        let used = self
            .connections
            .iter()
            .filter(|connection| connection.user != FrameRef::NONE && connection.leaked.is_none());
        used.map(|connection| (connection.id, connection.user))
    }

    /// Since when connections are in use that nobody will give back.
    pub(crate) fn leaked(&self) -> impl Iterator<Item = Time> + '_ {
        self.connections.iter().filter_map(|connection| connection.leaked)
    }

    /// Connections in use that nobody will give back.
    pub(crate) fn leaks(&self) -> impl Iterator<Item = Leak> + '_ {
        let leaked = self.connections.iter().filter(|connection| connection.leaked.is_some());
        leaked.map(|connection| Leak { by: connection.leaked_by, backend: connection.backend })
    }

    /// Connections that are there or coming and that no caller can be given: in use, being opened or pinged.
    #[inline]
    pub(crate) fn taken(&self) -> u32 {
        let count = |state| self.connections.count(state);
        count(State::InUse) + count(State::Connecting) + count(State::Pinged)
    }

    /// Connections, and those being opened.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.len()
    }

    /// Connections that the far side has closed, which nobody has noticed.
    pub(crate) fn unnoticed(&self) -> usize {
        self.connections.iter().filter(|connection| connection.severed.is_some()).count()
    }

    /// Connections that the pool means to keep: what is evicted goes as soon as nobody uses it.
    pub(crate) fn kept(&self) -> usize {
        self.connections.iter().filter(|connection| !connection.evicted).count()
    }

    /// Checks the invariants, where debug assertions are on.
    #[inline]
    fn check(&self) {
        debug_assert!(
            self.waiters.is_empty() || self.connections.count(State::Idle) + self.connections.count(State::Hollow) == 0,
            "nobody waits while a connection is idle"
        );
        debug_assert!(
            self.config.kind == PoolKind::QueuePool
                || self.connections.iter().filter(|connection| !connection.evicted).count() <= self.capacity() as usize,
            "a pool has no more connections than its capacity"
        );
        debug_assert!(
            self.connections
                .iter()
                .all(|connection| (connection.state == State::InUse) <= (connection.user != FrameRef::NONE)),
            "a connection in use has a user"
        );
    }
}

#[cfg(test)]
mod tests;
