//! What a pool answers, and what it asks the process to do.

use crate::id::{ConnectionId, FrameRef};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What a caller that asked for a connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquisition {
    /// The connection is the caller's.
    Granted(ConnectionId),
    /// It is the caller's, who makes a round trip on it and then calls [`super::Pool::validated`].
    Validate(ConnectionId),
    /// The caller opens it and then calls [`super::Pool::connected`] (QueuePool).
    Connect(ConnectionId),
    /// The caller waits for a [`Effect::Grant`], [`Effect::Validate`] or [`Effect::ConnectFor`], or gives up.
    Waiting,
}

/// What the process is to do for its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Open this connection in the background, then call [`super::Pool::connected`].
    Connect(ConnectionId),
    /// Opening failed: call [`super::Pool::refill`] after a pause.
    RetryConnect {
        /// The pause.
        after: Duration,
    },
    /// Close this connection.
    Close {
        /// Connection.
        connection: ConnectionId,
        /// The far side's back end that it had; 0 for none.
        backend: u32,
        /// Whether the far side had closed it before, or closes it by itself.
        severed: bool,
    },
    /// A waiter's turn has come: the connection is its own.
    Grant {
        /// The waiter.
        frame: FrameRef,
        /// Its connection.
        connection: ConnectionId,
    },
    /// A waiter's turn has come: it makes a round trip, then [`super::Pool::validated`] is called.
    Validate {
        /// The waiter.
        frame: FrameRef,
        /// Its connection.
        connection: ConnectionId,
    },
    /// A waiter's turn has come: it opens this connection, then [`super::Pool::connected`] is called (QueuePool).
    ConnectFor {
        /// The waiter.
        frame: FrameRef,
        /// Its connection.
        connection: ConnectionId,
    },
    /// Make a round trip on an idle connection, then call [`super::Pool::pinged`].
    Ping(ConnectionId),
    /// Call [`super::Pool::retire`] then.
    RetireAt {
        /// Connection.
        connection: ConnectionId,
        /// When its lifetime is over.
        at: Time,
    },
    /// Call [`super::Pool::keep_alive`] then.
    KeepAliveAt {
        /// Connection.
        connection: ConnectionId,
        /// When its next ping is due.
        at: Time,
    },
    /// Call [`super::Pool::leak_check`] then.
    LeakCheckAt {
        /// Connection.
        connection: ConnectionId,
        /// When it has been held for too long.
        at: Time,
    },
}

/// How many connections are where, as metrics report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Open connections. QueuePool: places, of which some may be hollow or just being opened by their users.
    pub total: u32,
    /// In use, or being validated or (QueuePool) opened by their users.
    pub active: u32,
    /// Ready to be borrowed.
    pub idle: u32,
    /// Being opened in the background.
    pub connecting: u32,
    /// Callers that wait.
    pub waiting: u32,
}

impl Effect {
    /// What a waiter gets when its turn has come; `None` if it goes on waiting.
    #[inline]
    pub(super) fn of_turn(frame: FrameRef, acquisition: Acquisition) -> Option<Self> {
        match acquisition {
            Acquisition::Granted(connection) => Some(Self::Grant { frame, connection }),
            Acquisition::Validate(connection) => Some(Self::Validate { frame, connection }),
            Acquisition::Connect(connection) => Some(Self::ConnectFor { frame, connection }),
            Acquisition::Waiting => None,
        }
    }
}
