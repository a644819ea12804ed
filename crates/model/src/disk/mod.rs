//! The disk of a database, as a pure state machine: what lies on it (`space`), and who reads and writes it.
//!
//! I/Os are served first come, first served, so many at once as the device's queue is deep. One that is begun takes the device's latency, then its
//! bytes cross one bus one I/O after the other. So latency as seen from outside rises with utilisation and with nothing else: a disk that is nearly
//! full is as fast as an empty one.
//!
//! States of an I/O: waiting, served. Left out: that reads and writes differ, that a transaction which only read flushes nothing, merging and reordering by the kernel, burst credits of
//! cloud volumes, and that an I/O whose statement is cancelled is finished all the same.

mod space;

pub use space::{Full, PAGE, Readings, SEGMENT, Space, Wal};

use crate::blueprint::Disk as Description;
use crate::id::FrameRef;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// An I/O: what the device needs for it beside the bus, and how many bytes cross that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Io {
    /// Whose it is.
    pub frame: FrameRef,
    /// The device's latency.
    pub latency: Duration,
    /// Bytes.
    pub bytes: u64,
    /// Whether it writes.
    pub writes: bool,
}

/// I/Os and bytes so far, as the kernel counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Reads that were completed.
    pub reads: u64,
    /// Writes that were.
    pub writes: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// Time in which something was under way.
    pub busy: Duration,
    /// The same, summed over what was.
    pub weighted: Duration,
}

/// A disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disk {
    depth: u32,
    /// Bytes a second.
    bandwidth: u64,
    served: Vec<Io>,
    waiting: VecDeque<Io>,
    /// Until when the bus is taken.
    bus_free: Time,
    tally: Tally,
    tallied: Time,
    /// Bytes of the write-ahead log that nobody flushes yet.
    unflushed: u64,
    /// What lies on it.
    pub space: Space,
}

impl Disk {
    /// A disk on which nothing is under way.
    #[must_use]
    pub fn new(description: &Description) -> Self {
        Self {
            depth: description.depth,
            bandwidth: description.bandwidth,
            served: Vec::new(),
            waiting: VecDeque::new(),
            bus_free: Time::ZERO,
            tally: Tally::default(),
            tallied: Time::ZERO,
            unflushed: 0,
            space: Space::new(description),
        }
    }

    /// An I/O is wanted. Returns when it is done if it is served at once; else it waits.
    pub fn request(&mut self, now: Time, io: Io) -> Option<Time> {
        self.advance(now);
        if self.served.len() as u32 >= self.depth {
            self.waiting.push_back(io);
            return None;
        }
        Some(self.serve(now, io))
    }

    /// An I/O that was served is over, or is given up; so is one that waits. Returns whose is served next, and until when.
    pub fn leave(&mut self, now: Time, frame: FrameRef, done: bool) -> Option<(FrameRef, Time)> {
        self.advance(now);
        let Some(at) = self.served.iter().position(|io| io.frame == frame) else {
            self.waiting.retain(|io| io.frame != frame);
            return None;
        };
        let io = self.served.remove(at);
        if done {
            let (count, bytes) = if io.writes {
                (&mut self.tally.writes, &mut self.tally.written_bytes)
            } else {
                (&mut self.tally.reads, &mut self.tally.read_bytes)
            };
            *count += 1;
            *bytes += io.bytes;
        }
        let next = self.waiting.pop_front()?;
        Some((next.frame, self.serve(now, next)))
    }

    fn serve(&mut self, now: Time, io: Io) -> Time {
        // What grows steadily crosses the bus as well.
        let bandwidth = self.bandwidth.saturating_sub(self.space.background(now)).max(1);
        let crossing = u128::from(io.bytes) * 1_000_000_000 / u128::from(bandwidth);
        let crossing = Duration::from_nanos(u64::try_from(crossing).unwrap_or(u64::MAX));
        let done = (now + io.latency).max(self.bus_free) + crossing;
        self.bus_free = done;
        self.served.push(io);
        done
    }

    fn advance(&mut self, now: Time) {
        let passed = now - std::mem::replace(&mut self.tallied, now);
        let under_way = (self.served.len() + self.waiting.len()) as u64;
        if under_way > 0 {
            self.tally.busy += passed;
            self.tally.weighted += Duration::from_nanos(passed.as_nanos() * under_way);
        }
    }

    /// What was under way when the process died is forgotten.
    pub fn forget(&mut self, now: Time) {
        self.advance(now);
        self.served.clear();
        self.waiting.clear();
        self.unflushed = 0;
        self.bus_free = now;
    }

    /// What the kernel has counted up to `now`.
    #[must_use]
    pub fn tally(&self, now: Time) -> Tally {
        let mut upto = self.clone_counts();
        upto.advance(now);
        upto.tally
    }

    fn clone_counts(&self) -> Counts {
        Counts { tally: self.tally, tallied: self.tallied, under_way: (self.served.len() + self.waiting.len()) as u64 }
    }

    /// Frames whose I/Os are served, and that wait.
    pub fn served(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.served.iter().map(|io| io.frame)
    }

    /// Frames whose I/Os wait.
    pub fn waiting(&self) -> impl Iterator<Item = FrameRef> + '_ {
        self.waiting.iter().map(|io| io.frame)
    }

    /// So much was written into the write-ahead log.
    pub fn wrote(&mut self, bytes: u64) {
        self.unflushed += bytes;
    }

    /// What somebody flushes who commits now: all that was written, by whomever (`XLogFlush`).
    pub fn flush(&mut self) -> u64 {
        std::mem::take(&mut self.unflushed)
    }
}

struct Counts {
    tally: Tally,
    tallied: Time,
    under_way: u64,
}

impl Counts {
    fn advance(&mut self, now: Time) {
        let passed = now - self.tallied;
        if self.under_way > 0 {
            self.tally.busy += passed;
            self.tally.weighted += Duration::from_nanos(passed.as_nanos() * self.under_way);
        }
    }
}

#[cfg(test)]
mod tests;
