//! The keys of a cache, as Redis keeps them or a cache within a process does: present or absent, each with the time at which it
//! expires. Values are only bytes.
//!
//! Keys are small integers in several key spaces that share one limit, so a key is a position in an array. A key lives
//! from when it is set (or, where reads renew it, was read) to the end of its space's time to live; a value that is older than its
//! space calls fresh is answered as *stale*. An expired key goes when it is asked for, or with a *cycle*. A
//! Redis whose `expiry` is described has its own, which sample keys, leave some of the expired ones and take time of its thread
//! (`expiry`); any other has one of ten a second which takes all of them, and no time.
//! Redis looks whether it is over its limit before each command, and so does its store: it evicts until it is not, or
//! where nothing is evicted refuses writes; a write may go over the limit by one entry. A cache within a process makes room before it
//! stores, so it is never over its limit; an entry larger than the limit is not stored. Recency is a clock of about a second's
//! resolution in Redis, exact in a process; the pool of candidates that Redis keeps from one eviction to the next is left out, as
//! are its own buffers and fragmentation, and the admission window of Caffeine.

mod expiry;
mod order;
mod phases;
mod recency;
mod slot;
mod victim;

pub use expiry::ExpiryReadings;
pub use slot::Tally;

use crate::blueprint::{Eviction, Keyspace, LocalCache, Redis};
use crate::id::{LocalCacheId, ServiceId};
use expiry::Active;
use knockon_kernel::{Duration, Key, Time};
use order::Order;
use serde::{Deserialize, Serialize};
use slot::{Slot, Space};
use victim::Candidates;

/// Distance of the cycles that look for expired keys where they take no time (`hz 10`).
pub const CYCLE: Duration = Duration::from_millis(100);
/// The clock of the least-recently-used order ticks every 2³⁰ ns; Redis' every second.
const CLOCK_BITS: u32 = 30;
/// No position.
const NONE: u32 = u32::MAX;

/// Answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lookup {
    /// The key is there.
    Hit,
    /// It is there, and older than its space calls fresh.
    Stale,
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
    /// The cache is full and nothing may be evicted: an error to a client of Redis.
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
    /// Keys that went to make room.
    pub evicted: u64,
}

/// Limits and policy.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Rules {
    maximum_bytes: u64,
    maximum_entries: u64,
    eviction: Eviction,
    samples: u32,
    lfu_log_factor: u32,
    lfu_decay_minutes: u32,
    /// Whether room is made before an entry is stored, instead of before the next command.
    makes_room: bool,
}

impl Rules {
    /// Whether a key's clock holds a logarithmic counter.
    fn counts(&self) -> bool {
        matches!(self.eviction, Eviction::AllKeysLfu | Eviction::VolatileLfu)
    }
}

/// The keys of one cache of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    rules: Rules,
    key: Key,
    spaces: Vec<Space>,
    slots: Vec<Slot>,
    /// When a present key was stored, where some space has stale values; else empty.
    written: Vec<Time>,
    /// Keys that will expire, by when.
    expiries: Order<Time>,
    /// The cycles of a Redis whose `expiry` is described.
    active: Option<Box<Active>>,
    /// Keys that are present.
    candidates: Candidates,
    next_cycle: Time,
    readings: Readings,
}

impl Store {
    /// An empty store of a Redis server, for the key spaces that `cache` holds. Its draws lie below `key`, by the ordinal of the
    /// eviction.
    ///
    /// # Panics
    /// If the key spaces have 2³² − 1 keys or more together.
    #[must_use]
    pub fn new(redis: &Redis, cache: ServiceId, keyspaces: &[Keyspace], key: Key) -> Self {
        let rules = Rules {
            maximum_bytes: redis.maxmemory.unwrap_or(u64::MAX),
            maximum_entries: redis.maxkeys.unwrap_or(u64::MAX),
            eviction: redis.eviction,
            samples: redis.samples,
            lfu_log_factor: redis.lfu_log_factor,
            lfu_decay_minutes: redis.lfu_decay_minutes,
            makes_room: false,
        };
        let held = |keyspace: &Keyspace| keyspace.cache == cache && keyspace.local.is_none();
        let mut store = Self::of(rules, redis.entry_overhead, keyspaces, held, key);
        if let Some(expiry) = redis.expiry {
            store.active = Some(Box::new(Active::new(expiry, store.slots.len())));
            store.next_cycle = Time::MAX;
        }
        store
    }

