//! What lies on a database's disk: tables, the write-ahead log, the server's own log, and the file system's bounds.
//!
//! Tables grow by whole pages, others' data steadily by a rate; so does a log, which rotation cuts off at a bound. The write-ahead log lies in segments of
//! 16 MiB, which a checkpoint makes free to be used again: it begins when so much was written that it would end before `max_wal_size`, or
//! after `checkpoint_timeout`, and of the free segments it keeps as many as the next one is expected to need
//! (`CalculateCheckpointSegments`, `XLOGfileslop` and `UpdateCheckPointDistanceEstimate` of PostgreSQL 15's `xlog.c`). So
//! on a steadily written database the log needs no new room, and tables are the first to find none; only when more is written than
//! before does the log want a segment, and without room for it the server panics.
//!
//! Left out: the time that a checkpoint takes and what it writes, images of whole pages after one, segments kept for replicas and archives,
//! dead rows and VACUUM, temporary files.

use crate::blueprint::Disk as Description;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Bytes of a page of a table.
pub const PAGE: u64 = 8 << 10;
/// Bytes of a segment of the write-ahead log (`wal_segment_size`).
pub const SEGMENT: u64 = 16 << 20;
/// Bytes of a file of a table (`RELSEG_SIZE`).
const TABLE_FILE: u64 = 1 << 30;
/// Bytes for each inode of an ext4 file system, as mke2fs makes it.
const BYTES_PER_INODE: u64 = 16 << 10;
/// Files that a new cluster has.
const NEW_CLUSTER: u64 = 980;

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What became of a record of the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wal {
    /// It was written.
    Written,
    /// It was written, and a checkpoint was due for the log's size.
    Checkpoint,
    /// There is no room for a segment: the server panics.
    Panic,
}

/// What lies on a disk. Bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    capacity: u64,
    /// Pages of tables, and what others put there.
    data: u64,
    /// Of rows, not yet a whole page.
    partial: u64,
    log: u64,
    rotation: Option<u64>,
    /// Bytes a minute by which data and the log grow, and what of a byte was left over, in parts of 60·10⁹.
    growth: u64,
    log_growth: u64,
    left: (u64, u64),
    /// Segments of the write-ahead log that there are, and bytes written since the last checkpoint.
    segments: u64,
    since_checkpoint: u64,
    minimum_wal: u64,
    maximum_wal: u64,
    checkpoint_timeout: Duration,
    checkpointed: Time,
    estimate: u64,
    /// Checkpoints so far: for their time, and for the log's size.
    checkpoints: (u64, u64),
    at: Time,
}

/// `checkpoint_completion_target`, in tenths.
const COMPLETION_TENTHS: u64 = 9;

impl Space {
    pub(super) fn new(description: &Description) -> Self {
        let segments = (description.minimum_wal / SEGMENT).max(1);
        Self {
            capacity: description.capacity,
            data: description.used,
            partial: 0,
            log: 0,
            rotation: description.log_rotation,
            growth: description.growth,
            log_growth: description.log_growth,
            left: (0, 0),
            segments,
            since_checkpoint: 0,
            minimum_wal: description.minimum_wal,
            maximum_wal: description.maximum_wal,
            checkpoint_timeout: description.checkpoint_timeout,
            checkpointed: Time::ZERO,
            estimate: 0,
            checkpoints: (0, 0),
            at: Time::ZERO,
        }
    }

    /// Lets everything grow until `now`.
    pub fn settle(&mut self, now: Time) {
        let passed = u128::from((now - std::mem::replace(&mut self.at, now)).as_nanos());
        if self.growth == 0 && self.log_growth == 0 {
            return;
        }
        let (mut data, mut log);
        (data, self.left.0) = grown(self.growth, passed, self.left.0);
        (log, self.left.1) = grown(self.log_growth, passed, self.left.1);
        let kept = log.min(self.rotation.map_or(u64::MAX, |bound| bound.saturating_sub(self.log)));
        let room = self.free();
        if data.saturating_add(kept) <= room {
            log = kept;
        } else {
            // They come side by side, until the log is cut off or there is no more room, however seldom one looks.
            let (data_bytes, log_bytes) = (u128::from(data), u128::from(log));
            let when_cut = (data_bytes * u128::from(kept)).checked_div(log_bytes).map(|data| data + u128::from(kept));
            if kept < log && when_cut.is_some_and(|filled| filled <= u128::from(room)) {
                (data, log) = (room - kept, kept);
            } else {
                data = (u128::from(room) * data_bytes / (data_bytes + log_bytes)) as u64;
                log = room - data;
            }
        }
        self.data += data;
        self.log += log;
    }

    fn log_bytes(&mut self, bytes: u64) {
        // What does not fit is lost; what is rotated away makes room for what follows.
        let bound = self.rotation.unwrap_or(u64::MAX);
        self.log = (self.log + bytes.min(self.free())).min(bound);
    }

    /// The server writes a line into its log.
    pub fn log_line(&mut self, now: Time, bytes: u64) {
        self.settle(now);
        self.log_bytes(bytes);
    }

