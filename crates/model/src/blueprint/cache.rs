//! Caches as described: Redis servers, caches within an application's processes, and the key spaces that they hold.

use crate::id::{LocalCacheId, RecordedId, SamplerId, ServiceId};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// Redis' own parameters. The default is a server as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redis {
    /// `maxmemory` in bytes; `None` is unlimited.
    pub maxmemory: Option<u64>,
    /// Keys at most: what a `maxmemory` does into which so many fit. `None` is unlimited.
    pub maxkeys: Option<u64>,
    /// `maxmemory-policy`.
    pub eviction: Eviction,
    /// `maxmemory-samples`: keys looked at for an eviction.
    pub samples: u32,
    /// `lfu-log-factor`: how slowly the counters of the LFU policies saturate.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`: a counter falls by one in so many minutes; 0 never.
    pub lfu_decay_minutes: u32,
    /// Bytes that an entry needs beside its value (key, dictionary entry, object headers).
    pub entry_overhead: u64,
    /// `slowlog-log-slower-than`; `None` notes nothing.
    pub slow_log: Option<Duration>,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            maxmemory: None,
            maxkeys: None,
            eviction: Eviction::NoEviction,
            samples: 5,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            entry_overhead: 0,
            slow_log: Some(Duration::from_millis(10)),
        }
    }
}

/// What goes when a cache is full: `maxmemory-policy` of Redis, or an exact order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Eviction {
    /// Nothing: writes fail with an error.
    NoEviction,
    /// Of some sampled keys the least recently used (`allkeys-lru`).
    AllKeysLru,
    /// Of some sampled keys the one with the lowest logarithmic counter (`allkeys-lfu`).
    AllKeysLfu,
    /// A random key (`allkeys-random`).
    AllKeysRandom,
    /// As [`Self::AllKeysLru`] among the keys that expire (`volatile-lru`).
    VolatileLru,
    /// As [`Self::AllKeysLfu`] among the keys that expire (`volatile-lfu`).
    VolatileLfu,
    /// A random one of the keys that expire (`volatile-random`).
    VolatileRandom,
    /// Of some sampled keys that expire the one that expires first (`volatile-ttl`).
    VolatileTtl,
    /// Exactly the least recently used key.
    Lru,
    /// Exactly the key that was used least often since it was stored; of several the one that was so for longest.
    Lfu,
}

/// A cache within each process of a service: no network, lost with the process, its bytes on the process' heap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalCache {
    /// The service whose processes have one each.
    pub service: ServiceId,
    /// Its name within the service.
    pub name: String,
    /// Entries at most (`maximumSize`); `None` is unlimited.
    pub maximum_entries: Option<u64>,
    /// Bytes at most (`maximumWeight`); `None` is unlimited.
    pub maximum_bytes: Option<u64>,
    /// What makes room for an entry that is to be stored.
    pub eviction: Eviction,
    /// Bytes that an entry needs beside its value.
    pub entry_overhead: u64,
}

/// A set of keys that requests draw from and a cache holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Keyspace {
    /// Name, for example `users`.
    pub name: String,
    /// The name that addresses its draws.
    pub draw_name: String,
    /// The cache service that holds it, or the service whose processes do.
    pub cache: ServiceId,
    /// Which of that service's caches, where it is one within its processes.
    pub local: Option<LocalCacheId>,
    /// Number of keys; keys are 0 … keys − 1.
    pub keys: u32,
    /// Draws a rank in 1 … keys (Zipf) or uniformly.
    pub popularity: SamplerId,
    /// The column that has each request's key instead, where it has a row.
    pub recorded: Option<RecordedId>,
    /// Time to live from insertion, or from the last use; `None` never expires.
    pub ttl: Option<Duration>,
    /// Whether a read renews the time to live (`GETEX`, `expireAfterAccess`).
    pub renewed: bool,
    /// From so long after it was stored on a value is stale: it is still answered, and refreshed in the background
    /// (`stale-while-revalidate`, `refreshAfterWrite`). `None` is never.
    pub fresh: Option<Duration>,
    /// Bytes of one value.
    pub value_bytes: u64,
    /// Whether all keys are present when the run starts, with ages spread evenly over the time to live.
    pub warm: bool,
    /// When the first keys, which are present when the run starts, expire; [`Duration::MAX`] is never, zero a key that is not there.
    pub expiries: Vec<Duration>,
}