    /// An empty store of a cache within a process.
    ///
    /// # Panics
    /// If the key spaces have 2³² − 1 keys or more together.
    #[must_use]
    pub fn local(config: &LocalCache, cache: LocalCacheId, keyspaces: &[Keyspace], key: Key) -> Self {
        let rules = Rules {
            maximum_bytes: config.maximum_bytes.unwrap_or(u64::MAX),
            maximum_entries: config.maximum_entries.unwrap_or(u64::MAX),
            eviction: config.eviction,
            samples: 5,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            makes_room: true,
        };
        let held = |keyspace: &Keyspace| keyspace.local == Some(cache);
        Self::of(rules, config.entry_overhead, keyspaces, held, key)
    }

    fn of(
        rules: Rules,
        entry_overhead: u64,
        keyspaces: &[Keyspace],
        held: impl Fn(&Keyspace) -> bool,
        key: Key,
    ) -> Self {
        let mut spaces = Vec::new();
        let mut first = 0u32;
        for (number, keyspace) in keyspaces.iter().enumerate().filter(|(_, keyspace)| held(keyspace)) {
            spaces.push(Space {
                keyspace: number as u32,
                first,
                keys: keyspace.keys,
                ttl: keyspace.ttl,
                expire_at: keyspace.expire_at,
                renewed: keyspace.renewed,
                fresh: keyspace.fresh,
                entry_bytes: keyspace.value_bytes + entry_overhead,
                tally: Tally::default(),
            });
            let end = first.checked_add(keyspace.keys).filter(|&end| end < NONE);
            first = end.expect("a cache has fewer than 2^32 - 1 keys");
        }
        let keys = first as usize;
        let expires = |keyspace: &Keyspace| {
            let ever = keyspace.ttl.is_some() || keyspace.expire_at.is_some() || !keyspace.expiries.is_empty();
            held(keyspace) && ever
        };
        let expiring = keyspaces.iter().any(expires);
        let ages = spaces.iter().any(|space| space.fresh.is_some());
        Self {
            rules,
            key,
            spaces,
            slots: vec![Slot::ABSENT; keys],
            written: vec![Time::ZERO; if ages { keys } else { 0 }],
            expiries: Order::new(if expiring { keys } else { 0 }),
            active: None,
            candidates: Candidates::new(rules.eviction, keys),
            next_cycle: Time::ZERO,
            readings: Readings::default(),
        }
    }

    /// Reads a key.
    pub fn get(&mut self, now: Time, keyspace: u32, key: u32) -> Lookup {
        self.before_command(now);
        let space = self.space(keyspace);
        let at = self.position(space, key);
        let slot = self.slots[at as usize];
        if slot.is_alive(now) {
            self.touch(now, at);
            if let Space { renewed: true, ttl: Some(_), .. } = self.spaces[space] {
                self.expire_at(at, self.spaces[space].expires(now));
            }
            let tally = &mut self.spaces[space].tally;
            tally.hits += 1;
            self.readings.hits += 1;
            let stale =
                self.spaces[space].fresh.is_some_and(|fresh| now > self.written[at as usize].saturating_add(fresh));
            if !stale {
                return Lookup::Hit;
            }
            self.spaces[space].tally.stale += 1;
            return Lookup::Stale;
        }
        if slot.is_present() {
            self.expire(space, at);
        }
        self.spaces[space].tally.misses += 1;
        self.readings.misses += 1;
        Lookup::Miss
    }

    /// Writes a key; its time to live starts (again) now.
    pub fn set(&mut self, now: Time, keyspace: u32, key: u32) -> Stored {
        let mut evicted = self.before_command(now);
        if !self.rules.makes_room && self.is_over(0, 0) {
            return Stored::Full;
        }
        let space = self.space(keyspace);
        let at = self.position(space, key);
        let (is_there, is_alive) = (self.slots[at as usize].is_present(), self.slots[at as usize].is_alive(now));
        if is_there && is_alive && self.rules.makes_room {
            // Overwritten where it is: a use like any other.
            self.touch(now, at);
            self.rewrite(now, space, at);
            return Stored::Stored { evicted };
        }
        let mut counter = None;
        if is_there && is_alive {
            if self.rules.counts() {
                // A key that is overwritten keeps its counter.
                self.touch(now, at);
                counter = Some(self.slots[at as usize].clock);
            }
            self.remove(space, at);
        } else if is_there {
            self.expire(space, at);
        }
        if self.rules.makes_room {
            evicted += self.evict(now, self.spaces[space].entry_bytes, 1);
            if self.is_over(self.spaces[space].entry_bytes, 1) {
                return Stored::Full;
            }
        }
        let expires = self.spaces[space].expires(now);
        self.insert(now, space, at, expires);
        if let Some(counter) = counter {
            self.slots[at as usize].clock = counter;
        }
        self.spaces[space].tally.stored += 1;
        Stored::Stored { evicted }
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, keyspace: u32, key: u32) {
        let space = self.space(keyspace);
        let at = self.position(space, key);
        if self.slots[at as usize].is_present() {
            self.remove(space, at);
        }
    }

