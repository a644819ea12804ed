//! The connections of one pool, in the order in which they were begun.
//!
//! A connection is *connecting*, then *idle* and *in use* in turn, now and then *pinged*, and is gone once it was closed. A
//! QueuePool also keeps *hollow* records: places in its queue whose connection broke and that the next borrower opens anew.
//! Numbers rise and are never reused, so a message about a connection that is gone finds nothing.

use super::Effect;
use crate::id::{ConnectionId, FrameRef};
use crate::record::ErrorType;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// Being opened: by the pool, or by its future user.
    Connecting,
    /// Open, and nobody's.
    Idle,
    /// Open, and its user's; or being validated for that user.
    InUse,
    /// Open, and kept back for a keep-alive ping.
    Pinged,
    /// A place without a connection.
    Hollow,
}

impl State {
    const COUNT: usize = 5;
}

/// One connection.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) state: State,
    /// Past its lifetime, or in excess: closed as soon as nobody uses it.
    pub(super) evicted: bool,
    /// The far side has closed it, and how a user will learn of it; nobody here knows yet.
    pub(super) severed: Option<ErrorType>,
    /// The far side has accepted it, so it occupies a slot there, open or not.
    pub(super) accepted: bool,
    /// Which of the far side's back ends it is connected to, once accepted.
    pub(super) backend: u32,
    /// A statement that its user has left still runs there, and gives the slot back when it ends.
    pub(super) abandoned: bool,
    /// Round trips made on it to see whether it lives: the number of the next one's draws.
    pub(super) round_trips: u32,
    /// Being opened in the place of one that was there before.
    pub(super) reopened: bool,
    /// Its user, who had it since then, is gone and has not given it back.
    pub(super) leaked: Option<Time>,
    /// Whose doing that was: what its user says of itself.
    pub(super) leaked_by: u32,
    /// A leak check is on its way.
    pub(super) leak_check: bool,
    /// This use was reported as an apparent leak.
    pub(super) leak_reported: bool,
    /// Who opens or uses it; `FrameRef::NONE` for nobody, or for the pool itself.
    pub(super) user: FrameRef,
    /// When it was opened (QueuePool: when opening it began).
    pub(super) opened: Time,
    /// When it was last given back, or opened.
    pub(super) used: Time,
    /// When its user got it.
    pub(super) taken: Time,
}

/// All connections of a pool, sorted by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Connections {
    list: Vec<Connection>,
    /// Number of the next one.
    next: u32,
    /// No connection before this position is idle.
    first_idle: usize,
    /// How many are in each [`State`].
    counts: [u32; State::COUNT],
}

impl Connection {
    /// Whether it occupies a slot at the far side: it is open, or accepted there already.
    pub(super) fn has_slot(&self) -> bool {
        self.accepted || !matches!(self.state, State::Connecting | State::Hollow)
    }

    /// What the process is to do to close it.
    pub(super) fn closing(&self) -> Effect {
        let severed = self.severed.is_some() || self.abandoned;
        Effect::Close { connection: self.id, backend: self.backend, severed }
    }
}

impl Connections {
    /// Begins a connection that `user` opens, or the pool where that is `FrameRef::NONE`.
    pub(super) fn begin(&mut self, now: Time, user: FrameRef) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        self.counts[State::Connecting as usize] += 1;
        self.list.push(Connection {
            id,
            state: State::Connecting,
            evicted: false,
            severed: None,
            accepted: false,
            backend: 0,
            abandoned: false,
            round_trips: 0,
            reopened: false,
            leaked: None,
            leaked_by: 0,
            leak_check: false,
            leak_reported: false,
            user,
            opened: now,
            used: now,
            taken: now,
        });
        id
    }

    /// Position of a connection that is still there.
    #[inline]
    pub(super) fn find(&self, id: ConnectionId) -> Option<usize> {
        // Right at once while none has been closed.
        let first = self.list.first()?.id.0;
        let guess = id.0.checked_sub(first)? as usize;
        if self.list.get(guess).is_some_and(|connection| connection.id == id) {
            return Some(guess);
        }
        self.list.binary_search_by_key(&id, |connection| connection.id).ok()
    }

    /// The earliest begun one that is idle.
    #[inline]
    pub(super) fn first_idle(&mut self) -> Option<usize> {
        if self.count(State::Idle) == 0 {
            return None;
        }
        while self.list[self.first_idle].state != State::Idle {
            self.first_idle += 1;
        }
        Some(self.first_idle)
    }

    /// Moves a connection to another state.
    #[inline]
    pub(super) fn enter(&mut self, at: usize, state: State) {
        self.counts[self.list[at].state as usize] -= 1;
        self.counts[state as usize] += 1;
        self.list[at].state = state;
        if state == State::Idle && at < self.first_idle {
            self.first_idle = at;
        }
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, at: usize) -> Connection {
        let connection = self.list.remove(at);
        self.counts[connection.state as usize] -= 1;
        if at < self.first_idle {
            self.first_idle -= 1;
        }
        connection
    }

    /// Forgets all; numbers go on.
    pub(super) fn clear(&mut self) {
        *self = Self { next: self.next, list: std::mem::take(&mut self.list), ..Self::default() };
        self.list.clear();
    }

    /// How many are in a state.
    #[inline]
    pub(super) fn count(&self, state: State) -> u32 {
        self.counts[state as usize]
    }

    /// How many there are, in whatever state.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.list.len() as u32
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Connection> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Connection> {
        self.list.iter_mut()
    }
}

impl std::ops::Index<usize> for Connections {
    type Output = Connection;
    #[inline]
    fn index(&self, at: usize) -> &Connection {
        &self.list[at]
    }
}

impl std::ops::IndexMut<usize> for Connections {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut Connection {
        &mut self.list[at]
    }
}
