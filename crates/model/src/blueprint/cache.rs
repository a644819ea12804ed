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
    /// `maxclients`: connections that it takes; `None` does not count them.
    pub maxclients: Option<u32>,
    /// How it deletes expired keys that nobody asks for; `None` is all at once, ten times a second, in no time.
    pub expiry: Option<Expiry>,
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
            maxclients: None,
            expiry: None,
        }
    }
}

/// How a Redis server deletes expired keys that nobody asks for. Of its formulas (`expire.c` of Redis 7) an effort of 1 is the plain case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// `hz`: slow cycles in a second, were they to take no time.
    pub hz: u32,
    /// `active-expire-effort`, 1 … 10.
    pub effort: u32,
    /// Time to look at a key.
    pub look: Duration,
    /// Time to delete one.
    pub delete: Duration,
}

impl Expiry {
    /// From the end of a slow cycle to the next one.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_nanos(1_000_000_000 / u64::from(self.hz.max(1)))
    }

    /// A slow cycle ends when it has taken longer: a quarter of a period, and a fiftieth for each further effort.
    #[must_use]
    pub fn slow_limit(&self) -> Duration {
        Duration::from_nanos(self.period().as_nanos() / 100 * (25 + 2 * self.further()))
    }

    /// A fast cycle does: a millisecond, and a quarter of one for each further effort.
    #[must_use]
    pub fn fast_limit(&self) -> Duration {
        Duration::from_micros(1000 + 250 * self.further())
    }

    /// Keys of a sample.
    #[must_use]
    pub fn keys_per_sample(&self) -> usize {
        20 + 5 * self.further() as usize
    }

    /// Expired keys in a hundred of a sample up to which a cycle leaves it at that.
    #[must_use]
    pub fn acceptable_percent(&self) -> usize {
        10 - self.further() as usize
    }

    /// Efforts beyond the first.
    fn further(&self) -> u64 {
        u64::from(self.effort.clamp(1, 10) - 1)
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
    /// Keys expire at multiples of this, counted from the start, and not before their time to live is over (`EXPIREAT` of the next full
    /// hour, say); `None` expires each in its own time.
    pub expire_at: Option<Duration>,
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