    /// Removes all keys.
    pub fn flush(&mut self) {
        self.slots.fill(Slot::ABSENT);
        self.candidates.clear();
        self.expiries.clear();
        if let Some(active) = &mut self.active {
            active.dead.clear();
        }
        self.readings.keys = 0;
        self.readings.used_bytes = 0;
    }

    /// Makes the keys of a key space present, with ages spread evenly over the time to live: over all keys, and over the first
    /// so many for any number. Where room does not suffice the last keys are left out.
    pub fn warm(&mut self, now: Time, keyspace: u32) {
        // Multiples of the golden ratio, modulo 1: the most even sequence (Knuth, TAOCP vol. 3, 6.4).
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let space = self.space(keyspace);
        let Space { keys, ttl, .. } = self.spaces[space];
        let left = |key: u32, ttl: Duration| {
            let share = u128::from(GOLDEN.wrapping_mul(u64::from(key) + 1));
            Duration::from_nanos(((share * u128::from(ttl.as_nanos())) >> 64) as u64 + 1)
        };
        let own = &self.spaces[space];
        let expires = |key| match ttl {
            None => own.expires(now),
            Some(ttl) => own.on_grid(now.saturating_add(left(key, ttl))),
        };
        self.fill(now, space, (0..keys).map(|key| (expires(key), key)).collect());
    }

    /// Makes the first keys of a key space present for the given times; those of no time stay away.
    pub fn preload(&mut self, now: Time, keyspace: u32, expiries: &[Duration]) {
        let space = self.space(keyspace);
        let expires = |after: &Duration| match *after {
            Duration::MAX => Time::MAX,
            after => now.saturating_add(after),
        };
        let entries = expiries.iter().zip(0..self.spaces[space].keys).filter(|(after, _)| !after.is_zero());
        self.fill(now, space, entries.map(|(after, key)| (expires(after), key)).collect());
    }

    /// Replaces the keys of a key space by so many of the first ones as there is room for.
    fn fill(&mut self, now: Time, space: usize, mut entries: Vec<(Time, u32)>) {
        let Space { first, keys, entry_bytes, .. } = self.spaces[space];
        for at in first..first + keys {
            if self.slots[at as usize].is_present() {
                self.remove(space, at);
            }
        }
        let fitting = self.rules.maximum_bytes.saturating_sub(self.readings.used_bytes).checked_div(entry_bytes);
        let free = self.rules.maximum_entries.saturating_sub(self.readings.keys);
        let count = fitting.map_or(free, |fitting| fitting.min(free));
        entries.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        entries.sort_unstable();
        for (expires, key) in entries {
            self.insert(now, space, first + key, expires);
            if let (Some(written), Some(ttl)) = (self.written.get_mut((first + key) as usize), self.spaces[space].ttl) {
                // As old as what is left of its time to live says.
                *written = Time::from_nanos(expires.as_nanos().saturating_sub(ttl.as_nanos()));
            }
        }
    }

    /// Sets `maxmemory`; `None` is unlimited. The next command finds out.
    pub fn set_maxmemory(&mut self, maxmemory: Option<u64>) {
        self.rules.maximum_bytes = maxmemory.unwrap_or(u64::MAX);
    }

    /// Sets the number of keys at most; `None` is unlimited. The next command finds out.
    pub fn set_maximum_entries(&mut self, entries: Option<u64>) {
        self.rules.maximum_entries = entries.unwrap_or(u64::MAX);
    }

    /// Sets the time to live of what is stored, or renewed, from now on; `None` is for ever.
    pub fn set_ttl(&mut self, keyspace: u32, ttl: Option<Duration>) {
        let space = self.space(keyspace);
        self.spaces[space].ttl = ttl;
        self.expiries.cover(self.slots.len());
    }

