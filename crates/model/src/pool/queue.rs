//! SQLAlchemy's QueuePool: a first-in-first-out queue of records, each with a connection or *hollow*.
//!
//! A caller takes the oldest record, else makes a new one while there are fewer than size + overflow, else waits. It
//! opens the connection itself where the record is new, hollow, past its lifetime, or older than the latest sign that the
//! database dropped its connections (`_invalidate_time`): the first caller to see that spares the others. A record that comes
//! back goes to the first waiter, into the queue, or is closed where the queue is full. When opening a *new* record fails its place becomes free
//! but no waiter is woken, as in the real one; a record that could not be *reopened* goes back hollow, and wakes one.

use super::connection::State;
use super::{Acquisition, Effect, Pool};
use crate::id::{ConnectionId, FrameRef};
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The records that nobody uses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    records: VecDeque<ConnectionId>,
    /// Connections opened before are not trusted any more.
    invalidated: Time,
}

impl Pool {
    pub(super) fn acquire_from_queue(&mut self, now: Time, frame: FrameRef, out: &mut Vec<Effect>) -> Acquisition {
        if let Some(record) = self.queue.records.pop_front() {
            return self.check_out(now, record, frame, out);
        }
        if self.connections.len() < self.capacity() {
            return Acquisition::Connect(self.connections.begin(now, frame));
        }
        Acquisition::Waiting
    }

    /// A record comes back from its user.
    pub(super) fn release_to_queue(&mut self, now: Time, at: usize, broken: bool, out: &mut Vec<Effect>) {
        if self.connections[at].state == State::Connecting {
            return self.discard_record(now, at, out);
        }
        if !broken {
            self.connections[at].used = now;
            return self.check_in(now, at, out);
        }
        if self.connections[at].severed.is_some() {
            self.invalidate(now, at);
        }
        out.push(self.connections[at].closing());
        self.hollow_out(at);
        self.check_in(now, at, out);
    }

    /// Opening a record's connection failed.
    pub(super) fn discard_record(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        if self.connections[at].reopened {
            self.hollow_out(at);
            self.check_in(now, at, out);
        } else {
            self.connections.remove(at);
        }
    }

    /// A connection was found dead: those opened before are not trusted any more, unless that is known already.
    pub(super) fn invalidate(&mut self, now: Time, at: usize) {
        if self.queue.invalidated <= self.connections[at].opened {
            self.queue.invalidated = now;
        }
    }

    /// Closes what a record has, and lets `frame` open another connection in its place.
    pub(super) fn reopen(&mut self, now: Time, at: usize, frame: FrameRef, out: &mut Vec<Effect>) -> Acquisition {
        if self.connections[at].state == State::Hollow {
            self.connections.remove(at);
        } else {
            self.close(at, out);
        }
        let connection = self.connections.begin(now, frame);
        let last = self.connections.len() as usize - 1;
        self.connections[last].reopened = true;
        Acquisition::Connect(connection)
    }

    /// The size was changed: closes what the queue has too much (the latest in first), and gives free places to waiters. Records
    /// in excess that are in use are closed when they come back.
    pub(super) fn resize_queue(&mut self, now: Time, out: &mut Vec<Effect>) {
        while self.queue.records.len() as u32 > self.config.maximum || self.connections.len() > self.capacity() {
            let Some(record) = self.queue.records.pop_back() else { break };
            let at = self.connections.find(record).expect("a record in the queue exists");
            self.drop_record(at, out);
        }
        while self.connections.len() < self.capacity() {
            let Some(frame) = self.next_waiter(now) else { break };
            let connection = self.connections.begin(now, frame);
            out.push(Effect::ConnectFor { frame, connection });
        }
    }

    /// Gives a record to the next waiter or puts it into the queue, if that has room.
    pub(super) fn check_in(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        if self.connections.len() > self.capacity() {
            return self.drop_record(at, out);
        }
        let record = self.connections[at].id;
        if let Some(frame) = self.next_waiter(now) {
            self.rest(at);
            let acquisition = self.check_out(now, record, frame, out);
            out.extend(Effect::of_turn(frame, acquisition));
        } else if (self.queue.records.len() as u32) < self.config.maximum {
            self.rest(at);
            self.queue.records.push_back(record);
        } else {
            self.drop_record(at, out);
        }
    }

    fn check_out(&mut self, now: Time, record: ConnectionId, frame: FrameRef, out: &mut Vec<Effect>) -> Acquisition {
        let at = self.connections.find(record).expect("a record in the queue exists");
        let connection = &self.connections[at];
        let expired = self.lifetime(record).is_some_and(|lifetime| now - connection.opened > lifetime);
        if connection.state == State::Hollow || expired || connection.opened < self.queue.invalidated {
            return self.reopen(now, at, frame, out);
        }
        self.lend(now, at, frame, out)
    }

    /// A record without a user.
    fn rest(&mut self, at: usize) {
        self.connections[at].user = FrameRef::NONE;
        if self.connections[at].state != State::Hollow {
            self.connections.enter(at, State::Idle);
        }
    }

    fn hollow_out(&mut self, at: usize) {
        self.connections.enter(at, State::Hollow);
        let record = &mut self.connections[at];
        record.user = FrameRef::NONE;
        record.accepted = false;
        record.abandoned = false;
    }

    fn drop_record(&mut self, at: usize, out: &mut Vec<Effect>) {
        if self.connections[at].state == State::Hollow {
            self.connections.remove(at);
        } else {
            self.close(at, out);
        }
    }
}
