//! The keys of a cache, as Redis keeps them: present or absent, each with the time at which it expires. Values are only bytes.
//!
//! Keys are small integers in several key spaces that share one `maxmemory`, so a key is a position in an array. A key lives
//! from when it is set to the end of its space's time to live. An expired one goes when it is asked for, or with the next *cycle*
//! of ten a second: where Redis samples keys until few of the sample are dead, and so leaves up to a tenth of them, all go here.
//! Redis looks whether memory is over its limit before each command, and so does the store: it evicts until it is not, or
//! where nothing is evicted refuses writes; a write may go over the limit by one entry. A victim of `allkeys-lru` is the least
//! recently used of five, by a clock of about a second's resolution as in Redis; the pool of candidates that Redis keeps from one
//! eviction to the next is left out, as are its own buffers and fragmentation.

mod expiry;

use crate::blueprint::{Eviction, Keyspace, Redis};
use crate::id::ServiceId;
use crate::purpose;
use expiry::{Chain, NONE, Slot};
use knockon_kernel::{Duration, Key, Time};
use serde::{Deserialize, Serialize};

/// Distance of the cycles that look for expired keys (`hz 10`).
pub const CYCLE: Duration = Duration::from_millis(100);
/// Keys looked at for an eviction (`maxmemory-samples`).
const SAMPLES: u64 = 5;
/// The clock of the least-recently-used order ticks every 2³⁰ ns; Redis' every second.
const CLOCK_BITS: u32 = 30;

/// Answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The key is there.
    Hit,
    /// It is not, or it has expired.
    Miss,
}

/// Answer to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The key is there now.
    Stored {
        /// Keys evicted to make room.
        evicted: u32,
    },
    /// Memory is over its limit and nothing may be evicted: an error to the client.
    Full,
}

/// What metrics report. Counts are since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// Keys present, those that have expired since the last cycle included.
    pub keys: u64,
    /// Bytes of the entries.
    pub used_bytes: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that went because they had expired.
    pub expired: u64,
    /// Keys that went because memory was over its limit.
    pub evicted: u64,
}

/// One key space.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Space {
    /// Position of its key 0.
    first: u32,
    keys: u32,
    ttl: Option<Duration>,
    /// Bytes of one entry.
    entry_bytes: u64,
    /// Its keys that will expire, the earliest first.
    chain: Chain,
}

/// The keys of one cache process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    maxmemory: u64,
    eviction: Eviction,
    key: Key,
    /// By key space; those of other caches have no keys.
    spaces: Vec<Space>,
    slots: Vec<Slot>,
    /// Positions of the keys that are present, in no order.
    present: Vec<u32>,
    next_cycle: Time,
    /// All but `keys`.
    readings: Readings,
}

impl Store {
    /// An empty store for the key spaces that `cache` holds. Its draws lie below `key`, by the ordinal of the eviction.
    ///
    /// # Panics
    /// If the key spaces have 2³² − 1 keys or more together.
    #[must_use]
    pub fn new(redis: &Redis, cache: ServiceId, keyspaces: &[Keyspace], key: Key) -> Self {
        let mut spaces = Vec::with_capacity(keyspaces.len());
        let mut first = 0u32;
        for keyspace in keyspaces {
            let keys = if keyspace.cache == cache { keyspace.keys } else { 0 };
            let entry_bytes = keyspace.value_bytes + redis.entry_overhead;
            spaces.push(Space { first, keys, ttl: keyspace.ttl, entry_bytes, chain: Chain::default() });
            first = first.checked_add(keys).filter(|&end| end < NONE).expect("a cache has fewer than 2^32 - 1 keys");
        }
        Self {
            maxmemory: redis.maxmemory.unwrap_or(u64::MAX),
            eviction: redis.eviction,
            key,
            spaces,
            slots: vec![Slot::ABSENT; first as usize],
            present: Vec::new(),
            next_cycle: Time::ZERO,
            readings: Readings::default(),
        }
    }

    /// Reads a key.
    pub fn get(&mut self, now: Time, keyspace: u32, key: u32) -> Lookup {
        self.before_command(now);
        let at = self.position(keyspace, key);
        let slot = &mut self.slots[at as usize];
        if slot.is_alive(now) {
            slot.clock = clock(now);
            self.readings.hits += 1;
            return Lookup::Hit;
        }
        if slot.is_present() {
            self.remove(keyspace, at);
            self.readings.expired += 1;
        }
        self.readings.misses += 1;
        Lookup::Miss
    }

    /// Writes a key; its time to live starts (again) now.
    pub fn set(&mut self, now: Time, keyspace: u32, key: u32) -> Stored {
        let evicted = self.before_command(now);
        if self.readings.used_bytes > self.maxmemory {
            return Stored::Full;
        }
        let at = self.position(keyspace, key);
        if self.slots[at as usize].is_present() {
            if !self.slots[at as usize].is_alive(now) {
                self.readings.expired += 1;
            }
            self.remove(keyspace, at);
        }
        let expires = self.spaces[keyspace as usize].ttl.map_or(Time::MAX, |ttl| now.saturating_add(ttl));
        self.insert(now, keyspace, at, expires);
        Stored::Stored { evicted }
    }

    /// Removes all keys.
    pub fn flush(&mut self) {
        self.slots.fill(Slot::ABSENT);
        self.present.clear();
        self.readings.used_bytes = 0;
        for space in &mut self.spaces {
            space.chain = Chain::default();
        }
    }

