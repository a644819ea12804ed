//! HikariCP's connection creator: one background thread with a queue of requests for a connection.
//!
//! It is *idle*, *connecting* or *pausing* after a failure. A request is dropped when, at its turn, the pool is full, or has enough
//! idle connections and no waiter. Within one request failures are retried for as long as a connection is wanted, after 250 ms
//! at first, then half as long again each time, up to the acquire timeout or 10 s. (`HikariPool.fillPool`, `addBagItem` and
//! `PoolEntryCreator` of 2.7.9; the fail-fast check at start is left out.)

use super::connection::State;
use super::{Effect, Pool};
use crate::id::{ConnectionId, FrameRef};
use crate::purpose;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The creator thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Creator {
    /// Requests that have not had their turn.
    requests: u32,
    activity: Activity,
    /// How long the next pause of this request is.
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Activity {
    Idle,
    Connecting,
    Pausing,
}

impl Default for Creator {
    fn default() -> Self {
        Self { requests: 0, activity: Activity::Idle, pause: FIRST_PAUSE }
    }
}

impl Pool {
    /// The pause after a failed connect is over.
    pub fn refill(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.creator.activity != Activity::Pausing {
            return;
        }
        self.creator.activity = Activity::Idle;
        if self.wants_connection() {
            self.create(now, out);
        } else {
            self.take_requests(now, out);
        }
    }

    /// Asks for as many connections as are missing (`fillPool`).
    pub(super) fn fill(&mut self, now: Time, out: &mut Vec<Effect>) {
        let room = self.config.maximum.saturating_sub(self.open());
        let missing = self.config.minimum_idle.saturating_sub(self.connections.count(State::Idle));
        let wanted = if room < missing { room } else { missing };
        self.request(now, wanted.saturating_sub(self.creator.requests), out);
    }

    /// Asks for one connection for those who wait, unless enough requests lie there (`addBagItem`).
    pub(super) fn ask_for_connection(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.waiters.len() as u32 >= self.creator.requests {
            self.request(now, 1, out);
        }
    }

    /// A connection was opened.
    pub(super) fn created(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        self.creator.activity = Activity::Idle;
        let entry = &mut self.connections[at];
        entry.opened = now;
        entry.used = now;
        let connection = entry.id;
        // The maximum was lowered meanwhile.
        if self.connections[at].evicted || self.open() >= self.config.maximum {
            self.close(at, out);
        } else {
            if let Some(lifetime) = self.lifetime(connection) {
                out.push(Effect::RetireAt { connection, at: now + lifetime });
            }
            self.schedule_keep_alive(now, connection, out);
            self.offer(now, at, out);
        }
        self.take_requests(now, out);
    }

    /// A connection could not be opened.
    pub(super) fn creation_failed(&mut self, at: usize, out: &mut Vec<Effect>) {
        self.connections.remove(at);
        let after = self.creator.pause;
        let longest = self.config.acquire_timeout.min(LONGEST_PAUSE);
        self.creator.pause = Duration::from_nanos(after.as_nanos() / 2 * 3).min(longest);
        self.creator.activity = Activity::Pausing;
        out.push(Effect::RetryConnect { after });
    }

    /// Closes a connection and replaces it, if it is missing or somebody waits. (Below `minimum_idle = maximum` the real one can
    /// leave a waiter without anyone working for it when an evicted connection is given back; not imitated.)
    pub(super) fn close_and_fill(&mut self, now: Time, at: usize, out: &mut Vec<Effect>) {
        self.close(at, out);
        self.fill(now, out);
        if !self.waiters.is_empty() {
            self.ask_for_connection(now, out);
        }
    }

    /// Closes connections in excess of the maximum: idle ones now, others when they are open or given back; the latest begun first.
    pub(super) fn shrink(&mut self, out: &mut Vec<Effect>) {
        let evicted = self.connections.iter().filter(|connection| connection.evicted).count() as u32;
        let mut excess = (self.connections.len() - evicted).saturating_sub(self.config.maximum);
        let mut at = self.connections.len() as usize;
        while excess > 0 && at > 0 {
            at -= 1;
            if self.connections[at].state == State::Idle {
                self.close(at, out);
                excess -= 1;
            }
        }
        for connection in self.connections.iter_mut().rev() {
            if excess > 0 && !connection.evicted {
                connection.evicted = true;
                excess -= 1;
            }
        }
    }

    /// Asks for the next ping of a connection: up to a tenth earlier than the configured interval, drawn once for each.
    pub(super) fn schedule_keep_alive(&self, now: Time, connection: ConnectionId, out: &mut Vec<Effect>) {
        let Some(interval) = self.config.keepalive else { return };
        let earlier = self.share(interval.as_nanos() / 10, connection, purpose::KEEPALIVE);
        out.push(Effect::KeepAliveAt { connection, at: now + interval.saturating_sub(earlier) });
    }

    /// Open connections.
    fn open(&self) -> u32 {
        self.connections.len() - self.connections.count(State::Connecting)
    }

    /// Lays down requests; there is room for as many as the pool may have connections.
    fn request(&mut self, now: Time, count: u32, out: &mut Vec<Effect>) {
        self.creator.requests = (self.creator.requests + count).min(self.config.maximum);
        self.take_requests(now, out);
    }

    fn take_requests(&mut self, now: Time, out: &mut Vec<Effect>) {
        while self.creator.activity == Activity::Idle && self.creator.requests > 0 {
            self.creator.requests -= 1;
            self.creator.pause = FIRST_PAUSE;
            if self.wants_connection() {
                self.create(now, out);
            }
        }
    }

    /// `shouldCreateAnotherConnection`.
    fn wants_connection(&self) -> bool {
        self.open() < self.config.maximum
            && (!self.waiters.is_empty() || self.connections.count(State::Idle) < self.config.minimum_idle)
    }

    fn create(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.creator.activity = Activity::Connecting;
        out.push(Effect::Connect(self.connections.begin(now, FrameRef::NONE)));
    }
}