    /// Bytes of an entry of a key space.
    #[must_use]
    pub fn entry_bytes(&self, keyspace: u32) -> u64 {
        self.spaces[self.space(keyspace)].entry_bytes
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
        let mut readings = self.readings;
        if self.has_expire_cycles() {
            return readings;
        }
        self.expiries.below(last_cycle(now), |at| {
            readings.keys -= 1;
            readings.used_bytes -= self.spaces[self.space_of(at)].entry_bytes;
            readings.expired += 1;
        });
        readings
    }

    /// What became of the keys of each key space that is held, by its number, up to the last command.
    pub fn tallies(&self) -> impl Iterator<Item = (u32, &Tally)> {
        self.spaces.iter().map(|space| (space.keyspace, &space.tally))
    }

    /// Where a key space stands among those that are held, which are few.
    #[inline]
    fn space(&self, keyspace: u32) -> usize {
        let found = self.spaces.iter().position(|space| space.keyspace == keyspace);
        found.expect("a checked program asks a cache for keys that it holds")
    }

    fn space_of(&self, at: u32) -> usize {
        self.spaces.partition_point(|space| space.first + space.keys <= at)
    }

    #[inline]
    fn position(&self, space: usize, key: u32) -> u32 {
        let space = &self.spaces[space];
        debug_assert!(key < space.keys, "key {key} lies in key space {}", space.keyspace);
        space.first + key
    }

    /// Whether it would be over its limits with so much more.
    #[inline]
    fn is_over(&self, bytes: u64, entries: u64) -> bool {
        self.readings.used_bytes.saturating_add(bytes) > self.rules.maximum_bytes
            || self.readings.keys + entries > self.rules.maximum_entries
    }

    /// What is done before a command is looked at. Returns how many keys were evicted.
    #[inline]
    fn before_command(&mut self, now: Time) -> u32 {
        if now >= self.next_cycle {
            self.cycle(now);
        }
        if self.is_over(0, 0) { self.evict(now, 0, 0) } else { 0 }
    }

    /// Plays the cycles up to `now`: one is as good as all.
    fn cycle(&mut self, now: Time) {
        let cycle = last_cycle(now);
        self.next_cycle = cycle.saturating_add(CYCLE);
        while let Some((expires, at)) = self.expiries.first()
            && expires < cycle
        {
            self.expire(self.space_of(at), at);
        }
    }

    /// Evicts until there is room for so much more, if keys may be evicted.
    fn evict(&mut self, now: Time, bytes: u64, entries: u64) -> u32 {
        let mut evicted = 0;
        while self.is_over(bytes, entries) {
            let Some(at) = self.victim(now) else { break };
            let space = self.space_of(at);
            self.remove(space, at);
            self.spaces[space].tally.evicted += 1;
            self.readings.evicted += 1;
            evicted += 1;
        }
        evicted
    }

    /// A key has outlived its time.
    fn expire(&mut self, space: usize, at: u32) {
        self.remove(space, at);
        self.spaces[space].tally.expired += 1;
        self.readings.expired += 1;
    }

    /// Makes an absent key present.
    fn insert(&mut self, now: Time, space: usize, at: u32, expires: Time) {
        self.readings.keys += 1;
        self.readings.used_bytes += self.spaces[space].entry_bytes;
        self.enlist(now, at);
        self.expire_at(at, expires);
        if let Some(written) = self.written.get_mut(at as usize) {
            *written = now;
        }
    }

    /// Gives a present key a new value.
    fn rewrite(&mut self, now: Time, space: usize, at: u32) {
        let expires = self.spaces[space].expires(now);
        self.expire_at(at, expires);
        if let Some(written) = self.written.get_mut(at as usize) {
            *written = now;
        }
        self.spaces[space].tally.stored += 1;
    }

    fn expire_at(&mut self, at: u32, expires: Time) {
        // Time 0 marks an absent key.
        let expires = if expires > Time::ZERO { expires } else { Time::from_nanos(1) };
        self.slots[at as usize].expires = expires;
        if expires < Time::MAX {
            self.expiries.put(at, expires);
        } else {
            self.expiries.remove(at);
        }
    }

    /// Makes a present key absent.
    fn remove(&mut self, space: usize, at: u32) {
        self.strike(at);
        self.expiries.remove(at);
        if let Some(active) = &mut self.active {
            active.dead.remove(at);
        }
        self.readings.keys -= 1;
        self.readings.used_bytes -= self.spaces[space].entry_bytes;
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