    /// Makes the keys of a key space present, with ages spread evenly over the time to live: over all keys, and over the first
    /// so many for any number. Where memory does not suffice the last keys are left out.
    pub fn warm(&mut self, now: Time, keyspace: u32) {
        // Multiples of the golden ratio, modulo 1: the most even sequence (Knuth, TAOCP vol. 3, 6.4).
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let Space { first, keys, ttl, entry_bytes, .. } = self.spaces[keyspace as usize];
        for at in first..first + keys {
            if self.slots[at as usize].is_present() {
                self.remove(keyspace, at);
            }
        }
        let fitting = (self.maxmemory.saturating_sub(self.readings.used_bytes)).checked_div(entry_bytes);
        let count = fitting.map_or(keys, |fitting| u32::try_from(fitting).unwrap_or(u32::MAX).min(keys));
        let left = |key: u32, ttl: Duration| {
            let share = u128::from(GOLDEN.wrapping_mul(u64::from(key) + 1));
            Duration::from_nanos(((share * u128::from(ttl.as_nanos())) >> 64) as u64 + 1)
        };
        let mut entries: Vec<(Time, u32)> = (0..count)
            .map(|key| (ttl.map_or(Time::MAX, |ttl| now.saturating_add(left(key, ttl))), first + key))
            .collect();
        entries.sort_unstable();
        for (expires, at) in entries {
            self.insert(now, keyspace, at, expires);
        }
    }

    /// Sets `maxmemory`; `None` is unlimited. The next command finds out.
    pub fn set_maxmemory(&mut self, maxmemory: Option<u64>) {
        self.maxmemory = maxmemory.unwrap_or(u64::MAX);
    }

    /// Bytes of the entries after the last command or cycle.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.readings.used_bytes
    }

    /// What metrics report: as if the cycles that are due had been played. They are not, for looking must change nothing, not
    /// even the order in which keys are listed for evictions.
    #[must_use]
    pub fn readings(&self, now: Time) -> Readings {
        let cycle = last_cycle(now);
        let mut readings = Readings { keys: self.present.len() as u64, ..self.readings };
        for space in &self.spaces {
            let due = space.chain.keys(&self.slots).take_while(|slot| !slot.is_alive(cycle)).count() as u64;
            readings.keys -= due;
            readings.used_bytes -= due * space.entry_bytes;
            readings.expired += due;
        }
        readings
    }

    #[inline]
    fn position(&self, keyspace: u32, key: u32) -> u32 {
        let space = &self.spaces[keyspace as usize];
        debug_assert!(key < space.keys, "key {key} lies in key space {keyspace}");
        space.first + key
    }

    /// What Redis does before it looks at a command. Returns how many keys were evicted.
    #[inline]
    fn before_command(&mut self, now: Time) -> u32 {
        if now >= self.next_cycle {
            self.expire(now);
        }
        if self.readings.used_bytes > self.maxmemory { self.evict() } else { 0 }
    }

    /// Plays the cycles up to `now`: one is as good as all.
    fn expire(&mut self, now: Time) {
        let cycle = last_cycle(now);
        self.next_cycle = cycle.saturating_add(CYCLE);
        for keyspace in 0..self.spaces.len() {
            while let Some(at) = self.spaces[keyspace].chain.earliest() {
                if self.slots[at as usize].is_alive(cycle) {
                    break;
                }
                self.remove(keyspace as u32, at);
                self.readings.expired += 1;
            }
        }
    }

    /// Evicts until memory is within its limit, if keys may be evicted.
    fn evict(&mut self) -> u32 {
        let mut evicted = 0;
        while self.readings.used_bytes > self.maxmemory && !self.present.is_empty() {
            let at = match self.eviction {
                Eviction::NoEviction => break,
                Eviction::AllKeysRandom => self.sample(0),
                Eviction::AllKeysLru => {
                    let mut victim = self.sample(0);
                    for number in 1..SAMPLES {
                        let other = self.sample(number);
                        if self.slots[other as usize].clock < self.slots[victim as usize].clock {
                            victim = other;
                        }
                    }
                    victim
                }
            };
            let keyspace = self.spaces.partition_point(|space| space.first + space.keys <= at);
            self.remove(keyspace as u32, at);
            self.readings.evicted += 1;
            evicted += 1;
        }
        evicted
    }

    /// A key that is present, at random: the so-manieth sample of the eviction that is due.
    fn sample(&self, number: u64) -> u32 {
        let unit = self.key.purpose(purpose::EVICTION).with(self.readings.evicted).with(number).unit();
        self.present[(unit * self.present.len() as f64) as usize]
    }

    /// Makes an absent key present.
    fn insert(&mut self, now: Time, keyspace: u32, at: u32, expires: Time) {
        let space = &mut self.spaces[keyspace as usize];
        let slot = &mut self.slots[at as usize];
        slot.place = self.present.len() as u32;
        slot.clock = clock(now);
        slot.expires = expires;
        self.present.push(at);
        self.readings.used_bytes += space.entry_bytes;
        if space.ttl.is_some() {
            space.chain.append(&mut self.slots, at);
        }
    }

    /// Makes a present key absent.
    fn remove(&mut self, keyspace: u32, at: u32) {
        let space = &mut self.spaces[keyspace as usize];
        let place = self.slots[at as usize].place;
        self.present.swap_remove(place as usize);
        if let Some(&moved) = self.present.get(place as usize) {
            self.slots[moved as usize].place = place;
        }
        self.readings.used_bytes -= space.entry_bytes;
        if space.ttl.is_some() {
            space.chain.unlink(&mut self.slots, at);
        }
        self.slots[at as usize] = Slot::ABSENT;
    }
}

/// The last cycle that is due by `now`.
fn last_cycle(now: Time) -> Time {
    Time::from_nanos(now.as_nanos() / CYCLE.as_nanos() * CYCLE.as_nanos())
}

#[inline]
fn clock(now: Time) -> u32 {
    (now.as_nanos() >> CLOCK_BITS) as u32
}

#[cfg(test)]
mod tests;
