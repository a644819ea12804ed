//! A replica's replay of its primary's write-ahead log, as a pure state machine.
//!
//! Records come in the order in which the primary wrote them, a delay after that, and one process replays them one after the other at a
//! rate (PostgreSQL's startup process; replay is single-threaded). A reader sees what has been replayed. While the replica is down
//! nothing is; what was written meanwhile is there when it comes back. How far it is behind follows from the rate at which the primary writes.
//!
//! Left out: conflicts with queries (`max_standby_streaming_delay`: queries neither stop replay nor are cancelled by it), slots and
//! segments that the primary has removed, replicas of replicas, synchronous commit, fail-over; and that a replica which stands still replays nothing.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A record that has not been replayed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Record {
    bytes: u64,
    written: Time,
    /// When it has been replayed, if nothing changes.
    done: Time,
}

/// The replay of one replica.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replay {
    /// Bytes a second.
    rate: u64,
    delay: Duration,
    pending: VecDeque<Record>,
    /// Bytes of those, and until when they keep it busy.
    behind: u64,
    free: Time,
    /// Since when it is down, if it is.
    halted: Option<Time>,
}

impl Replay {
    /// One that has replayed all there is.
    #[must_use]
    pub fn new(rate: u64, delay: Duration) -> Self {
        Self { rate, delay, pending: VecDeque::new(), behind: 0, free: Time::ZERO, halted: None }
    }

    /// The primary has written so much.
    pub fn append(&mut self, now: Time, bytes: u64) {
        self.settle(now);
        let record = Record { bytes, written: now, done: Time::MAX };
        self.behind += bytes;
        let done = self.begin(now, record);
        self.pending.push_back(Record { done, ..record });
    }

    fn begin(&mut self, now: Time, record: Record) -> Time {
        let takes = u128::from(record.bytes) * 1_000_000_000 / u128::from(self.rate);
        let takes = Duration::from_nanos(u64::try_from(takes).unwrap_or(u64::MAX));
        self.free = self.free.max(record.written.saturating_add(self.delay)).max(now).saturating_add(takes);
        self.free
    }

    fn settle(&mut self, now: Time) {
        if self.halted.is_some() {
            return;
        }
        while let Some(record) = self.pending.front().filter(|record| record.done <= now) {
            self.behind -= record.bytes;
            self.pending.pop_front();
        }
    }

    /// How old what a reader sees at `now` is: the time since the first write that has not been replayed; nothing where all has been.
    pub fn lag(&mut self, now: Time) -> Duration {
        self.settle(now);
        self.pending.front().map_or(Duration::ZERO, |record| now - record.written)
    }

    /// Bytes that have not been replayed.
    pub fn bytes_behind(&mut self, now: Time) -> u64 {
        self.settle(now);
        self.behind
    }

    /// The same, and the lag, for those who only look.
    #[must_use]
    pub fn readings(&self, now: Time) -> (Duration, u64) {
        let done = |record: &&Record| self.halted.is_none() && record.done <= now;
        let replayed: u64 = self.pending.iter().take_while(done).map(|record| record.bytes).sum();
        let first = self.pending.iter().find(|record| !done(record));
        (first.map_or(Duration::ZERO, |record| now - record.written), self.behind - replayed)
    }

    /// The replica is down. A record that it was replaying it begins anew.
    pub fn halt(&mut self, now: Time) {
        self.settle(now);
        self.halted.get_or_insert(now);
    }

    /// It is back.
    pub fn resume(&mut self, now: Time) {
        if self.halted.take().is_some() {
            self.plan(now);
        }
    }

    /// Bytes a second from now on; what it was. A record that is being replayed begins anew.
    pub fn set_rate(&mut self, now: Time, rate: u64) -> u64 {
        self.settle(now);
        let before = std::mem::replace(&mut self.rate, rate);
        self.plan(now);
        before
    }

    fn plan(&mut self, now: Time) {
        self.free = now;
        for n in 0..self.pending.len() {
            self.pending[n].done = self.begin(now, self.pending[n]);
        }
    }
}

#[cfg(test)]
mod tests;