    /// Bytes that are free. Up to when: see [`Space::settle`].
    #[must_use]
    pub fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.data + self.log + self.segments * SEGMENT)
    }

    /// Bytes a second that are written steadily: nothing where there is no room for them.
    pub fn background(&mut self, now: Time) -> u64 {
        if self.growth == 0 && self.log_growth == 0 {
            return 0;
        }
        self.settle(now);
        if self.free() == 0 && self.rotation.is_none() { 0 } else { (self.growth + self.log_growth) / 60 }
    }

    /// Rows of so many bytes are written into tables.
    ///
    /// # Errors
    /// There is no room for another page: nothing was written.
    pub fn write_rows(&mut self, now: Time, bytes: u64) -> Result<(), Full> {
        self.settle(now);
        let filled = self.partial + bytes;
        let pages = filled / PAGE;
        if pages * PAGE > self.free() {
            return Err(Full);
        }
        self.partial = filled % PAGE;
        self.data += pages * PAGE;
        Ok(())
    }

    /// A record is written into the write-ahead log.
    pub fn write_wal(&mut self, now: Time, bytes: u64) -> Wal {
        self.settle(now);
        let needed = (self.since_checkpoint + bytes).div_ceil(SEGMENT);
        if needed > self.segments {
            if (needed - self.segments) * SEGMENT > self.free() {
                return Wal::Panic;
            }
            self.segments = needed;
        }
        self.since_checkpoint += bytes;
        // It is begun so early that it ends before the log has its size.
        let distance = self.maximum_wal * 10 / (10 + COMPLETION_TENTHS);
        if self.since_checkpoint < distance {
            return Wal::Written;
        }
        self.checkpoint(now);
        self.checkpoints.1 += 1;
        Wal::Checkpoint
    }

    /// When the next checkpoint is due if none is for the log's size before.
    #[must_use]
    pub fn next_checkpoint(&self) -> Time {
        self.checkpointed + self.checkpoint_timeout
    }

    /// A checkpoint's time has come. Returns whether there was anything to do: one is counted, and skipped, where nothing was written since the last.
    pub fn checkpoint_for_time(&mut self, now: Time) -> bool {
        self.settle(now);
        self.checkpoints.0 += 1;
        let has_written = self.since_checkpoint > 0;
        if has_written {
            self.checkpoint(now);
        }
        self.checkpointed = now;
        has_written
    }

    fn checkpoint(&mut self, now: Time) {
        let written = self.since_checkpoint;
        self.estimate = if self.estimate < written { written } else { (self.estimate * 9 + written) / 10 };
        // What is expected until the end of the next one, and a tenth more.
        let wanted = self.estimate * (10 + COMPLETION_TENTHS) / 10 * 11 / 10;
        let kept = wanted.clamp(self.minimum_wal, self.maximum_wal.max(self.minimum_wal)).div_ceil(SEGMENT).max(1);
        self.segments = self.segments.min(kept);
        self.since_checkpoint = 0;
        self.checkpointed = now;
    }

    /// Whether a server can start: recovery ends with a record of its own, for which there must be a segment.
    pub fn can_start(&mut self, now: Time) -> bool {
        self.settle(now);
        self.since_checkpoint.div_ceil(SEGMENT) < self.segments || self.free() >= SEGMENT
    }

    /// A server has started: its recovery ended with a checkpoint.
    pub fn recovered(&mut self, now: Time) {
        self.settle(now);
        if self.since_checkpoint.div_ceil(SEGMENT) >= self.segments {
            self.segments += 1;
        }
        self.checkpoint(now);
    }

    /// Bytes a minute by which data grows; what it was.
    pub fn set_growth(&mut self, now: Time, growth: u64) -> u64 {
        self.settle(now);
        std::mem::replace(&mut self.growth, growth)
    }

    /// Bytes a minute by which the log grows; what it was.
    pub fn set_log_growth(&mut self, now: Time, growth: u64) -> u64 {
        self.settle(now);
        std::mem::replace(&mut self.log_growth, growth)
    }

    /// Bytes of the log at which it is cut off, if at all; what it was.
    pub fn set_rotation(&mut self, now: Time, bound: Option<u64>) -> Option<u64> {
        self.settle(now);
        self.log = self.log.min(bound.unwrap_or(u64::MAX));
        std::mem::replace(&mut self.rotation, bound)
    }

    /// The volume is made larger, or smaller; what its capacity was.
    pub fn set_capacity(&mut self, now: Time, capacity: u64) -> u64 {
        self.settle(now);
        std::mem::replace(&mut self.capacity, capacity)
    }

    /// What there is at `now`.
    #[must_use]
    pub fn readings(&self, now: Time) -> Readings {
        let mut then = self.clone();
        then.settle(now);
        let files = NEW_CLUSTER + then.data.div_ceil(TABLE_FILE) + then.segments + u64::from(then.log > 0);
        Readings {
            capacity: then.capacity,
            free: then.free(),
            data: then.data,
            log: then.log,
            wal: then.segments * SEGMENT,
            segments: then.segments,
            inodes: then.capacity / BYTES_PER_INODE,
            free_inodes: (then.capacity / BYTES_PER_INODE).saturating_sub(files),
            checkpoints: then.checkpoints,
        }
    }
}

/// What there is on a disk, as metrics report it. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// All of it.
    pub capacity: u64,
    /// Free.
    pub free: u64,
    /// Tables, and what others put there.
    pub data: u64,
    /// The server's log.
    pub log: u64,
    /// The write-ahead log.
    pub wal: u64,
    /// Its segments.
    pub segments: u64,
    /// Files that there can be.
    pub inodes: u64,
    /// Files that there can still be.
    pub free_inodes: u64,
    /// Checkpoints so far: for their time, and for the log's size.
    pub checkpoints: (u64, u64),
}

/// Nanoseconds of a minute.
const MINUTE: u128 = 60_000_000_000;

/// Bytes by which something grows in so many nanoseconds, and what is left of a byte.
fn grown(by_minute: u64, passed: u128, left: u64) -> (u64, u64) {
    let parts = u128::from(by_minute) * passed + u128::from(left);
    (u64::try_from(parts / MINUTE).unwrap_or(u64::MAX), (parts % MINUTE) as u64)
}
