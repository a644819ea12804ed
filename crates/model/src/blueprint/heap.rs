//! Managed memory as described: a tracing collector's heap, or CPython's.

use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// A JVM heap. Sizes in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heap {
    /// `-Xmx` (and `-Xms`): the committed heap.
    pub maximum: u64,
    /// Which collector.
    pub collector: Collector,
    /// Live bytes of an idle, fully started application.
    pub base: u64,
    /// `-XX:NewRatio`: old : young.
    pub new_ratio: u32,
    /// `-XX:SurvivorRatio`: eden : one survivor space.
    pub survivor_ratio: u32,
    /// `-XX:InitiatingHeapOccupancyPercent` (G1 only), percent of the heap.
    pub initiating_occupancy_percent: u32,
    /// Pause of a minor (young) collection, by surviving bytes.
    pub minor_pause: PauseCost,
    /// Pause of a major (full) collection, by live bytes. Serial and Parallel spend half of the variable part on moving them,
    /// and save it for retained bytes that have nothing free below them.
    pub major_pause: PauseCost,
    /// Threads that mark concurrently, in thousandths of a core (G1 only).
    pub concurrent_milli_cores: u32,
    /// Live bytes marked a second by the concurrent threads (G1 only).
    pub mark_bytes_per_second: u64,
    /// `-XX:MaxGCPauseMillis` (G1 only).
    pub pause_target: Duration,
    /// `-XX:GCTimeLimit` / `-XX:GCHeapFreeLimit`: whether the overhead limit can throw (Parallel only).
    pub overhead_limit: bool,
    /// Scales every pause; 1 is the real thing, 0 a heap whose collections take no time.
    pub pause_scale: f64,
    /// What an OutOfMemoryError does to the process.
    pub on_out_of_memory: OnOutOfMemory,
}

/// Stop-the-world time: `base + per_mib · MiB of live (major) or surviving (minor) bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseCost {
    /// Fixed part.
    pub base: Duration,
    /// Part for each MiB.
    pub per_mib: Duration,
}

/// The collectors of HotSpot that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Collector {
    /// One thread, stop the world, generations. Usable heap is all but one survivor space.
    Serial,
    /// Many threads, stop the world, generations, overhead limit.
    Parallel,
    /// Regions, concurrent marking from the initiating occupancy on, mixed collections, full collection when it cannot keep up.
    G1,
}

/// What an OutOfMemoryError does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnOutOfMemory {
    /// `-XX:+ExitOnOutOfMemoryError`: the process exits with code 3.
    Exit,
    /// The request that asked for memory fails with a 500; the process goes on.
    Continue,
}

/// CPython's memory. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CPython {
    /// Live bytes of an idle, started application, beside [`super::Memory::baseline`].
    pub base: u64,
    /// Mean size of a container object that the cycle collector tracks.
    pub object_bytes: u64,
    /// `gc.get_threshold()`.
    pub thresholds: [u32; 3],
    /// Time to examine one tracked object.
    pub per_object: Duration,
}
