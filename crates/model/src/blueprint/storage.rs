//! What a database's tables lie on, and how much of them is in memory.

use crate::id::SamplerId;
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// The storage of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The disk.
    pub disk: Disk,
    /// `shared_buffers`, in pages.
    pub buffers: u64,
    /// Pages of its tables.
    pub tables: Vec<u64>,
}

/// A disk: a volume of its own. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// All of it.
    pub capacity: u64,
    /// What lies on it at the beginning, beside the write-ahead log.
    pub used: u64,
    /// What the device takes for an I/O, beside its bytes.
    pub latency: SamplerId,
    /// Bytes a second.
    pub bandwidth: u64,
    /// I/Os that are served at once.
    pub depth: u32,
    /// Bytes a minute by which data grows that no statement writes.
    pub growth: u64,
    /// Bytes a minute by which the server's log grows beside its lines.
    pub log_growth: u64,
    /// Bytes of the log at which it is cut off; `None` never.
    pub log_rotation: Option<u64>,
    /// Bytes of a line of the log.
    pub log_line: u64,
    /// `min_wal_size`.
    pub minimum_wal: u64,
    /// `max_wal_size`.
    pub maximum_wal: u64,
    /// `checkpoint_timeout`.
    pub checkpoint_timeout: Duration,
}
